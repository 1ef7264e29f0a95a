import { createHash } from "node:crypto";
import { compareNames } from "../archive/mod.ts";
import { concat, objectIn } from "../files/mod.ts";
import { bytesField, encodeMessage, type Field } from "./protobuf.ts";
import { MAX_VALUE, type StoredBlob, type StoredFile, type StoredResult } from "./types.ts";

/** Bytes that a record may have. */
const MAX_RECORD: number = 4 << 20;

/** Bytes that an entry of either sort may have. */
export const MAX_ENTRY: number = Math.max(MAX_RECORD, MAX_VALUE + 1024);

/** Bytes of a note. */
const MAX_NOTE = 64 << 10;

/** The version of the format; records of another one do not count. */
const VERSION = 1;

/**
 * What kbuild keeps under a key is an `ActionResult` of the remote execution API, because servers of its
 * cache protocol look at it: bazel-remote refuses anything else, and hides an entry whose files are gone.
 * What counts is in `stdout_raw`. github.com/bazelbuild/remote-apis,
 * build/bazel/remote/execution/v2/remote_execution.proto.
 */
const OUTPUT_FILES = 2;
const STDOUT_RAW = 5;

/** Whether a text is a key. */
export function isKey(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/**
 * The entry of a result.
 *
 * @throws {TypeError} It is not a result: a bug of whoever made it.
 */
export function encodeResult(result: StoredResult): Uint8Array<ArrayBuffer> {
  const { key, files, seconds, note } = result;
  const text = JSON.stringify({ kbuild: VERSION, key, files, seconds, note });
  if (decodeJson(key, text) === undefined) throw new TypeError(`Not a result: ${text}`);
  return encodeMessage([
    ...files.map(({ path, digest, size, mode }): Field => [
      OUTPUT_FILES,
      encodeMessage([
        [1, path],
        [2, encodeMessage([[1, digest.slice("sha256:".length)], [2, size]])],
        ...(mode === 0o755 ? [[4, 1] as const] : []),
      ]),
    ]),
    [STDOUT_RAW, text],
  ]);
}

/** The result of an entry; undefined if it is not one, or not that of `key`. */
export function decodeResult(
  key: string,
  entry: Uint8Array<ArrayBuffer>,
): StoredResult | undefined {
  const bytes = bytesField(entry, STDOUT_RAW);
  return bytes === undefined ? undefined : decodeJson(key, new TextDecoder().decode(bytes));
}

function decodeJson(key: string, text: string): StoredResult | undefined {
  const found = objectIn(text);
  if (found?.["kbuild"] !== VERSION || found["key"] !== key || !isKey(key)) return undefined;
  const { files, seconds, note } = found;
  if (!Array.isArray(files)) return undefined;
  const whole: StoredFile[] = [];
  for (const each of files) {
    const file = fileIn(each);
    const last = whole.at(-1);
    if (file === undefined || (last !== undefined && compareNames(last.path, file.path) >= 0)) {
      return undefined;
    }
    whole.push(file);
  }
  if (seconds !== undefined && !(typeof seconds === "number" && seconds >= 0)) return undefined;
  if (note !== undefined && !(typeof note === "string" && note.length <= MAX_NOTE)) {
    return undefined;
  }
  return Object.freeze({
    key,
    files: Object.freeze(whole),
    ...(seconds === undefined ? {} : { seconds }),
    ...(note === undefined ? {} : { note }),
  });
}

function fileIn(value: unknown): StoredFile | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { path, digest, size, mode } = value as Record<string, unknown>;
  if (typeof path !== "string" || !isRelative(path)) return undefined;
  if (typeof digest !== "string" || !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
  if (!Number.isSafeInteger(size) || size as number < 0) return undefined;
  if (mode !== 0o644 && mode !== 0o755) return undefined;
  return Object.freeze({ path, digest, size: size as number, mode });
}

function isRelative(path: string): boolean {
  return path.length <= 4096 && !path.includes("\0") &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/** The content that a result needs, each once. */
export function blobsOf({ files }: StoredResult): readonly StoredBlob[] {
  return [...new Map(files.map((file) => [file.digest, file])).values()];
}

/** The entry of a small value: a checksum of key and bytes, then the bytes. */
export function encodeValue(key: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeMessage([[STDOUT_RAW, concat([checksum(key, bytes), bytes])]]);
}

/** The value of an entry; undefined if it is not one, or not as it was written. */
export function decodeValue(
  key: string,
  entry: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | undefined {
  const found = bytesField(entry, STDOUT_RAW);
  if (found === undefined || found.length < 32) return undefined;
  const bytes = found.subarray(32);
  return checksum(key, bytes).every((byte, index) => byte === found[index]) ? bytes : undefined;
}

function checksum(key: string, bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(key).update(bytes).digest();
}
