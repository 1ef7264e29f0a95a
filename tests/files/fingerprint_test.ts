import { assertEquals } from "@std/assert";
import { changeTime, isSettled } from "../../src/files/mod.ts";

Deno.test("isSettled() trusts no file whose last change is young, or not known", () => {
  const [old, young] = [new Date(1_000), new Date(9_000)];
  const cases: readonly (readonly [mtime: Date | null, ctime: Date | null, settled: boolean])[] = [
    [old, old, true],
    [old, null, true],
    [young, old, false],
    // A file that got an old time a moment ago.
    [old, young, false],
    [null, old, false],
    [null, null, false],
  ];
  for (const [mtime, ctime, settled] of cases) {
    assertEquals([mtime, ctime, isSettled(changeTime({ mtime, ctime }), 10_000)], [
      ...[mtime, ctime, settled],
    ]);
  }
});
