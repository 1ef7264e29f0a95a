import type { Logger } from "../lib/logging.ts";
import { NetworkError } from "./failure.ts";
import type { Patience } from "./patience.ts";

/** What {@linkcode withRetries} needs. */
export interface RetryOptions {
  /** How often and how long. */
  readonly patience: Patience;
  /** Is told of every waiting. */
  readonly log: Logger;
  /** Stops the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the last attempt got further than the one before: then it does not count. */
  progressed?(): boolean;
}

/**
 * Does something that may fail for the moment, again after a pause: the pause that the server asks
 * for, else one that doubles. Gives up when the attempts or the time for waiting are used up.
 *
 * @throws {NetworkError} The last failure, with the number of attempts in its reason.
 */
export async function withRetries<T>(
  work: () => Promise<T>,
  { patience, log, signal, progressed }: RetryOptions,
): Promise<T> {
  let waited = 0;
  let [failed, asked] = [0, 0];
  while (true) {
    try {
      asked++;
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof NetworkError)) throw error;
      failed = progressed?.() === true ? 1 : failed + 1;
      const pause = error.retryAfterMs ?? patience.backoffMs * 2 ** (failed - 1);
      const late = waited + pause > patience.waitMs;
      if (!error.retry || failed >= patience.attempts || late) {
        throw givenUp(error, asked, late && error.retryAfterMs !== undefined ? pause : undefined);
      }
      log.status(`${hostOf(error.url)}: ${error.reason}; again in ${pause / 1000} s`);
      waited += pause;
      await sleep(pause, signal);
    }
  }
}

function givenUp(error: NetworkError, asked: number, pause: number | undefined): NetworkError {
  const times = asked > 1 ? `, ${asked} times` : "";
  const wait = pause === undefined ? "" : `, and wants ${Math.ceil(pause / 1000)} s of waiting`;
  if (times === "" && wait === "") return error;
  const { url, reason, status, notes, cause } = error;
  return new NetworkError(url, `${reason}${times}${wait}`, { status, notes, cause });
}

/** `mirror.example:5000` of a URL. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** Waits; an abort ends it with the reason. */
export async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
