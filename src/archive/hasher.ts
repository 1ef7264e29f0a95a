import { createHash, type Hash } from "node:crypto";
import { KbuildError } from "../errors.ts";

/** The algorithms that releases need. */
export type HashAlgorithm = "sha256" | "sha512";

/** Digests of one stream of bytes, all of them made in one pass. */
export interface HashStream {
  /**
   * Takes the next bytes, which are copied; waits while enough of them are under way.
   *
   * @throws {KbuildError} A thread failed, or the hasher was closed.
   */
  update(chunk: Uint8Array): Promise<void>;
  /** The digests, hexadecimal, in the order of the algorithms. Nothing can be added after it. */
  digests(): Promise<readonly string[]>;
}

/** Computes digests, maybe in threads of its own; what comes out does not depend on that. */
export interface Hasher {
  /** Starts a stream. */
  open(...algorithms: readonly HashAlgorithm[]): HashStream;
  /** Ends the threads; streams under way fail. */
  close(): void;
}

/** Hashes in the calling thread. */
export const inlineHasher: Hasher = Object.freeze({
  open(...algorithms: readonly HashAlgorithm[]): HashStream {
    const hashes: readonly Hash[] = algorithms.map((name) => createHash(name));
    return Object.freeze({
      update(chunk: Uint8Array): Promise<void> {
        for (const hash of hashes) hash.update(chunk);
        return Promise.resolve();
      },
      digests: () => Promise.resolve(hashes.map((hash) => hash.digest("hex"))),
    });
  },
  close(): void {},
});

/** Pieces of one stream that lie in a thread, 1 MiB each as a rule. */
const MOST_PIECES = 2;

/** What runs in a thread; a `data:` URL for the same reasons as the compressor's. */
const WORKER_SOURCE = `
import { createHash } from "node:crypto";
const streams = new Map();
self.onmessage = ({ data: { id, algorithms, piece, size } }) => {
  if (algorithms) return void streams.set(id, algorithms.map((name) => createHash(name)));
  const hashes = streams.get(id);
  if (piece) {
    const bytes = new Uint8Array(piece, 0, size);
    for (const hash of hashes) hash.update(bytes);
    return self.postMessage({ id, piece }, [piece]);
  }
  streams.delete(id);
  self.postMessage({ id, digests: hashes.map((hash) => hash.digest("hex")) });
};`;

interface Answer {
  readonly id: number;
  readonly piece?: ArrayBuffer;
  readonly digests?: readonly string[];
}

interface Thread {
  readonly worker: Worker;
  readonly streams: Map<number, ThreadStream>;
}

/**
 * Hashes in threads, which start when they are needed: while one thread reads and writes, SHA-256 of
 * what it read takes the rest of its time.
 *
 * @param jobs Threads at most; 1 hashes in the calling thread.
 */
export function createHasher(jobs: number): Hasher {
  return jobs <= 1 ? inlineHasher : new ThreadHasher(jobs);
}

class ThreadHasher implements Hasher {
  readonly #jobs: number;
  readonly #threads: Thread[] = [];
  #failure: KbuildError | undefined;
  #last = 0;

  constructor(jobs: number) {
    this.#jobs = jobs;
  }

  open(...algorithms: readonly HashAlgorithm[]): HashStream {
    if (this.#failure !== undefined) throw this.#failure;
    const thread = this.#thread();
    const id = ++this.#last;
    const stream = new ThreadStream(thread.worker, id, () => thread.streams.delete(id));
    thread.streams.set(id, stream);
    thread.worker.postMessage({ id, algorithms });
    return stream;
  }

  close(): void {
    this.#fail(new KbuildError("Cannot hash: the hasher was closed"));
  }

  /** The thread with the fewest streams. */
  #thread(): Thread {
    const free = this.#threads.find(({ streams }) => streams.size === 0);
    if (free !== undefined) return free;
    if (this.#threads.length < this.#jobs) return this.#start();
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
    this.#threads.push(thread);
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

class ThreadStream implements HashStream {
  readonly #worker: Worker;
  readonly #id: number;
  readonly #ended: () => void;
  readonly #spares: ArrayBuffer[] = [];
  readonly #result = Promise.withResolvers<readonly string[]>();
  #failure: KbuildError | undefined;
  #underWay = 0;
  #room: (() => void) | undefined;

  constructor(worker: Worker, id: number, ended: () => void) {
    this.#worker = worker;
    this.#id = id;
    this.#ended = ended;
    // Whoever asks for the digests sees the failure.
    this.#result.promise.catch(() => {});
  }

  async update(chunk: Uint8Array): Promise<void> {
    while (this.#underWay >= MOST_PIECES && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#room = resolve);
    }
    if (this.#failure !== undefined) throw this.#failure;
    const at = this.#spares.findIndex(({ byteLength }) => byteLength >= chunk.length);
    const piece = at < 0 ? new ArrayBuffer(chunk.length) : this.#spares.splice(at, 1)[0]!;
    new Uint8Array(piece).set(chunk);
    this.#underWay++;
    this.#worker.postMessage({ id: this.#id, piece, size: chunk.length }, [piece]);
  }

  digests(): Promise<readonly string[]> {
    this.#worker.postMessage({ id: this.#id });
    return this.#result.promise;
  }

  answer({ piece, digests }: Answer): void {
    if (digests !== undefined) {
      this.#ended();
      return this.#result.resolve(digests);
    }
    this.#underWay--;
    if (piece !== undefined && this.#spares.length < MOST_PIECES) this.#spares.push(piece);
    this.#wake();
  }

  fail(error: KbuildError): void {
    this.#failure = error;
    this.#result.reject(error);
    this.#wake();
  }

  #wake(): void {
    const wake = this.#room;
    this.#room = undefined;
    wake?.();
  }
}
