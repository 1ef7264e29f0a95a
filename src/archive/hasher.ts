import { createHash, type Hash } from "node:crypto";
import { ifPresent, readFile, readFileChunks, writeAll } from "../files/mod.ts";
import { ThreadHasher } from "./hasher_threads.ts";
import type { HashAlgorithm, Hasher, HashStream, OutputFile } from "./hasher_types.ts";

/** Hashes in the calling thread. */
export const inlineHasher: Hasher = Object.freeze({
  open(algorithms: readonly HashAlgorithm[], file?: OutputFile): HashStream {
    const hashes: readonly Hash[] = algorithms.map((name) => createHash(name));
    let out = file === undefined ? undefined : Deno.openSync(file.path, { write: true });
    const close = () => {
      out?.close();
      out = undefined;
    };
    return Object.freeze({
      update(chunk: Uint8Array): Promise<void> {
        for (const hash of hashes) hash.update(chunk);
        if (out !== undefined) writeAll(file!.label, out, chunk);
        return Promise.resolve();
      },
      digests(): Promise<readonly string[]> {
        close();
        return Promise.resolve(hashes.map((hash) => hash.digest("hex")));
      },
      [Symbol.dispose]: close,
    });
  },
  close(): void {},
});

/**
 * Digest of a file, hexadecimal, computed in the calling thread.
 *
 * @throws {KbuildError} It cannot be read.
 * @throws The reason of `signal`.
 */
export async function digestOfFile(
  path: string,
  algorithm: HashAlgorithm,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of readFileChunks(path)) {
    options.signal?.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest("hex");
}

/**
 * SHA-256 of a file, hexadecimal; undefined if it does not exist. It is read at once: for sources and the like, of
 * which there are thousands.
 *
 * @throws It cannot be read, or is not a regular file.
 */
export async function fileDigest(path: string): Promise<string | undefined> {
  const bytes = await ifPresent(readFile(path));
  return bytes === undefined ? undefined : createHash("sha256").update(bytes).digest("hex");
}

/** Hashes in one thread beside the calling one, which starts at once. */
export function createHashingThread(): Hasher {
  return new ThreadHasher(1);
}

/**
 * Hashes in threads, which start at once. They also read and write what need not pass through the
 * calling thread ({@linkcode HashStream.copy}, {@linkcode OutputFile}).
 *
 * @param jobs Threads; 1 hashes in the calling thread.
 */
export function createHasher(jobs: number): Hasher {
  return jobs <= 1 ? inlineHasher : new ThreadHasher(jobs);
}
