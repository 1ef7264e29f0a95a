import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { KbuildError } from "../errors.ts";
import { reasonOf } from "./entry.ts";
import { CHUNK_SIZE } from "./types.ts";

/** The part of a file that {@linkcode readFileChunks} reads. */
export interface FileRange {
  /** First byte; default 0. */
  offset?: number;
  /** Number of bytes; default: to the end. */
  size?: number;
}

/**
 * Reads a file, or a part of it, in chunks of up to 1 MiB, each in memory of its own.
 *
 * @throws {KbuildError} The file cannot be read, or ends before the range does.
 */
export async function* readFileChunks(
  path: string,
  range: FileRange = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const { offset = 0, size } = range;
  using file = await Deno.open(path).catch((cause: unknown) => {
    throw new KbuildError(`Cannot read "${path}": ${reasonOf(cause)}`, { cause });
  });
  if (offset > 0) await file.seek(offset, Deno.SeekMode.Start);
  let left = size ?? Infinity;
  while (left > 0) {
    const chunk = new Uint8Array(Math.min(CHUNK_SIZE, left));
    const count = await file.read(chunk).catch((cause: unknown) => {
      throw new KbuildError(`Cannot read "${path}": ${reasonOf(cause)}`, { cause });
    });
    if (count === null) {
      if (size === undefined) return;
      throw new KbuildError(`Cannot read "${path}": it ends ${left} bytes too early`);
    }
    yield chunk.subarray(0, count);
    left -= count;
  }
}

/**
 * Decompresses a gzip stream of one or more members, checksums checked. A chunk of the result is at
 * most 256 KiB, however well the input was compressed.
 *
 * @param label What the user knows the input by.
 * @throws {KbuildError} The input is damaged or cut off. Errors of `source` come through.
 */
export async function* gunzip(
  source: AsyncIterable<Uint8Array>,
  label: string,
): AsyncGenerator<Uint8Array, void> {
  let sourceError: unknown;
  async function* watched(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* source;
    } catch (error) {
      sourceError = error;
      throw error;
    }
  }
  const unpacked = pipeline(
    Readable.from(watched(), { objectMode: false, highWaterMark: CHUNK_SIZE }),
    createGunzip({ chunkSize: 1 << 18 }),
    () => {},
  );
  try {
    yield* unpacked;
  } catch (cause) {
    if (sourceError !== undefined) throw sourceError;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KbuildError(`Cannot decompress "${label}": ${reason}`, {
      cause,
      notes: ["The file is damaged or was not copied completely: get it again"],
    });
  }
}

/** Whether bytes start as gzip does. */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/** Decompresses when the first bytes say gzip, else hands the input through. */
export async function* maybeGunzip(
  source: AsyncIterable<Uint8Array>,
  label: string,
): AsyncGenerator<Uint8Array, void> {
  const chunks = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let known = 0;
  while (known < 2) {
    const { value, done } = await chunks.next();
    if (done) break;
    first.push(value);
    known += value.length;
  }
  const start = new Uint8Array(first.flatMap((part) => [...part.subarray(0, 2)]).slice(0, 2));
  async function* whole(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* first;
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  }
  yield* isGzip(start) ? gunzip(whole(), label) : whole();
}

/** A stream whose chunks come from a generator, started by the first read. */
export function streamOf(
  chunks: () => AsyncGenerator<Uint8Array, void>,
): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks());
}
