import { dirname, join, relative, resolve } from "@std/path";
import {
  ifPossible,
  ifPossibleSync,
  ifPresent,
  openFile,
  readFile,
  readText,
} from "../files/mod.ts";

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
/** Bytes that hold as many entries, with names of usual length. */
const SAMPLE_BYTES = 16384;

/**
 * Whether the index of the repository around a directory is the user's own and was written for other files
 * than those that are there: for the originals of a copied checkout. The first files decide, by what git
 * compares: time of change, inode. False where the index cannot be read.
 */
export async function isIndexOfOthers(directory: string): Promise<boolean> {
  const found = await ifPossible(findIndex(directory));
  if (found === undefined) return false;
  const info = await ifPossible(Deno.stat(found.index));
  // Where Deno does not say who the user is, nobody else's index is written.
  if (info?.isFile !== true || info.uid !== ifPossibleSync(Deno.uid)) return false;
  const bytes = await ifPossible(readStart(found.index, SAMPLE_BYTES));
  if (bytes === undefined) return false;
  let [same, other] = [0, 0];
  for (const { name, ctime, ino } of entriesOf(bytes)) {
    const file = await ifPossible(Deno.lstat(join(found.root, name)));
    // Node.js's stand-in for Deno does not have this time.
    if (file?.isFile !== true || !file.ctime) continue;
    const isSame = Math.floor(file.ctime.getTime() / 1000) === ctime &&
      (file.ino ?? 0) % 2 ** 32 === ino;
    if (isSame) same++;
    else other++;
  }
  return other > same;
}

async function readStart(path: string, bytes: number): Promise<Uint8Array> {
  using file = await openFile(path);
  const buffer = new Uint8Array(bytes);
  let size = 0;
  for (let read; size < bytes && (read = await file.read(buffer.subarray(size))) !== null;) {
    size += read;
  }
  return buffer.subarray(0, size);
}

/** The first entries of an index of version 2 or 3 with SHA-1, as gitformat-index(5) has them. */
function* entriesOf(
  bytes: Uint8Array,
): Generator<{ readonly name: string; readonly ctime: number; readonly ino: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isIndex = bytes.length > 12 && new TextDecoder().decode(bytes.subarray(0, 4)) === "DIRC" &&
    [2, 3].includes(view.getUint32(4));
  if (!isIndex) return;
  const count = Math.min(view.getUint32(8), SAMPLE);
  for (let at = 12, i = 0; i < count && at + 64 < bytes.length; i++) {
    // The second flags of version 3 are there if a bit says so.
    const from = at + 62 + ((view.getUint16(at + 60) & 0x4000) === 0 ? 0 : 2);
    const end = bytes.indexOf(0, from);
    if (end < 0) return;
    const name = new TextDecoder().decode(bytes.subarray(from, end));
    yield { name, ctime: view.getUint32(at), ino: view.getUint32(at + 20) };
    at += (end - at + 8) & ~7;
  }
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
