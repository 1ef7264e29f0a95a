import type { PlatformSet } from "../checkout/mod.ts";
import type { UnitSpec } from "../events/mod.ts";
import {
  ensureGeneratedFiles,
  findOutdated,
  type GenerationPlan,
  generationUnits,
  planGeneratedFiles,
  warnAboutOutdated,
} from "../generate/mod.ts";
import {
  buildBinaries,
  type BuildPlan,
  type BuildRecords,
  type BuildRequest,
  buildUnits,
  type BuiltBinary,
  libraryTargets,
  type Link,
  lookAhead,
  openRecords,
  type PlatformTargets,
  prepareBuild,
  type PreparedBuild,
  type PreparedSteps,
  selectTargets,
} from "../lib/golang/mod.ts";
import { type GitTree, openTree } from "../git/mod.ts";
import { UsageError } from "../errors.ts";
import type { Builder, KubeContext } from "../lib/init.ts";
import {
  buildDate,
  findSourceDate,
  getVersionVars,
  requireVersion,
  type VersionVars,
} from "../lib/version/mod.ts";
import type { Provenance } from "../release/mod.ts";
import type { Start } from "../shell/mod.ts";
import { type ChosenGo, type GoChoice, sayGo, takeGo } from "../toolchain/mod.ts";
import type { CommandPlan, OpenCheckout } from "./context.ts";
import type { PlanStep } from "./plan_steps.ts";
import { openStoreOf, sayStore } from "./open_store.ts";
import { sharedMode, sharedResults } from "./shared_results.ts";
import type { Store } from "../store/mod.ts";

/** The version of a checkout and the time that is stamped. */
export interface Stamp {
  readonly vars: VersionVars & { gitVersion: string };
  /** Seconds since 1970. */
  readonly epoch: number;
  /** Where both are from. */
  readonly provenance: Provenance;
}

const CRLF = "The files of the checkout have CRLF line ends (core.autocrlf): " +
  "what is packed and compiled has them, too";

/** Opens what git says of a checkout, for all that a plan of a build asks. */
export function treeOf({ context, checkout }: Pick<OpenCheckout, "context" | "checkout">): GitTree {
  return openTree(context, { everything: checkout.generated.value === "makefile" });
}

/** Plans the generated files that tests, checks and updates need beside what they run. */
export async function planPreparation(
  open: Pick<OpenCheckout, "context" | "checkout">,
  { go, choice }: ChosenGo,
  { targets, tree: asked }: { targets?: readonly string[] | undefined; tree?: GitTree } = {},
): Promise<GenerationPlan> {
  const tree = asked === undefined || wasFetched(choice) ? treeOf(open) : asked;
  return await planGeneratedFiles(open.context, open.checkout, {
    ...{ go, goflags: [], jobs: undefined, targets, tree },
    stamp: () => readStamp(open, tree),
  });
}

/**
 * Does something while git looks at every file, if {@linkcode planPreparation} will ask what it sees.
 *
 * @param work Receives what git says.
 */
export async function whileGitLooks<T>(
  open: Pick<OpenCheckout, "context" | "checkout">,
  work: (tree: GitTree) => Promise<T>,
): Promise<T> {
  const tree = treeOf(open);
  const isAsked = open.checkout.generated.value === "makefile";
  const asking = isAsked ? Promise.allSettled([tree.head(), tree.everything()]) : undefined;
  try {
    return await work(tree);
  } finally {
    // Nothing may be at work when an error is shown.
    await asking;
  }
}

/** What git said before Go was fetched may be long ago. */
function wasFetched({ action }: GoChoice): boolean {
  return action === "proxy" || action === "archive";
}

/**
 * Reads version and time; a tree without a version stops here.
 *
 * @param tree What git says of the checkout, if the caller asks more of it.
 */
export async function readStamp(
  { context, checkout }: Pick<OpenCheckout, "context" | "checkout">,
  tree: GitTree = openTree(context),
): Promise<Stamp> {
  const vars = requireVersion(await getVersionVars(context, tree));
  const { epoch, from, notes: dateNotes } = await findSourceDate(context, vars, { tree });
  const notes = Object.freeze([
    ...vars.notes ?? [],
    ...dateNotes,
    ...(checkout.crlf === true ? [CRLF] : []),
  ]);
  const provenance = Object.freeze({ version: vars.from ?? "git", time: from, notes });
  return Object.freeze({ vars, epoch, provenance });
}

/** Says what a user may not expect of version and time. */
export function sayStamp(
  { log }: Pick<KubeContext, "log">,
  { vars, epoch, provenance }: Omit<Stamp, "provenance"> & { provenance?: Provenance },
): void {
  const { notes = [] } = provenance ?? {};
  if (notes.length > 0) log.status(`Version ${vars.gitVersion}, time ${buildDate(epoch)}:`, notes);
}

/**
 * Targets per platform of `hack/make-rules/cross.sh`, whose five runs of make are one build here:
 * what a platform needs for several groups is built once.
 *
 * @param only Build these targets alone.
 */
export function crossMatrix(
  { checkout }: OpenCheckout,
  platforms: PlatformSet,
  only: readonly string[] | undefined,
): readonly PlatformTargets[] {
  const { targets } = checkout;
  const groups = [
    [targets.server.value, platforms.server],
    [targets.node.value, platforms.node],
    [targets.client.value, platforms.client],
    [targets.test.value, platforms.test],
    [targets.serverTest.value, platforms.testServer],
  ] as const;
  const matrix = new Map<string, string[]>();
  for (const [names, list] of groups) {
    for (const platform of list) {
      const wanted = matrix.get(platform) ?? [];
      for (const name of names) {
        const chosen = only === undefined || only.includes(name);
        if (chosen && !wanted.includes(name)) wanted.push(name);
      }
      if (wanted.length > 0) matrix.set(platform, wanted);
    }
  }
  return [...matrix].map(([platform, names]) => ({ platform, targets: names }));
}

/** A requested build whose version is not read yet. */
export interface AskedBuild extends Omit<BuildRequest, "vars" | "epoch"> {
  /** What a user may not expect of the request, a line each. */
  readonly warnings?: readonly string[];
  /** The same, of less weight. */
  readonly notes?: readonly string[];
}

/** A build that was thought through: what is shown and what is carried out are this value. */
export interface PlannedBuild extends PreparedBuild {
  readonly asked: AskedBuild;
  readonly stamp: Stamp;
  /** Why it is that Go. */
  readonly choice: GoChoice;
  /** Made before anything is built. */
  readonly generation: GenerationPlan;
  /** Sources that are newer than the generated code beside them. */
  readonly outdated: readonly string[];
  /** What runs the steps of the plan; undefined: this machine or a container. */
  readonly elsewhere?: PreparedSteps | undefined;
  /** What is known of the outputs; undefined where the plan is only shown. */
  readonly records?: BuildRecords | undefined;
}

/**
 * Plans a build and the generated files that it needs. Nothing is written.
 *
 * @param stamp Gives version and time; called once, when the Go is there.
 * @param options.fetch Whether a Go that is not there is fetched, so that it can be asked.
 * @param options.tree What git said of the checkout a moment ago; default {@linkcode treeOf}.
 */
export async function planBuild(
  { context, checkout, go: given, elsewhere: runner }: OpenCheckout,
  asked: AskedBuild,
  stamp: (tree: GitTree) => Promise<Stamp>,
  options: { fetch: boolean; tree?: GitTree },
): Promise<PlannedBuild> {
  if (sharedMode(context.env).mode !== "make" && runner !== undefined) {
    throw new UsageError(
      "Cannot use --shard or --gather with --engine buildx: it divides the work",
    );
  }
  const before = options.tree ?? treeOf({ context, checkout });
  // git looks at every file while Go is looked for.
  const asking = before.begin();
  const { go, choice } = given ?? await takeGo(context, checkout, options).catch(async (error) => {
    await asking;
    throw error;
  });
  const tree = wasFetched(choice) ? treeOf({ context, checkout }) : before;
  const { matrix, goflags = [], jobs } = asked;
  // A Go that is still to be fetched cannot say what the targets need.
  const isThere = await context.builder.findProgram(go.path, undefined) !== undefined;
  const targets = isThere ? [...new Set(matrix.flatMap((row) => row.targets))] : undefined;
  const records = options.fetch && isThere ? await openRecords(context) : undefined;
  const reading = stamp(tree);
  const planning = planGeneratedFiles(context, checkout, {
    ...{ goflags, jobs, go, targets, tree, stamp: () => reading },
  });
  const looking = reading.then(({ vars }) => findOutdated(context, checkout, vars, tree));
  const ahead = records === undefined ? undefined : lookAhead(context, records, targets ?? []);
  // Nothing may be at work when an error is shown.
  await Promise.allSettled([reading, planning, looking, ahead]);
  await ahead;
  const { vars, epoch } = await reading;
  const generation = await planning;
  const prepared = await prepareBuild(context, checkout, { ...asked, vars, epoch, go, tree });
  const outdated = await looking;
  // A Go that is still to be fetched has no directory yet.
  const elsewhere = isThere ? await runner?.prepare(context, checkout, prepared) : undefined;
  return Object.freeze({
    ...{ ...prepared, asked, stamp: await reading, choice, generation, outdated, records },
    ...elsewhere === undefined ? {} : { elsewhere },
  });
}

/** What a build came to. */
export interface BuildOutcome {
  /** Those in their places. */
  readonly binaries: readonly BuiltBinary[];
  /** Milliseconds. */
  readonly generateMs: number;
  readonly buildMs: number;
  /** Whether only a part of the units was to be made: nothing can be packaged. */
  readonly isShare: boolean;
}

/**
 * Carries a plan out: makes missing generated files, then builds.
 *
 * @param opened The store of the run; default: it is opened here, and what came of it is logged.
 */
export async function runBuild(
  { context, checkout }: OpenCheckout,
  planned: PlannedBuild,
  opened?: { readonly store: Store | undefined },
): Promise<BuildOutcome> {
  const { asked, elsewhere, stamp, generation, plan } = planned;
  for (const warning of asked.warnings ?? []) context.log.warn(warning);
  sayStamp(context, stamp);
  warnAboutOutdated(context, planned.outdated);
  sayGo(context, planned);
  for (const note of [...asked.notes ?? [], ...plan.notes]) context.log.status(note);
  const started = performance.now();
  let generated = started;
  // As among the stages of a run: what compiles is building.
  let toolsMs = 0;
  const toolsBuilt = (ms: number) => void (toolsMs += ms);
  using own = opened === undefined ? await openStoreOf(context) : undefined;
  const store = opened === undefined ? own : opened.store;
  const results = await sharedResults(context, store);
  const settle = async () => {
    await ensureGeneratedFiles(context, checkout, generation, { results, toolsBuilt });
    generated = performance.now();
  };
  // Generated files are sources, and building generators writes records.
  const records = generation.tools === undefined ? planned.records : undefined;
  const binaries = await buildBinaries(context, checkout, planned, {
    ...{ settle, results, elsewhere, records },
  });
  const built = performance.now();
  if (own !== undefined) sayStore(context, own);
  return {
    ...{
      binaries,
      generateMs: generated - started - toolsMs,
      buildMs: built - generated + toolsMs,
    },
    isShare: results?.mode === "share",
  };
}

/** The units of a build, before it begins. */
export function plannedUnits({ generation, plan }: PlannedBuild): readonly UnitSpec[] {
  return [...generationUnits(generation), ...buildUnits(plan)];
}

/** The exact commands and files of a build: `kbuild plan`, `--dry-run`. */
export function showBuild(
  { builder, log }: KubeContext,
  { asked, stamp, generation, plan, go, choice, elsewhere }: PlannedBuild,
): CommandPlan {
  for (const warning of asked.warnings ?? []) log.warn(warning);
  sayStamp({ log }, stamp);
  for (const note of [...asked.notes ?? [], ...plan.notes]) log.status(note);
  const { gopathLink, hostLink } = plan;
  const steps = Object.freeze([
    ...gopathLink === undefined ? [] : [linkStep("GOPATH", gopathLink)],
    ...generationSteps(generation, builder),
    ...elsewhere === undefined ? buildSteps(plan, builder) : stepsElsewhere(plan, elsewhere),
    ...hostLink === undefined ? [] : [linkStep("binaries of this machine", hostLink)],
  ]);
  return Object.freeze({ steps, go: Object.freeze({ ...choice, tool: go }) });
}

/** What makes the generated files that something needs. */
function generationSteps(
  { tools, files }: GenerationPlan,
  builder: Builder,
): readonly PlanStep[] {
  const group = "generated files that are not in git";
  return [
    ...tools === undefined
      ? []
      : buildSteps(tools.plan, builder).map((step) => ({ ...step, group })),
    ...files.flatMap(({ work, processes, made, output }): PlanStep[] => [
      { group, kind: "directory", path: work },
      ...processes.map((process): PlanStep => (
        { group, kind: "process", ...shownStart(builder, process) }
      )),
      { group, kind: "generated", path: output, from: made },
    ]),
  ];
}

/** What comes before programs that need generated files, but no binaries: tests, checks. */
export function preparationSteps(
  link: Link | undefined,
  generation: GenerationPlan,
  builder: Builder,
): readonly PlanStep[] {
  const hostLink = generation.tools?.plan.hostLink;
  return [
    ...link === undefined ? [] : [linkStep("GOPATH", link)],
    ...generationSteps(generation, builder),
    ...hostLink === undefined ? [] : [linkStep("generators of this machine", hostLink)],
  ];
}

/** A link that a build makes, as a step of a plan. */
export function linkStep(group: string, link: Link): PlanStep {
  return { group, kind: "link", ...link };
}

/** What a build starts and places, as steps of a plan. */
export function buildSteps(plan: BuildPlan, builder: Builder): readonly PlanStep[] {
  return plan.platforms.flatMap(({ platform, steps }) =>
    steps.flatMap((step): PlanStep[] => [
      ...step.files.map(({ path, text }): PlanStep => (
        { group: platform, kind: "overlay", path, text }
      )),
      { group: platform, kind: "process", ...shownStart(builder, step), source: step.source },
      ...step.outputs.map(({ built, placed }): PlanStep => (
        { group: platform, kind: "binary", path: placed, from: built }
      )),
    ])
  );
}

/** What a build starts that runs elsewhere, and what it places. */
function stepsElsewhere(plan: BuildPlan, { files, starts }: PreparedSteps): readonly PlanStep[] {
  const group = "all platforms";
  return [
    ...files.map((file): PlanStep => ({ group, kind: "overlay", ...file })),
    ...starts.map((start): PlanStep => ({ group, kind: "process", ...start })),
    ...plan.platforms.flatMap(({ platform, steps }) =>
      steps.flatMap(({ outputs }) =>
        outputs.map(({ built, placed }): PlanStep => (
          { group: platform, kind: "binary", path: placed, from: built }
        ))
      )
    ),
  ];
}

/** What this machine starts for a program of a build; what is handed to a container is among its arguments. */
function shownStart(
  builder: Builder,
  { shownEnv, ...start }: Start & { readonly shownEnv: Start["env"] },
): Start {
  const { argv, cwd, env } = builder.startOf(start);
  return { argv, cwd, env: builder.image === undefined ? shownEnv : env };
}

/** Sorts out what is to be built: the words of `WHAT` and of arguments. */
export async function chooseTargets(
  { checkout }: OpenCheckout,
  words: readonly string[],
): Promise<{ targets: readonly string[]; goflags: readonly string[]; named: boolean }> {
  const selection = await selectTargets(checkout, words);
  // A directory without Go files is refused here, before anything is written.
  await libraryTargets(checkout, selection.targets);
  const named = words.join(" ").split(/\s+/).some((word) => word !== "" && !word.startsWith("-"));
  return { ...selection, named };
}
