import type { CopiedPart, FilePart } from "./types.ts";

/** The algorithms that releases need; SHA-1 where old ones are read. */
export type HashAlgorithm = "sha1" | "sha256" | "sha512";

/** A file that also receives a stream's bytes. */
export interface OutputFile {
  /** The file; it exists, and is empty. */
  readonly path: string;
  /** What the user knows it by, for errors; it may not have that name yet. */
  readonly label: string;
}

/**
 * Digests of one stream of bytes, all of them made in one pass. One that is disposed of unfinished is
 * forgotten.
 */
export interface HashStream extends Disposable {
  /**
   * Takes the next bytes, which are copied; waits while enough of them are under way.
   *
   * @throws {KbuildError} A thread failed, the file cannot be written, or the hasher was closed.
   */
  update(chunk: Uint8Array): Promise<void>;
  /**
   * Takes the next bytes from a file, which a thread reads; only where there are threads.
   *
   * @throws {KbuildError} The file cannot be read, or what {@linkcode HashStream.update} throws.
   */
  readonly copy?: (part: FilePart) => Promise<CopiedPart>;
  /**
   * The digests, hexadecimal, in the order of the algorithms, when all is hashed and written. Nothing
   * can be added after it.
   *
   * @throws {KbuildError} As {@linkcode HashStream.update} does.
   */
  digests(): Promise<readonly string[]>;
}

/** Computes digests, maybe in threads of its own; what comes out does not depend on that. */
export interface Hasher {
  /**
   * Starts a stream.
   *
   * @param file What else its bytes go into.
   */
  open(algorithms: readonly HashAlgorithm[], file?: OutputFile): HashStream;
  /** Ends the threads; streams under way fail. */
  close(): void;
}
