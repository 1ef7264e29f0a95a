import { concat, ifPossible } from "../files/mod.ts";
import { format as formatBytes } from "@std/fmt/bytes";
import { connectionError, NetworkError } from "./failure.ts";
import type { RetryPolicy } from "./retry_policy.ts";
import { proxyOf } from "./proxy.ts";

/**
 * The body of an answer, chunk by chunk. A server that falls silent, or sends next to nothing for a
 * long time, counts as gone.
 *
 * @param url What was asked for, for errors.
 * @param options.reuse Whether a chunk may be overwritten when the next one is asked for, which takes less time.
 * @throws {NetworkError} Silence, a drip, or a connection that ends too early; may be tried again.
 */
export async function* readBody(
  url: string,
  response: Response,
  { retryPolicy, signal, reuse = false }: {
    retryPolicy: RetryPolicy;
    signal?: AbortSignal | undefined;
    reuse?: boolean;
  },
): AsyncGenerator<Uint8Array, void> {
  const { stallMs, slowMs, slowBytes } = retryPolicy;
  if (response.body === null) return;
  const reader = reuse ? reusingReader(response.body) : response.body.getReader();
  let [since, inWindow] = [performance.now(), 0];
  try {
    while (true) {
      const { done, value } = await nextChunk(reader, { stallMs, signal }).catch((error) => {
        signal?.throwIfAborted();
        if (error instanceof Silence) {
          throw new NetworkError(url, `no byte came for ${stallMs / 1000} s`, { retry: true });
        }
        throw connectionError(url, error, { proxy: proxyOf(response) });
      });
      if (done) return;
      inWindow += value.length;
      const passed = performance.now() - since;
      if (passed >= slowMs) {
        if (inWindow < slowBytes) {
          const came = `only ${formatBytes(inWindow)} came in ${Math.round(passed / 100) / 10} s`;
          throw new NetworkError(url, came);
        }
        [since, inWindow] = [performance.now(), 0];
      }
      yield value;
    }
  } finally {
    await ifPossible(reader.cancel());
  }
}

/**
 * The beginning of an answer's body, for words of a refusal; what cannot be read is left out.
 *
 * @param most Bytes that are read.
 */
export async function readStart(
  url: string,
  response: Response,
  most: number,
  options: { retryPolicy: RetryPolicy; signal?: AbortSignal | undefined },
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let known = 0;
  try {
    for await (const chunk of readBody(url, response, options)) {
      parts.push(chunk);
      known += chunk.length;
      if (known >= most) break;
    }
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
  }
  return concat(parts).subarray(0, most);
}

class Silence extends Error {}

/** What {@linkcode readBody} needs of a reader. */
type ChunkReader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;

/** Bytes that are asked for at once. */
const REUSED_SIZE = 256 << 10;

/** Reads into the same memory again and again, if the stream can do that. */
function reusingReader(body: ReadableStream<Uint8Array>): ChunkReader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // A stream of ready chunks.
    return body.getReader();
  }
  let buffer = new ArrayBuffer(REUSED_SIZE);
  return {
    async read() {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (value !== undefined) buffer = value.buffer;
      return done ? { done } : { done, value };
    },
    cancel: () => reader.cancel(),
  };
}

async function nextChunk(
  reader: ChunkReader,
  { stallMs, signal }: { stallMs: number; signal: AbortSignal | undefined },
): Promise<ReadableStreamReadResult<Uint8Array>> {
  signal?.throwIfAborted();
  let stop = () => {};
  const halt = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Silence()), stallMs);
    const abort = () => reject(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  try {
    return await Promise.race([reader.read(), halt]);
  } finally {
    stop();
  }
}
