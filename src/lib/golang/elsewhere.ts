import type { Checkout } from "../../checkout/mod.ts";
import type { Unit } from "../../events/mod.ts";
import type { Start } from "../../shell/mod.ts";
import type { GoTool } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";
import { removeDamaged } from "./outputs.ts";
import type { StepFile } from "./overlay.ts";
import { placeBins } from "./place.ts";
import type { BuildPlan, BuildStep } from "./plan.ts";
import { type BuildRecords, isUntouched } from "./up_to_date.ts";

/** Runs the steps of a build somewhere else, all together, in place of a `go` each on this machine. */
export interface StepRunner {
  /** Plans it; writes nothing. */
  prepare(
    context: KubeContext,
    checkout: Checkout,
    build: { readonly plan: BuildPlan; readonly go: GoTool },
  ): Promise<PreparedSteps>;
}

/** A step, and what is shown of it. */
export interface RunningStep {
  /** What is built. */
  readonly step: BuildStep;
  /** Not begun yet. */
  readonly unit: Unit;
}

/** Steps that were planned by a {@linkcode StepRunner}. */
export interface PreparedSteps {
  /** Files that tell the programs what to do. */
  readonly files: readonly StepFile[];
  /** Programs of this machine that are started for all steps; questions are left out. */
  readonly starts: readonly Start[];
  /**
   * Runs some of the steps. Afterwards their outputs are at `BinaryOutput.built`.
   *
   * @throws {KbuildError} A step failed, or what runs it cannot be reached.
   */
  run(context: KubeContext, steps: readonly RunningStep[]): Promise<void>;
}

/** Builds elsewhere what is not up to date, and places all binaries. */
export async function buildElsewhere(
  context: KubeContext,
  records: BuildRecords,
  steps: readonly RunningStep[],
  prepared: PreparedSteps,
): Promise<void> {
  const missing: RunningStep[] = [];
  for (const running of steps) {
    const { step, unit } = running;
    if (step.buildIds !== undefined && await isUntouched(records, step)) {
      unit.reuse("its sources are as they were");
      continue;
    }
    await removeDamaged(step.outputs);
    missing.push(running);
  }
  if (missing.length > 0) await prepared.run(context, missing);
  for (const { step } of steps) await placeBins(context, step.outputs);
}
