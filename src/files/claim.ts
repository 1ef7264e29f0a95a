import { readText } from "./regular.ts";
import { join } from "@std/path";
import { KbuildError, systemCode } from "../errors.ts";
import { entriesOf, isDirectory } from "./entries.ts";
import { ifPresent } from "./if_present.ts";
import {
  type Evidence,
  followed,
  type OwnershipContext,
  whyProtected,
  whyTracked,
} from "./ownership.ts";
import { reasonOf } from "./reason.ts";

/** The file that marks a directory as kbuild's own. */
export const MARK = ".kbuild-owned";

/** What kbuild keeps in a directory of its own. */
export type DirectoryKind = "output" | "cache";

const KINDS: readonly DirectoryKind[] = ["output", "cache"];

/** What operating systems put into directories on their own. */
const SYSTEM_ENTRIES: readonly string[] = ["lost+found", ".DS_Store"];

/** Whether an entry of a directory is the operating system's, such as `lost+found` of a new disk. */
export function isSystemEntry(name: string): boolean {
  return SYSTEM_ENTRIES.includes(name);
}

/** Options of {@linkcode claimDirectory}. */
export interface ClaimOptions {
  /** What kbuild will keep there. */
  kind: DirectoryKind;
  /** How the user named the directory, for messages: `OUT_DIR="cmd"`. Default: its path. */
  name?: string;
  /** What else than a mark says that the directory is kbuild's: the layout of older ones. */
  evidence?: Evidence;
  /** Notes of the error. */
  notes?: readonly string[];
}

/**
 * Makes a directory that kbuild may later clear out, or takes over one that is empty, and marks it.
 * Everything that kbuild removes is below a directory that it claimed before it wrote there.
 *
 * @throws {KbuildError} The directory holds what kbuild did not make, is one to keep, or cannot be
 * written.
 */
export async function claimDirectory(
  path: string,
  options: ClaimOptions,
  context: OwnershipContext,
): Promise<void> {
  const { kind, name = `"${path}"`, notes = [] } = options;
  if (await isClaimed(path, kind)) return;
  const reason = await whyNotWritable(path, context) ?? await whyNotOurs(path, options, context);
  // Another process may have been faster.
  if (await isClaimed(path, kind)) return;
  if (reason !== undefined) {
    throw new KbuildError(`Cannot use ${name}: ${reason}`, { notes, exitCode: 2 });
  }
  const known = await hasEntries(path);
  try {
    await Deno.mkdir(path, { recursive: true });
    await writeMark(path, kind);
  } catch (error) {
    // Evidence speaks for it the next time as well; a cache may be there to be read only.
    if (known) return;
    const cause = error instanceof KbuildError ? error.cause : error;
    throw new KbuildError(`Cannot write to "${path}": ${reasonOf(cause)}`, {
      notes: [`Make it writable for you, or use another directory than ${name}`],
      cause,
    });
  }
}

/**
 * Why a directory cannot be used for outputs, whatever is in it.
 *
 * @returns The end of "Cannot use X: …"; undefined if it may be one.
 */
export async function whyNotWritable(
  path: string,
  { kept }: Pick<OwnershipContext, "kept">,
): Promise<string | undefined> {
  return await whyProtected(path, { kept: kept.filter(({ writable }) => writable !== true) });
}

async function whyNotOurs(
  path: string,
  { evidence = whyNotEmpty }: ClaimOptions,
  context: OwnershipContext,
): Promise<string | undefined> {
  const real = followed(path);
  if (real === undefined) return undefined;
  if (!(await Deno.stat(real)).isDirectory) return `"${path}" is not a directory`;
  if (!await hasEntries(real)) return undefined;
  return await whyTracked(real, context) ?? await evidence(real);
}

async function hasEntries(path: string): Promise<boolean> {
  return await firstEntry(path) !== undefined;
}

/** The name of something in a directory, apart from system entries and a mark that was only begun. */
async function firstEntry(path: string): Promise<string | undefined> {
  const entries = await entriesOf(path) ?? [];
  for (const { name } of entries) {
    if (isSystemEntry(name) || (name === MARK && await isUnfinished(path))) continue;
    return name;
  }
  return undefined;
}

/** The evidence of a directory without a mark: whatever is in it is foreign. */
export async function whyNotEmpty(path: string): Promise<string | undefined> {
  const name = await firstEntry(path);
  return name === undefined ? undefined : foreign(path, name);
}

/** The reason of a directory that holds something which kbuild did not make. */
export function foreign(path: string, name: string): string {
  return `"${join(path, name)}" is something that kbuild did not make`;
}

/** Whether a directory has kbuild's mark of that kind. */
export async function isClaimed(path: string, kind: DirectoryKind): Promise<boolean> {
  return await isDirectory(path) &&
    await ifPresent(readText(join(path, MARK))) === markText(kind);
}

/**
 * Writes the mark under its own name: a temporary one, which a killed process leaves, would be foreign to
 * the next. The mark of a killed process is the beginning of one, and is written again.
 */
async function writeMark(path: string, kind: DirectoryKind): Promise<void> {
  const mark = join(path, MARK);
  const file = await Deno.open(mark, { write: true, createNew: true }).catch(async (error) => {
    if (systemCode(error) !== "EEXIST") throw error;
    if (await isUnfinished(path)) return await Deno.open(mark, { write: true });
    if (!await isClaimed(path, kind)) throw error;
  });
  if (file === undefined) return;
  try {
    const bytes = new TextEncoder().encode(markText(kind));
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  } finally {
    file.close();
  }
}

/** Whether the mark of a directory is a file that breaks off: its process was killed, or is at it. */
async function isUnfinished(path: string): Promise<boolean> {
  const mark = join(path, MARK);
  if ((await ifPresent(Deno.lstat(mark)))?.isFile !== true) return false;
  const text = await ifPresent(readText(mark));
  return text !== undefined &&
    KINDS.some((kind) => markText(kind).startsWith(text) && markText(kind) !== text);
}

function markText(kind: DirectoryKind): string {
  return `${kind}\n# kbuild made this directory, and may remove what it wrote here.\n`;
}
