import { KbuildError } from "../errors.ts";
import { sinkOf } from "./bytes.ts";
import { BLOCK_SIZE, encodeHeader, paddingOf, type TarFormat } from "./header.ts";
import type { ByteSink, CopiedPart, FilePart, TarEntry } from "./types.ts";
import { cannotRead, CHUNK_SIZE, openFile } from "../files/mod.ts";

/** Archives are filled up with zeros to a multiple of this, as GNU tar and Python do. */
export const RECORD_SIZE: number = 20 * BLOCK_SIZE;

/**
 * Files up to this size are read with one blocking call: a tenth of the time of the four
 * asynchronous ones, which is what counts in a tree of thousands of small files.
 */
export const SMALL_FILE: number = 64 << 10;

/** Whoever takes a part of a file does nothing else meanwhile. */
const COPY_SIZE = 16 << 20;

/** Options of {@linkcode writeTar}. */
export interface WriteTarOptions {
  /** Form of the headers; default `ustar`. */
  format?: TarFormat;
  /** Ends the writing between two chunks. */
  signal?: AbortSignal;
}

/**
 * Writes an archive in the order of `entries`, streaming: no more than one chunk (1 MiB) of it is in
 * memory. Two zero blocks end it, and zeros fill the last record of 10240 bytes.
 *
 * @returns The size of the archive in bytes.
 * @throws {KbuildError} A source cannot be read, or its size is not the one in its entry: it changed
 * while it was read.
 */
export async function writeTar(
  entries: Iterable<TarEntry> | AsyncIterable<TarEntry>,
  sink: ByteSink,
  options: WriteTarOptions = {},
): Promise<number> {
  const { signal, format } = options;
  const out = new ChunkedSink(sink, signal);
  for await (const entry of entries) {
    await out.write(encodeHeader(entry, format));
    if (entry.type !== "file") continue;
    await writeContent(entry, out);
    await out.write(new Uint8Array(paddingOf(entry.size)));
  }
  const end = out.total + 2 * BLOCK_SIZE;
  const size = Math.ceil(end / RECORD_SIZE) * RECORD_SIZE;
  await out.write(new Uint8Array(size - out.total));
  await out.flush();
  return size;
}

/** Gathers small writes into chunks; hands large content through as it is. */
class ChunkedSink {
  /** Whether parts of files may be handed on unread. */
  readonly copies: boolean;
  readonly #sink: ByteSink;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer = new Uint8Array(CHUNK_SIZE);
  #used = 0;
  /** Bytes written so far. */
  total = 0;

  constructor(sink: ByteSink, signal: AbortSignal | undefined) {
    this.copies = sink.copy !== undefined;
    this.#sink = sink;
    this.#signal = signal;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.total += bytes.length;
    while (bytes.length > 0) {
      const part = bytes.subarray(0, CHUNK_SIZE - this.#used);
      this.#buffer.set(part, this.#used);
      await this.#advance(part.length);
      bytes = bytes.subarray(part.length);
    }
  }

  /** Reads up to `limit` bytes straight into the chunk; 0 at the end of the file. */
  async readFrom(file: Deno.FsFile, limit: number): Promise<number> {
    const end = Math.min(CHUNK_SIZE, this.#used + limit);
    const count = file.readSync(this.#buffer.subarray(this.#used, end)) ?? 0;
    this.total += count;
    await this.#advance(count);
    return count;
  }

  /** Hands a part of a file on; only where {@linkcode copies}. */
  async copy(part: FilePart): Promise<CopiedPart> {
    await this.flush();
    this.#signal?.throwIfAborted();
    const copied = await this.#sink.copy!(part);
    this.total += copied.size;
    return copied;
  }

  async flush(): Promise<void> {
    if (this.#used === 0) return;
    const chunk = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    await this.#emit(chunk);
  }

  async #advance(count: number): Promise<void> {
    this.#used += count;
    if (this.#used === CHUNK_SIZE) await this.flush();
  }

  async #emit(chunk: Uint8Array): Promise<void> {
    this.#signal?.throwIfAborted();
    await this.#sink(chunk);
  }
}

async function writeContent(entry: TarEntry, out: ChunkedSink): Promise<void> {
  const { content, size, name } = entry;
  if (content === undefined || "bytes" in content) {
    const bytes = content?.bytes ?? new Uint8Array(0);
    if (bytes.length !== size) throw changed(name, size, bytes.length);
    await out.write(bytes);
  } else if ("write" in content) {
    let count = 0;
    const grow = (by: number) => {
      count += by;
      if (count > size) throw changed(content.label, size, count);
    };
    const write = async (chunk: Uint8Array) => {
      grow(chunk.length);
      await out.write(chunk);
    };
    const copy = async (part: FilePart) => {
      grow(part.size);
      return await out.copy(part);
    };
    await content.write(sinkOf(write, out.copies ? copy : undefined));
    if (count !== size) throw changed(content.label, size, count);
  } else {
    await writeFile(content.path, content.offset, size, out);
  }
}

async function writeFile(
  path: string,
  offset: number | undefined,
  size: number,
  out: ChunkedSink,
): Promise<void> {
  if (offset === undefined && size <= SMALL_FILE) {
    const bytes = readSmallFile(path);
    if (bytes.length !== size) throw changed(path, size, bytes.length);
    await out.write(bytes);
    // It was copied. The collector lets some 100 MB of small files pile up.
    return void bytes.buffer.transfer?.(0);
  }
  if (out.copies && size >= CHUNK_SIZE) return await copyFile(path, offset, size, out);
  using file = await openFile(path).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
  if (offset !== undefined) await file.seek(offset, Deno.SeekMode.Start);
  let left = size;
  while (left > 0) {
    const count = await out.readFrom(file, left);
    if (count === 0) throw changed(path, size, size - left);
    left -= count;
  }
  if (offset !== undefined) return;
  const more = await file.read(new Uint8Array(1));
  if (more !== null) throw changed(path, size, (await file.stat()).size);
}

/** Hands a file on in parts, unread. */
async function copyFile(
  path: string,
  offset: number | undefined,
  size: number,
  out: ChunkedSink,
): Promise<void> {
  for (let done = 0; done < size;) {
    const part = { path, offset: (offset ?? 0) + done, size: Math.min(COPY_SIZE, size - done) };
    const copied = await out.copy(part);
    done += copied.size;
    if (copied.size < part.size) throw changed(path, size, done);
  }
  if (offset !== undefined) return;
  const { size: now } = await Deno.stat(path).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
  if (now !== size) throw changed(path, size, now);
}

/** A whole file, with one blocking call. */
export function readSmallFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    // It was a regular file when it was listed; there are tens of thousands.
    // deno-lint-ignore kbuild/regular-files
    return Deno.readFileSync(path);
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

/** The error of a source whose size is not the one in its entry. */
export function changed(path: string, expected: number, found: number): KbuildError {
  return new KbuildError(
    `Cannot archive "${path}": it had ${expected} bytes when listed and ${found} when read`,
    { notes: ["Run again when no other program writes to it"] },
  );
}
