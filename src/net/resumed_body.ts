import type { Client } from "./client.ts";
import { NetworkError } from "./failure.ts";
import { readBody } from "./read_body.ts";

/** How a download is asked for, again after a broken connection. */
export interface ResumableBody {
  /** For errors. */
  readonly url: string;
  /** Bytes of the whole. More may come, which is the caller's to refuse. */
  readonly size: number;
  /** The answer that begins with its first byte. */
  readonly first: Response;
  /** Asks for it from a byte on (`Range`); the answer is one that succeeded. */
  ask(from: number): Promise<Response>;
}

/** How often a body may break off. */
const MAX_BREAKS = 10;

/**
 * The body of an answer, as {@linkcode readBody}. One that breaks off is asked for from there on, as long as
 * each answer brings something. Of a server that sends all again, what is known is left out.
 *
 * @throws {NetworkError} It breaks off for good.
 */
export async function* resumedBody(
  client: Client,
  { url, size, first, ask }: ResumableBody,
): AsyncGenerator<Uint8Array, void> {
  let [response, known, before] = [first, 0, 0];
  for (let breaks = 0;; breaks++) {
    let again = startOf(response) === known ? 0 : known;
    const chunks = readBody(url, response, client);
    try {
      while (true) {
        const next = await chunks.next();
        if (next.done === true) return;
        const left = next.value.subarray(Math.min(again, next.value.length));
        again -= next.value.length - left.length;
        known += left.length;
        if (left.length > 0) yield left;
      }
    } catch (error) {
      const isResumed = error instanceof NetworkError && error.retry && known > before &&
        known < size && breaks < MAX_BREAKS;
      if (!isResumed) throw error;
      before = known;
      response = await ask(known);
    } finally {
      await chunks.return();
    }
  }
}

/** The first byte of an answer's body. */
function startOf(response: Response): number {
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  return response.status === 206 ? Number(start) : 0;
}
