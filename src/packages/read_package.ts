import { ByteReader, EndOfInput, gunzip } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { readFileChunks } from "../files/mod.ts";
import { AR_HEADER_BYTES, AR_MAGIC } from "./ar.ts";
import { cpioPadding } from "./cpio.ts";

/** A file in a package, or an archive of all of them. */
export interface PackagedFile {
  /** Path of an rpm's file, `usr/bin/kubelet`; `data.tar.gz` of a deb. */
  readonly name: string;
  /** Its bytes, to be read before the next file is taken. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

const LEAD_BYTES = 96;
const HEADER_BYTES = 16;
const HEADER_MAGIC = 0x8eade801;
/** rpm's own limit (lib/header.c, HEADER_DATA_MAX); of entries it takes fewer. */
const MAX_HEADER = 0x0fffffff;
const CPIO_HEADER_BYTES = 110;
const MAX_NAME = 4096;

/**
 * Reads what a package installs, as kbuild's own packages have it: `data.tar.gz` of a deb, each file of an
 * rpm whose payload is compressed with gzip.
 *
 * @param path A file that ends in `.deb` or `.rpm`.
 * @throws {KbuildError} It is another format, or damaged.
 */
export async function* packagedFiles(path: string): AsyncGenerator<PackagedFile, void> {
  const reader = new ByteReader(readFileChunks(path));
  try {
    yield* path.endsWith(".deb") ? debFiles(reader, path) : rpmFiles(reader, path);
  } catch (error) {
    if (!(error instanceof EndOfInput)) throw error;
    throw endedEarly(path, error.missing);
  } finally {
    await reader.close();
  }
}

function endedEarly(path: string, missing: number): KbuildError {
  return damaged(path, `it ends ${missing} bytes too early`);
}

function damaged(path: string, why: string): KbuildError {
  return new KbuildError(`Cannot read package "${path}": ${why}`, {
    notes: ["Make it again: kbuild packages"],
  });
}

async function* debFiles(reader: ByteReader, path: string): AsyncGenerator<PackagedFile, void> {
  const latin1 = new TextDecoder("latin1");
  const read = async (count: number) => latin1.decode(await reader.exactly(count));
  if (await read(AR_MAGIC.length) !== AR_MAGIC) throw damaged(path, "it is not a deb");
  // debian-binary, control.tar and data.tar; more may follow and is nothing that is installed.
  for (let members = 0; members < 3; members++) {
    const [, name = "", size] = /^(.{16}).{32}(\d{1,10}) *`\n$/.exec(await read(AR_HEADER_BYTES)) ??
      [];
    if (size === undefined) throw damaged(path, "a member has no header");
    const bytes = Number(size);
    if (name.trim() === "data.tar.gz") {
      return yield { name: "data.tar.gz", chunks: part(reader, bytes, path) };
    }
    await reader.skip(bytes + bytes % 2);
  }
  throw damaged(path, "it has no data.tar.gz");
}

async function* rpmFiles(reader: ByteReader, path: string): AsyncGenerator<PackagedFile, void> {
  await reader.skip(LEAD_BYTES);
  const signature = await skipHeader(reader, path);
  await reader.skip((8 - signature % 8) % 8);
  await skipHeader(reader, path);
  const files = new ByteReader(gunzip(rest(reader), path));
  try {
    yield* cpioFiles(files, path);
  } finally {
    await files.close();
  }
}

async function* cpioFiles(files: ByteReader, path: string): AsyncGenerator<PackagedFile, void> {
  while (true) {
    const fields = new TextDecoder("latin1").decode(await files.exactly(CPIO_HEADER_BYTES));
    const [size, nameSize] = [54, 94].map((at) => parseInt(fields.slice(at, at + 8), 16));
    const isHeader = fields.startsWith("070701") && size! >= 0 && nameSize! > 0;
    if (!isHeader || nameSize! > MAX_NAME) throw damaged(path, "a file has no header");
    const name = new TextDecoder().decode(await files.exactly(nameSize!)).slice(0, -1);
    await files.skip(cpioPadding(CPIO_HEADER_BYTES + nameSize!));
    if (name === "TRAILER!!!") return;
    const start = files.offset;
    yield { name: name.replace(/^\.?\//, ""), chunks: part(files, size!, path) };
    await files.skip(size! - (files.offset - start) + cpioPadding(size!));
  }
}

/** @returns Bytes of the header. */
async function skipHeader(reader: ByteReader, path: string): Promise<number> {
  const view = new DataView((await reader.exactly(HEADER_BYTES)).buffer);
  const size = view.getUint32(8) * 16 + view.getUint32(12);
  if (view.getUint32(0) !== HEADER_MAGIC || size > MAX_HEADER) {
    throw damaged(path, "it is not an rpm");
  }
  await reader.skip(size);
  return HEADER_BYTES + size;
}

async function* part(
  reader: ByteReader,
  size: number,
  path: string,
): AsyncGenerator<Uint8Array, void> {
  for (let left = size; left > 0;) {
    const chunk = await reader.some(left);
    if (chunk === undefined) throw endedEarly(path, left);
    left -= chunk.length;
    yield chunk;
  }
}

async function* rest(reader: ByteReader): AsyncGenerator<Uint8Array, void> {
  for (let chunk = await reader.some(1 << 20); chunk !== undefined;) {
    yield chunk;
    chunk = await reader.some(1 << 20);
  }
}
