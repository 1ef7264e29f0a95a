import type { MemoryBudget } from "../util.ts";

/** How many platforms are built at once, and why. */
export interface Schedule {
  /** How many platforms build at once. */
  readonly jobs: number;
  /** For the log. */
  readonly reason: string;
}

/**
 * Memory that one platform's build needs, in bytes. The comment at `KUBE_PARALLEL_BUILD_MEMORY`
 * (1.21+ golang.sh) measured 2 GiB resident for all targets; linking kubelet and e2e.test side by
 * side takes up to twice that.
 */
export const BYTES_PER_PLATFORM = 4 * 2 ** 30;

/**
 * Decides how many platforms to build side by side. With at least `KUBE_PARALLEL_BUILD_MEMORY` all
 * may run at once, as in the scripts; with less, as many as fit, where the scripts take one. Never
 * more than there are processors, since each `go` uses all of them anyway.
 *
 * @param options.jobs `--jobs`; wins over everything.
 * @param options.threshold `KUBE_PARALLEL_BUILD_MEMORY` in GiB.
 */
export function schedulePlatforms(
  platforms: number,
  budget: MemoryBudget,
  options: { jobs?: number | undefined; threshold: number; cpus: number },
): Schedule {
  const { jobs, threshold, cpus } = options;
  if (jobs !== undefined) {
    return { jobs: Math.max(1, Math.min(jobs, platforms)), reason: `--jobs ${jobs}` };
  }
  const gib = budget.bytes / 2 ** 30;
  const fits = gib >= threshold ? platforms : Math.floor(budget.bytes / BYTES_PER_PLATFORM);
  const at = Math.max(1, Math.min(fits, platforms, cpus));
  const room = `${gib.toFixed(1)} GiB (${budget.source})`;
  const limit = at === cpus && cpus < Math.min(fits, platforms)
    ? `${cpus} processors`
    : `${BYTES_PER_PLATFORM / 2 ** 30} GiB for each`;
  return { jobs: at, reason: `${room}, ${limit}` };
}
