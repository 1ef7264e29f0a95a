import { assertEquals } from "@std/assert";
import { type BuildStep, stepsOfShare } from "../../src/lib/golang/mod.ts";

function platform(name: string, ...programs: number[]) {
  const steps = programs.map((count, at) => ({
    kind: "static",
    platform: name,
    outputs: Array.from({ length: count }, (_, index) => ({ name: `${name} ${at} ${index}` })),
  } as unknown as BuildStep));
  return { platform: name, targets: [], steps };
}

Deno.test("stepsOfShare() gives each step to one share", () => {
  const platforms = ["a", "b", "c", "d", "e"].map((name, at) => platform(name, 1 + at, 2, 1));
  const all = platforms.flatMap(({ steps }) => steps);
  for (let of = 1; of <= 20; of++) {
    const shares = Array.from(
      { length: of },
      (_, at) => [...stepsOfShare({ platforms }, { index: at + 1, of })],
    );
    assertEquals(new Set(shares.flat()), new Set(all));
    assertEquals(shares.flat().length, all.length);
  }
});

Deno.test("stepsOfShare() keeps a platform together, unless it is too much for a share", () => {
  const platforms = [platform("a", 1, 1), platform("b", 1, 1), platform("c", 1, 1)];
  for (const index of [1, 2, 3]) {
    const own = [...stepsOfShare({ platforms }, { index, of: 3 })];
    assertEquals(own.map(({ platform }) => platform), Array(2).fill("abc"[index - 1]));
  }
  const sizes = Array.from(
    { length: 6 },
    (_, at) => stepsOfShare({ platforms }, { index: at + 1, of: 6 }).size,
  );
  assertEquals(sizes, [1, 1, 1, 1, 1, 1]);
});

Deno.test("stepsOfShare() divides by durations", () => {
  const platforms = [platform("a", 1), platform("b", 1), platform("c", 1), platform("d", 1)];
  const seconds: Record<string, number> = { a: 10, b: 40, c: 10, d: 10 };
  const names = (index: number) =>
    [...stepsOfShare({ platforms }, { index, of: 2 }, ({ platform }) => seconds[platform])]
      .map(({ platform }) => platform).sort().join("");
  assertEquals([names(1), names(2)], ["b", "acd"]);
});
