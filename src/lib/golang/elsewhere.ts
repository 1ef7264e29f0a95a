import type { Checkout } from "../../checkout/mod.ts";
import type { Unit } from "../../events/mod.ts";
import type { Start } from "../../shell/mod.ts";
import type { GoTool } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";
import { mapConcurrently } from "../util.ts";
import { removeDamaged } from "./outputs.ts";
import type { StepFile } from "./overlay.ts";
import { placeBins } from "./place.ts";
import type { BuildPlan, BuildStep } from "./plan.ts";
import type { StepResults, Taken } from "./results.ts";
import type { StepPlace } from "./step_key.ts";
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
  /** What keys of the steps have in place of this machine. */
  readonly place: StepPlace;
  /**
   * Runs some of the steps, and no others. Afterwards their outputs are at `BinaryOutput.built`.
   *
   * @throws {KbuildError} A step failed, or what runs it cannot be reached.
   */
  run(context: KubeContext, steps: readonly RunningStep[]): Promise<void>;
}

/** Steps that are looked for in the store at a time: Go lists what each is made of. */
const CONCURRENCY = 2;

/**
 * Builds elsewhere what is neither up to date nor in the store, saves it there, and places all binaries.
 *
 * @param results What machines share; default: nothing.
 */
export async function buildElsewhere(
  context: KubeContext,
  { records, results }: { records: BuildRecords; results?: StepResults | undefined },
  steps: readonly RunningStep[],
  prepared: PreparedSteps,
): Promise<void> {
  const missing = new Map<RunningStep, Taken | undefined>();
  await mapConcurrently(steps, CONCURRENCY, async (running, signal) => {
    const { step, unit } = running;
    const taken = await results?.take(step, { records, unit, signal });
    if (taken?.isDone === true) return;
    const isHere = taken === undefined
      ? step.buildIds !== undefined && await isUntouched(records, step)
      : taken.key === undefined;
    if (isHere) return unit.reuse("its sources are as they were");
    await removeDamaged(step.outputs);
    missing.set(running, taken);
  });
  // In the order of the plan.
  const running = steps.filter((each) => missing.has(each));
  if (running.length > 0) await prepared.run(context, running);
  for (const each of running) {
    const taken = missing.get(each);
    if (taken === undefined) continue;
    await results?.keep(each.step, taken);
    await results?.remember(each.step, taken, records);
  }
  for (const { step } of steps) await placeBins(context, step.outputs);
}
