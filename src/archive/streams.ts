import { KbuildError } from "../errors.ts";
import { cannotRead } from "./entry.ts";
import { gunzip, type GunzipOptions } from "./gunzip.ts";
import { CHUNK_SIZE } from "./types.ts";
import { openFile } from "../files/mod.ts";

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
  using file = await openFile(path).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
  if (offset > 0) await file.seek(offset, Deno.SeekMode.Start);
  let left = size ?? Infinity;
  while (left > 0) {
    const chunk = new Uint8Array(Math.min(CHUNK_SIZE, left));
    const count = await file.read(chunk).catch((cause: unknown) => {
      throw cannotRead(path, cause);
    });
    if (count === null) {
      if (size === undefined) return;
      throw new KbuildError(`Cannot read "${path}": it ends ${left} bytes too early`);
    }
    yield chunk.subarray(0, count);
    left -= count;
  }
}

/** Whether bytes start as gzip does. */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/**
 * Decompresses when the first bytes say gzip, else hands the input through.
 *
 * @throws {KbuildError} As {@linkcode gunzip} does.
 */
export async function* maybeGunzip(
  source: AsyncIterable<Uint8Array>,
  label: string,
  options: GunzipOptions = {},
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
  yield* isGzip(start) ? gunzip(whole(), label, options) : whole();
}
