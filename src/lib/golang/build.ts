import { dirname, join } from "@std/path";
import type { Checkout } from "../../checkout/mod.ts";
import { KbuildError } from "../../errors.ts";
import type { GoTool } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";
import { checkInOutputs, claimOutputs } from "../outputs.ts";
import { memoryBudget } from "../util.ts";
import { findLdflags, type VersionVars } from "../version/mod.ts";
import { checkCompilers } from "./compilers.ts";
import { currentGoCorrections } from "./current_go.ts";
import { explainFailure } from "./explain_failure.ts";
import { createGopathTree, gopathLink } from "./gopath_tree.ts";
import { goVariableNotes } from "./go_variables.ts";
import { vcsStamp } from "./vcs_stamp.ts";
import { removeDamaged, statBuilt, undoTouch, writeStepFiles } from "./outputs.ts";
import { libraryTargets } from "./libraries.ts";
import { expandPatterns } from "./patterns.ts";
import { linkHostBins, placeBins } from "./place.ts";
import { type BuildPlan, type BuildStep, planBuild, type PlatformTargets } from "./plan.ts";
import { schedulePlatforms } from "./schedule.ts";
import { workspaceModules } from "./targets.ts";
import {
  type BuildRecords,
  checkStep,
  openRecords,
  recordStep,
  type StepCheck,
} from "./up_to_date.ts";
import { verifyGoVersion } from "./verify_go_version.ts";

/** What to build. */
export interface BuildOptions {
  /** Targets for each platform, in order. */
  matrix: readonly PlatformTargets[];
  /** Flags for `go` among the targets. */
  goflags?: readonly string[];
  /** The version to stamp. */
  vars: VersionVars;
  /** Seconds since 1970: the build date that is stamped. */
  epoch: number;
  /** Folder that takes `<os>/<arch>/<name>`; default `context.binPath`. */
  binPath?: string;
  /** Platforms at once; default: what memory allows. */
  jobs?: number | undefined;
  /** A toolchain that was checked already. */
  go?: GoTool;
  /**
   * Completes the sources; called once, when the build is known to be possible. Resolves to true
   * when nothing was changed. Until then the build only asks Go what has changed, and asks again
   * after a false.
   */
  settle?: () => Promise<boolean>;
  /** Leaves out what the user should know of the plan, for a build on the way to another. */
  quiet?: boolean;
}

/** One binary that a build placed. */
export interface BuiltBinary {
  /** Base name: `kubectl`, `kubectl.exe`. */
  readonly name: string;
  /** As Go writes it: `linux/amd64`. */
  readonly platform: string;
  /** Absolute path under the bin folder. */
  readonly path: string;
}

/** Checks the toolchain and computes the plan of a build, without doing anything. */
export async function prepareBuild(
  context: KubeContext,
  checkout: Checkout,
  options: BuildOptions,
): Promise<{ plan: BuildPlan; go: GoTool }> {
  checkBuildPath(context);
  const libraries = await libraryTargets(checkout, [
    ...new Set(options.matrix.flatMap(({ targets }) => targets)),
  ]);
  const go = options.go ?? await verifyGoVersion(context, checkout);
  const { ldflags, note } = findLdflags(checkout, options.vars, options.epoch);
  const vcs = await vcsStamp(context, checkout, go);
  const notes = [note, vcs.note].filter((line) => line !== undefined);
  const plan = planBuild(context, checkout, {
    go,
    matrix: await expandPatterns(context, checkout, go, options.matrix),
    libraries,
    goflags: options.goflags ?? [],
    corrections: await currentGoCorrections(checkout, go),
    versionLdflags: ldflags,
    goArguments: vcs.flags,
    goVariables: vcs.env,
    notes: [...notes, ...goVariableNotes(context)],
    binPath: options.binPath ?? context.binPath,
    modules: checkout.era.goMode === "workspace"
      ? await workspaceModules(checkout.root)
      : new Map(),
  });
  return { plan, go };
}

/**
 * Port of `kube::golang::build_binaries` and `kube::golang::place_bins`: builds the targets for
 * each platform and places the binaries. Platforms run side by side when memory allows; the first
 * failure ends the others.
 *
 * @throws {CommandError} A `go` failed; its output has been shown.
 * @throws {KbuildError} Go or a C compiler is missing, Go is too old, a target makes no binary.
 */
export async function buildBinaries(
  context: KubeContext,
  checkout: Checkout,
  options: BuildOptions,
): Promise<readonly BuiltBinary[]> {
  const { log } = context;
  const { plan, go } = await prepareBuild(context, checkout, options);
  if (options.quiet !== true) { for (const note of plan.notes) log.info(note); }
  await checkCompilers(context, checkout, go, plan);
  await claimOutputs(context);
  await checkInOutputs(context, writtenPaths(context, checkout, plan));
  const settled = options.settle?.();
  log.info(`Go version: ${go.description}`, { v: 2 });
  if (context.env["GOFLAGS"]) log.info(`GOFLAGS: ${context.env["GOFLAGS"]}`);
  await createGopathTree(context, checkout);
  await writeStepFiles(plan);

  const early = await checkEarly(context, await openRecords(context), plan, settled);
  // Read again: generators that were built meanwhile have left records of their own.
  const records = await openRecords(context);
  const jobs = chooseJobs(context, checkout, plan, options.jobs);
  const failure = new AbortController();
  const waiting = [...plan.platforms];
  const targetsOf = new Map(options.matrix.map(({ platform, targets }) => [platform, targets]));
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const targets = targetsOf.get(next.platform) ?? [];
      await buildPlatform(context, { records, early, jobs }, next, targets, failure.signal);
    }
  };
  const workers = Array.from({ length: jobs }, () =>
    worker().catch((error: unknown) => {
      waiting.length = 0;
      failure.abort();
      throw error;
    }));
  const results = await Promise.allSettled(workers);
  throwFirst(results);

  await linkHostBins(context, go.host);
  return Object.freeze(
    plan.platforms.flatMap(({ platform, steps }) =>
      steps.flatMap((step) =>
        step.outputs.map(({ name, placed }) => Object.freeze({ name, platform, path: placed }))
      )
    ),
  );
}

/**
 * What a build writes: binaries as `go` leaves them, whose files may be links that `go` writes through,
 * the directories that they are placed in, the link into the GOPATH, and kbuild's records.
 */
function writtenPaths(
  context: KubeContext,
  checkout: Checkout,
  plan: BuildPlan,
): readonly string[] {
  const outputs = plan.platforms.flatMap(({ steps }) => steps.flatMap((step) => step.outputs));
  const link = gopathLink(context, checkout);
  return [
    ...outputs.flatMap(({ built, placed }) => [built, dirname(placed)]),
    ...link === undefined ? [] : [dirname(link)],
    join(context.output, ".kbuild"),
  ];
}

/** What is known of the steps of a build. */
interface Known {
  readonly records: BuildRecords;
  /** Checks that were made while the sources were still being completed. */
  readonly early: ReadonlyMap<BuildStep, Promise<StepCheck>>;
  /** How many platforms are built at once. */
  readonly jobs: number;
}

/** Asks Go about the first platform while `settled` is open; empty when the answers are no good. */
async function checkEarly(
  context: KubeContext,
  records: BuildRecords,
  plan: BuildPlan,
  settled: Promise<boolean> | undefined,
): Promise<Known["early"]> {
  if (settled === undefined) return new Map();
  const stop = new AbortController();
  const steps = plan.platforms[0]?.steps ?? [];
  const checks = new Map(
    steps.map((step) => [step, checkStep(context, records, step, stop.signal)] as const),
  );
  // Who needs an answer awaits it; the others must not count as unhandled.
  for (const check of checks.values()) check.catch(() => {});
  const still = await settled.catch((error: unknown) => {
    stop.abort();
    throw error;
  });
  if (still) return checks;
  stop.abort();
  await Promise.allSettled(checks.values());
  return new Map();
}

/** Refuses folders that go cannot work in, before go says so in words of its own. */
function checkBuildPath({ root, gopath }: KubeContext): void {
  const why = gopath.includes(":")
    ? 'a ":" divides the folders of a GOPATH'
    : /[\r\n]/.test(gopath)
    ? "Go takes no line break in the path of a package"
    : /\s/.test(root) && root.includes("'") && root.includes('"')
    ? "Go's flags cannot hold a path with a blank and both kinds of quotes"
    : undefined;
  if (why === undefined) return;
  throw new KbuildError(`Cannot build in "${root}": ${why}`, {
    notes: ["Move the checkout to a folder with a plainer name"],
  });
}

function chooseJobs(
  context: KubeContext,
  checkout: Checkout,
  plan: BuildPlan,
  wanted: number | undefined,
): number {
  const count = plan.platforms.length;
  if (count < 2) return count;
  const schedule = schedulePlatforms(count, memoryBudget(), {
    jobs: wanted,
    threshold: Number(context.env["KUBE_PARALLEL_BUILD_MEMORY"]) ||
      checkout.parallelBuildMemory.value,
    cpus: navigator.hardwareConcurrency,
  });
  context.log.status(`Building ${count} platforms, ${schedule.jobs} at once: ${schedule.reason}`);
  return schedule.jobs;
}

async function buildPlatform(
  context: KubeContext,
  known: Known,
  { platform, steps }: BuildPlan["platforms"][number],
  targets: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { log } = context;
  const started = performance.now();
  // go says nothing for minutes; on a terminal the time shows that it lives.
  const ticker = setInterval(() => {
    log.progress(`    ${platform}: ${Math.round((performance.now() - started) / 1000)} s`);
  }, 1000);
  try {
    await buildSteps(context, known, { platform, steps }, targets, signal);
  } finally {
    clearInterval(ticker);
    log.progress("");
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  log.status(`Built ${platform} in ${seconds} s`, [], { v: 2 });
}

/** What a step makes, for people: its binaries, or the packages of libraries. */
function namesOf({ outputs, packages }: BuildStep): string {
  const names = outputs.length === 0 ? packages : outputs.map(({ name }) => name);
  return names.join(", ");
}

async function buildSteps(
  context: KubeContext,
  known: Known,
  { platform, steps }: BuildPlan["platforms"][number],
  targets: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { log, shell } = context;
  const { records } = known;
  log.status(`Building go targets for ${platform}:`, targets);
  for (const step of steps) {
    const env = Object.entries(step.shownEnv).map(([name, value]) => `${name}=${value}`);
    log.info(`Env for ${platform}: ${env.join(" ")}`, { v: 2 });
    log.info(step.argv.join(" "), { v: 3 });
    const names = namesOf(step);
    const check = await (known.early.get(step) ?? checkStep(context, records, step, signal));
    if (check.upToDate) {
      log.info(`Up to date: ${names}`, { v: 2 });
      await placeBins(context, step.outputs);
      continue;
    }
    await removeDamaged(step.outputs);
    const before = await statBuilt(step.outputs);
    await shell.run(step.argv, {
      cwd: step.cwd,
      env: step.env,
      output: "stream",
      signal,
      label: `Building ${names} for ${platform}`,
    }).catch((error: unknown) => {
      throw explainFailure(error, step, known.jobs);
    });
    await undoTouch(step.outputs, before);
    if (check.key !== undefined) await recordStep(records, step, check.key);
    await placeBins(context, step.outputs);
  }
}

/** Throws the first failure that is not the mere consequence of another. */
function throwFirst(results: readonly PromiseSettledResult<unknown>[]): void {
  const reasons = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  if (reasons.length === 0) return;
  throw reasons.find((reason) =>
    !(reason instanceof Error && reason.name === "InterruptedError")
  ) ??
    reasons[0];
}
