import { dirname, join } from "@std/path";
import { entriesOf, ifPresent, readFile, readNote, writeFileAtomic } from "../files/mod.ts";
import { createHash } from "node:crypto";
import { type GitTree, openTree, statusEntries } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";

/** What is remembered of the last generations, in `_output/local/.kbuild/generated.json`. */
export interface GenerationState {
  /** By output. */
  readonly files: Readonly<Record<string, GenerationRecord>>;
  /** Which files the targets of a build need, by targets; valid for one tree. */
  readonly needs: {
    readonly tree: string;
    readonly byTargets: Readonly<Record<string, readonly string[]>>;
  };
}

/** What one file was made from. */
export interface GenerationRecord {
  /** {@linkcode treeKey} of the tree in which the file was found or made up to date. */
  readonly tree: string;
  /** Digest of everything that the file is made from. */
  readonly inputs: string;
  /** Digest of the file. */
  readonly output: string;
}

function statePath(context: KubeContext): string {
  return join(context.output, ".kbuild", "generated.json");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Reads the state; an unreadable or foreign file counts as none. */
export async function readState(context: KubeContext): Promise<GenerationState> {
  const { files, needs } = await readNote(statePath(context)) ?? {};
  const isSound = isObject(files) && isObject(needs) && isObject(needs["byTargets"]);
  return isSound
    ? { files, needs } as unknown as GenerationState
    : { files: {}, needs: { tree: "", byTargets: {} } };
}

/** Writes the state, by rename. */
export async function writeState(context: KubeContext, state: GenerationState): Promise<void> {
  const path = statePath(context);
  await Deno.mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, JSON.stringify(state, null, 1));
}

/**
 * A key that changes whenever a file of the checkout may have: the commit, and name, size and time
 * of every file that differs from it. `git` answers in a tenth of a second where reading every
 * file takes seconds.
 *
 * @param tree What git says of the checkout, if it was asked before.
 * @returns undefined where git cannot say.
 */
export async function treeKey(
  context: KubeContext,
  tree: GitTree = openTree(context),
): Promise<string | undefined> {
  const [head, status] = await Promise.all([tree.head(), tree.everything()]);
  if (head.commit === undefined || status.text === undefined) return undefined;
  const hash = createHash("sha256").update(`${head.commit}\n`).update(status.text);
  for (const { path } of statusEntries(status.text)) {
    const info = await ifPresent(Deno.lstat(join(context.root, path)));
    hash.update(`${path}\0${info?.size}\0${info?.mtime?.getTime()}\0`);
  }
  return hash.digest("hex");
}

/** SHA-256 over names and contents of every file below some directories, in a fixed order. */
export async function directoriesDigest(
  root: string,
  directories: readonly string[],
  options: { recursive: boolean; extra: readonly string[] },
): Promise<string> {
  const hash = createHash("sha256");
  for (const word of options.extra) hash.update(`${word}\0`);
  async function add(directory: string): Promise<void> {
    const entries = await entriesOf(join(root, directory)) ?? [];
    for (const entry of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
      const path = `${directory}/${entry.name}`;
      if (entry.isFile) {
        hash.update(`${path}\0`).update(await readFile(join(root, path))).update("\0");
      } else if (entry.isDirectory && options.recursive) {
        await add(path);
      }
    }
  }
  for (const directory of directories) await add(directory);
  return hash.digest("hex");
}
