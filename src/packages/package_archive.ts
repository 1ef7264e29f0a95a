import { createHash } from "node:crypto";
import { readFileChunks } from "../files/mod.ts";
import type { Package } from "./types.ts";

/** A finished package. */
export interface PackageArchive {
  /** The file, as it was asked for. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Digest of the file, hexadecimal. */
  readonly sha256: string;
  /** Digest of the file, hexadecimal. */
  readonly sha512: string;
  /**
   * Digest of what is in it, hexadecimal: does not change with the compressor of its programs, which is
   * not the same on every kind of machine.
   */
  readonly contentDigest: string;
  /** Of an rpm: first byte of its header, and first byte behind it. */
  readonly header?: { readonly start: number; readonly end: number };
  /** Of an rpm: bytes of its uncompressed payload. */
  readonly plainSize?: number;
}

/** A package, and the file that it is in. */
export interface WrittenPackage {
  /** What is in it. */
  readonly pkg: Package;
  /** The file. */
  readonly archive: PackageArchive;
}

/** A small file of a repository. */
export interface RepositoryFile {
  /** Path below the directory of the packages. */
  readonly name: string;
  /** The content. */
  readonly bytes: Uint8Array;
}

/**
 * Looks at a written package.
 *
 * @param temporary Where it is now.
 * @param path Where it will be.
 */
export async function finishedFile(
  temporary: string,
  path: string,
  contentDigest: string,
): Promise<PackageArchive> {
  const [sha256, sha512] = [createHash("sha256"), createHash("sha512")];
  let size = 0;
  for await (const chunk of readFileChunks(temporary)) {
    sha256.update(chunk);
    sha512.update(chunk);
    size += chunk.length;
  }
  return Object.freeze({
    ...{ path, size, contentDigest },
    sha256: sha256.digest("hex"),
    sha512: sha512.digest("hex"),
  });
}
