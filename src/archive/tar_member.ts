import { CHUNK_SIZE } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { type ByteReader, EndOfInput } from "./byte_reader.ts";
import type { Extensions } from "./extensions.ts";
import { quoteName } from "./names.ts";
import { HeaderError, natural, parseDecimal, type RawHeader, typeOf } from "./parse_header.ts";
import type { TarFields, TarMemberType } from "./types.ts";

/** What {@linkcode TarMember.bytes} reads at most, unless told otherwise. */
const MAX_IN_MEMORY = 64 << 20;
/** The largest size that a ustar header can say: eleven octal digits. */
const MAX_USTAR_SIZE = 8 ** 11 - 1;

/** One member of an archive that is being read. */
export interface TarMember extends TarFields {
  /** What it is; more than kbuild itself writes. */
  readonly type: TarMemberType;
  /** Where its content starts, in bytes of the uncompressed archive. */
  readonly offset: number;
  /** The content in chunks of up to 1 MiB. Once only, and before the next member is asked for. */
  chunks(): AsyncGenerator<Uint8Array, void>;
  /** The whole content, refused when larger than `limit` bytes (default 64 MiB). */
  bytes(limit?: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** The content of the member that is being read. */
export class Content {
  readonly #reader: ByteReader;
  readonly #explain: (error: unknown) => unknown;
  readonly #signal: AbortSignal | undefined;
  /** Where it starts, in bytes of the uncompressed archive. */
  readonly offset: number;
  /** Bytes not read yet. */
  left = 0;
  #taken = false;

  /**
   * @param reader Positioned at the content's first byte.
   * @param explain Makes an error for the user of an end in the middle.
   * @param signal Stops the reading between two chunks.
   */
  constructor(
    reader: ByteReader,
    explain: (error: unknown) => unknown,
    signal: AbortSignal | undefined,
  ) {
    this.#reader = reader;
    this.#explain = explain;
    this.#signal = signal;
    this.offset = reader.offset;
  }

  /** The content, once. */
  async *chunks(): AsyncGenerator<Uint8Array, void> {
    if (this.#taken) throw new TypeError("Cannot read a member's content twice or after the next");
    this.#taken = true;
    while (this.left > 0) {
      this.#signal?.throwIfAborted();
      const part = await this.#reader.some(Math.min(this.left, CHUNK_SIZE));
      if (part === undefined) throw this.#explain(new EndOfInput(this.left));
      this.left -= part.length;
      yield part;
    }
  }

  /** Passes over what was not read; nobody can read it after that. */
  async skip(): Promise<void> {
    this.#taken = true;
    await this.#reader.skip(this.left);
    this.left = 0;
  }
}

/**
 * What a header and the extended ones in front of it say, as one value.
 *
 * @param content Gets the size.
 * @throws {HeaderError} They contradict each other, or say what no member can be.
 */
export function toMember(raw: RawHeader, extensions: Extensions, content: Content): TarMember {
  const count = (key: string, fallback: number): number => {
    const value = extensions.get(key);
    return value === undefined ? fallback : natural(parseDecimal(value, key), key);
  };
  const name = extensions.get("path") ?? raw.name;
  const linkName = extensions.get("linkpath") ?? raw.linkName;
  if (name === "") throw new HeaderError("its name is empty");
  if (name.includes("\0") || linkName.includes("\0")) throw new HeaderError("its name holds a NUL");
  if (raw.typeFlag === "S") throw new HeaderError("it is a sparse file");
  const type = typeOf(raw.typeFlag, name);
  if (type === undefined) throw new HeaderError(`its type is ${quoteName(raw.typeFlag)}`);
  const mtime = extensions.get("mtime");
  const { xattrs } = extensions;
  const size = sizeOf(raw, type, count("size", raw.size));
  content.left = size;
  return Object.freeze({
    name,
    type,
    mode: raw.mode,
    mtime: mtime === undefined ? raw.mtime : Math.floor(parseDecimal(mtime, "mtime")) + 0,
    size,
    uid: count("uid", raw.uid),
    gid: count("gid", raw.gid),
    uname: extensions.get("uname") ?? raw.uname,
    gname: extensions.get("gname") ?? raw.gname,
    ...(type === "symlink" || type === "hardlink" ? { linkName } : {}),
    ...(xattrs === undefined ? {} : { xattrs }),
    offset: content.offset,
    chunks: () => content.chunks(),
    async bytes(limit: number = MAX_IN_MEMORY): Promise<Uint8Array<ArrayBuffer>> {
      if (size > limit) {
        throw new KbuildError(`Cannot read ${quoteName(name)} into memory: it has ${size} bytes`);
      }
      const whole = new Uint8Array(size);
      let filled = 0;
      for await (const chunk of content.chunks()) {
        whole.set(chunk, filled);
        filled += chunk.length;
      }
      return whole;
    },
  });
}

/**
 * The size of a member's content, on which all programs must agree: who does not takes content for
 * members, or the reverse. Directories and hard links have none, though POSIX lets their headers say a
 * size; a PAX size is for what the header cannot say.
 */
function sizeOf(raw: RawHeader, type: TarMemberType, size: number): number {
  if (size !== raw.size && size <= MAX_USTAR_SIZE) {
    throw new HeaderError(`its size is ${raw.size}, but ${size} in its extended header`);
  }
  if (type === "file") return size;
  const sized = raw.typeFlag === "5" || type === "hardlink";
  if (size > 0 && !sized) {
    throw new HeaderError(`it is a ${type}, but has ${size} bytes of content`);
  }
  return 0;
}
