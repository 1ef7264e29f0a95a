/**
 * Tar and gzip: archives that depend on their contents alone.
 *
 * @example
 * ```ts
 * import { archive } from "@k8s/kbuild";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.mkdir(`${dir}/stage`);
 * await Deno.writeTextFile(`${dir}/stage/version`, "v1.20.2");
 * const entries = await archive.listTree(`${dir}/stage`, {
 *   prefix: "kubernetes",
 *   mtime: 1700000000,
 * });
 * const { sha256 } = await archive.packTarball(entries, `${dir}/kubernetes.tar.gz`);
 * console.log(sha256);
 * await Deno.remove(dir, { recursive: true });
 * ```
 *
 * @module
 */
export { type BlockCache, openBlockCache, trimCache } from "./block_cache.ts";
export { ByteReader, EndOfInput } from "./byte_reader.ts";
export { compareNames, sinkOf } from "./bytes.ts";
export { cachingDeflater } from "./caching_deflater.ts";
export {
  type CompressionLevel,
  createDeflater,
  DEFAULT_LEVEL,
  type Deflated,
  deflateFormat,
  type Deflater,
  type DeflaterOptions,
  FAST_LEVEL,
} from "./deflater.ts";
export {
  bytesEntry,
  directoryEntry,
  type EntryOptions,
  fileEntry,
  orderEntries,
  parentOf,
  parentsOf,
  symlinkEntry,
  withParents,
} from "./entry.ts";
export { gzip, type GzipOptions, GzipWriter } from "./gzip.ts";
export {
  createHasher,
  createHashingThread,
  digestOfFile,
  fileDigest,
  inlineHasher,
} from "./hasher.ts";
export type { HashAlgorithm, Hasher, HashStream, OutputFile } from "./hasher_types.ts";
export { encodeHeader, type TarFormat } from "./header.ts";
export { type ListOptions, listTree, type ListTreeOptions } from "./list_tree.ts";
export { cleanName, decodeNames, encodeName, hasPlainName, quoteName } from "./names.ts";
export {
  compressTar,
  compressTarTo,
  packTarball,
  type PackTarballOptions,
  type Tarball,
} from "./pack_tarball.ts";
export { readTar, type ReadTarOptions } from "./read_tar.ts";
export { readZip, type ReadZipOptions, type ZipMember } from "./read_zip.ts";
export type { TarMember } from "./tar_member.ts";
export { gunzip, type GunzipOptions } from "./gunzip.ts";
export { DEFAULT_READ_LIMITS, RATIO_FREE_BYTES, type ReadLimits } from "./read_limits.ts";
export { isGzip, maybeGunzip } from "./streams.ts";
export { concat, type FileRange, hex, readFileChunks } from "../files/mod.ts";
export type {
  ByteSink,
  CopiedPart,
  FilePart,
  TarContent,
  TarEntry,
  TarEntryType,
  TarFields,
  TarMemberType,
} from "./types.ts";
export { FlushPoints } from "./flush_points.ts";
export { plainNames, streamLongNames, streamTar } from "./stream_tar.ts";
export { linkLeadsOut } from "./unpack_member.ts";
export { type UnpackedTar, unpackTar, type UnpackTarOptions } from "./unpack_tar.ts";
export { writeTar, type WriteTarOptions } from "./write_tar.ts";
