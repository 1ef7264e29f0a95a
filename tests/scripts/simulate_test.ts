import { assert, assertEquals, assertThrows } from "@std/assert";
import { criticalPath, simulate, simulateAll } from "../../scripts/simulate_model.ts";
import { release128 } from "../../scripts/simulate_release.ts";

const NONE = { fetchSeconds: 0 };

Deno.test("simulate() starts what is longest to the end, when its needs are made", () => {
  const units = [
    { id: "a", needs: [], seconds: 2 },
    { id: "b", needs: [], seconds: 3 },
    { id: "c", needs: ["a"], seconds: 4 },
    { id: "d", needs: ["a", "b"], seconds: 1 },
  ];
  assertEquals(simulate(units, 1, NONE), 10);
  assertEquals(simulate(units, 2, NONE), 6);
  assertEquals(simulate(units, 64, NONE), 6);
  assertEquals(criticalPath(units).map(({ id }) => id), ["a", "c"]);
  // "d" needs what another worker made.
  assertEquals(simulate(units, 2, { fetchSeconds: 5 }), 9);
});

Deno.test("simulate() counts packages once on a worker that has compiled them", () => {
  const shared = { cache: "linux/amd64", seconds: 10, warmSeconds: 4, needs: [] };
  const units = [{ id: "a", ...shared }, { id: "b", ...shared }];
  assertEquals(simulate(units, 1, NONE), 14);
  assertEquals(simulate(units, 2, NONE), 10);
});

Deno.test("simulate() refuses needs that nobody makes, and circles", () => {
  assertThrows(() => simulate([{ id: "a", needs: ["x"], seconds: 1 }], 1, NONE), Error, '"x"');
  const circle = [{ id: "a", needs: ["b"], seconds: 1 }, { id: "b", needs: ["a"], seconds: 1 }];
  assertThrows(() => simulate(circle, 1, NONE), Error, "needs itself");
});

Deno.test("simulateAll() has one worker make units in their order, which keeps what shares packages together", () => {
  const [a, b] = ["a", "b"].map((cache) => ({ cache, needs: [], warmSeconds: 1 }));
  const units = [
    { ...a!, id: "first", seconds: 2 },
    { ...a!, id: "second", seconds: 9 },
    { ...b!, id: "third", seconds: 3 },
  ];
  assertEquals(simulateAll(units, [1, 2], NONE), [
    { workers: 1, seconds: 6, speedup: 1 },
    { workers: 2, seconds: 9, speedup: 6 / 9 },
  ]);
});

Deno.test("16 workers make a full release of 1.28 at least 8 times faster than one", () => {
  const [found] = simulateAll(release128(), [16], { fetchSeconds: 2 });
  assert(found!.speedup >= 8, `${found!.speedup}`);
});

Deno.test("a full release of 1.28 is never faster than its critical path, nor slower with more workers", () => {
  const units = release128();
  const path = criticalPath(units).reduce((sum, { seconds }) => sum + seconds, 0);
  let before = Infinity;
  for (const { seconds } of simulateAll(units, [1, 4, 16, 64], NONE)) {
    assert(seconds >= path && seconds <= before);
    before = seconds;
  }
});
