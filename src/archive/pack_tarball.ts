import { createHash } from "node:crypto";
import { writeAll, writeFileAtomic } from "./atomic.ts";
import { orderEntries } from "./entry.ts";
import { type GzipOptions, GzipWriter } from "./gzip.ts";
import type { TarEntry } from "./types.ts";
import { writeTar } from "./write_tar.ts";

/** Options of {@linkcode packTarball}. */
export interface PackTarballOptions extends GzipOptions {
  /** Stops the packing; no file is left. */
  signal?: AbortSignal;
}

/** A finished `.tar.gz`. */
export interface Tarball {
  /** The file, as it was asked for. */
  readonly path: string;
  /** Bytes of the `.tar.gz`. */
  readonly size: number;
  /** Digest of the `.tar.gz`, hexadecimal. */
  readonly sha256: string;
  /** Digest of the `.tar` inside, hexadecimal: does not change with the compressor. */
  readonly tarSha256: string;
}

/**
 * Packs entries into a `.tar.gz` that depends on them alone: not on their order, the clock, the
 * number of jobs or the machine. The file appears complete or not at all.
 *
 * @param entries In any order; see {@linkcode orderEntries}.
 * @param outPath The file to write; its folder must exist.
 * @throws {KbuildError} Entries that contradict each other, a source that cannot be read or changes
 * meanwhile, a file that cannot be written.
 */
export async function packTarball(
  entries: Iterable<TarEntry> | AsyncIterable<TarEntry>,
  outPath: string,
  options: PackTarballOptions = {},
): Promise<Tarball> {
  const { signal, ...gzipOptions } = options;
  const ordered = orderEntries(await Array.fromAsync(entries));
  const atomic = signal === undefined ? {} : { signal };
  return await writeFileAtomic(outPath, async (file) => {
    const tarHash = createHash("sha256");
    const hash = createHash("sha256");
    let size = 0;
    using writer = new GzipWriter(async (chunk) => {
      signal?.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
      await writeAll(outPath, file, chunk);
    }, gzipOptions);
    await writeTar(ordered, async (chunk) => {
      tarHash.update(chunk);
      await writer.write(chunk);
    }, { ...atomic, boundary: () => writer.cut() });
    await writer.close();
    return Object.freeze({
      path: outPath,
      size,
      sha256: hash.digest("hex"),
      tarSha256: tarHash.digest("hex"),
    });
  }, atomic);
}
