import { dirname, join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  buildBinaries,
  type BuildOptions,
  createGopathTree,
  hostGoEnv,
  verifyGoVersion,
} from "../lib/golang/mod.ts";
import { askGit, statusEntries } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { findProgram } from "../lib/util.ts";
import type { GoTool } from "../toolchain/mod.ts";
import { checkGeneratedReplaceable } from "./replaceable.ts";
import { type GeneratedFile, readGeneratedFiles } from "./sources.ts";
import { findStale, type StaleFile } from "./stale.ts";
import { fileDigest, type GenerationRecord, writeState } from "./state.ts";
import { checkViolations, type ToolCommand, toolCommand } from "./tool_command.ts";
import { clearLeftovers, ifPossible, moveFile, removeTree } from "../files/mod.ts";

/** What {@linkcode ensureGeneratedFiles} would do: tools to build, then commands to run. */
export interface GenerationPlan {
  /** Targets of the generators, for the host. */
  readonly tools: readonly string[];
  /** Temporary folder that the commands write to. */
  readonly work: string;
  /** Each makes the file `made`, which is formatted where `format` says so, and moved to `output`. */
  readonly commands: readonly (ToolCommand & {
    readonly format: boolean;
    readonly output: string;
  })[];
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
  const work = join(context.output, ".kbuild-tmp-generate");
  return Object.freeze({
    work,
    tools: Object.freeze(toolsOf(stale)),
    commands: Object.freeze(stale.map(({ file, packages }) =>
      Object.freeze({
        ...toolCommand(context, checkout, go.host, { file, packages, work }),
        format: file.kind === "bindata",
        output: join(context.root, file.output),
      })
    )),
  });
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
      if (await generate(context, checkout, go, { file, packages })) written.push(file.output);
      const output = await fileDigest(join(context.root, file.output)) ?? "";
      records[file.output] = { tree: tree ?? "", inputs, output };
    }
    await warnUnlessIgnored(context, written);
  }
  await writeState(context, { files: records, needs });
  return Object.freeze(written);
}

/** Makes one file. Returns whether its content changed. */
async function generate(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  { file, packages }: { file: GeneratedFile; packages: readonly string[] },
): Promise<boolean> {
  const work = await Deno.makeTempDir({ dir: context.output, prefix: ".kbuild-tmp-generate-" });
  try {
    const { argv, cwd, made } = toolCommand(context, checkout, go.host, { file, packages, work });
    const { shell } = context;
    const env = hostGoEnv(context, checkout, go);
    const goroot = await shell.run([go.path, "env", "GOROOT"], { cwd: context.root, env });
    await shell.run(argv, {
      cwd,
      // Programs that parse Go code look for the standard library there.
      env: { ...env, GOROOT: goroot.stdout.trim() },
      label: `Generating ${file.output}`,
    });
    if (file.kind === "openapi") {
      await checkViolations(context, file, work);
    } else {
      // gofmt lies beside go; some distributions put links to both into PATH.
      const gofmt = await findGofmt(context, goroot.stdout.trim());
      await shell.run([gofmt, "-s", "-w", made], {
        cwd: work,
        env,
        label: `Formatting ${file.output}`,
      });
    }
    return await replaceIfDifferent(made, join(context.root, file.output));
  } finally {
    await ifPossible(removeTree(work));
  }
}

async function findGofmt(context: KubeContext, goroot: string): Promise<string> {
  const beside = join(goroot, "bin", "gofmt");
  const found = await findProgram(beside, undefined) ??
    await findProgram("gofmt", context.env["PATH"]);
  if (found === undefined) {
    throw new KbuildError(`Cannot find "gofmt", which belongs to Go ("${beside}")`, {
      notes: ["Install the whole Go distribution: its bin folder holds go and gofmt"],
    });
  }
  return found;
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
