import { basename, join, relative } from "@std/path";
import { KbuildError } from "../errors.ts";
import { removeTree } from "../files/mod.ts";
import { askGit } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { lockOutput } from "../lib/lock.ts";
import { outputDirectories } from "../lib/outputs.ts";
import { readItemState } from "./item_state.ts";
import { whyNotGenerated } from "./replaceable.ts";
import { readGeneratedFiles } from "./sources.ts";

/** Generated files of a checkout that are to be removed. */
export interface GeneratedRemoval {
  /** Below the root, sorted. */
  readonly remove: readonly string[];
  /** Files with such a name that stay. */
  readonly kept: readonly KeptFile[];
}

/** A file that stays, and why. */
export interface KeptFile {
  /** Below the root. */
  readonly path: string;
  /** For people: "no comment in it says that it is generated". */
  readonly why: string;
}

/** `GENERATED_FILE_PREFIX` of the root Makefile. */
const PREFIX = "zz_generated.";

/**
 * Finds the generated files that `clean_generated` removes. A file counts only if a comment in it says that it is
 * generated, or if kbuild has made it.
 *
 * @param options.all Whether files that git tracks count, too: as `make clean_generated` does it (v1.20.2,
 * Makefile:366), all files `zz_generated.*` but those in `staging`.
 * @throws {KbuildError} Git cannot say what it tracks.
 */
export async function findGenerated(
  context: KubeContext,
  { all }: { all: boolean },
): Promise<GeneratedRemoval> {
  const { items } = await readItemState(context);
  const paths = all
    ? await Array.fromAsync(prefixedFiles(context, ""))
    : await untrackedFiles(context, new Set(Object.keys(items)));
  const remove: string[] = [];
  const kept: KeptFile[] = [];
  for (const path of paths.sort()) {
    const isRecorded = (items[path]?.output ?? "") !== "";
    const why = await whyNotGenerated(join(context.root, path), isRecorded);
    if (why === undefined) remove.push(path);
    else kept.push(Object.freeze({ path, why }));
  }
  return Object.freeze({ remove: Object.freeze(remove), kept: Object.freeze(kept) });
}

/** Removes the files of {@linkcode findGenerated}. */
export async function removeGenerated(
  context: KubeContext,
  { all }: { all: boolean },
): Promise<GeneratedRemoval> {
  const before = await findGenerated(context, { all });
  if (before.remove.length === 0) return before;
  using _lock = await lockOutput(context, "clean_generated");
  // Another run may have ended while this one waited.
  const found = await findGenerated(context, { all });
  for (const path of found.remove) await removeTree(join(context.root, path));
  return found;
}

/** Files that git does not track: with the prefix, or made by a generator. */
async function untrackedFiles(
  context: KubeContext,
  recorded: ReadonlySet<string>,
): Promise<string[]> {
  const outputs = outputDirectories(context).map(({ path }) => relative(context.root, path))
    .filter((path) => path !== "" && !path.startsWith(".."));
  const { text } = await askGit(context, [
    ...["--no-literal-pathspecs", "ls-files", "--others", "-z", "--", "."],
    ...outputs.map((path) => `:(exclude,literal)${path}`),
  ]);
  if (text === undefined) {
    throw new KbuildError("Cannot tell which generated files git tracks", {
      notes: ["Without git, --all removes all generated files but those in staging"],
    });
  }
  const single = new Set((await readGeneratedFiles(context.root)).map(({ output }) => output));
  return text.split("\0").filter((path) =>
    basename(path).startsWith(PREFIX) || single.has(path) || recorded.has(path)
  );
}

/** All files with the prefix, but those in `staging`, of git, and in the outputs; no link is followed. */
async function* prefixedFiles(context: KubeContext, directory: string): AsyncIterable<string> {
  const outputs = new Set(outputDirectories(context).map(({ path }) => path));
  const whole = join(context.root, directory);
  for await (const { name, isDirectory, isFile } of Deno.readDir(whole)) {
    const path = directory === "" ? name : `${directory}/${name}`;
    if (isFile && name.startsWith(PREFIX)) yield path;
    if (!isDirectory || name === ".git" || path === "staging") continue;
    if (!outputs.has(join(context.root, path))) yield* prefixedFiles(context, path);
  }
}
