import type { Checkout, PlatformSet } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { ensureGeneratedFiles, planGeneratedFiles, warnAboutOutdated } from "../generate/mod.ts";
import {
  buildBinaries,
  type BuildPlan,
  type BuiltBinary,
  gopathLink,
  libraryTargets,
  type PlatformTargets,
  prepareBuild,
  selectTargets,
  verifyGoVersion,
} from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import {
  buildDate,
  findSourceDate,
  getVersionVars,
  requireVersion,
  type VersionVars,
} from "../lib/version/mod.ts";
import type { Provenance } from "../release/mod.ts";
import { describeGo, type GoTool } from "../toolchain/mod.ts";
import type { OpenCheckout } from "./context.ts";
import type { PlanStep } from "./plan_steps.ts";

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

/** Reads version and time; a tree without a version stops here. */
export async function readStamp({ context, checkout }: OpenCheckout): Promise<Stamp> {
  const vars = requireVersion(await getVersionVars(context));
  const { epoch, from, notes: dateNotes } = await findSourceDate(context, vars);
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
  { log }: KubeContext,
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

/** What one build is asked for. */
export interface BuildRequest {
  readonly matrix: readonly PlatformTargets[];
  readonly goflags: readonly string[];
  readonly stamp: Stamp;
  readonly binPath: string;
  readonly jobs: number | undefined;
}

/** Makes missing generated files, then builds. */
export async function runBuild(
  { context, checkout }: OpenCheckout,
  request: BuildRequest,
): Promise<{ binaries: readonly BuiltBinary[]; generateMs: number; buildMs: number }> {
  const { matrix, goflags, stamp, binPath, jobs } = request;
  sayStamp(context, stamp);
  await warnAboutOutdated(context, checkout, stamp.vars);
  const go = await verifyGoVersion(context, checkout);
  const options = { goflags, vars: stamp.vars, epoch: stamp.epoch, jobs, go };
  const started = performance.now();
  let generated = started;
  let settled: Promise<boolean> | undefined;
  const targets = [...new Set(matrix.flatMap((row) => row.targets))];
  const settle = () => {
    settled = ensureGeneratedFiles(context, checkout, { ...options, targets }).then((written) => {
      generated = performance.now();
      return written.length === 0;
    });
    // It may fail before the build asks for it, as a Ctrl-C makes both: that is reported below.
    settled.catch(() => {});
    return settled;
  };
  // What is built is looked at while the generated files are: mostly there is nothing to generate.
  const binaries = await buildBinaries(context, checkout, { ...options, matrix, binPath, settle })
    .catch(async (error: unknown) => {
      // Nothing may be at work when the error is shown.
      await settled?.catch(() => {});
      throw error;
    });
  const built = performance.now();
  return { binaries, generateMs: generated - started, buildMs: built - generated };
}

/** The exact commands and files of a build: `kbuild plan`, `--dry-run`. */
export async function planBuildSteps(
  { context, checkout }: OpenCheckout,
  request: BuildRequest,
): Promise<readonly PlanStep[]> {
  const { matrix, goflags, stamp, binPath } = request;
  const options = { goflags, vars: stamp.vars, epoch: stamp.epoch };
  sayStamp(context, stamp);
  const go = await plannedGo(context, checkout);
  const prepare = async (rows: readonly PlatformTargets[], folder: string) =>
    (await prepareBuild(context, checkout, { ...options, go, matrix: rows, binPath: folder })).plan;
  // A Go that is still to be fetched cannot say what the targets need.
  const askable = await Deno.stat(go.path).then(() => true, () => false);

  const steps: PlanStep[] = [];
  const group = "generated files that are not in git";
  const path = gopathLink(context, checkout);
  if (path !== undefined) steps.push({ group: "GOPATH", kind: "link", path, target: context.root });
  const { tools, files } = await planGeneratedFiles(
    context,
    checkout,
    go,
    askable ? matrix.flatMap((row) => row.targets) : undefined,
  );
  if (tools.length > 0) {
    const plan = await prepare([{ platform: go.host, targets: tools }], context.binPath);
    steps.push(...buildSteps(plan).map((step) => ({ ...step, group })));
  }
  for (const { work, processes, made, output } of files) {
    steps.push({ group, kind: "folder", path: work });
    for (const { argv, cwd, shownEnv } of processes) {
      steps.push({ group, kind: "process", argv, cwd, env: shownEnv });
    }
    steps.push({ group, kind: "generated", path: output, from: made });
  }
  const plan = await prepare(matrix, binPath);
  for (const note of plan.notes) context.log.info(note);
  return Object.freeze([...steps, ...buildSteps(plan)]);
}

/** The Go that a build would use; it is neither fetched nor started. */
async function plannedGo(context: KubeContext, checkout: Checkout): Promise<GoTool> {
  const { tool, problem, notes } = await describeGo(context, checkout);
  if (tool !== undefined) return tool;
  throw new KbuildError(problem ?? "Cannot find a Go to build with", { notes });
}

function buildSteps(plan: BuildPlan): readonly PlanStep[] {
  return plan.platforms.flatMap(({ platform, steps }) =>
    steps.flatMap(({ argv, cwd, shownEnv, outputs, source, files }): PlanStep[] => [
      ...files.map(({ path, text }): PlanStep => (
        { group: platform, kind: "overlay", path, text }
      )),
      { group: platform, kind: "process", argv, cwd, env: shownEnv, source },
      ...outputs.map(({ built, placed }): PlanStep => (
        { group: platform, kind: "binary", path: placed, from: built }
      )),
    ])
  );
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
