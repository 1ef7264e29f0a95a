import { constants, deflateRawSync } from "node:zlib";
import { KbuildError } from "../errors.ts";

/** A compressed block. */
export interface Deflated {
  /** A part of a deflate stream, never its last, ending on a byte (sync flush). */
  readonly bytes: Uint8Array;
  /** The memory of the input, free to be used again. */
  readonly spare: ArrayBuffer;
}

/** Compresses blocks, each on its own: a block's result depends on its bytes and the level only. */
export interface Deflater {
  /** How many blocks can be under way at once. */
  readonly jobs: number;
  /**
   * Compresses one block with an empty dictionary.
   *
   * @param block At most a few MiB; its memory may be taken over, do not use it afterwards.
   */
  deflate(block: Uint8Array<ArrayBuffer>): Promise<Deflated>;
  /** Ends the threads; blocks under way fail. */
  close(): void;
}

/** Options of {@linkcode createDeflater}. */
export interface DeflaterOptions {
  /** zlib level, 0 to 9; default 6. */
  level?: number;
  /** Threads; default 1, which compresses in the calling thread. */
  jobs?: number;
}

/**
 * The level of all release archives, unless asked otherwise; text gets one more ({@linkcode levelOf}).
 *
 * Measured over the linux/amd64 tarballs of 1.20.2 (608.1 MB with gzip -6, which does 23 MB/s):
 * kubelet at level 5 is 2 % larger, level 6 0.7 % at 66 MB/s, level 7 0.1 % smaller at 38 MB/s; the
 * sources at level 6 are 3 % larger, level 7 1 % smaller at 85 MB/s.
 *
 * Deno's `node:zlib` is zlib-ng, whose levels 1 to 8 hash with instructions of the processor: their
 * bytes differ between x64 with SSE 4.2, x64 without and arm64 (they are equal for any one kind of
 * machine). Level 9 gave equal bytes on all three, at less than half the speed.
 */
export const DEFAULT_LEVEL = 6;

/**
 * What runs in a thread. A `data:` URL, not a file: it needs no path, so it is the same in a clone,
 * from a registry and inside `deno compile` (where `blob:` URLs cannot be loaded). `node:zlib`'s
 * asynchronous functions would not do: in Deno they run in the calling thread.
 */
const WORKER_SOURCE = `
import { deflateRawSync } from "node:zlib";
self.onmessage = ({ data: { block, options } }) => {
  const bytes = new Uint8Array(deflateRawSync(block, options));
  self.postMessage({ bytes, spare: block.buffer }, [bytes.buffer, block.buffer]);
};`;

/** Makes a {@linkcode Deflater}; threads start when there is work for them. */
export function createDeflater(options: DeflaterOptions = {}): Deflater {
  const { level = DEFAULT_LEVEL, jobs = 1 } = options;
  if (!Number.isInteger(level) || level < 0 || level > 9) {
    throw new RangeError(`Cannot compress at level ${level}: want 0 to 9`);
  }
  if (!Number.isInteger(jobs) || jobs < 1) {
    throw new RangeError(`Cannot compress with ${jobs} jobs: want 1 or more`);
  }
  return jobs === 1 ? new InlineDeflater(level) : new ThreadDeflater(level, jobs);
}

/** One byte in this many is looked at. */
const SAMPLE_STEP = 16;

/**
 * The level for one block: text, of which less than a sixteenth is beyond ASCII, is compressed at
 * the next level, since there zlib-ng's level 6 is much worse than zlib's, and 7 not much slower.
 */
export function levelOf(block: Uint8Array, level: number): number {
  if (level === 0 || level === 9) return level;
  let beyond = 0;
  for (let at = 0; at < block.length; at += SAMPLE_STEP) beyond += block[at]! >> 7;
  return beyond * SAMPLE_STEP * 16 < block.length ? level + 1 : level;
}

/** Everything that zlib's result depends on, none of it left to a default. */
function zlibOptions(block: Uint8Array, level: number) {
  return {
    level: levelOf(block, level),
    windowBits: 15,
    memLevel: 8,
    strategy: constants.Z_DEFAULT_STRATEGY,
    chunkSize: 1 << 18,
    finishFlush: constants.Z_SYNC_FLUSH,
  };
}

class InlineDeflater implements Deflater {
  readonly jobs = 1;
  readonly #level: number;

  constructor(level: number) {
    this.#level = level;
  }

  async deflate(block: Uint8Array<ArrayBuffer>): Promise<Deflated> {
    // Lets timers, signals and other tasks run between two blocks.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const bytes = deflateRawSync(block, zlibOptions(block, this.#level));
    return { bytes, spare: block.buffer };
  }

  close(): void {}
}

interface Task {
  block: Uint8Array<ArrayBuffer>;
  resolve: (result: Deflated) => void;
  reject: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  task: Task | undefined;
}

class ThreadDeflater implements Deflater {
  readonly jobs: number;
  readonly #level: number;
  readonly #threads: Thread[] = [];
  readonly #waiting: Task[] = [];
  #failure: KbuildError | undefined;

  constructor(level: number, jobs: number) {
    this.#level = level;
    this.jobs = jobs;
  }

  deflate(block: Uint8Array<ArrayBuffer>): Promise<Deflated> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting.push({ block, resolve, reject });
      this.#dispatch();
    });
  }

  close(): void {
    this.#fail(new KbuildError("Cannot compress: the compressor was closed"));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#threads.find(({ task }) => task === undefined) ?? this.#start();
      if (thread === undefined) return;
      const task = this.#waiting.shift()!;
      thread.task = task;
      const options = zlibOptions(task.block, this.#level);
      thread.worker.postMessage({ block: task.block, options }, [task.block.buffer]);
    }
  }

  #start(): Thread | undefined {
    if (this.#threads.length >= this.jobs) return undefined;
    const url = `data:application/javascript,${encodeURIComponent(WORKER_SOURCE)}`;
    const thread: Thread = { worker: new Worker(url, { type: "module" }), task: undefined };
    thread.worker.onmessage = ({ data }: MessageEvent<Deflated>) => {
      const task = thread.task;
      thread.task = undefined;
      task?.resolve(data);
      this.#dispatch();
    };
    thread.worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new KbuildError(`Cannot compress: a thread failed: ${event.message}`));
    };
    this.#threads.push(thread);
    return thread;
  }

  #fail(error: KbuildError): void {
    this.#failure ??= error;
    for (const { worker, task } of this.#threads.splice(0)) {
      worker.terminate();
      task?.reject(error);
    }
    for (const task of this.#waiting.splice(0)) task.reject(error);
  }
}
