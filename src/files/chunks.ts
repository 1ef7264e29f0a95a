import { KbuildError } from "../errors.ts";
import { reasonOf } from "./reason.ts";
import { openFile } from "./regular.ts";

/** Bytes in which large files are read and handled. */
export const CHUNK_SIZE: number = 1 << 20;

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

/** The error of a file that cannot be read. */
export function cannotRead(path: string, cause: unknown): KbuildError {
  return new KbuildError(`Cannot read "${path}": ${reasonOf(cause)}`, { cause });
}

/** Lower-case hexadecimal of `bytes`. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** All parts, one after the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether two arrays have the same bytes. */
export function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
