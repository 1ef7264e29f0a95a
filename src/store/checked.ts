import { createHash } from "node:crypto";
import { dirname } from "@std/path";
import { compareNames } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { cannotWrite, readFileChunks, writeAll, writeFileAtomic } from "../files/mod.ts";
import type { Logger } from "../lib/logging.ts";
import { mapConcurrently } from "../lib/util.ts";
import {
  blobsOf,
  decodeResult,
  decodeValue,
  encodeResult,
  encodeValue,
  isKey,
  MAX_ENTRY,
} from "./record.ts";
import {
  type Backend,
  MAX_VALUE,
  type Store,
  type StoreCounts,
  type StoredBlob,
  type StoredFile,
  type StoredResult,
  StoreFault,
} from "./types.ts";

/** Files of one result that are sent at a time. */
const CONCURRENCY = 4;

/** Single operations that may fail before the store is given up. */
const MAX_FAULTS = 5;

/** Options of {@linkcode CheckedStore}. */
export interface CheckedStoreOptions {
  /** As the user gave it, without credentials. */
  readonly url: string;
  /** Whether nothing is written. */
  readonly readOnly: boolean;
  /** Receives warnings. */
  readonly log: Logger;
  /** Stops everything. */
  readonly signal?: AbortSignal | undefined;
}

/** A {@linkcode Store} that trusts its backend in nothing. */
export class CheckedStore implements Store {
  readonly url: string;
  readonly readOnly: boolean;
  readonly #backend: Backend;
  readonly #log: Logger;
  readonly #signal: AbortSignal | undefined;
  readonly #counts = {
    values: 0,
    fetched: 0,
    fetchedBytes: 0,
    saved: 0,
    savedBytes: 0,
    refused: 0,
  };
  /** What was found damaged: written again, though the store has something of that name. */
  readonly #damaged = new Set<string>();
  /** Blobs that are there, or will be soon. */
  readonly #placed = new Map<string, Promise<boolean>>();
  #reads = true;
  #writes: boolean;
  #faults = 0;

  constructor(backend: Backend, { url, readOnly, log, signal }: CheckedStoreOptions) {
    this.#backend = backend;
    this.url = url;
    this.readOnly = readOnly;
    this.#writes = !readOnly;
    this.#log = log;
    this.#signal = signal;
  }

  get isUsable(): boolean {
    return this.#reads;
  }

  get isWritable(): boolean {
    return this.#writes;
  }

  get counts(): StoreCounts {
    return Object.freeze({ ...this.#counts });
  }

  async result(key: string): Promise<StoredResult | undefined> {
    const entry = await this.#entry(key);
    const result = entry === undefined ? undefined : decodeResult(key, entry);
    if (entry !== undefined && result === undefined) this.#refuse(`the result "${key}"`);
    return result;
  }

  async holds(files: readonly StoredFile[]): Promise<boolean> {
    const held = await mapConcurrently(
      files,
      CONCURRENCY,
      async (file) => this.#reads && await this.#try(() => this.#backend.hasBlob(file)) === true,
    );
    return held.every((isHeld) => isHeld);
  }

  async fetch(file: StoredFile, to: string): Promise<boolean> {
    const { path, digest, size, mode } = file;
    const found = this.#reads ? await this.#try(() => this.#backend.readBlob(file)) : undefined;
    if (found === undefined) return false;
    await Deno.mkdir(dirname(to), { recursive: true }).catch((cause: unknown) => {
      throw cannotWrite(to, cause);
    });
    const hash = createHash("sha256");
    const done = await this.#try(() =>
      writeFileAtomic(to, async (out) => {
        let known = 0;
        for await (const chunk of found) {
          this.#signal?.throwIfAborted();
          known += chunk.length;
          if (known > size) throw new Refused(`more than its ${size} bytes came`);
          hash.update(chunk);
          writeAll(to, out, chunk);
        }
        if (known < size) throw new Refused(`${known} of its ${size} bytes came`);
        const came = `sha256:${hash.digest("hex")}`;
        if (came !== digest) throw new Refused(`its content is "${came}"`);
        return true;
      }, { mode }).catch((error: unknown) => {
        if (!(error instanceof Refused)) throw error;
        this.#damaged.add(digest);
        this.#refuse(`"${path}" (${digest})`, error.message);
        return false;
      })
    );
    if (done !== true) return false;
    this.#counts.fetched++;
    this.#counts.fetchedBytes += size;
    return true;
  }

  async save(result: StoredResult, pathOf: (file: StoredFile) => string): Promise<boolean> {
    const files = [...result.files].sort((a, b) => compareNames(a.path, b.path));
    const sorted = { ...result, files };
    const entry = encodeResult(sorted);
    if (!this.#writes) return false;
    const sources = new Map(files.map((file) => [file.digest, pathOf(file)]));
    const blobs = blobsOf(sorted);
    const placed = await mapConcurrently(
      blobs,
      CONCURRENCY,
      (blob) => this.#place(blob, sources.get(blob.digest)!),
    );
    if (!placed.every((isThere) => isThere)) return false;
    const isSaved = await this.#writeEntry(result.key, entry, blobs);
    if (isSaved) this.#counts.saved++;
    return isSaved;
  }

  async value(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const entry = await this.#entry(key);
    const bytes = entry === undefined ? undefined : decodeValue(key, entry);
    if (entry !== undefined && bytes === undefined) this.#refuse(`the value "${key}"`);
    if (bytes !== undefined) this.#counts.values++;
    return bytes;
  }

  async saveValue(key: string, bytes: Uint8Array): Promise<void> {
    checkKey(key);
    if (!this.#writes || bytes.length > MAX_VALUE) return;
    if (await this.#writeEntry(key, encodeValue(key, bytes), [])) {
      this.#counts.savedBytes += bytes.length;
    }
  }

  [Symbol.dispose](): void {
    this.#backend[Symbol.dispose]();
  }

  async #entry(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    checkKey(key);
    if (!this.#reads) return undefined;
    return await this.#try(() => this.#backend.readEntry(key, MAX_ENTRY));
  }

  async #writeEntry(
    key: string,
    entry: Uint8Array<ArrayBuffer>,
    blobs: readonly StoredBlob[],
  ): Promise<boolean> {
    if (!this.#writes) return false;
    const written = await this.#try(async () => {
      await this.#backend.writeEntry(key, entry, blobs);
      return true;
    });
    return written === true;
  }

  /** Sees to it that a blob is in the store; several that want the same one wait for the first. */
  async #place(blob: StoredBlob, path: string): Promise<boolean> {
    const under = this.#placed.get(blob.digest);
    if (under !== undefined && await under) return true;
    const placing = this.#send(blob, path);
    this.#placed.set(blob.digest, placing);
    return await placing;
  }

  async #send(blob: StoredBlob, path: string): Promise<boolean> {
    if (!this.#writes) return false;
    if (!this.#damaged.has(blob.digest)) {
      const isThere = await this.#try(() => this.#backend.hasBlob(blob));
      if (isThere !== false) return isThere === true;
    }
    let failure: unknown;
    async function* read(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
      try {
        yield* unchanged(path, blob);
      } catch (error) {
        failure = error;
        throw error;
      }
    }
    const sent = await this.#try(async () => {
      try {
        await this.#backend.writeBlob(blob, read);
        return true;
      } catch (error) {
        if (!(failure instanceof KbuildError)) throw error;
        throw new StoreFault(failure.message, "one");
      }
    });
    if (sent !== true) return false;
    this.#damaged.delete(blob.digest);
    this.#counts.savedBytes += blob.size;
    return true;
  }

  #refuse(what: string, why = "it is not what was written"): void {
    this.#counts.refused++;
    this.#log.warn(`Store "${this.url}": ${what} is damaged or was changed: ${why}`, [
      "It is not used, and made again",
    ]);
  }

  /** Does something; undefined after a failure of the store. */
  async #try<T>(work: () => Promise<T>): Promise<T | undefined> {
    this.#signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (!(error instanceof StoreFault)) throw error;
      this.#report(error);
      return undefined;
    }
  }

  #report({ message, extent, notes }: StoreFault): void {
    // Several may be under way when the first of them finds out.
    const isKnown = extent === "writing" ? !this.#writes : extent === "reading" && !this.#reads;
    if (isKnown || (!this.#reads && !this.#writes)) return;
    this.#faults++;
    if (extent === "all" || this.#faults >= MAX_FAULTS) {
      this.#reads = this.#writes = false;
      this.#log.warn(`The store "${this.url}" is not used any more: ${message}`, notes);
    } else if (extent === "reading") {
      this.#reads = false;
      this.#log.warn(`Nothing is read from the store "${this.url}" any more: ${message}`, notes);
    } else if (extent === "writing") {
      this.#writes = false;
      this.#log.warn(`Nothing is written to the store "${this.url}" any more: ${message}`, notes);
    } else {
      this.#log.warn(`Store "${this.url}": ${message}`, notes);
    }
  }
}

/** What came is not what was asked for. */
class Refused extends Error {}

/** @throws {TypeError} A bug of the caller. */
function checkKey(key: string): void {
  if (!isKey(key)) throw new TypeError(`Not a key: ${key}`);
}

/**
 * The content of a file. The last bytes come only when all of it is what it should be, so that whoever
 * takes them does not end up with something else under that digest.
 *
 * @throws {KbuildError} It cannot be read, or is something else by now.
 */
async function* unchanged(
  path: string,
  { digest, size }: StoredBlob,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const hash = createHash("sha256");
  let last: Uint8Array<ArrayBuffer> | undefined;
  let known = 0;
  for await (const chunk of readFileChunks(path)) {
    known += chunk.length;
    hash.update(chunk);
    if (known > size) break;
    if (last !== undefined) yield last;
    last = chunk;
  }
  if (known !== size || `sha256:${hash.digest("hex")}` !== digest) {
    throw new KbuildError(`"${path}" changed while it was read`);
  }
  if (last !== undefined) yield last;
}
