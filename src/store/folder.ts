import { dirname, join } from "@std/path";
import { isDenied, KbuildError, systemCode } from "../errors.ts";
import {
  claimDirectory,
  concat,
  entriesOf,
  foreign,
  ifPossible,
  ifPresent,
  isDiskFull,
  isSystemEntry,
  MARK,
  MARKS_ALONE,
  type OwnershipContext,
  readFileChunks,
  reasonOf,
  writeAll,
  writeFileAtomic,
} from "../files/mod.ts";
import { eachChunk } from "./each_chunk.ts";
import { type Backend, type FaultExtent, type StoredBlob, StoreFault } from "./types.ts";

/** Directories of a store in a folder. A server that serves the folder by HTTP is a store, too. */
export const ENTRIES = "ac";
/** Of contents, by digest. */
export const BLOBS = "cas";

/**
 * A store in a directory: `ac/<key>` and `cas/<SHA-256>`, the paths of the HTTP protocol. Files appear
 * complete or not at all. What is found counts as used: its modification time becomes now, by which
 * {@linkcode collectGarbage} goes.
 */
export class FolderBackend implements Backend {
  readonly #root: string;
  readonly #made = new Set<string>();

  /** @param root From {@linkcode prepareFolder}. */
  constructor(root: string) {
    this.#root = root;
  }

  async readEntry(key: string, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await faulty("read", async () => {
      const path = join(this.#root, ENTRIES, key);
      const info = await this.#use(path);
      if (info === undefined) return undefined;
      if (info.size > most) throw new StoreFault(`"${path}" is larger than any entry`, "one");
      return concat(await Array.fromAsync(readFileChunks(path, { size: info.size })));
    });
  }

  async writeEntry(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await faulty("write", async () => {
      await writeFileAtomic(join(await this.#directory(ENTRIES), key), bytes);
    });
  }

  async hasBlob({ digest, size }: StoredBlob): Promise<boolean> {
    return await faulty("read", async () => (await this.#use(this.#path(digest)))?.size === size);
  }

  async readBlob({ digest }: StoredBlob): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = this.#path(digest);
    if (await faulty("read", () => this.#use(path)) === undefined) return undefined;
    return eachChunk(readFileChunks(path), (next) => faulty("read", next));
  }

  async writeBlob(
    { digest }: StoredBlob,
    read: () => AsyncIterable<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    await faulty("write", async () => {
      await this.#directory(BLOBS);
      const path = this.#path(digest);
      await writeFileAtomic(path, async (file) => {
        for await (const chunk of read()) writeAll(path, file, chunk);
      });
    });
  }

  [Symbol.dispose](): void {}

  #path(digest: string): string {
    return join(this.#root, BLOBS, digest.slice("sha256:".length));
  }

  /** What is at a path, which counts as used from now on if the user may say so. */
  async #use(path: string): Promise<Deno.FileInfo | undefined> {
    const now = new Date();
    await ifPossible(Deno.utime(path, now, now));
    return await ifPresent(Deno.stat(path));
  }

  async #directory(name: string): Promise<string> {
    const directory = join(this.#root, name);
    if (!this.#made.has(name)) await Deno.mkdir(directory, { recursive: true });
    this.#made.add(name);
    return directory;
  }
}

async function faulty<T>(doing: "read" | "write", work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreFault) throw error;
    const cause = error instanceof KbuildError ? error.cause ?? error : error;
    throw new StoreFault(`cannot ${doing}: ${reasonOf(cause)}`, extentOf(doing, cause), { cause });
  }
}

function extentOf(doing: "read" | "write", cause: unknown): FaultExtent {
  if (doing === "read") return "one";
  const isReadOnly = systemCode(cause) === "EROFS";
  return isReadOnly || isDiskFull(cause) || isDenied(cause) ? "writing" : "one";
}

/**
 * Sees to it that a directory can be a store: kbuild made it, or it is empty, or it holds nothing but a
 * store's directories. Its parent has to exist: a disk may not be mounted.
 *
 * @throws {StoreFault} It cannot be made or written.
 * @throws {KbuildError} It holds something else: exit code 2.
 */
export async function prepareFolder(
  root: string,
  { readOnly, ownership = MARKS_ALONE }: {
    readOnly: boolean;
    ownership?: OwnershipContext | undefined;
  },
): Promise<void> {
  const info = await faulty("read", () => ifPresent(Deno.stat(root)));
  if (readOnly) {
    if (info?.isDirectory !== true) throw new StoreFault(`"${root}" is not a directory`, "all");
    return;
  }
  try {
    if (info === undefined) {
      await Deno.stat(dirname(root));
      await Deno.mkdir(root, { recursive: true });
    }
    await claimDirectory(root, {
      kind: "cache",
      name: `the store "${root}"`,
      evidence: whyNotStore,
      notes: ["Name a new or an empty directory, or one that is a store already"],
    }, ownership);
  } catch (error) {
    if (error instanceof KbuildError && error.exitCode === 2) throw error;
    const cause = error instanceof KbuildError ? error.cause ?? error : error;
    throw new StoreFault(`cannot write to "${root}": ${reasonOf(cause)}`, "all", {
      notes: [`"${dirname(root)}" has to exist, and "${root}" to be writable for you`],
      cause,
    });
  }
}

/** The evidence of a store without a mark: a server wrote it, and nothing else is in it. */
export async function whyNotStore(root: string): Promise<string | undefined> {
  for (const { name } of await entriesOf(root) ?? []) {
    if ([ENTRIES, BLOBS, MARK].includes(name) || isSystemEntry(name)) continue;
    return foreign(root, name);
  }
  return undefined;
}
