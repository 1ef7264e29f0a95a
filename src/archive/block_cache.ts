import { createHash } from "node:crypto";
import { ifPossible, ifPossibleSync, readFile, removeTree, writeAll } from "../files/mod.ts";
import { walk } from "@std/fs";
import { dirname, join } from "@std/path";

/** Compressed blocks by the digest of what they were made from. */
export interface BlockCache {
  /** The bytes that were written under `key`, or undefined: none, or not as they were written. */
  read(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keeps `bytes`. A failure is not an error: the cache does without them. */
  write(key: string, bytes: Uint8Array): Promise<void>;
}

const DIGEST_BYTES = 32;

/**
 * A cache in a directory, which is made when something is written: `<directory>/<first two digits>/<key>`.
 * A file holds the SHA-256 of key and bytes, then the bytes. It is checked whenever it is read, so
 * that neither a killed run nor a damaged disk can leave anything that would be taken for a block.
 *
 * @param directory Only one process may write to it at a time.
 */
export function openBlockCache(directory: string): BlockCache {
  const made = new Set<string>();
  const place = (key: string) => join(directory, key.slice(0, 2), key);
  return Object.freeze({
    async read(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
      const path = place(key);
      // In a first run nearly all are missing.
      if (ifPossibleSync(() => Deno.statSync(path)) === undefined) return undefined;
      const found = await ifPossible(readFile(path));
      if (found === undefined) return undefined;
      const bytes = found.subarray(DIGEST_BYTES);
      const digest = checksum(key, bytes);
      if (!digest.every((byte, index) => byte === found[index])) return undefined;
      // The oldest entries go first.
      const now = Date.now() / 1000;
      await ifPossible(Deno.utime(path, now, now));
      return bytes;
    },
    async write(key: string, bytes: Uint8Array): Promise<void> {
      const path = place(key);
      // A new file always: the name may be a link, or the file have another name.
      if (ifPossibleSync(() => Deno.lstatSync(path)) !== undefined) {
        await ifPossible(removeTree(path));
      }
      // Not by rename: the checksum detects an incomplete block.
      const isWritten = ifPossibleSync(() => writeBlock(path, [checksum(key, bytes), bytes]));
      if (isWritten !== true) await ifPossible(removeTree(path));
    },
  });

  /** Synchronous: it takes a third of the processor time, and the bytes go to the system's memory. */
  function writeBlock(path: string, parts: readonly Uint8Array[]): true {
    if (!made.has(dirname(path))) Deno.mkdirSync(dirname(path), { recursive: true });
    made.add(dirname(path));
    using file = Deno.openSync(path, { write: true, createNew: true });
    for (const part of parts) writeAll(path, file, part);
    return true;
  }
}

function checksum(key: string, bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(key).update(bytes).digest();
}

/** Names of entries of a cache: SHA-256 in hex. Nothing else is removed. */
const ENTRY = /^[0-9a-f]{64}$/;

/**
 * Removes entries of a cache, the longest unused first, until the rest has at most `limit` bytes. An
 * entry is a file below `directory` with a SHA-256 for a name; other files stay and do not count. No link
 * is followed.
 *
 * @param before Milliseconds since 1970: what was used since then stays.
 * @throws {KbuildError} A file cannot be removed.
 */
export async function trimCache(
  directory: string,
  limit: number,
  before: number = Infinity,
): Promise<void> {
  const files: { path: string; size: number; used: number }[] = [];
  if ((await ifPossible(Deno.lstat(directory)))?.isDirectory !== true) return;
  for await (const { path, name, isFile } of walk(directory, { includeDirs: false })) {
    if (!isFile || !ENTRY.test(name)) continue;
    const { size, mtime } = await Deno.lstat(path);
    files.push({ path, size, used: mtime?.getTime() ?? 0 });
  }
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size, used } of files.sort((a, b) => a.used - b.used)) {
    if (total <= limit || used >= before) return;
    await removeTree(path);
    total -= size;
  }
}
