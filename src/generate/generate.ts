import { dirname } from "@std/path";
import { fileDigest } from "../archive/mod.ts";
import type { Checkout } from "../checkout/mod.ts";
import {
  buildBinaries,
  type BuildOptions,
  type BuildRequest,
  buildUnits,
  missingError,
  prepareBuild,
  type PreparedBuild,
  type SharedResults,
  verifyGoVersion,
} from "../lib/golang/mod.ts";
import { askGit, type GitTree, statusEntries } from "../git/mod.ts";
import type { Unit, UnitSpec } from "../events/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { ownershipContext } from "../lib/ownership.ts";
import type { GoTool } from "../toolchain/mod.ts";
import { checkGeneratedReplaceable } from "./replaceable.ts";
import { type MadeFile, openGeneratedResults } from "./generated_results.ts";
import { type GenerationSteps, planGenerationSteps } from "./generation_steps.ts";
import { readGeneratedFiles } from "./sources.ts";
import { findStale, type GenerationFindings } from "./stale.ts";
import { type GenerationRecord, writeState } from "./state.ts";
import { checkViolations } from "./tool_command.ts";
import { clearLeftovers, ifPossible, keepsTracked, moveFile, removeTree } from "../files/mod.ts";

/** Generated files to be made, and the generators to be built for them. */
export interface GenerationPlan {
  /** The build of the generators, for the host; undefined when no file is made. */
  readonly tools: PreparedBuild | undefined;
  /** How each file is made, in order; empty when all are up to date. */
  readonly files: readonly GenerationSteps[];
  /** What was found out of the tree; undefined when there is nothing new to remember. */
  readonly found: GenerationFindings | undefined;
}

/** Version and time as a build stamps them. */
export type GeneratorStamp = Pick<BuildRequest, "vars" | "epoch">;

/** Options of {@linkcode planGeneratedFiles}: parts of the request of the build that needs the files. */
export interface GenerateOptions extends Pick<BuildRequest, "goflags" | "jobs"> {
  /** Finds what generators are stamped with; called if any is built. */
  readonly stamp: () => GeneratorStamp | Promise<GeneratorStamp>;
  /** The Go to build with, if it was chosen already. */
  readonly go?: GoTool;
  /** Targets of the build, as the checkout writes them; without them, every file counts. */
  readonly targets?: readonly string[] | undefined;
  /** What git says of the checkout, if the caller asks more of it. */
  readonly tree?: GitTree;
}

const NOTHING: GenerationPlan = Object.freeze({ tools: undefined, files: [], found: undefined });

/**
 * Plans how the files of {@linkcode missingFromGit} that the targets need are made with the checkout's
 * own generators, unless they are up to date. Nothing is written.
 */
export async function planGeneratedFiles(
  context: KubeContext,
  checkout: Checkout,
  { targets, stamp, tree, ...build }: GenerateOptions,
): Promise<GenerationPlan> {
  if ((await readGeneratedFiles(context.root)).length === 0) return NOTHING;
  const go = build.go ?? await verifyGoVersion(context, checkout);
  const stale = await findStale(context, checkout, go, { targets, tree });
  if (stale === undefined) return NOTHING;
  const { files, ...found } = stale;
  if (files.length === 0) return Object.freeze({ ...NOTHING, found });
  const tools = [...new Set(files.map(({ file }) => file.tool))];
  const { vars, epoch } = await stamp();
  return Object.freeze({
    tools: await prepareBuild(context, checkout, {
      ...build,
      ...{ vars, epoch, go },
      matrix: [{ platform: go.host, targets: tools }],
    }),
    files: Object.freeze(
      await Promise.all(files.map((each) => planGenerationSteps(context, checkout, go, each))),
    ),
    found,
  });
}

/**
 * Carries out a {@linkcode GenerationPlan}. Files appear by rename, and only when their content changed.
 *
 * @returns Paths below the root that were written.
 * @throws {KbuildError} A generator failed, or the API rule violations differ from the known ones.
 */
export async function ensureGeneratedFiles(
  context: KubeContext,
  checkout: Checkout,
  { tools, files, found }: GenerationPlan,
  { results: shared, toolsBuilt = () => {} }: Pick<BuildOptions, "results"> & {
    /** Told of the milliseconds that building the generators took. */
    readonly toolsBuilt?: (ms: number) => void;
  } = {},
): Promise<readonly string[]> {
  if (found === undefined) return [];
  const { tree, needs } = found;
  const records: Record<string, GenerationRecord> = { ...found.records };
  const written: string[] = [];
  if (tools !== undefined) {
    const names = files.map(({ file }) => file.output);
    for (const name of names) {
      await checkGeneratedReplaceable(context, name, { isRecorded: name in found.records });
    }
    context.log.status("Generating files that are not in git:", names);
    const units = names.map((name) => context.log.events.unit({ kind: "generate", name }));
    const results = shared === undefined
      ? undefined
      : await openGeneratedResults(context, checkout, { go: tools.go, results: shared });
    const note = async ({ file, inputs, output }: GenerationSteps, isNew: boolean) => {
      await context.builder.send([output]);
      if (isNew) written.push(file.output);
      const digest = await fileDigest(output) ?? "";
      records[file.output] = { tree: tree ?? "", inputs, output: digest };
    };
    const left: { steps: GenerationSteps; unit: Unit }[] = [];
    for (const [index, steps] of files.entries()) {
      const unit = units[index]!;
      if (await results?.take(steps) !== true) {
        left.push({ steps, unit });
        continue;
      }
      unit.reuse("the store has it");
      const isNew = await replaceIfDifferent(context, steps.made, steps.output);
      await ifPossible(removeTree(dirname(steps.work)));
      await note(steps, isNew);
    }
    if (left.length > 0 && shared?.mode === "gather") {
      throw missingError(
        left.map(({ steps: { file } }) => (
          { id: `generate ${file.output}`, why: "the store lacks it" }
        )),
        shared.store,
      );
    }
    if (left.length === 0) skipUnits(context, tools);
    else {
      const started = performance.now();
      const results = toolResults(shared);
      await buildBinaries(context, checkout, tools, { results, areTools: true });
      toolsBuilt(performance.now() - started);
    }
    const made: MadeFile[] = [];
    for (const { steps, unit } of left) {
      const started = performance.now();
      const isNew = await unit.run(() => generate(context, steps, unit));
      made.push({ steps, seconds: (performance.now() - started) / 1000 });
      await note(steps, isNew);
    }
    await results?.keep(made);
    await warnUnlessIgnored(context, written);
  }
  await writeState(context, { files: records, needs });
  return Object.freeze(written);
}

/** Generators are whole on every machine that needs them. */
function toolResults(shared: SharedResults | undefined): SharedResults | undefined {
  return shared === undefined ? undefined : { store: shared.store, mode: "make" };
}

/** Nothing needs the generators. */
function skipUnits({ log }: KubeContext, { plan }: PreparedBuild): void {
  for (const spec of buildUnits(plan)) log.events.unit(spec).reuse("nothing is generated with it");
}

/** The units of a {@linkcode GenerationPlan}, as {@linkcode ensureGeneratedFiles} reports them. */
export function generationUnits({ tools, files }: GenerationPlan): readonly UnitSpec[] {
  if (tools === undefined) return [];
  const made = files.map(({ file }): UnitSpec => ({ kind: "generate", name: file.output }));
  return [...buildUnits(tools.plan), ...made];
}

/** Makes one file. Returns whether its content changed. Only the holder of the lock may call this. */
async function generate(
  context: KubeContext,
  { file, work, processes, made, output }: GenerationSteps,
  unit: Unit,
): Promise<boolean> {
  const show = (chunk: Uint8Array) => unit.output(chunk);
  await removeTree(work);
  await Deno.mkdir(work, { recursive: true });
  try {
    const { builder, root } = context;
    const programs = processes.map(({ argv: [program = ""] }) => program);
    await builder.send([work, ...programs.filter((path) => path.startsWith(`${root}/`))]);
    for (const { argv, cwd, env, label } of processes) {
      await builder.shell.run(argv, {
        ...{ cwd, env, label },
        ...{ output: "stream", onStdout: show, onStderr: show },
      });
    }
    await builder.fetch([work]);
    if (file.kind === "openapi") await checkViolations(context, file, work);
    return await replaceIfDifferent(context, made, output);
  } finally {
    await ifPossible(removeTree(dirname(work)));
  }
}

/** Moves a file into place unless the same content is there; an untouched file rebuilds nothing. */
async function replaceIfDifferent(
  context: KubeContext,
  made: string,
  place: string,
): Promise<boolean> {
  const [wanted, existing] = await Promise.all([fileDigest(made), fileDigest(place)]);
  if (wanted === existing) return false;
  await Deno.chmod(made, 0o644);
  // A killed run left something there if the outputs are on another file system.
  await clearLeftovers(dirname(place), keepsTracked(ownershipContext(context)));
  await moveFile(made, place);
  return true;
}

/** Upstream's .gitignore names these files; without that line the tree counts as modified. */
async function warnUnlessIgnored(context: KubeContext, written: readonly string[]): Promise<void> {
  if (written.length === 0) return;
  const { text } = await askGit(context, [
    ...["status", "--porcelain", "-z", "--untracked-files=all", "--"],
    ...written,
  ]);
  const counted = new Set(statusEntries(text ?? "").map(({ path }) => path));
  for (const path of written.filter((path) => counted.has(path))) {
    context.log.warn(`No .gitignore names "${path}": git counts the checkout as modified`);
  }
}
