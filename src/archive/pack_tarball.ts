import { orderEntries } from "./entry.ts";
import { writeAll, writeFileAtomic } from "../files/mod.ts";
import { type GzipOptions, GzipWriter } from "./gzip.ts";
import { inlineHasher } from "./hasher.ts";
import type { Hasher } from "./hasher_types.ts";
import { FlushPoints } from "./flush_points.ts";
import type { ByteSink, TarEntry } from "./types.ts";
import { writeTar } from "./write_tar.ts";

/** Options of {@linkcode packTarball} and {@linkcode compressTar}. */
export interface PackTarballOptions extends GzipOptions {
  /** Whether entries are written in the order given; default: {@linkcode orderEntries}. */
  inOrder?: boolean;
  /** Computes the digests; stays open. Default: {@linkcode inlineHasher}. */
  hasher?: Hasher;
  /** Stops the packing; no file is left. */
  signal?: AbortSignal | undefined;
}

/** A finished `.tar.gz`. */
export interface Tarball {
  /** The file, as it was asked for. */
  readonly path: string;
  /** Bytes of the `.tar.gz`. */
  readonly size: number;
  /** Digest of the `.tar.gz`, hexadecimal. */
  readonly sha256: string;
  /** Digest of the `.tar.gz`, hexadecimal. */
  readonly sha512: string;
  /** SHA-256 of the `.tar` inside, hexadecimal: does not change with the compressor. */
  readonly tarSha256: string;
}

/**
 * Packs entries into a `.tar.gz` that depends on them alone: not on their order, the clock, the
 * number of jobs or the machine. The file appears complete or not at all.
 *
 * @param entries In any order, unless `inOrder`.
 * @param outPath The file to write; its directory must exist.
 * @throws {KbuildError} Entries that contradict each other, a source that cannot be read or changes
 * meanwhile, a file that cannot be written.
 */
export async function packTarball(
  entries: Iterable<TarEntry> | AsyncIterable<TarEntry>,
  outPath: string,
  options: PackTarballOptions = {},
): Promise<Tarball> {
  const { signal, inOrder = false } = options;
  const given = await Array.fromAsync(entries);
  const ordered = inOrder ? given : orderEntries(given);
  return await compressTar(
    async (sink) => void await writeTar(ordered, sink, signal === undefined ? {} : { signal }),
    outPath,
    options,
  );
}

/**
 * Compresses a tar to a `.tar.gz`. Contents of 1 MiB and more get blocks of their own
 * ({@linkcode FlushPoints}). The file appears complete or not at all.
 *
 * @param write Writes the tar to the sink that it is given.
 * @param outPath The file to write; its directory must exist.
 * @throws {KbuildError} The file cannot be written. Errors of `write` come through.
 */
export async function compressTar(
  write: (sink: ByteSink) => Promise<void>,
  outPath: string,
  options: PackTarballOptions = {},
): Promise<Tarball> {
  const { signal, hasher = inlineHasher } = options;
  const abort = signal === undefined ? {} : { signal };
  return await writeFileAtomic(outPath, async (file) => {
    using packed = hasher.open(["sha256", "sha512"]);
    let size = 0;
    const tarSha256 = await compressTarTo(write, async (chunk) => {
      await packed.update(chunk);
      size += chunk.length;
      writeAll(outPath, file, chunk);
    }, options);
    const [sha256 = "", sha512 = ""] = await packed.digests();
    return Object.freeze({ path: outPath, size, sha256, sha512, tarSha256 });
  }, abort);
}

/**
 * Compresses a tar as {@linkcode compressTar} does, into a sink.
 *
 * @param write Writes the tar to the sink that it is given.
 * @param sink Receives the compressed bytes.
 * @returns SHA-256 of the tar, hexadecimal.
 * @throws Errors of `write` and `sink` come through.
 */
export async function compressTarTo(
  write: (sink: ByteSink) => Promise<void>,
  sink: ByteSink,
  options: PackTarballOptions = {},
): Promise<string> {
  const { signal, hasher = inlineHasher, inOrder: _, ...gzipOptions } = options;
  using tar = hasher.open(["sha256"]);
  using writer = new GzipWriter(async (chunk) => {
    signal?.throwIfAborted();
    await sink(chunk);
  }, gzipOptions);
  const points = new FlushPoints();
  await write(async (chunk) => {
    await tar.update(chunk);
    let from = 0;
    for (const at of points.find(chunk)) {
      await writer.write(chunk.subarray(from, at));
      await writer.flush();
      from = at;
    }
    await writer.write(chunk.subarray(from));
  });
  await writer.close();
  const [tarSha256 = ""] = await tar.digests();
  return tarSha256;
}
