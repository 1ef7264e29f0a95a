/** The table of figures, and the processor time in it. */
import { assert, assertEquals } from "@std/assert";
import { markdownTable } from "../../scripts/bench/table.ts";
import { processorTime } from "../../src/progress/mod.ts";

Deno.test("markdownTable() has medians of processor time and their ratio", () => {
  const costs = (...times: number[]) => times.map((processorMs) => ({ ms: 1, processorMs }));
  const where = { title: "v1.20.2", date: "2026-11-29", machine: "2 processors", runs: 3 };
  const text = markdownTable(where, [
    { what: "`a`", scripts: costs(9000, 5000, 4000), kbuild: costs(500, 400, 999) },
    { what: "`b`", scripts: [], kbuild: costs(80_000) },
  ]);
  assertEquals(
    text,
    "Kubernetes v1.20.2; 2 processors, 2026-11-29. " +
      "Processor time (user and system), medians of 3 runs of each side:\n\n" +
      "| | scripts | kbuild | ratio |\n| --- | --- | --- | --- |\n" +
      "| `a` | 5.0 s | 500 ms | 0.10 |\n| `b` | | 80.0 s | |\n",
  );
});

Deno.test({
  name: "processorTime() counts what programs took, and what those started",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const before = processorTime("programs") ?? NaN;
    const loop = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    await new Deno.Command("sh", { args: ["-c", `sh -c '${loop}'; true`] }).output();
    assert(processorTime("programs")! - before >= 20);
  },
});
