import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { ifPossibleSync, readFileChunks } from "../files/mod.ts";
import { gunzip, isGzip, readTar } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { readExecutable } from "./executable.ts";
import { ProgramScanner } from "./go_binary.ts";
import { Tee } from "./tee.ts";
import type { Content, Form, Hunk, Member } from "./types.ts";

/** Contents are compared in parts of this many bytes. */
export const BLOCK = 1 << 16;
/** Archives within archives: tarball, image, layer, and one more. */
const MAX_DEPTH = 8;
const MAX_DOCUMENT = 1 << 20;
/** Bytes of documents kept of one artifact. */
const ALL_DOCUMENTS = 64 << 20;
/** Documents of images, and those of a release that say its version. */
const DOCUMENT =
  /^(\.\/)?((manifest|index)\.json|oci-layout|[0-9a-f]{64}\.json|blobs\/sha256\/[0-9a-f]{64})$|(^|\/)version$|\.docker_tag$/;

/** Options of {@linkcode scanFile}. */
export interface ScanOptions {
  /** What messages call it; default: its path. */
  label?: string;
  /** Stops the reading. */
  signal?: AbortSignal | undefined;
  /** Called with every chunk of the file itself, in their order. */
  see?: (chunk: Uint8Array) => void;
  /** Blocks of 64 KiB to keep, by {@linkcode Content.key}: one of each content. */
  hunks?: ReadonlyMap<string, number>;
}

interface Work {
  readonly label: string;
  readonly signal: AbortSignal | undefined;
  readonly depth: number;
  readonly key: string;
  readonly hunks: ReadonlyMap<string, number> | undefined;
  readonly budget: { documents: number };
}

/**
 * Reads a file to its end, with all archives in it, in one pass and with bounded memory. What is
 * damaged is not an error here: it is reported with its place.
 *
 * @throws {KbuildError} The file cannot be read.
 */
export async function scanFile(path: string, options: ScanOptions = {}): Promise<Content> {
  return await scanStream(readFileChunks(path), { ...options, label: options.label ?? path });
}

/**
 * Reads a stream to its end, as {@linkcode scanFile} reads a file.
 *
 * @throws Errors of the stream itself.
 */
export async function scanStream(
  source: AsyncIterable<Uint8Array>,
  options: Omit<ScanOptions, "label"> & { label: string },
): Promise<Content> {
  const { label, signal, hunks, see } = options;
  const budget = { documents: ALL_DOCUMENTS };
  return await scan(seen(source, see), { label, signal, depth: 0, key: "", hunks, budget });
}

async function* seen(
  source: AsyncIterable<Uint8Array>,
  see: (chunk: Uint8Array) => void = () => {},
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of source) {
    see(chunk);
    yield chunk;
  }
}

async function scan(source: AsyncIterable<Uint8Array>, work: Work): Promise<Content> {
  const hash = createHash("sha256");
  const blocks = new BlockSums(work.hunks?.get(work.key));
  const tee = new Tee(source, (chunk) => {
    work.signal?.throwIfAborted();
    hash.update(chunk);
    blocks.update(chunk);
  });
  const head = await tee.peek(512);
  let form: Form;
  try {
    form = await look(tee, head, work);
  } catch (error) {
    const ours = tee.failure === undefined && work.signal?.aborted !== true;
    if (!ours || !(error instanceof KbuildError)) throw error;
    form = { kind: "damaged", what: isGzip(head) ? "gzip" : "tar", reason: error.message };
  }
  await tee.drain();
  const { size, sums, hunk } = blocks.finish();
  return Object.freeze({
    key: work.key,
    size,
    sha256: hash.digest("hex"),
    blocks: sums,
    form,
    ...(hunk === undefined ? {} : { hunk }),
  });
}

async function look(tee: Tee, head: Uint8Array, work: Work): Promise<Form> {
  const deeper = { ...work, depth: work.depth + 1 };
  if (work.depth < MAX_DEPTH && isGzip(head)) {
    const within = { ...deeper, key: `${work.key}z` };
    return { kind: "gzip", inner: await scan(gunzip(tee.chunks(), work.label), within) };
  }
  if (work.depth < MAX_DEPTH && isTarHeader(head)) {
    const members: Member[] = [];
    for await (const member of readTar(tee.chunks(), { label: work.label })) {
      const { chunks, bytes, offset: _, ...fields } = member;
      const ordinal = members.length;
      if (member.type !== "file") {
        members.push(Object.freeze({ ...fields, ordinal }));
        continue;
      }
      const inside = { ...deeper, label: member.name, key: `${work.key}/${ordinal}` };
      const keep = DOCUMENT.test(member.name) && member.size <= MAX_DOCUMENT &&
        (work.budget.documents -= member.size) >= 0;
      const document = keep ? await bytes() : undefined;
      const content = await scan(document === undefined ? chunks() : single(document), inside);
      members.push(Object.freeze({
        ...fields,
        ordinal,
        content: document === undefined ? content : Object.freeze({ ...content, document }),
      }));
    }
    return { kind: "tar", members: Object.freeze(members) };
  }
  if (mayBeProgram(head)) {
    const scanner = new ProgramScanner();
    for await (const chunk of tee.chunks()) scanner.update(chunk);
    const program = scanner.finish();
    if (program !== undefined) return { kind: "program", program };
    if (isElf(head)) return { kind: "data", text: false, brokenProgram: true };
  }
  return { kind: "data", text: isText(head) };
}

async function* single(chunk: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield chunk;
}

/** CRC-32 of every {@linkcode BLOCK} bytes, and one of the blocks itself. */
class BlockSums {
  readonly #sums: number[] = [];
  readonly #wanted: number | undefined;
  readonly #kept: Uint8Array[] = [];
  #crc = 0;
  #size = 0;

  constructor(wanted: number | undefined) {
    this.#wanted = wanted;
  }

  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + BLOCK - this.#size % BLOCK);
      if (this.#wanted === this.#sums.length) this.#kept.push(part.slice());
      this.#crc = crc32(part, this.#crc);
      this.#size += part.length;
      at += part.length;
      if (this.#size % BLOCK === 0) this.#next();
    }
  }

  finish(): { size: number; sums: Uint32Array; hunk: Hunk | undefined } {
    if (this.#size % BLOCK !== 0) this.#next();
    const bytes = Buffer.concat(this.#kept);
    const hunk = this.#wanted === undefined
      ? undefined
      : Object.freeze({ offset: this.#wanted * BLOCK, bytes });
    return { size: this.#size, sums: Uint32Array.from(this.#sums), hunk };
  }

  #next(): void {
    this.#sums.push(this.#crc);
    this.#crc = 0;
  }
}

/** A first block whose checksum is right. */
function isTarHeader(head: Uint8Array): boolean {
  if (head.length < 512 || head[0] === 0) return false;
  let sum = 8 * 0x20;
  for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += head[i]!;
  const field = new TextDecoder("latin1").decode(head.subarray(148, 156));
  const stored = /^ *([0-7]+)[ \0]*$/.exec(field)?.[1];
  return stored !== undefined && parseInt(stored, 8) === sum;
}

function mayBeProgram(head: Uint8Array): boolean {
  return (head[0] === 0x4d && head[1] === 0x5a) || readExecutable(head) !== undefined ||
    (head[0] === 0x7f && head[1] === 0x45) || (head[0]! >= 0xce && head[3] === 0xfe);
}

function isElf(head: Uint8Array): boolean {
  return head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

function isText(head: Uint8Array): boolean {
  if (head.includes(0)) return false;
  // A character may be cut at the end.
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return ifPossibleSync(() => decoder.decode(head, { stream: true })) !== undefined;
}
