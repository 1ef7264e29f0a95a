import type { Codegen, CodegenCall } from "../checkout/mod.ts";

/** The calls of programs in steps of a script, in order. */
export function callsOf(steps: Codegen["steps"]): readonly CodegenCall[] {
  return steps.flatMap((step) => {
    if (step.kind === "compare") return [];
    return step.kind === "run"
      ? [step.call]
      : step.pieces.filter((piece) => typeof piece !== "string");
  });
}
