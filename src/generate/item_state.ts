import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { fileDigest } from "../archive/mod.ts";
import {
  changeTime,
  fingerprint,
  ifPossible,
  ifPresent,
  ifPresentSync,
  isSettled,
  readNote,
  writeFileAtomic,
} from "../files/mod.ts";
import { askGit, openTree, statusEntries } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoTool } from "../toolchain/mod.ts";
import type { LeftOut } from "./package_generators.ts";

/** Facts about generated files that are remembered, in `_output/local/.kbuild/generators.json`. */
export interface ItemState {
  /** {@linkcode treeKey} of the tree in which everything was up to date; undefined if it never was. */
  readonly key: string | undefined;
  /** By output. */
  readonly items: Readonly<Record<string, ItemRecord>>;
  /** Digests of directories when they were last generated from. */
  readonly directories: Readonly<Record<string, string>>;
  /** Generators that were not run. */
  readonly leftOut: readonly LeftOut[];
}

/** What one file was made from. */
export interface ItemRecord {
  /** Name of the generator. */
  readonly generator: string;
  /** Digest of everything that the file is made from; "" where that is not known. */
  readonly inputs: string;
  /** Digest of the generator, its flags, the headers and Go at that time; it only explains. */
  readonly tool?: string | undefined;
  /** Digest of the file; "" where there is none. */
  readonly output: string;
  /** Whether the generator makes it: a tag may ask for nothing. */
  readonly isMade: boolean;
  /** Whether no generator of the checkout has this file among its own: a tag was removed, or a branch lacks it. */
  readonly isOrphan?: boolean;
  /** Size, inode and times of the file. */
  readonly seen: string;
}

/** The form of the note; another one is not read. */
const FORM = 3;

function statePath(context: KubeContext): string {
  return join(context.output, ".kbuild", "generators.json");
}

/** Reads the state; an unreadable or foreign file counts as none. */
export async function readItemState(context: KubeContext): Promise<ItemState> {
  const { form, state } = await readNote(statePath(context)) ?? {};
  const nothing: ItemState = { key: undefined, items: {}, directories: {}, leftOut: [] };
  if (form !== FORM || typeof state !== "object" || state === null) return nothing;
  return { ...nothing, ...state as ItemState };
}

/** Writes the state, by rename. */
export async function writeItemState(context: KubeContext, state: ItemState): Promise<void> {
  const path = statePath(context);
  await Deno.mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, JSON.stringify({ form: FORM, state }));
}

/**
 * A key that changes whenever a source may have: the commit, and name, size, inode and times of every file
 * that differs from it. Generated files do not count; their records say what is in them.
 *
 * @param outputs Generated files, below the root.
 * @returns undefined where git cannot say, or a file has only just changed.
 */
export async function treeKey(
  context: KubeContext,
  go: GoTool,
  outputs: ReadonlySet<string>,
): Promise<string | undefined> {
  const [head, status] = await Promise.all([
    askGit(context, ["rev-parse", "HEAD^{commit}"]),
    openTree(context).everything(),
  ]);
  if (head.text === undefined || status.text === undefined) return undefined;
  const hash = createHash("sha256").update(`${head.text}\0${go.description}\0`);
  const now = Date.now();
  for (const { path } of statusEntries(status.text)) {
    if (outputs.has(path)) continue;
    const info = await ifPresent(Deno.lstat(join(context.root, path)));
    if (info !== undefined && !isSettled(changeTime(info), now)) return undefined;
    hash.update(`${path}\0${info === undefined ? "" : fingerprint(info)}\0`);
  }
  return hash.digest("hex");
}

/** Size, inode and times of a file; "" if there is none. */
export function seenFile(path: string): string {
  const info = ifPresentSync(() => Deno.lstatSync(path));
  return info === undefined ? "" : fingerprint(info);
}

/** Digest of a file; "" if there is none, or something that is not a file. */
export async function contentOf(path: string): Promise<string> {
  const isFile = (await ifPresent(Deno.stat(path)))?.isFile === true;
  return isFile ? await ifPossible(fileDigest(path)) ?? "" : "";
}
