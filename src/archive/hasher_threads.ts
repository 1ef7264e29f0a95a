import { KbuildError } from "../errors.ts";
import { cannotRead, cannotWrite, CHUNK_SIZE, ifPossible } from "../files/mod.ts";
import type { HashAlgorithm, Hasher, HashStream, OutputFile } from "./hasher_types.ts";
import type { CopiedPart, FilePart } from "./types.ts";

/** Pieces of one stream that wait in a thread, 1 MiB each as a rule. */
const MAX_PIECES = 2;

/** What runs in a thread; a `data:` URL for the same reasons as the compressor's. */
const WORKER_SOURCE = `
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

const streams = new Map();
let buffer;

function take({ hashes, out }, bytes) {
  for (const hash of hashes) hash.update(bytes);
  if (out === undefined) return;
  try {
    while (bytes.length > 0) bytes = bytes.subarray(out.writeSync(bytes));
  } catch (error) {
    throw { what: "write", code: error.code, message: error.message };
  }
}

function copy(stream, { path, offset, size }) {
  buffer ??= new Uint8Array(${CHUNK_SIZE});
  let file;
  let done = 0;
  let crc = 0;
  const read = (work) => {
    try {
      return work();
    } catch (error) {
      throw { what: "read", path, code: error.code, message: error.message };
    }
  };
  try {
    // Opening a named pipe would not come back; of a directory the system says that it is one.
    const info = read(() => Deno.statSync(path));
    if (!info.isFile && !info.isDirectory) {
      throw { what: "read", path, message: "it is not a regular file" };
    }
    file = read(() => Deno.openSync(path));
    if (offset > 0) read(() => file.seekSync(offset, 0));
    while (done < size) {
      const room = buffer.subarray(0, Math.min(buffer.length, size - done));
      const count = read(() => file.readSync(room));
      if (count === null) break;
      const bytes = room.subarray(0, count);
      crc = crc32(bytes, crc);
      take(stream, bytes);
      done += count;
    }
  } finally {
    file?.close();
  }
  return { size: done, crc32: crc };
}

function open(id, { algorithms, path }) {
  const hashes = algorithms.map((name) => createHash(name));
  const stream = { hashes };
  streams.set(id, stream);
  if (path === undefined) return;
  try {
    stream.out = Deno.openSync(path, { write: true });
  } catch (error) {
    throw { what: "write", code: error.code, message: error.message };
  }
}

function end(id) {
  streams.get(id)?.out?.close();
  streams.delete(id);
}

self.onmessage = ({ data: { id, start, piece, size, part, drop } }) => {
  try {
    if (start) return open(id, start);
    if (drop) return end(id);
    const stream = streams.get(id);
    // It has failed before.
    if (stream === undefined) return;
    if (piece) {
      take(stream, new Uint8Array(piece, 0, size));
      return self.postMessage({ id, piece }, [piece]);
    }
    if (part) return self.postMessage({ id, copied: copy(stream, part) });
    const digests = stream.hashes.map((hash) => hash.digest("hex"));
    end(id);
    self.postMessage({ id, digests });
  } catch (failed) {
    end(id);
    if (failed.what === undefined) throw failed;
    self.postMessage({ id, failed });
  }
};`;

interface Answer {
  readonly id: number;
  readonly piece?: ArrayBuffer;
  readonly copied?: CopiedPart;
  readonly digests?: readonly string[];
  readonly failed?:
    & ({ readonly what: "write" } | { readonly what: "read"; readonly path: string })
    & { readonly code?: string; readonly message: string };
}

interface Thread {
  readonly worker: Worker;
  readonly streams: Map<number, ThreadStream>;
}

/** A {@linkcode Hasher} with threads. */
export class ThreadHasher implements Hasher {
  readonly #threads: Thread[] = [];
  #failure: KbuildError | undefined;
  #last = 0;

  /** @param jobs Threads, 1 or more; they start now, while whoever hashes looks for what. */
  constructor(jobs: number) {
    for (let left = jobs; left > 0; left--) this.#threads.push(this.#start());
  }

  open(algorithms: readonly HashAlgorithm[], file?: OutputFile): HashStream {
    if (this.#failure !== undefined) throw this.#failure;
    const thread = this.#thread();
    const id = ++this.#last;
    const ended = () => thread.streams.delete(id);
    const stream = new ThreadStream(thread.worker, { id, label: file?.label ?? "", ended });
    thread.streams.set(id, stream);
    thread.worker.postMessage({ id, start: { algorithms, path: file?.path } });
    return stream;
  }

  close(): void {
    this.#fail(new KbuildError("Cannot hash: the hasher was closed"));
  }

  /** The thread with the fewest streams. */
  #thread(): Thread {
    return this.#threads.reduce((a, b) => b.streams.size < a.streams.size ? b : a);
  }

  #start(): Thread {
    const url = `data:application/javascript,${encodeURIComponent(WORKER_SOURCE)}`;
    const thread: Thread = { worker: new Worker(url, { type: "module" }), streams: new Map() };
    thread.worker.onmessage = ({ data }: MessageEvent<Answer>) =>
      thread.streams.get(data.id)?.answer(data);
    thread.worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new KbuildError(`Cannot hash: a thread failed: ${event.message}`));
    };
    return thread;
  }

  #fail(error: KbuildError): void {
    this.#failure ??= error;
    for (const { worker, streams } of this.#threads.splice(0)) {
      worker.terminate();
      for (const stream of streams.values()) stream.fail(error);
    }
  }
}

interface StreamOptions {
  readonly id: number;
  readonly label: string;
  readonly ended: () => void;
}

class ThreadStream implements HashStream {
  readonly #worker: Worker;
  readonly #id: number;
  readonly #label: string;
  readonly #ended: () => void;
  readonly #pool: ArrayBuffer[] = [];
  readonly #result = Promise.withResolvers<readonly string[]>();
  #copied = Promise.withResolvers<CopiedPart>();
  #failure: KbuildError | undefined;
  #done = false;
  #underWay = 0;
  #room: (() => void) | undefined;

  constructor(worker: Worker, { id, label, ended }: StreamOptions) {
    this.#worker = worker;
    this.#id = id;
    this.#label = label;
    this.#ended = ended;
    // Whoever asks for the digests sees the failure.
    void ifPossible(this.#result.promise);
  }

  async update(chunk: Uint8Array): Promise<void> {
    while (this.#underWay >= MAX_PIECES && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#room = resolve);
    }
    if (this.#failure !== undefined) throw this.#failure;
    const at = this.#pool.findIndex(({ byteLength }) => byteLength >= chunk.length);
    const piece = at < 0 ? new ArrayBuffer(chunk.length) : this.#pool.splice(at, 1)[0]!;
    new Uint8Array(piece).set(chunk);
    this.#underWay++;
    this.#worker.postMessage({ id: this.#id, piece, size: chunk.length }, [piece]);
  }

  readonly copy = (part: FilePart): Promise<CopiedPart> => {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#copied = Promise.withResolvers<CopiedPart>();
    this.#worker.postMessage({ id: this.#id, part });
    return this.#copied.promise;
  };

  digests(): Promise<readonly string[]> {
    if (!this.#done) this.#worker.postMessage({ id: this.#id });
    this.#done = true;
    return this.#result.promise;
  }

  [Symbol.dispose](): void {
    if (this.#done) return;
    this.#done = true;
    this.#worker.postMessage({ id: this.#id, drop: true });
    this.#ended();
  }

  answer({ piece, copied, digests, failed }: Answer): void {
    if (failed !== undefined) {
      this.#ended();
      return this.fail(this.#errorOf(failed));
    }
    if (copied !== undefined) return this.#copied.resolve(copied);
    if (digests !== undefined) {
      this.#ended();
      return this.#result.resolve(digests);
    }
    this.#underWay--;
    if (piece !== undefined && this.#pool.length < MAX_PIECES) this.#pool.push(piece);
    this.#wake();
  }

  fail(error: KbuildError): void {
    this.#done = true;
    this.#failure = error;
    this.#result.reject(error);
    void ifPossible(this.#copied.promise);
    this.#copied.reject(error);
    this.#wake();
  }

  #errorOf(failed: NonNullable<Answer["failed"]>): KbuildError {
    const cause = Object.assign(new Error(failed.message), { code: failed.code });
    return failed.what === "write"
      ? cannotWrite(this.#label, cause)
      : cannotRead(failed.path, cause);
  }

  #wake(): void {
    const wake = this.#room;
    this.#room = undefined;
    wake?.();
  }
}
