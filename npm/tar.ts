/**
 * `@std/tar` where only npm is reachable: `TarStream` and the checks before it, as far as kbuild uses
 * them, under the same names and with the same bytes as `jsr:@std/tar@0.1`.
 * `tests/npm/tar_contract_test.ts` holds both to one contract. `UntarStream` is not here.
 *
 * @module
 */

/** Header fields of a member. */
export interface TarStreamOptions {
  /** Permission bits; default 0644 for files, 0755 for directories, 0777 for links. */
  mode?: number;
  /** Owner; default 0. */
  uid?: number;
  /** Group; default 0. */
  gid?: number;
  /** Seconds since 1970; default now. */
  mtime?: number;
  /** Owner's name in ASCII. */
  uname?: string;
  /** Group's name in ASCII. */
  gname?: string;
}

/** A regular file. */
export interface TarStreamFile {
  /** Its kind. */
  type: "file";
  /** Name in the archive. */
  path: string;
  /** Bytes of its content. */
  size: number;
  /** Its content. */
  readable: ReadableStream<Uint8Array>;
  /** Its other fields. */
  options?: TarStreamOptions;
}

/** A directory. */
export interface TarStreamDir {
  /** Its kind. */
  type: "directory";
  /** Name in the archive. */
  path: string;
  /** Its other fields. */
  options?: TarStreamOptions;
}

/** A symbolic link. */
export interface TarStreamSymlink {
  /** Its kind. */
  type: "symlink";
  /** Name in the archive. */
  path: string;
  /** Where it leads: 100 bytes at most. */
  linkname: string;
  /** Its other fields. */
  options?: TarStreamOptions;
}

/** What {@linkcode TarStream} takes. */
export type TarStreamInput = TarStreamFile | TarStreamDir | TarStreamSymlink;

const BLOCK = 512;
const utf8 = (text: string) => new TextEncoder().encode(text);

/** Turns members into an archive: plain ustar, ended by two blocks of zeros. */
export class TarStream implements TransformStream<TarStreamInput, Uint8Array<ArrayBuffer>> {
  /** Takes the members. */
  readonly writable: WritableStream<TarStreamInput>;
  /** The archive; it can be read into buffers of the reader's. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;

  /** Makes both ends. */
  constructor() {
    const { readable, writable } = new TransformStream<TarStreamInput, TarStreamInput>();
    /** The reader's buffer. */
    let buffer = new Uint8Array(0);
    const blocks = blocksOf(readable, () => buffer);
    this.writable = writable;
    this.readable = new ReadableStream({
      type: "bytes",
      async pull(controller) {
        const view = controller.byobRequest?.view;
        buffer = view ? new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset) : buffer;
        try {
          const { done, value } = await blocks.next();
          if (done !== true) return controller.enqueue(value);
          controller.close();
          controller.byobRequest?.respond(0);
        } catch (error) {
          controller.error(error);
        }
      },
    }) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }
}

async function* blocksOf(
  inputs: ReadableStream<TarStreamInput>,
  getBuffer: () => Uint8Array,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const input of inputs) {
    yield headerOf(input, getBuffer());
    if (input.type !== "file") continue;
    let size = 0;
    for await (const chunk of input.readable) {
      size += chunk.length;
      // Whoever passes it on takes its memory away, as the original does.
      if (chunk.length > 0) yield chunk as Uint8Array<ArrayBuffer>;
    }
    if (size !== input.size) {
      throw new RangeError(`Cannot archive "${input.path}": want ${input.size} bytes, got ${size}`);
    }
    if (size % BLOCK > 0) yield new Uint8Array(BLOCK - size % BLOCK);
  }
  yield new Uint8Array(2 * BLOCK);
}

const DEFAULT_MODES = { file: 0o644, directory: 0o755, symlink: 0o777 } as const;
const TYPE_FLAGS = { file: "0", symlink: "2", directory: "5" } as const;

/** As in the original, what is in the buffer stays behind a name that needs no prefix. */
function headerOf(input: TarStreamInput, buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  const { options = {}, path, type } = input;
  assertValidTarStreamOptions(options);
  const { mode = DEFAULT_MODES[type], uid = 0, gid = 0, uname = "", gname = "" } = options;
  const { mtime = Math.floor(Date.now() / 1000) } = options;
  const link = utf8(type === "symlink" ? input.linkname : "");
  if (link.length > 100 || (type === "symlink" && link.length === 0)) {
    throw new RangeError(`Cannot archive "${path}": a link target has 1 to 100 bytes`);
  }
  const size = type === "file" ? input.size : 0;
  if (!(size >= 0 && size <= 8 ** 12)) throw new RangeError(`Cannot archive ${size} bytes`);
  const { name, prefix } = splitPath(path);
  const block = new Uint8Array(BLOCK);
  const octal = (value: number, digits: number) => utf8(value.toString(8).padStart(digits, "0"));
  if (prefix.length === 0) {
    block.set(buffer.subarray(0, 100));
    block.set(buffer.subarray(345, 500), 345);
  }
  block.set(name, 0);
  block.set(utf8("       \0       \0       \0"), 100);
  block.set(octal(mode, 6), 100);
  block.set(octal(uid, 6), 108);
  block.set(octal(gid, 6), 116);
  block.set(utf8("            ".repeat(2)), 124);
  block.set(octal(size, 11), 124);
  block.set(octal(mtime, 11), 136);
  block.fill(0x20, 148, 156);
  block.set(utf8(TYPE_FLAGS[type]), 156);
  block.set(link, 157);
  block.set(utf8("ustar\0" + "00"), 257);
  block.set(utf8(uname), 265);
  block.set(utf8(gname), 297);
  block.set(prefix, 345);
  block.set(octal(block.reduce((sum, byte) => sum + byte, 0), 6), 148);
  block[154] = 0;
  return block;
}

/**
 * Checks the header fields of a member.
 *
 * @throws {TypeError} A number has too many octal digits (6; `mtime` 11), or a name is not ASCII or has
 * more than 31 characters.
 */
export function assertValidTarStreamOptions(options: TarStreamOptions): void {
  const { mode = 0, uid = 0, gid = 0, mtime = 0, uname = "", gname = "" } = options;
  for (
    const [name, value, digits] of Object.entries({ mode, uid, gid }).map(small).concat([
      ["mtime", mtime, 11],
    ])
  ) {
    if (value >= 0 && value < 8 ** digits) continue;
    throw new TypeError(`Cannot archive a member: ${name} is ${value}`);
  }
  for (const [name, value] of Object.entries({ uname, gname })) {
    if (/^\p{ASCII}{0,31}$/u.test(value)) continue;
    throw new TypeError(`Cannot archive a member: ${name} is "${value}"`);
  }
}

function small([name, value]: [string, number]): [string, number, number] {
  return [name, value, 6];
}

/**
 * Checks the name of a member.
 *
 * @throws {RangeError} It has more than 256 bytes, or more than 99 behind its last "/".
 * @throws {TypeError} It cannot be split into 155 and 99 bytes.
 */
export function assertValidPath(path: string): void {
  splitPath(path);
}

/** Up to 100 bytes are the name; of more, as many parts as fit into 99. */
function splitPath(path: string): { name: Uint8Array; prefix: Uint8Array } {
  const bytes = utf8(path);
  const fail = (why: string) => `Cannot archive "${path}": ${why}`;
  if (bytes.length <= 100) return { name: bytes, prefix: new Uint8Array(0) };
  if (bytes.length > 256) throw new RangeError(fail("its name has more than 256 bytes"));
  const slashes = [...bytes.keys()].filter((at) => at > 0 && bytes[at] === 0x2f);
  const slash = slashes.find((at) => bytes.length - at <= 100);
  if (slash === undefined) throw new RangeError(fail("its last part has more than 99 bytes"));
  if (slash > 155) throw new TypeError(fail("its name cannot be split into 155 and 99 bytes"));
  return { name: bytes.subarray(slash + 1), prefix: bytes.subarray(0, slash) };
}
