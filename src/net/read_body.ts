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
 * @throws {NetworkError} Silence, a drip, or a connection that ends too early; may be tried again.
 */
export async function* readBody(
  url: string,
  response: Response,
  { retryPolicy, signal }: { retryPolicy: RetryPolicy; signal?: AbortSignal | undefined },
): AsyncGenerator<Uint8Array, void> {
  const { stallMs, slowMs, slowBytes } = retryPolicy;
  if (response.body === null) return;
  const reader = response.body.getReader();
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

async function nextChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
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
