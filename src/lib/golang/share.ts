import type { BuildPlan, BuildStep } from "./plan.ts";

/** A part of all units, such as the second of eight. */
export interface Share {
  /** From 1. */
  readonly index: number;
  /** Parts in all. */
  readonly of: number;
}

/** What a step costs if nobody knows: its packages are compiled, and each program is linked. */
const COMPILE = 4;
const LINK = 1;
const TEST = 6;

function guess({ kind, outputs }: BuildStep): number {
  return kind === "test" ? TEST : COMPILE + LINK * outputs.length;
}

/**
 * Divides the steps of a build among shares, so that the one with the most to do has as little as possible: the
 * largest piece first, each to the share with the least. A platform stays together, because its steps share
 * compiled packages, unless it is more than a share's part. Every share has to come to the same division, so
 * nothing counts but the plan and the given durations. Pure.
 *
 * @param durationOf How long a step took, in any unit; undefined if that is not known.
 */
export function stepsOfShare(
  { platforms }: Pick<BuildPlan, "platforms">,
  { index, of }: Share,
  durationOf: (step: BuildStep) => number | undefined = () => undefined,
): ReadonlySet<BuildStep> {
  const steps = platforms.flatMap((platform) => platform.steps);
  const costs = costsOf(steps, durationOf);
  const sum = (list: readonly BuildStep[]) =>
    list.reduce((total, step) => total + (costs.get(step) ?? 0), 0);
  const part = sum(steps) / of;
  const pieces = platforms.flatMap(({ steps }) =>
    sum(steps) > part ? steps.map((step) => [step]) : [steps]
  ).map((list, order) => ({ list, order, cost: sum(list) }))
    .sort((a, b) => b.cost - a.cost || a.order - b.order);
  const shares = Array.from({ length: of }, (_, at) => ({ at, cost: 0 }));
  const own: BuildStep[] = [];
  for (const { list, cost } of pieces) {
    const least = shares.reduce((a, b) => b.cost < a.cost ? b : a);
    least.cost += cost;
    if (least.at === index - 1) own.push(...list);
  }
  return new Set(own);
}

/** Durations, with guesses on the same scale for steps that have none. */
function costsOf(
  steps: readonly BuildStep[],
  durationOf: (step: BuildStep) => number | undefined,
): ReadonlyMap<BuildStep, number> {
  const known = steps.filter((step) => durationOf(step) !== undefined);
  const guessed = known.reduce((total, step) => total + guess(step), 0);
  const measured = known.reduce((total, step) => total + (durationOf(step) ?? 0), 0);
  const scale = guessed === 0 || measured === 0 ? 1 : measured / guessed;
  return new Map(steps.map((step) => [step, durationOf(step) ?? guess(step) * scale]));
}
