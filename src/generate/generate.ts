import { dirname, join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import {
  buildBinaries,
  type BuildOptions,
  createGopathTree,
  verifyGoVersion,
} from "../lib/golang/mod.ts";
import { askGit, statusEntries } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoTool } from "../toolchain/mod.ts";
import { checkGeneratedReplaceable } from "./replaceable.ts";
import { type GenerationSteps, planGenerationSteps } from "./generation_steps.ts";
import { readGeneratedFiles } from "./sources.ts";
import { findStale, type StaleFile } from "./stale.ts";
import { fileDigest, type GenerationRecord, writeState } from "./state.ts";
import { checkViolations } from "./tool_command.ts";
import { clearLeftovers, ifPossible, moveFile, removeTree } from "../files/mod.ts";

/** What {@linkcode ensureGeneratedFiles} would do: tools to build, then files to make with them. */
export interface GenerationPlan {
  /** Targets of the generators, for the host. */
  readonly tools: readonly string[];
  /** How each file is made, in order. */
  readonly files: readonly GenerationSteps[];
}

/**
 * Computes the {@linkcode GenerationPlan}; empty lists when all files are up to date.
 *
 * @param targets What is to be built, as the checkout writes it; without it, every file counts.
 */
export async function planGeneratedFiles(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  targets?: readonly string[],
): Promise<GenerationPlan> {
  const stale = (await findStale(context, checkout, go, targets))?.files ?? [];
  const files = await Promise.all(
    stale.map((each) => planGenerationSteps(context, checkout, go, each)),
  );
  return Object.freeze({ tools: Object.freeze(toolsOf(stale)), files: Object.freeze(files) });
}

function toolsOf(stale: readonly StaleFile[]): readonly string[] {
  return [...new Set(stale.map(({ file }) => file.tool))];
}

/** What {@linkcode ensureGeneratedFiles} builds generators with. */
export interface GenerateOptions extends Omit<BuildOptions, "matrix"> {
  /** What is to be built, as the checkout writes it; without it, every file is made. */
  targets?: readonly string[];
}

/**
 * Makes the files of {@linkcode missingFromGit} that the targets need, with the checkout's own
 * generators, unless they are up to date. Files appear by rename, and only when their content
 * changed.
 *
 * @returns Paths below the root that were written.
 * @throws {KbuildError} A generator failed, or the API rule violations differ from the known ones.
 */
export async function ensureGeneratedFiles(
  context: KubeContext,
  checkout: Checkout,
  options: GenerateOptions,
): Promise<readonly string[]> {
  const { targets, ...build } = options;
  if ((await readGeneratedFiles(context.root)).length === 0) return [];
  const go = build.go ?? await verifyGoVersion(context, checkout);
  const found = await findStale(context, checkout, go, targets);
  if (found === undefined) return [];
  const { tree, needs, files: stale } = found;
  const records: Record<string, GenerationRecord> = { ...found.records };
  const written: string[] = [];
  if (stale.length > 0) {
    const names = stale.map(({ file }) => file.output);
    for (const name of names) {
      await checkGeneratedReplaceable(context, name, { isRecorded: name in found.records });
    }
    context.log.status("Generating files that are not in git:", names);
    await buildBinaries(context, checkout, {
      ...build,
      go,
      matrix: [{ platform: go.host, targets: toolsOf(stale) }],
      binPath: context.binPath,
      quiet: true,
    });
    await createGopathTree(context, checkout);
    for (const { file, inputs, packages } of stale) {
      const steps = await planGenerationSteps(context, checkout, go, { file, packages });
      if (await generate(context, steps)) written.push(file.output);
      const output = await fileDigest(join(context.root, file.output)) ?? "";
      records[file.output] = { tree: tree ?? "", inputs, output };
    }
    await warnUnlessIgnored(context, written);
  }
  await writeState(context, { files: records, needs });
  return Object.freeze(written);
}

/** Makes one file. Returns whether its content changed. Only the holder of the lock may call this. */
async function generate(
  context: KubeContext,
  { file, work, processes, made, output }: GenerationSteps,
): Promise<boolean> {
  await removeTree(work);
  await Deno.mkdir(work, { recursive: true });
  try {
    for (const { argv, cwd, env, label } of processes) {
      await context.shell.run(argv, { cwd, env, label });
    }
    if (file.kind === "openapi") await checkViolations(context, file, work);
    return await replaceIfDifferent(made, output);
  } finally {
    await ifPossible(removeTree(dirname(work)));
  }
}

/** Moves a file into place unless the same content is there; an untouched file rebuilds nothing. */
async function replaceIfDifferent(made: string, place: string): Promise<boolean> {
  const [wanted, existing] = await Promise.all([fileDigest(made), fileDigest(place)]);
  if (wanted === existing) return false;
  await Deno.chmod(made, 0o644);
  // A killed run left something there if the outputs are on another file system.
  await clearLeftovers(dirname(place));
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
