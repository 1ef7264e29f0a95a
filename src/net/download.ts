import { format as formatBytes } from "@std/fmt/bytes";
import { CHUNK_SIZE, concat, readFileChunks, writeAll } from "../files/mod.ts";
import { type HashAlgorithm, type Hasher, inlineHasher } from "../archive/mod.ts";
import type { Client, NetRequest } from "./client.ts";
import { NetworkError } from "./failure.ts";
import { readBody } from "./read_body.ts";

/** Sends a request: a client's `send`, or what adds credentials to it. */
export type Send = (url: string, request: NetRequest) => Promise<Response>;

/** Options of {@linkcode downloadInto}. */
export interface DownloadOptions {
  /** Asks the server; default: the client alone. */
  readonly send?: Send;
  /** What progress calls it; default: the URL's last part. */
  readonly label?: string;
  /** Bytes that must come, where that is known: more are refused. */
  readonly size?: number | undefined;
  /** Of the digest; default SHA-256. */
  readonly algorithm?: HashAlgorithm;
  /** What computes it; default: the calling thread. */
  readonly hasher?: Hasher;
}

/**
 * Downloads into an open file behind what is in it already, with retries. After a broken connection
 * the server is asked for the rest (`Range`); one that cannot do that sends all again.
 *
 * @param file Open to read and write; `path` is its name.
 * @returns Digest of the whole file in hex, SHA-256 unless `algorithm` says otherwise. The caller compares it.
 * @throws {NetworkError} The server cannot be reached, refuses, falls silent, drips, closes too early
 * each time, or sends too much.
 * @throws {KbuildError} The file cannot be written.
 */
export async function downloadInto(
  client: Client,
  url: string,
  { file, path }: { file: Deno.FsFile; path: string },
  options: DownloadOptions = {},
): Promise<string> {
  const { send = client.send, label = url.slice(url.lastIndexOf("/") + 1), size } = options;
  const { algorithm = "sha256", hasher = inlineHasher } = options;
  let hash = hasher.open([algorithm]);
  let known = (await file.stat()).size;
  for await (const chunk of readFileChunks(path, { size: known })) await hash.update(chunk);
  let before = known;
  const { retryPolicy, signal } = client;
  const reused = { retryPolicy, signal, reuse: true };
  const restart = async () => {
    await file.truncate(0);
    hash[Symbol.dispose]();
    hash = hasher.open([algorithm]);
    known = 0;
  };
  if (size !== undefined && known > size) await restart();
  try {
    const unit = client.log.events.unit({ kind: "fetch", name: label });
    await unit.run(() =>
      client.retry(async () => {
        before = known;
        if (size !== undefined && known === size && size > 0) return;
        const range = known === 0 ? {} : { range: `bytes=${known}-` };
        const response = await send(url, { headers: range });
        if (response.status === 416) {
          await response.body?.cancel();
          await restart();
          throw new NetworkError(url, "the server has no such part of it", { retry: true });
        }
        if (!response.ok) throw await client.refusal(url, response);
        if (known > 0 && !continues(response, known)) await restart();
        await file.seek(known, Deno.SeekMode.Start);
        const length = Number(response.headers.get("content-length") ?? NaN);
        const total = size ?? (Number.isFinite(length) ? known + length : undefined);
        for await (const chunk of gathered(readBody(url, response, reused))) {
          if (known + chunk.length > (size ?? MAX_UNKNOWN)) {
            await restart();
            throw new NetworkError(url, `more than ${size ?? MAX_UNKNOWN} bytes came`, {
              code: "too-long",
            });
          }
          await hash.update(chunk);
          writeAll(path, file, chunk);
          known += chunk.length;
          unit.progress({ done: known, total, of: "bytes" });
        }
        if (size !== undefined && known < size) {
          throw new NetworkError(url, `only ${known} of its ${size} bytes came`, { retry: true });
        }
      }, { progressed: () => known - before > PROGRESS })
    );
    const [digest = ""] = await hash.digests();
    return digest;
  } finally {
    hash[Symbol.dispose]();
  }
}

/** Bytes that are hashed and written at once, and how long they may take to come. */
const PIECE = { size: CHUNK_SIZE, ms: 100 };

/**
 * The same bytes in fewer pieces, each in the same memory, as the chunks may be. What came before a failure comes before it here,
 * too.
 */
async function* gathered(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const buffer = new Uint8Array(PIECE.size);
  let [filled, since] = [0, performance.now()];
  try {
    for await (const chunk of chunks) {
      const isFull = filled + chunk.length > buffer.length;
      if (filled > 0 && (isFull || performance.now() - since > PIECE.ms)) {
        yield buffer.subarray(0, filled);
        [filled, since] = [0, performance.now()];
      }
      if (chunk.length > buffer.length) yield chunk;
      else {
        buffer.set(chunk, filled);
        filled += chunk.length;
      }
    }
  } catch (error) {
    if (filled > 0) yield buffer.subarray(0, filled);
    throw error;
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

/** Bytes of a file whose size is not known beforehand; Go's archives have a tenth at most. */
const MAX_UNKNOWN = 2 ** 31;

/** An attempt that received this many bytes was not a failure. */
const PROGRESS = 8 << 20;

/** Whether an answer goes on at that byte. */
function continues(response: Response, at: number): boolean {
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  return response.status === 206 && Number(start) === at;
}

/**
 * Downloads a document, with retries.
 *
 * @param most Bytes that it may have.
 * @throws {NetworkError} As {@linkcode downloadInto}; it is longer than `most`.
 */
export async function downloadBytes(
  client: Client,
  url: string,
  { send = client.send, most, headers = {} }: {
    send?: Send;
    most: number;
    headers?: Readonly<Record<string, string>>;
  },
): Promise<{ bytes: Uint8Array; headers: Headers }> {
  return await client.retry(async () => {
    const response = await send(url, { headers });
    if (!response.ok) throw await client.refusal(url, response);
    return { bytes: await readAll(client, url, response, most), headers: response.headers };
  });
}

/**
 * The whole body of an answer.
 *
 * @param most Bytes that it may have.
 * @throws {NetworkError} It is longer, or breaks off.
 */
export async function readAll(
  client: Client,
  url: string,
  response: Response,
  most: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let known = 0;
  for await (const chunk of readBody(url, response, client)) {
    known += chunk.length;
    if (known > most) {
      const reason = `it is longer than ${formatBytes(most)}`;
      throw new NetworkError(url, reason, { code: "too-long" });
    }
    parts.push(chunk);
  }
  return concat(parts);
}
