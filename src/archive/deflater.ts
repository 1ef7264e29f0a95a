import { constants, deflateRawSync } from "node:zlib";
import { KbuildError } from "../errors.ts";

/** A compressed block. */
export interface Deflated {
  /** A part of a deflate stream, never its last, ending on a byte (sync flush). */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The memory of the input, free to be used again. */
  readonly buffer: ArrayBuffer;
  /** Whether somebody else reads `bytes` as well; else their memory may be given up after use. */
  readonly shared?: boolean;
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

/** A level of zlib, 0 to 9, or one by name: {@linkcode FAST_LEVEL}. */
export type CompressionLevel = number | typeof FAST_LEVEL;

/**
 * The level for releases that are made again and again on one machine.
 *
 * Measured against the default level, in processor time: kubectl and kubelet of 1.20.2 take 0.57 of it and are 9
 * and 13 % larger, its sources take 0.35 and are 11 % larger. zlib's level 1 would take half of that, but uses
 * fixed codes: programs are 31 % larger.
 */
export const FAST_LEVEL = "fast";

/** What the {@linkcode FAST_LEVEL} gives zlib: runs of codes are as long as can be. */
const FAST = Object.freeze({ level: 2, memLevel: 9 });

/** Options of {@linkcode createDeflater}. */
export interface DeflaterOptions {
  /** Default {@linkcode DEFAULT_LEVEL}. */
  level?: CompressionLevel;
  /** Threads; default 1, which compresses in the calling thread. */
  jobs?: number;
}

/**
 * The level of all release archives, unless asked otherwise; text gets a higher one
 * ({@linkcode levelOf}).
 *
 * Measured against gzip -6 (23 MB/s) over the linux/amd64 tarballs of 1.20.2: kubelet is 2.1 %
 * larger at 97 MB/s, the sources are 0.2 % smaller at 86 MB/s, all tarballs together 1.7 % larger.
 * One level more makes kubelet 2.0 % larger at 79 MB/s.
 *
 * Deno's `node:zlib` is zlib-ng, whose levels 1 to 8 hash with instructions of the processor: their
 * bytes differ between x64 with SSE 4.2, x64 without and arm64 (they are equal for any one kind of
 * machine). Level 9 gave equal bytes on all three, at less than half the speed.
 */
export const DEFAULT_LEVEL = 5;

/** Version of the rules that make a block: {@linkcode levelOf}, `zlibOptions` and the size of blocks. */
const FORMAT = 3;

/**
 * All that a compressed block depends on apart from its bytes, as one string: the level, the rules of
 * this module, the zlib in Deno and the kind of processor.
 */
export function deflateFormat(level: CompressionLevel): string {
  return `deflate-${level}-${FORMAT}-${Deno.version.deno}-${Deno.build.arch}`;
}

/**
 * What runs in a thread. A `data:` URL, not a file: it needs no path, so it is the same in a clone,
 * from a registry and inside `deno compile` (where `blob:` URLs cannot be loaded). `node:zlib`'s
 * asynchronous functions would not do: in Deno they run in the calling thread.
 */
const WORKER_SOURCE = `
import { deflateRawSync } from "node:zlib";
self.onmessage = ({ data: { block, options } }) => {
  const made = deflateRawSync(block, options);
  const bytes = new Uint8Array(made.buffer, made.byteOffset, made.length);
  self.postMessage({ bytes, buffer: block.buffer }, [bytes.buffer, block.buffer]);
};`;

/** Makes a {@linkcode Deflater}; threads start when there is work for them. */
export function createDeflater(options: DeflaterOptions = {}): Deflater {
  const { level = DEFAULT_LEVEL, jobs = 1 } = options;
  if (level !== FAST_LEVEL && (!Number.isInteger(level) || level < 0 || level > 9)) {
    throw new RangeError(`Cannot compress at level ${level}: want 0 to 9, or "${FAST_LEVEL}"`);
  }
  if (!Number.isInteger(jobs) || jobs < 1) {
    throw new RangeError(`Cannot compress with ${jobs} jobs: want 1 or more`);
  }
  return jobs === 1 ? new InlineDeflater(level) : new ThreadDeflater(level, jobs);
}

/** One byte in this many is looked at. */
const SAMPLE_STEP = 16;

/** With fewer samples, chance alone makes the bytes of noise look unevenly frequent. */
const ENOUGH_SAMPLES = 1 << 14;

/**
 * The level for one block. Text, of which less than a sixteenth is beyond ASCII, is compressed two
 * levels higher, since there zlib-ng's levels 5 and 6 are much worse than zlib's, and 7 not much
 * slower; at the fast level one is enough. What has all bytes equally often is stored: it is compressed
 * already, and trying takes twice as long as compressing a program.
 */
export function levelOf(block: Uint8Array, level: CompressionLevel): number {
  if (level === 0 || level === 9) return level;
  const usual = level === FAST_LEVEL ? FAST.level : level;
  const counts = new Uint32Array(256);
  for (let at = 0; at < block.length; at += SAMPLE_STEP) counts[block[at]!]!++;
  const samples = Math.ceil(block.length / SAMPLE_STEP);
  let beyond = 0;
  let squares = 0;
  for (const [byte, count] of counts.entries()) {
    if (byte >= 0x80) beyond += count;
    squares += count * count;
  }
  if (beyond * 16 < samples) return Math.min(usual + (level === FAST_LEVEL ? 1 : 2), 9);
  // Noise has some 1.002 of samples² / 256; 1.03 is 0.3 % that could be saved.
  const isNoise = samples >= ENOUGH_SAMPLES && squares * 256 < samples * samples * 1.03;
  return isNoise ? 0 : usual;
}

/** Everything that zlib's result depends on, none of it left to a default. */
function zlibOptions(block: Uint8Array, level: CompressionLevel) {
  return {
    level: levelOf(block, level),
    windowBits: 15,
    // More and shorter runs of codes suit programs. What level 9 gives everywhere was seen with 8.
    memLevel: level === FAST_LEVEL ? FAST.memLevel : level === 9 ? 8 : 7,
    strategy: constants.Z_DEFAULT_STRATEGY,
    chunkSize: 1 << 20,
    finishFlush: constants.Z_SYNC_FLUSH,
  };
}

class InlineDeflater implements Deflater {
  readonly jobs = 1;
  readonly #level: CompressionLevel;

  constructor(level: CompressionLevel) {
    this.#level = level;
  }

  async deflate(block: Uint8Array<ArrayBuffer>): Promise<Deflated> {
    // Lets timers, signals and other tasks run between two blocks.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const made = deflateRawSync(block, zlibOptions(block, this.#level));
    // No Buffer: the slice() of a Buffer is not a copy.
    const bytes = new Uint8Array(made.buffer as ArrayBuffer, made.byteOffset, made.length);
    return { bytes, buffer: block.buffer };
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
  /** At work on the first. */
  tasks: Task[];
}

/** Tasks of one thread: while the calling thread is busy, another one must be at hand. */
const MAX_TASKS = 2;

class ThreadDeflater implements Deflater {
  readonly jobs: number;
  readonly #level: CompressionLevel;
  readonly #threads: Thread[] = [];
  readonly #waiting: Task[] = [];
  #failure: KbuildError | undefined;

  constructor(level: CompressionLevel, jobs: number) {
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
      const thread = this.#free();
      if (thread === undefined) return;
      const task = this.#waiting.shift()!;
      thread.tasks.push(task);
      const options = zlibOptions(task.block, this.#level);
      thread.worker.postMessage({ block: task.block, options }, [task.block.buffer]);
    }
  }

  #free(): Thread | undefined {
    return this.#threads.find(({ tasks }) => tasks.length === 0) ?? this.#start() ??
      this.#threads.find(({ tasks }) => tasks.length < MAX_TASKS);
  }

  #start(): Thread | undefined {
    if (this.#threads.length >= this.jobs) return undefined;
    const url = `data:application/javascript,${encodeURIComponent(WORKER_SOURCE)}`;
    const thread: Thread = { worker: new Worker(url, { type: "module" }), tasks: [] };
    thread.worker.onmessage = ({ data }: MessageEvent<Deflated>) => {
      thread.tasks.shift()?.resolve(data);
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
    for (const { worker, tasks } of this.#threads.splice(0)) {
      worker.terminate();
      for (const task of tasks) task.reject(error);
    }
    for (const task of this.#waiting.splice(0)) task.reject(error);
  }
}
