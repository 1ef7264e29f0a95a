import { createHash } from "node:crypto";
import { KbuildError } from "../errors.ts";

/** `sha256:…` of some bytes. */
export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/**
 * The hexadecimal part of a digest, safe as a file name.
 *
 * @throws {KbuildError} Another algorithm, or no digest at all.
 */
export function hexOf(digest: string): string {
  if (isDigest(digest)) return digest.slice("sha256:".length);
  throw new KbuildError(`Cannot use digest "${digest}": want sha256:<64 hex>`);
}

/** Whether a value is a digest as kbuild uses them: `sha256:` and 64 hexadecimal digits. */
export function isDigest(value: unknown): value is string {
  return typeof value === "string" && /^sha256:[0-9a-f]{64}$/.test(value);
}

/** What {@linkcode measured} finds out. */
export interface Measure {
  /** `sha256:…`, known when the chunks are through. */
  digest: string;
  /** Bytes so far. */
  size: number;
}

/** Hands chunks through and writes their digest and number of bytes into `into`. */
export async function* measured(
  chunks: AsyncIterable<Uint8Array>,
  into: Measure,
): AsyncGenerator<Uint8Array, void> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) {
    hash.update(chunk);
    into.size += chunk.length;
    yield chunk;
  }
  into.digest = `sha256:${hash.digest("hex")}`;
}

/**
 * Hands chunks through and fails at their end when they are not what they should be.
 *
 * @param label What the user knows them by.
 * @throws {KbuildError} The digest is another one.
 */
export async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  digest: string,
  label: string,
): AsyncGenerator<Uint8Array, void> {
  const found: Measure = { digest: "", size: 0 };
  yield* measured(chunks, found);
  checkDigest(label, digest, found.digest);
}

/**
 * Holds a digest against the one that is wanted.
 *
 * @param label What the user knows the content by.
 * @throws {KbuildError} `found` is not `expected`.
 */
export function checkDigest(label: string, expected: string, found: string): void {
  if (found === expected) return;
  throw new KbuildError(`Cannot use ${label}: its digest is "${found}", want "${expected}"`, {
    notes: ["It is damaged or was changed: get it again"],
  });
}
