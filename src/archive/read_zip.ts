import { inflateRawSync } from "node:zlib";
import { cannotRead, openFile, reasonOf } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { decodeName, quoteName } from "./names.ts";
import { beyondLimit, bytesText, type ReadLimits, readLimits } from "./read_limits.ts";

/** One file of a zip archive. */
export interface ZipMember {
  /** Name as it is in the archive. */
  readonly name: string;
  /** Size of the content in bytes. */
  readonly size: number;
  /**
   * Reads the content.
   *
   * @throws {KbuildError} It is damaged, or compressed in a way that is not read here.
   */
  bytes(): Promise<Uint8Array>;
}

/** Options of {@linkcode readZip}. */
export interface ReadZipOptions {
  /** What the user knows the archive by; default: its path. */
  readonly label?: string;
  /** Replaces some of the default limits; `maxBytes` (sum of all sizes), `maxMembers` and `maxName` count. */
  readonly limits?: Partial<ReadLimits>;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_SIZE = 22;
const CENTRAL_SIZE = 46;
const LOCAL_SIZE = 30;
/** The comment at the end has a length of 16 bits. */
const MAX_COMMENT = 0xffff;
/** Central directory of a million members with names of usual length; it is held in memory. */
const MAX_DIRECTORY = 128 * 2 ** 20;
const STORED = 0;
const DEFLATED = 8;

/**
 * Reads a zip archive through its central directory: stored and deflated members, as Go's module
 * zips have them. Checksums are not compared, because whoever reads a module compares stronger ones.
 * zip64, encryption and archives in several parts are refused.
 *
 * @param path A file.
 * @throws {KbuildError} It is not such an archive, is damaged, or goes beyond a limit.
 */
export async function* readZip(
  path: string,
  options: ReadZipOptions = {},
): AsyncGenerator<ZipMember, void> {
  const { label = path } = options;
  const limits = readLimits(options.limits);
  using file = await openFile(path).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
  const zip = new ZipFile(file, label, (await file.stat()).size);
  const { count, directory } = await zip.directory();
  if (count > limits.maxMembers) {
    throw beyondLimit(label, `it has more than ${limits.maxMembers} members`, "maxMembers");
  }
  let total = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    const member = parseCentral(directory, at, label, limits.maxName);
    at = member.next;
    total += member.size;
    if (total > limits.maxBytes) {
      throw beyondLimit(label, `it unpacks to more than ${bytesText(limits.maxBytes)}`, "maxBytes");
    }
    const { name, size } = member;
    yield Object.freeze({ name, size, bytes: () => zip.content(member) });
  }
}

/** What the central directory says of a member. */
interface Central {
  readonly name: string;
  readonly size: number;
  readonly compressed: number;
  readonly method: number;
  /** Where its local header starts. */
  readonly offset: number;
  /** Where the next member begins in the central directory. */
  readonly next: number;
}

function parseCentral(
  directory: DataView<ArrayBuffer>,
  at: number,
  label: string,
  maxName: number,
): Central {
  const field = (offset: number, bytes: 2 | 4) =>
    bytes === 2 ? directory.getUint16(at + offset, true) : directory.getUint32(at + offset, true);
  const fits = (size: number) => at + size <= directory.byteLength;
  if (!fits(CENTRAL_SIZE) || field(0, 4) !== CENTRAL) {
    throw damaged(label, "its list of members is damaged");
  }
  const length = field(28, 2);
  const next = at + CENTRAL_SIZE + length + field(30, 2) + field(32, 2);
  if (!fits(next - at)) throw damaged(label, "its list of members is damaged");
  if (length > maxName) {
    throw beyondLimit(label, `a name has more than ${maxName} bytes`, "maxName");
  }
  const name = decodeName(new Uint8Array(directory.buffer, at + CENTRAL_SIZE, length));
  const [size, compressed, offset] = [field(24, 4), field(20, 4), field(42, 4)];
  if ((field(8, 2) & 1) !== 0) throw damaged(label, `${quoteName(name)} is encrypted`);
  if ([size, compressed, offset].includes(0xffffffff)) {
    throw damaged(label, "it is in zip64 format");
  }
  return { name, size, compressed, method: field(10, 2), offset, next };
}

/** An open zip archive. */
class ZipFile {
  readonly #file: Deno.FsFile;
  readonly #label: string;
  readonly #size: number;

  constructor(file: Deno.FsFile, label: string, size: number) {
    this.#file = file;
    this.#label = label;
    this.#size = size;
  }

  /** The list of members, at the end of the archive. */
  async directory(): Promise<{ count: number; directory: DataView<ArrayBuffer> }> {
    const length = Math.min(this.#size, END_SIZE + MAX_COMMENT);
    const tail = await this.#read(this.#size - length, length);
    for (let at = length - END_SIZE; at >= 0; at--) {
      // The comment ends where the file does; other places only look like the end record.
      if (tail.getUint32(at, true) !== END) continue;
      if (at + END_SIZE + tail.getUint16(at + 20, true) !== length) continue;
      const [count, size, offset] = [
        tail.getUint16(at + 10, true),
        tail.getUint32(at + 12, true),
        tail.getUint32(at + 16, true),
      ];
      if (count === 0xffff || offset === 0xffffffff) {
        throw damaged(this.#label, "it is in zip64 format");
      }
      if (size > MAX_DIRECTORY) throw damaged(this.#label, "its list of members is too long");
      return { count, directory: await this.#read(offset, size) };
    }
    throw damaged(this.#label, "its end is missing");
  }

  /** The content of a member, decompressed. */
  async content({ name, size, compressed, method, offset }: Central): Promise<Uint8Array> {
    const refuse = (why: string) => damaged(this.#label, `${quoteName(name)} ${why}`);
    const header = await this.#read(offset, LOCAL_SIZE);
    if (header.getUint32(0, true) !== LOCAL) throw refuse("is not where the list has it");
    const start = offset + LOCAL_SIZE + header.getUint16(26, true) + header.getUint16(28, true);
    const { buffer } = await this.#read(start, compressed);
    const packed = new Uint8Array(buffer);
    if (method !== STORED && method !== DEFLATED) {
      throw refuse(`is compressed with method ${method}, not with deflate`);
    }
    const bytes = method === STORED ? packed : inflate(packed, size, refuse);
    if (bytes.length !== size) throw refuse(`has ${bytes.length} bytes, not ${size}`);
    return bytes;
  }

  async #read(offset: number, size: number): Promise<DataView<ArrayBuffer>> {
    if (offset < 0 || offset + size > this.#size) throw damaged(this.#label, "it is cut off");
    const bytes = new Uint8Array(size);
    await this.#file.seek(offset, Deno.SeekMode.Start);
    for (let at = 0; at < size;) {
      const count = await this.#file.read(bytes.subarray(at));
      if (count === null) throw damaged(this.#label, "it is cut off");
      at += count;
    }
    return new DataView(bytes.buffer);
  }
}

function inflate(packed: Uint8Array, size: number, refuse: (why: string) => KbuildError) {
  try {
    // Never more than was announced and counted; 0 would mean no limit.
    return inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) });
  } catch (error) {
    throw refuse(`cannot be decompressed: ${reasonOf(error)}`);
  }
}

function damaged(label: string, why: string): KbuildError {
  return new KbuildError(`Cannot read archive "${label}": ${why}`, {
    notes: [
      "The file is damaged, was not copied completely, or is not a zip archive: get it again",
    ],
  });
}
