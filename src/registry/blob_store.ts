import { format as formatBytes } from "@std/fmt/bytes";
import { dirname, join } from "@std/path";
import {
  clearStale,
  entriesOf,
  ifPossible,
  lockFile,
  moveFile,
  readFile,
  readFileChunks,
  reasonOf,
  removeTree,
  writeFileAtomic,
} from "../files/mod.ts";
import { createHash } from "node:crypto";
import { trimCache } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { megabytesIn } from "../lib/util.ts";
import { digestOf, hexOf } from "../image/mod.ts";
import { WrongContentError } from "../net/mod.ts";

const DAY = 24 * 3600_000;

/** Parts of blobs are removed if nobody has resumed them for this many milliseconds. */
const STALE = 7 * DAY;

/** Names in `partial`: blobs on their way, layers that are compressed, documents that are written. */
const PARTIAL = /^([0-9a-f]{64}|layer-[0-9a-f-]{36}|\.kbuild-tmp-.+)$/;

/** Bytes of blobs that the cache keeps, unless told otherwise. */
const BLOBS_LIMIT = 8e9;

/**
 * Bytes of blobs that the cache keeps.
 *
 * @throws {UsageError} `KBUILD_BLOB_CACHE_MB` is not a whole number.
 */
export function blobsLimit(env: Readonly<Record<string, string>>): number {
  return megabytesIn(env, "KBUILD_BLOB_CACHE_MB") ?? BLOBS_LIMIT;
}

/**
 * Blobs by digest, shared by all checkouts and by any number of kbuilds at a time:
 * `blobs/sha256/<hex>` complete or not at all, `partial/<hex>` while it comes. What is read was
 * checked before in this run; what is damaged counts as not there.
 */
export class BlobStore {
  readonly #directory: string;
  readonly #sound = new Set<string>();

  /** @param directory In kbuild's cache; made when something is put there. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The file of a blob, whether it is there or not. */
  path(digest: string): string {
    return join(this.#directory, "blobs", "sha256", hexOf(digest));
  }

  /** Whether a blob is there and is what its name says; a damaged one is removed. */
  async has(digest: string): Promise<boolean> {
    if (this.#sound.has(digest)) return true;
    const path = this.path(digest);
    const info = await ifPossible(Deno.stat(path));
    if (info?.isFile !== true) return false;
    const hash = createHash("sha256");
    // Neither can it be used nor does it help to know why: it is fetched again.
    const reading = async () => {
      for await (const chunk of readFileChunks(path)) hash.update(chunk);
      return true;
    };
    if (await ifPossible(reading()) !== true) return false;
    if (`sha256:${hash.digest("hex")}` !== digest) {
      await ifPossible(removeTree(path));
      return false;
    }
    this.#sound.add(digest);
    // For sweep(), which goes by it.
    const now = new Date();
    await ifPossible(Deno.utime(path, now, now));
    return true;
  }

  /** The content of a blob that {@linkcode has} found. */
  read(digest: string): AsyncGenerator<Uint8Array, void> {
    return readFileChunks(this.path(digest));
  }

  /**
   * The whole content of a small blob that {@linkcode has} found.
   *
   * @param most Bytes that it may have.
   * @throws {KbuildError} It has more: it is something else.
   */
  async document(digest: string, most: number): Promise<Uint8Array> {
    const { size } = await Deno.stat(this.path(digest));
    if (size <= most) return await readFile(this.path(digest));
    throw new KbuildError(`Cannot use "${digest}": it has ${formatBytes(size)}, so it is a layer`);
  }

  /** Keeps a document; returns its digest. */
  async put(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    if (await this.has(digest)) return digest;
    await this.#prepare(dirname(this.path(digest)));
    await writeFileAtomic(this.path(digest), bytes);
    this.#sound.add(digest);
    return digest;
  }

  /** Takes a finished file over, whose digest is known; it must be in {@linkcode workDirectory}. */
  async adopt(path: string, digest: string): Promise<void> {
    await this.#prepare(dirname(this.path(digest)));
    await moveFile(path, this.path(digest));
    this.#sound.add(digest);
  }

  /** A directory on the same file system, for what is under way. */
  async workDirectory(): Promise<string> {
    const directory = join(this.#directory, "partial");
    await this.#prepare(directory);
    return directory;
  }

  /**
   * Sees to it that a blob is there. Several kbuilds that want the same one wait for the first; what
   * an interrupted one left is resumed.
   *
   * @param fill Brings what the file lacks, and returns the SHA-256 of all of it in hex.
   * @param signal Ends the waiting.
   * @throws {WrongContentError} What came is something else; nothing of it is kept.
   */
  async ensure(
    digest: string,
    fill: (partial: { file: Deno.FsFile; path: string }) => Promise<string>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    while (!await this.has(digest)) {
      const path = join(await this.workDirectory(), hexOf(digest));
      using lock = await lockFile(path, { signal });
      const { file } = lock;
      // Another kbuild may have finished it in the meantime.
      if (await this.has(digest)) {
        await removeTree(path);
        return;
      }
      const found = `sha256:${await fill({ file, path })}`;
      if (found !== digest) {
        await file.truncate(0);
        throw new WrongContentError(`Cannot use "${digest}": what came is "${found}"`);
      }
      signal?.throwIfAborted();
      await this.adopt(path, digest);
    }
  }

  async #prepare(directory: string): Promise<void> {
    try {
      await Deno.mkdir(directory, { recursive: true });
    } catch (cause) {
      throw new KbuildError(`Cannot write to the cache "${directory}": ${reasonOf(cause)}`, {
        notes: [
          "Make it writable for you, or choose another directory: KBUILD_CACHE=/absolute/path",
        ],
        cause,
      });
    }
  }

  /**
   * Removes parts that nobody resumes, and blobs, the longest unused first, until there are at
   * most `limit` bytes of them. What was used within a day stays: a run may be about to read it.
   */
  async sweep(limit: number): Promise<void> {
    const now = Date.now();
    const directory = join(this.#directory, "partial");
    const found = await ifPossible(entriesOf(directory)) ?? [];
    for (const { name } of found.filter(({ name }) => PARTIAL.test(name))) {
      const info = await ifPossible(Deno.stat(join(directory, name)));
      if (info?.mtime != null && now - info.mtime.getTime() > STALE) {
        await ifPossible(removeTree(join(directory, name)));
      }
    }
    // What killed runs left; another run may be writing the others.
    for (const name of ["blobs", "tags", "layers"]) {
      await clearStale(join(this.#directory, name), now - DAY);
    }
    // Another run may remove the same ones; what cannot be removed does no harm.
    await ifPossible(trimCache(join(this.#directory, "blobs"), limit, now - DAY));
  }
}
