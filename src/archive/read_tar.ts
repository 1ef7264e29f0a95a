import { KbuildError } from "../errors.ts";
import { ByteReader, EndOfInput } from "./byte_reader.ts";
import { BLOCK_SIZE, paddingOf } from "./header.ts";
import {
  HeaderError,
  isZeroBlock,
  natural,
  parseDecimal,
  parseHeader,
  parsePax,
  type RawHeader,
  typeOf,
} from "./parse_header.ts";
import { maybeGunzip, readFileChunks } from "./streams.ts";
import { CHUNK_SIZE, type TarFields, type TarMemberType } from "./types.ts";

/** Extended headers and GNU long names beyond this are refused: they are held in memory. */
const MAX_EXTENSION = 1 << 20;
/** What {@linkcode TarMember.bytes} reads at most, unless told otherwise. */
const MAX_IN_MEMORY = 64 << 20;
const XATTR = "SCHILY.xattr.";

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

/** Options of {@linkcode readTar}. */
export interface ReadTarOptions {
  /** What the user knows the archive by; default: its path. */
  label?: string;
  /** Stops the reading between two members or chunks. */
  signal?: AbortSignal;
}

/**
 * Reads an archive member by member, with bounded memory. It understands ustar, PAX (path, linkpath,
 * size, mtime, owner, xattrs; also global headers), GNU long names and base-256 numbers, and gzip
 * around it all. Names are given as they stand there: whoever unpacks them must check them.
 *
 * @param source A file, or the chunks of one.
 * @throws {KbuildError} Naming archive and offset: a header that is none, a NUL in a name, an absurd
 * size, an end in the middle or without the closing zero block.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array> | string,
  options: ReadTarOptions = {},
): AsyncGenerator<TarMember, void> {
  const { signal } = options;
  const label = options.label ?? (typeof source === "string" ? source : "archive");
  const chunks = typeof source === "string" ? readFileChunks(source) : source;
  const reader = new ByteReader(maybeGunzip(chunks, label));
  let at = 0;
  try {
    let global: PaxRecords = new Map();
    let extended: PaxRecords = new Map();
    while (true) {
      signal?.throwIfAborted();
      at = reader.offset;
      const block = await reader.exactly(BLOCK_SIZE);
      if (isZeroBlock(block)) return await finish(reader, signal);
      const raw = parseHeader(block);
      if ("xgLK".includes(raw.typeFlag)) {
        const body = await readExtension(reader, raw);
        if (raw.typeFlag === "g") global = new Map([...global, ...parsePax(body)]);
        else if (raw.typeFlag === "x") extended = new Map([...extended, ...parsePax(body)]);
        else extended.set(raw.typeFlag === "L" ? "path" : "linkpath", untilNul(body));
        continue;
      }
      const content = new Content(reader, (error) => explain(error, label, at));
      const member = toMember(raw, new Map([...global, ...extended]), content);
      content.left = member.size;
      extended = new Map();
      yield member;
      await content.skip();
      await reader.skip(paddingOf(member.size));
    }
  } catch (error) {
    throw explain(error, label, at);
  } finally {
    await reader.close();
  }
}

type PaxRecords = Map<string, Uint8Array>;

/** The content of the member that is being read. */
class Content {
  readonly #reader: ByteReader;
  readonly #explain: (error: unknown) => unknown;
  /** Where it starts. */
  readonly offset: number;
  /** Bytes not read yet. */
  left = 0;
  #taken = false;

  constructor(reader: ByteReader, explain: (error: unknown) => unknown) {
    this.#reader = reader;
    this.#explain = explain;
    this.offset = reader.offset;
  }

  async *chunks(): AsyncGenerator<Uint8Array, void> {
    if (this.#taken) throw new TypeError("Cannot read a member's content twice or after the next");
    this.#taken = true;
    while (this.left > 0) {
      const part = await this.#reader.some(Math.min(this.left, CHUNK_SIZE));
      if (part === undefined) throw this.#explain(new EndOfInput(this.left));
      this.left -= part.length;
      yield part;
    }
  }

  async skip(): Promise<void> {
    this.#taken = true;
    await this.#reader.skip(this.left);
    this.left = 0;
  }
}

function toMember(raw: RawHeader, pax: PaxRecords, content: Content): TarMember {
  const say = (key: string): string | undefined => {
    const value = pax.get(key);
    return value === undefined || value.length === 0 ? undefined : new TextDecoder().decode(value);
  };
  const count = (key: string, fallback: number): number => {
    const value = say(key);
    return value === undefined ? fallback : natural(parseDecimal(value, key), key);
  };
  const name = say("path") ?? raw.name;
  const linkName = say("linkpath") ?? raw.linkName;
  if (name === "") throw new HeaderError("its name is empty");
  if (name.includes("\0") || linkName.includes("\0")) throw new HeaderError("its name holds a NUL");
  const type = typeOf(raw.typeFlag, name);
  if (type === undefined) throw new HeaderError(`its type is ${JSON.stringify(raw.typeFlag)}`);
  if (say("GNU.sparse.major") !== undefined || say("GNU.sparse.map") !== undefined) {
    throw new HeaderError("it is a sparse file");
  }
  const xattrs = [...pax].filter(([key]) => key.startsWith(XATTR))
    .map(([key, value]) => [key.slice(XATTR.length), value] as const);
  const mtime = say("mtime");
  // Only files have content; some writers put a size into other headers all the same.
  const size = type === "file" ? count("size", raw.size) : 0;
  return Object.freeze({
    name,
    type,
    mode: raw.mode,
    mtime: mtime === undefined ? raw.mtime : Math.floor(parseDecimal(mtime, "mtime")),
    size,
    uid: count("uid", raw.uid),
    gid: count("gid", raw.gid),
    uname: say("uname") ?? raw.uname,
    gname: say("gname") ?? raw.gname,
    ...(type === "symlink" || type === "hardlink" ? { linkName } : {}),
    ...(xattrs.length === 0 ? {} : { xattrs: Object.freeze(Object.fromEntries(xattrs)) }),
    offset: content.offset,
    chunks: () => content.chunks(),
    async bytes(limit: number = MAX_IN_MEMORY): Promise<Uint8Array<ArrayBuffer>> {
      if (size > limit) {
        throw new KbuildError(`Cannot read "${name}" into memory: it has ${size} bytes`);
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

async function readExtension(reader: ByteReader, raw: RawHeader): Promise<Uint8Array> {
  if (raw.size > MAX_EXTENSION) {
    throw new HeaderError(`its extended header claims ${raw.size} bytes`);
  }
  const body = await reader.exactly(raw.size);
  await reader.skip(paddingOf(raw.size));
  return body;
}

/** Behind the first zero block comes a second one, or nothing; then whatever fills the record. */
async function finish(reader: ByteReader, signal: AbortSignal | undefined): Promise<void> {
  let inBlock = 0;
  for (let part; (part = await reader.some(CHUNK_SIZE)) !== undefined;) {
    signal?.throwIfAborted();
    if (inBlock < BLOCK_SIZE && !isZeroBlock(part.subarray(0, BLOCK_SIZE - inBlock))) {
      throw new HeaderError("a single zero block stands in front of it");
    }
    inBlock += part.length;
  }
}

/** GNU long names end in a NUL, which is no part of them; one before that is no name. */
function untilNul(body: Uint8Array): Uint8Array {
  return body.at(-1) === 0 ? body.subarray(0, -1) : body;
}

function explain(error: unknown, label: string, at: number): unknown {
  if (error instanceof EndOfInput) {
    return new KbuildError(
      `Cannot read archive "${label}": it ends in the middle of the member at byte ${at}`,
      { cause: error, notes: ["The file was not copied completely: get it again"] },
    );
  }
  if (!(error instanceof HeaderError)) return error;
  return new KbuildError(
    `Cannot read archive "${label}": the member at byte ${at} is no tar member: ${error.message}`,
    { cause: error, notes: ["The file is damaged, or is no tar archive"] },
  );
}
