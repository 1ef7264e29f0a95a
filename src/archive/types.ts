/** What kbuild writes into an archive. */
export type TarEntryType = "file" | "directory" | "symlink" | "hardlink";

/**
 * Where the content of a file comes from: a file on disk (optionally the part of it that starts at
 * `offset`), bytes in memory, or what hands its chunks to a sink, one after the other, each time the
 * content is read.
 */
export type TarContent =
  | { readonly path: string; readonly offset?: number }
  | { readonly bytes: Uint8Array }
  | { readonly write: (sink: ByteSink) => Promise<void>; readonly label: string };

/** Header fields of a member, apart from its content. */
export interface TarFields {
  /** Path with "/" between parts, without a leading "/"; a directory's ends in "/". */
  readonly name: string;
  /** Permission bits, 0 to 0o7777, written exactly as given. */
  readonly mode: number;
  /** Modification time in whole seconds since 1970. */
  readonly mtime: number;
  /** Content in bytes; 0 for everything but files. */
  readonly size: number;
  /** Target of a symlink (any text) or a hard link (the name of an earlier entry). */
  readonly linkName?: string;
  /** Extended attributes, name to raw bytes: `security.capability`. */
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  /** Owner; default 0. */
  readonly uid?: number;
  /** Group; default 0. */
  readonly gid?: number;
  /** Owner's name; default "root". */
  readonly uname?: string;
  /** Group's name; default "root". */
  readonly gname?: string;
}

/** One member of an archive, before it is written. */
export interface TarEntry extends TarFields {
  /** What it is. */
  readonly type: TarEntryType;
  /** Where a file's content comes from; missing for an empty file and for all other types. */
  readonly content?: TarContent;
}

/** Types of members in an archive that someone else wrote. */
export type TarMemberType = TarEntryType | "character" | "block" | "fifo";

/** Takes the bytes of an archive, one piece after the other. */
export interface ByteSink {
  /**
   * Takes the next bytes. They are only valid until the returned promise settles: the writer reuses
   * the memory.
   */
  (chunk: Uint8Array): Promise<void> | void;
  /**
   * Takes the next bytes from a file, where they need not pass through the writer. Sinks without it
   * are handed what the writer reads.
   *
   * @throws {KbuildError} The file cannot be read, or the bytes cannot be taken.
   */
  readonly copy?: (part: FilePart) => Promise<CopiedPart>;
}

/** A part of a file. */
export interface FilePart {
  /** The file. */
  readonly path: string;
  /** First byte, from 0. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** What was found where a {@linkcode FilePart} should be. */
export interface CopiedPart {
  /** Bytes taken: fewer than asked for where the file ends before. */
  readonly size: number;
  /** CRC-32 of these bytes, as zlib's `crc32` has it. */
  readonly crc32: number;
}
