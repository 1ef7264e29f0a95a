import { dirname, join, relative, resolve } from "@std/path";
import { ifPossible, ifPossibleSync, ifPresent, readFile, readText } from "../files/mod.ts";

/**
 * Looks into the index of the repository around a directory, without git: for repositories that git cannot
 * read, and machines without git.
 *
 * @param directory Absolute.
 * @param name A file or directory in it.
 * @returns The tracked files at or below `name`, relative to the directory, as `git ls-files` lists them;
 * none outside of repositories. Undefined if the index is damaged, or of a format in which names are not
 * written out (version 4).
 */
export async function trackedByIndex(
  directory: string,
  name: string,
): Promise<readonly string[] | undefined> {
  const found = await findIndex(directory);
  if (found === undefined) return [];
  const bytes = await ifPresent(readFile(found.index));
  if (bytes === undefined) return [];
  // gitformat-index(5): "DIRC", then the version as four bytes.
  const text = new TextDecoder("latin1").decode(bytes);
  if (!text.startsWith("DIRC") || ![2, 3].includes(text.charCodeAt(7))) return undefined;
  const path = relative(found.root, join(directory, name));
  const start = new TextEncoder().encode(path);
  const latin = new TextDecoder("latin1").decode(start);
  const files: string[] = [];
  for (let at = text.indexOf(latin); at >= 0; at = text.indexOf(latin, at + 1)) {
    const after = text.charAt(at + latin.length);
    if (after !== "/" && after !== "\0") continue;
    const end = text.indexOf("\0", at);
    // An entry has the length of its name in the twelve bits before, or before two bytes of more flags.
    const lengthAt = (place: number) => ((bytes[place]! & 0xf) << 8) | bytes[place + 1]!;
    const length = Math.min(end - at, 0xfff);
    if (lengthAt(at - 2) !== length && lengthAt(at - 4) !== length) continue;
    files.push(name + new TextDecoder().decode(bytes.subarray(at + start.length, end)));
  }
  return files;
}

/** So many entries of an index are compared with their files. */
const SAMPLE = 32;
/** So many files that git reads each time take it as long as looking at all others. */
const MANY = 500;

/**
 * Whether git reads many files of the repository around a directory each time that it looks at them, until it may
 * write its index again: it was written for the originals of a copied checkout, or in the second in which many of the
 * files were, as `git clone` does. False for an index of somebody else, and where it cannot be read.
 */
export async function isIndexStale(directory: string): Promise<boolean> {
  const found = await ifPossible(findIndex(directory));
  if (found === undefined) return false;
  const info = await ifPossible(Deno.stat(found.index));
  // Where Deno does not say who the user is, nobody else's index is written.
  if (info?.isFile !== true || info.uid !== ifPossibleSync(Deno.uid)) return false;
  const bytes = await ifPossible(readFile(found.index));
  if (bytes === undefined) return false;
  const written = Math.floor((info.mtime?.getTime() ?? Infinity) / 1000);
  // An index that is written now does not help with files from the future.
  const { first, young } = scanIndex(bytes, { from: written, to: Math.floor(Date.now() / 1000) });
  return young >= MANY || areOthers(found.root, first);
}

/** Whether the files of most entries are others, by what git compares: time of change, inode. */
function areOthers(root: string, entries: readonly IndexEntry[]): boolean {
  let [same, other] = [0, 0];
  for (const { ctime, ino, name } of entries) {
    const path = join(root, new TextDecoder().decode(name));
    const file = ifPossibleSync(() => Deno.lstatSync(path));
    // Node.js's stand-in for Deno does not have this time.
    if (file?.isFile !== true || !file.ctime) continue;
    const isSame = Math.floor(file.ctime.getTime() / 1000) === ctime &&
      (file.ino ?? 0) % 2 ** 32 === ino;
    if (isSame) same++;
    else other++;
  }
  return other > same;
}

/** What an index has of a file. */
interface IndexEntry {
  /** From the root, in UTF-8. */
  readonly name: Uint8Array;
  /** Seconds since 1970. */
  readonly ctime: number;
  /** The lower 32 bits. */
  readonly ino: number;
}

/**
 * Reads an index of version 2 or 3 with SHA-1, as gitformat-index(5) has it. It has 20,000 entries, which are passed within
 * a few milliseconds.
 *
 * @param time Seconds since 1970, `to` excluded.
 * @returns The first entries, and how many files were last changed in that time.
 */
function scanIndex(
  bytes: Uint8Array,
  time: { readonly from: number; readonly to: number },
): { readonly first: readonly IndexEntry[]; readonly young: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isIndex = bytes.length > 12 && new TextDecoder().decode(bytes.subarray(0, 4)) === "DIRC" &&
    [2, 3].includes(view.getUint32(4));
  const first: IndexEntry[] = [];
  let young = 0;
  if (!isIndex) return { first, young };
  const count = view.getUint32(8);
  for (let at = 12, i = 0; i < count && at + 64 < bytes.length; i++) {
    const flags = view.getUint16(at + 60);
    // The second flags of version 3 are there if a bit says so.
    const from = at + 62 + ((flags & 0x4000) === 0 ? 0 : 2);
    const length = flags & 0xfff;
    const end = length < 0xfff ? from + length : bytes.indexOf(0, from);
    if (end < from) break;
    const mtime = view.getUint32(at + 8);
    if (mtime >= time.from && mtime < time.to) young++;
    if (i < SAMPLE) {
      const name = bytes.subarray(from, end);
      first.push({ name, ctime: view.getUint32(at), ino: view.getUint32(at + 20) });
    }
    at += (end - at + 8) & ~7;
  }
  return { first, young };
}

/** The working tree around a directory and its index; undefined outside of repositories. */
async function findIndex(directory: string): Promise<{ root: string; index: string } | undefined> {
  for (let root = directory;; root = dirname(root)) {
    const info = await ifPresent(Deno.stat(join(root, ".git")));
    if (info?.isDirectory === true) return { root, index: join(root, ".git", "index") };
    if (info?.isFile === true) {
      // Of a linked worktree or a submodule.
      const text = await readText(join(root, ".git"));
      const [, place] = /^gitdir: (.+)$/m.exec(text) ?? [];
      return place === undefined
        ? undefined
        : { root, index: resolve(root, place.trim(), "index") };
    }
    if (dirname(root) === root) return undefined;
  }
}
