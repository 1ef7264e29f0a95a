import { assertEquals, assertStringIncludes } from "@std/assert";
import { explainFailure } from "../../src/lib/golang/explain_failure.ts";
import type { BuildStep } from "../../src/lib/golang/plan.ts";
import { CommandError } from "../../src/shell/mod.ts";

const step = {
  kind: "cgo",
  env: { CC: "x-gcc" },
  outputs: [{ name: "kubelet" }],
} as unknown as BuildStep;

function explained(details: { signal?: string; tail?: string[] }, jobs: number): string {
  const error = new CommandError("Cannot finish", { argv: ["go"], cwd: "/", ...details });
  return (explainFailure(error, step, jobs) as CommandError).notes.join("\n");
}

Deno.test("explainFailure() advises what is left to do when memory is out", () => {
  for (
    const details of [
      { signal: "SIGKILL" },
      { tail: ["compile: signal: killed"] },
      { tail: ["runtime: cannot allocate memory"] },
    ]
  ) {
    assertStringIncludes(explained(details, 3), "--jobs 2");
    const alone = explained(details, 1);
    assertEquals(alone.includes("--jobs"), false);
    assertStringIncludes(alone, "GOMAXPROCS=1");
  }
});

Deno.test("explainFailure() names the C compiler that is missing, and adds nothing else", () => {
  const tail = [
    'cgo: C compiler "x-gcc" not found: exec: "x-gcc": executable file not found in $PATH',
  ];
  assertStringIncludes(explained({ tail }, 1), 'Install the C compiler "x-gcc"');
  assertEquals(explained({ tail: ["undefined: x"] }, 1), "");
  const other = new Error("other");
  assertEquals(explainFailure(other, step, 1), other);
});
