import type { Logger } from "../lib/logging.ts";
import { NetworkError } from "./failure.ts";
import type { RetryPolicy } from "./retry_policy.ts";

/** Options of {@linkcode withRetries}. */
export interface RetryOptions {
  /** Whether the last attempt got further than the one before: then it does not count. */
  progressed?(): boolean;
}

/** Retry policy, and the logger of its pauses. */
export interface RetryContext {
  /** How often and how long. */
  readonly retryPolicy: RetryPolicy;
  /** Receives a line before every pause. */
  readonly log: Logger;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does something that may fail for the moment, again after a pause: the pause that the server asks
 * for, else {@linkcode pauseBefore}. Gives up when the attempts or the time for waiting are used up.
 *
 * @throws {NetworkError} The last failure, with the number of attempts in its reason.
 */
export async function withRetries<T>(
  work: () => Promise<T>,
  { retryPolicy, log, signal }: RetryContext,
  { progressed }: RetryOptions = {},
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
      const { retryAfterMs, silentMs } = error;
      const pause = retryAfterMs ?? pauseBefore(failed, retryPolicy);
      waited += silentMs;
      // The next silence would last as long.
      const late = waited + pause + silentMs > retryPolicy.waitMs;
      if (!error.retry || failed >= retryPolicy.attempts || late) {
        throw givenUp(error, asked, late ? retryAfterMs : undefined);
      }
      log.status(`${hostOf(error.url)}: ${error.reason}; again in ${seconds(pause)} s`);
      waited += pause;
      await sleep(pause, signal);
    }
  }
}

/**
 * Milliseconds to wait after a number of failures: doubled each time, less a random part, so that
 * several workers do not all come back at one moment. As `@std/async/retry` has it.
 *
 * @param random 0 to 1.
 */
export function pauseBefore(
  failed: number,
  { backoffMs, jitter }: Pick<RetryPolicy, "backoffMs" | "jitter">,
  random: number = Math.random(),
): number {
  return backoffMs * 2 ** (failed - 1) * (1 - jitter * random);
}

function givenUp(error: NetworkError, asked: number, pause: number | undefined): NetworkError {
  const times = asked > 1 ? `, ${asked} times` : "";
  const wait = pause === undefined ? "" : `, and wants ${Math.ceil(pause / 1000)} s of waiting`;
  return error.with({ reason: `${error.reason}${times}${wait}` });
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

/** Milliseconds as seconds with one decimal, short ones exactly. */
function seconds(ms: number): number {
  return ms < 100 ? Math.round(ms) / 1000 : Math.round(ms / 100) / 10;
}
