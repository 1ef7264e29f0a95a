import type { Client } from "./client.ts";
import type { Send } from "./download.ts";
import { NetworkError } from "./failure.ts";
import { ifFound } from "./if_found.ts";
import { readBody } from "./read_body.ts";

/** What is downloaded, and how it is asked for. */
export interface ResumableBody {
  /** For the request, and for errors. */
  readonly url: string;
  /** Bytes of the whole. More may come, which is the caller's to refuse. */
  readonly size: number;
  /** Asks the server. */
  readonly send: Send;
}

/**
 * Asks for a body that is resumed where it breaks off.
 *
 * @returns Its chunks; undefined if there is none (404).
 * @throws {NetworkError} It is refused, or nobody answers.
 */
export async function openBody(
  client: Client,
  { url, size, send }: ResumableBody,
): Promise<AsyncGenerator<Uint8Array, void> | undefined> {
  const ask = (from: number) =>
    client.retry(async () => {
      const headers: Record<string, string> = from === 0 ? {} : { range: `bytes=${from}-` };
      const response = await send(url, { headers });
      if (!response.ok) throw await client.refusal(url, response);
      return response;
    });
  const first = await ifFound(ask(0));
  return first === undefined ? undefined : resumedBody(client, { url, size, first, ask });
}

/** How often a body may break off. */
const MAX_BREAKS = 10;

/**
 * The body of an answer, as {@linkcode readBody}. One that breaks off is asked for from there on, as long as
 * each answer brings something. Of a server that sends all again, what is known is left out.
 *
 * @throws {NetworkError} It breaks off for good.
 */
async function* resumedBody(
  client: Client,
  { url, size, first, ask }: Pick<ResumableBody, "url" | "size"> & {
    /** The answer that begins with its first byte. */
    readonly first: Response;
    /** Asks for it from a byte on (`Range`); the answer is one that succeeded. */
    readonly ask: (from: number) => Promise<Response>;
  },
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
