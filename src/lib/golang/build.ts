import { dirname, join } from "@std/path";
import type { Checkout } from "../../checkout/mod.ts";
import { KbuildError } from "../../errors.ts";
import { type GoTool, isGoSince } from "../../toolchain/mod.ts";
import { idCounter, type Unit, type UnitSpec } from "../../events/mod.ts";
import type { GitTree } from "../../git/mod.ts";
import type { KubeContext } from "../init.ts";
import type { Store } from "../../store/mod.ts";
import { checkInOutputs, claimOutputs } from "../outputs.ts";
import { mapConcurrently, type MemoryBudget, memoryBudget } from "../util.ts";
import { findLdflags } from "../version/mod.ts";
import { checkCompilers } from "./compilers.ts";
import { currentGoCorrections } from "./current_go.ts";
import { buildElsewhere, type PreparedSteps } from "./elsewhere.ts";
import { explainFailure } from "./explain_failure.ts";
import { hostLink, makeLink } from "./links.ts";
import { goVariableNotes } from "./go_variables.ts";
import { vcsStamp } from "./vcs_stamp.ts";
import { removeDamaged, statBuilt, undoTouch, writeStepFiles } from "./outputs.ts";
import { knownLimit, type MemoryLimit, rememberLimit } from "./memory_limit.ts";
import { libraryTargets } from "./libraries.ts";
import { expandPatterns } from "./patterns.ts";
import { placeBins } from "./place.ts";
import {
  type BuildPlan,
  type BuildRequest,
  type BuildStep,
  planBuild,
  type PlatformPlan,
} from "./plan.ts";
import {
  type MissingUnit,
  openStepResults,
  type SharedResults,
  type StepResults,
} from "./results.ts";
import { schedulePlatforms } from "./schedule.ts";
import { stepsOfShare } from "./share.ts";
import { openStepKeys } from "./step_key.ts";
import { workspaceModules } from "./targets.ts";
import { CommandError, looksOutOfMemory, quoteCommand } from "../../shell/mod.ts";
import {
  type BuildRecords,
  checkStep,
  freshLooks,
  isVerbose,
  openRecords,
  recordSources,
  recordStep,
} from "./up_to_date.ts";
import { verifyGoVersion } from "./verify_go_version.ts";

/** A build that was planned, and the Go that carries it out. */
export interface PreparedBuild {
  /** What is started and what comes out. */
  readonly plan: BuildPlan;
  /** The Go that the plan starts. */
  readonly go: GoTool;
}

/** One binary that a build placed. */
export interface BuiltBinary {
  /** Base name: `kubectl`, `kubectl.exe`. */
  readonly name: string;
  /** As Go writes it: `linux/amd64`. */
  readonly platform: string;
  /** Absolute path under the bin directory. */
  readonly path: string;
}

/**
 * Checks the toolchain and computes the plan of a build, without doing anything.
 *
 * @param request With the Go to build with, if it was chosen already, and with what git says of the
 * checkout, if the caller asks more of it.
 */
export async function prepareBuild(
  context: KubeContext,
  checkout: Checkout,
  request: BuildRequest & { readonly go?: GoTool; readonly tree?: GitTree | undefined },
): Promise<PreparedBuild> {
  checkBuildPath(context);
  const libraries = await libraryTargets(checkout, [
    ...new Set(request.matrix.flatMap(({ targets }) => targets)),
  ]);
  const go = request.go ?? await verifyGoVersion(context, checkout);
  const { ldflags, note } = findLdflags(checkout, request.vars, request.epoch);
  const vcs = await vcsStamp(context, checkout, go, request.tree);
  const bin = context.builder.image === undefined ? await hostLink(context, go.host) : {};
  const hasCache = isGoSince(go, "1.24");
  const cacheNote = hasCache || !context.env["KBUILD_GO_CACHE"]
    ? undefined
    : `Go ${go.version} has no compile cache that machines share: --go-cache has no effect`;
  const notes = [note, vcs.note, bin.note, cacheNote].filter((line) => line !== undefined);
  const plan = planBuild(context, checkout, request, {
    go,
    expanded: await expandPatterns(context, checkout, go, request.matrix),
    libraries,
    corrections: await currentGoCorrections(checkout, go),
    versionLdflags: ldflags,
    goArguments: vcs.flags,
    goVariables: vcs.env,
    hostLink: bin.link,
    notes: [...notes, ...goVariableNotes(context)],
    modules: checkout.era.goMode === "workspace"
      ? await workspaceModules(checkout.root)
      : new Map(),
  });
  return Object.freeze({ plan, go });
}

/** Options of {@linkcode buildBinaries}. */
export interface BuildOptions {
  /** Completes the sources; called once, when the build is known to be possible. */
  readonly settle?: () => Promise<void>;
  /** Results that machines share. */
  readonly results?: SharedResults | undefined;
  /** Whether only this run needs them, such as generators: those that were not saved are not reported. */
  readonly areTools?: boolean;
  /** Runs the steps in place of this machine's `go`. */
  readonly elsewhere?: PreparedSteps | undefined;
  /** What is known of the outputs, if it was read before and nothing was written since. */
  readonly records?: BuildRecords | undefined;
}

/**
 * Port of `kube::golang::build_binaries` and `kube::golang::place_bins`: carries out the plan of
 * {@linkcode prepareBuild}, and nothing else. Platforms run side by side when memory allows; the first
 * failure ends the others.
 *
 * @returns The binaries that are in their places; with a share of the units, those of the share.
 * @throws {CommandError} A `go` failed; its output has been shown.
 * @throws {KbuildError} A C compiler is missing, or a target makes no binary.
 */
export async function buildBinaries(
  context: KubeContext,
  checkout: Checkout,
  { plan, go }: PreparedBuild,
  { settle, results: shared, areTools = false, elsewhere, records: known }: BuildOptions = {},
): Promise<readonly BuiltBinary[]> {
  const { log } = context;
  if (elsewhere === undefined) await checkCompilers(context, checkout, go, plan);
  await claimOutputs(context);
  const seen = known === undefined ? undefined : freshLooks(context, known);
  await checkInOutputs(context, writtenPaths(context, plan), seen?.ownership);
  await settle?.();
  log.status(`Go version: ${go.description}`, [], { v: 2 });
  if (context.env["GOFLAGS"]) log.status(`GOFLAGS: ${context.env["GOFLAGS"]}`);
  if (plan.gopathLink !== undefined) await makeLink(plan.gopathLink);
  await writeStepFiles(plan);
  await context.builder.send(stepPaths(plan));

  const records = known === undefined ? await openRecords(context) : freshLooks(context, known);
  const steps = plan.platforms.flatMap((platform) => platform.steps);
  const placed = new Set<BuildStep>();
  const results = shared === undefined
    ? undefined
    : openStepResults(context, openStepKeys(context, checkout, go, elsewhere?.place), shared);
  if (elsewhere !== undefined) {
    const units = [...unitsOf(context, plan.platforms)].map(([step, unit]) => ({ step, unit }));
    await buildElsewhere(context, { records, results }, units, elsewhere);
    for (const step of steps) placed.add(step);
  } else {
    const limit = await knownLimit(context, memoryBudget);
    const jobs = chooseJobs(context, checkout, plan, limit);
    const own = shared?.share === undefined
      ? new Set(steps)
      : stepsOfShare(plan, shared.share, durationsIn(plan, shared.durations));
    const missing: MissingUnit[] = [];
    const running = { records, jobs, limit, results, own, placed, missing };
    await buildPlatforms(context, plan.platforms, running);
    if (missing.length > 0) {
      throw shared?.mode === "share"
        ? unsharedError(missing)
        : missingError(missing, shared?.store);
    }
  }

  if (!areTools && shared?.mode === "make" && shared.store.isWritable) {
    sayNotSought(context, results?.notSought ?? 0, steps.length);
  }

  if (plan.hostLink !== undefined) await makeLink(plan.hostLink);
  return Object.freeze(
    steps.filter((step) => placed.has(step)).flatMap(({ outputs, platform }) =>
      outputs.map(({ name, placed }) => Object.freeze({ name, platform, path: placed }))
    ),
  );
}

/** Says that a store may lack what was up to date here. */
function sayNotSought({ log }: KubeContext, count: number, of: number): void {
  if (count === 0) return;
  log.status(
    `Up to date here, so neither looked for in the store nor saved: ${count} of ${of} go calls`,
    ["To save what the store lacks of them: the same with --shard 1/1, on this machine"],
  );
}

/** The error of gathering from a store that could not be asked. */
export function unusableStore(url: string): KbuildError {
  return new KbuildError(`Cannot gather the results: the store "${url}" cannot be used`, {
    notes: ["A warning above names the reason; what the store holds is unknown"],
  });
}

/** Units whose results a store lacks, as an error that names each; or that the store could not be asked. */
export function missingError(missing: readonly MissingUnit[], store?: Store): KbuildError {
  if (store?.isUsable === false) {
    return unusableStore(store.url);
  }
  const count = missing.length === 1 ? "a unit is" : `${missing.length} units are`;
  return new KbuildError(`Cannot gather the results: ${count} missing`, {
    notes: [
      ...missing.map(({ id, why }) => `${id}: ${why}`),
      "Run the missing shards, again if they failed; or run the command itself, which makes what is missing",
      ...(store === undefined || store.counts.refused === 0
        ? []
        : [`What is damaged: kbuild store verify --remove --store ${store.url}; then the shards`]),
    ],
  });
}

/** Units of a shard that the others will look for in vain, as an error that names each. */
function unsharedError(units: readonly MissingUnit[]): KbuildError {
  const count = units.length === 1 ? "a unit is" : `${units.length} units are`;
  return new KbuildError(`Cannot finish the shard: ${count} not in the store`, {
    notes: [
      ...units.map(({ id, why }) => `${id}: ${why}`),
      "Run the shard again: it makes what the store lacks; units that cannot have a key need a build on one machine",
    ],
  });
}

/** How long steps took, by the ids of their units. */
function durationsIn(
  plan: BuildPlan,
  durations: SharedResults["durations"],
): (step: BuildStep) => number | undefined {
  const idOf = idCounter();
  const steps = plan.platforms.flatMap(({ steps }) => steps);
  const ids = new Map(steps.map((step) => [step, idOf(unitOfStep(step))]));
  return (step) => durations?.[ids.get(step) ?? ""];
}

/**
 * What a build writes: binaries as `go` leaves them, whose files may be links that `go` writes through,
 * the directories that they are placed in, the link into the GOPATH, and kbuild's records.
 */
function writtenPaths(
  context: KubeContext,
  { gopathLink, platforms }: BuildPlan,
): readonly string[] {
  const outputs = platforms.flatMap(({ steps }) => steps.flatMap((step) => step.outputs));
  return [
    ...outputs.flatMap(({ built, placed }) => [built, dirname(placed)]),
    ...gopathLink === undefined ? [] : [dirname(gopathLink.path)],
    join(context.output, ".kbuild"),
  ];
}

/** What the steps of a build need beside the sources. */
function stepPaths({ gopathLink, platforms }: BuildPlan): readonly string[] {
  const files = platforms.flatMap(({ steps }) => steps.flatMap((step) => step.files));
  const links = gopathLink === undefined ? [] : [gopathLink.path];
  return [...new Set([...links, ...files.map(({ path }) => path)])];
}

/** What the platforms of one build share. */
interface Shared {
  readonly records: BuildRecords;
  /** How many platforms are built at once. */
  readonly jobs: number;
  /** What was too much for the memory before. */
  readonly limit: MemoryLimit | undefined;
  /** Results that machines share. */
  readonly results: StepResults | undefined;
  /** The steps that this run is to make. */
  readonly own: ReadonlySet<BuildStep>;
  /** Takes the steps whose binaries are in their places. */
  readonly placed: Set<BuildStep>;
  /** Takes what cannot be gathered, and what a shard could not share. */
  readonly missing: MissingUnit[];
}

/** The same while platforms are built. */
interface Running extends Shared {
  /** Aborted when one fails. */
  readonly signal: AbortSignal;
  /** What is shown of each step. */
  readonly units: ReadonlyMap<BuildStep, Unit>;
}

/**
 * Builds platforms side by side. Those whose `go` the system stopped for want of memory come once more at the
 * end, alone and with one compiler at a time, and that limit is remembered.
 */
async function buildPlatforms(
  context: KubeContext,
  platforms: readonly PlatformPlan[],
  shared: Shared,
): Promise<void> {
  const { jobs, limit } = shared;
  const units = unitsOf(context, platforms);
  const starved: PlatformPlan[] = [];
  let budget: MemoryBudget | undefined;
  await mapConcurrently(platforms, jobs, async (platform, signal) => {
    try {
      await buildPlatform(context, { ...shared, signal, units }, platform);
    } catch (error) {
      const isLeast = jobs === 1 && limit?.processes === 1;
      const isStopped = context.signal?.aborted === true || signal.aborted;
      const isStarved = error instanceof CommandError && looksOutOfMemory(error);
      if (!isStarved || isLeast || isStopped) throw error;
      budget ??= memoryBudget();
      const room = `${(budget.bytes / 2 ** 30).toFixed(1)} GiB (${budget.source})`;
      context.log.warn(`Memory was short for ${platform.platform}: the system stopped go`, [
        `Platforms at once: ${jobs}; processors: ${navigator.hardwareConcurrency}; memory: ${room}`,
        "It is tried once more, alone and with one compiler at a time",
      ]);
      starved.push(platform);
    }
  });
  if (budget === undefined) return;
  const least = { jobs: 1, processes: 1, budget: Math.round(budget.bytes) };
  const again = unitsOf(context, starved);
  await mapConcurrently(starved, 1, async (platform, signal) => {
    const running = { ...shared, jobs: 1, limit: least, signal, units: again };
    await buildPlatform(context, running, platform);
  });
  await rememberLimit(context, least);
}

/** The units of a build, as {@linkcode buildBinaries} reports them. */
export function buildUnits({ platforms }: BuildPlan): readonly UnitSpec[] {
  return platforms.flatMap(({ steps }) => steps.map(unitOfStep));
}

/** The unit of one step. */
export function unitOfStep(step: BuildStep): UnitSpec {
  return { kind: "build", name: unitName(step, step.platform) };
}

function unitsOf(
  { log }: KubeContext,
  platforms: readonly PlatformPlan[],
): ReadonlyMap<BuildStep, Unit> {
  return new Map(
    platforms.flatMap(({ steps }) =>
      steps.map((step) => [step, log.events.unit(unitOfStep(step))])
    ),
  );
}

/** Refuses directories that go cannot work in, before go says so in words of its own. */
function checkBuildPath({ root, gopath }: KubeContext): void {
  const why = gopath.includes(":")
    ? 'a ":" divides the directories of a GOPATH'
    : /[\r\n]/.test(gopath)
    ? "Go takes no line break in the path of a package"
    : /\s/.test(root) && root.includes("'") && root.includes('"')
    ? "Go's flags cannot hold a path with a blank and both kinds of quotes"
    : undefined;
  if (why === undefined) return;
  throw new KbuildError(`Cannot build in "${root}": ${why}`, {
    notes: ["Move the checkout to a directory with a plainer name"],
  });
}

function chooseJobs(
  context: KubeContext,
  checkout: Checkout,
  plan: BuildPlan,
  limit: MemoryLimit | undefined,
): number {
  const count = plan.platforms.length;
  if (count < 2) return count;
  if (limit !== undefined && plan.jobs === undefined) {
    context.log.status(
      `Building ${count} platforms, ${limit.jobs} at once: with more, memory was short before`,
    );
    return limit.jobs;
  }
  const schedule = schedulePlatforms(count, memoryBudget(), {
    jobs: plan.jobs,
    threshold: Number(context.env["KUBE_PARALLEL_BUILD_MEMORY"]) ||
      checkout.parallelBuildMemory.value,
    cpus: navigator.hardwareConcurrency,
  });
  context.log.status(`Building ${count} platforms, ${schedule.jobs} at once: ${schedule.reason}`);
  return schedule.jobs;
}

/** What a step makes, for people: its binaries, or the packages of libraries. */
function namesOf({ outputs, packages }: BuildStep): string {
  const names = outputs.length === 0 ? packages : outputs.map(({ name }) => name);
  return names.join(", ");
}

/** Names that a unit of many binaries shows. */
const SHOWN_NAMES = 3;

/** A unit's name: `kubectl, kubelet for linux/amd64`. */
function unitName(step: BuildStep, platform: string): string {
  const { outputs, packages } = step;
  const names = outputs.length === 0 ? packages : outputs.map(({ name }) => name);
  const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES + 1} more` : "";
  const shown = more === "" ? names : names.slice(0, SHOWN_NAMES - 1);
  return `${shown.join(", ")}${more} for ${platform}`;
}

/** A step cannot be gathered or shared; the message says why, as the end of a sentence. */
class NotShared extends Error {}

async function buildPlatform(
  context: KubeContext,
  running: Running,
  { platform, steps, targets }: PlatformPlan,
): Promise<void> {
  if (steps.some((step) => running.own.has(step))) {
    context.log.status(`Building go targets for ${platform}:`, targets);
  }
  for (const step of steps) {
    const unit = running.units.get(step)!;
    if (!running.own.has(step)) {
      unit.reuse("another shard makes it");
      continue;
    }
    const work = () => buildStep(context, running, step, { platform, unit });
    // The others are looked for, too.
    await unit.run(work, running.signal).catch((error: unknown) => {
      if (!(error instanceof NotShared)) throw error;
      const { kind, name } = unitOfStep(step);
      running.missing.push({ id: `${kind} ${name}`, why: error.message });
    });
  }
}

async function buildStep(
  context: KubeContext,
  { records, jobs, limit, signal, results, placed }: Running,
  planned: BuildStep,
  { platform, unit }: { platform: string; unit: Unit },
): Promise<void> {
  const { log, builder: { shell } } = context;
  const step = limit === undefined || planned.env["GOMAXPROCS"] !== undefined
    ? planned
    : { ...planned, env: { ...planned.env, GOMAXPROCS: String(limit.processes) } };
  const env = Object.entries(step.shownEnv).map(([name, value]) => `${name}=${value}`);
  log.status(`Env for ${platform}: ${env.join(" ")}`, [], { v: 2 });
  log.status("Starting:", [quoteCommand(step.argv)], { v: 3 });
  const names = namesOf(step);
  const taken = await results?.take(step, { records, unit, signal });
  if (taken?.isDone === true) {
    if (taken.isPlaced) placed.add(planned);
    return;
  }
  if (results?.mode === "gather" && step.outputs.length > 0) {
    throw new NotShared(
      taken?.key?.key === undefined ? `it has no key: ${taken?.key?.why}` : "the store lacks it",
    );
  }
  // Nobody would get it.
  if (results?.mode === "share" && step.outputs.length > 0) {
    if (taken?.key?.key === undefined) throw new NotShared(`it has no key: ${taken?.key?.why}`);
    if (!results.isWritable) throw new NotShared("the store takes nothing any more");
  }
  const keep = async (seconds?: number) => {
    const why = taken === undefined ? undefined : await results?.keep(step, taken, seconds);
    if (why !== undefined && results?.mode === "share") throw new NotShared(why);
  };
  const started = performance.now();
  placed.add(planned);
  const check = await checkStep(context, records, step, { unit, signal });
  if (check.upToDate) {
    log.status(`Up to date: ${names}`, [], { v: 2 });
    unit.reuse("its sources are as they were");
    await recordSources(context, records, step, check);
    await placeBins(context, step.outputs);
    await keep();
    return;
  }
  await removeDamaged(step.outputs);
  const before = await statBuilt(step.outputs);
  const show = (chunk: Uint8Array) => unit.output(chunk);
  await shell.run(step.argv, {
    cwd: step.cwd,
    env: step.env,
    output: "stream",
    // What the user asks for is shown as it comes, unless that has been done before (checkStep).
    ...step.buildIds === undefined && isVerbose(step.env["GOFLAGS"])
      ? {}
      : { onStdout: show, onStderr: show },
    signal,
    label: `Building ${names} for ${platform}`,
  }).catch((error: unknown) => {
    throw explainFailure(error, step, jobs);
  });
  await context.builder.fetch(step.outputs.map(({ built }) => built));
  await undoTouch(step.outputs, before);
  if (check.key !== undefined) await recordStep(records, step, check.key);
  await recordSources(context, records, step, check);
  await placeBins(context, step.outputs);
  await keep((performance.now() - started) / 1000);
}
