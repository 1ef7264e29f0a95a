import { assertEquals } from "@std/assert";
import { type RunEvent, RunState } from "../../src/events/mod.ts";
import { estimate, timeLeft } from "../../src/progress/mod.ts";

function stateOf(expected: Record<string, number>, units: Record<string, readonly number[]>) {
  const state = new RunState();
  const add = (event: Record<string, unknown>) => state.add(event as unknown as RunEvent);
  add({ event: "run.expected", units: expected, ms: 0 });
  for (const [id, [start, end]] of Object.entries(units)) {
    add({ event: "unit.queued", id, kind: "build", name: id, ms: 0 });
    if (start !== undefined) add({ event: "unit.start", id, ms: start });
    if (end !== undefined) add({ event: "unit.end", id, result: "made", ms: end });
  }
  return state;
}

Deno.test("estimate() takes what units took before, less what they have run, by how many run", () => {
  const state = stateOf({ a: 10_000, b: 60_000, c: 30_000 }, { a: [0, 9000], b: [0], c: [9000] });
  // b has 50 s left, c 29 s; two run.
  assertEquals(estimate(state, 10_000), [39_500 * 0.8, 39_500 * 1.3]);
});

Deno.test("estimate() counts units that the run does not know yet", () => {
  const state = stateOf({ a: 10_000, later: 20_000 }, { a: [0] });
  assertEquals(estimate(state, 6000), [24_000 * 0.8, 24_000 * 1.3]);
});

Deno.test("estimate() says nothing too early, or of work that is new", () => {
  const expected = { a: 10_000 };
  assertEquals(estimate(stateOf(expected, { a: [0] }), 4000), undefined);
  assertEquals(estimate(stateOf({}, { a: [0] }), 10_000), undefined);
  assertEquals(estimate(stateOf(expected, { a: [0], b: [0], c: [0] }), 10_000), undefined);
});

Deno.test("timeLeft() is a rounded range", () => {
  assertEquals(timeLeft([1000, 4000]), "");
  assertEquals(timeLeft([12_000, 19_000]), "10 to 20 s left");
  assertEquals(timeLeft([3000, 9000]), "less than 10 s left");
  assertEquals(timeLeft([130_000, 200_000]), "2 to 4 min left");
  assertEquals(timeLeft([30_000, 100_000]), "less than 2 min left");
});
