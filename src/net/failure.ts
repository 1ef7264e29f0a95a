import { KbuildError } from "../errors.ts";
import { reasonOf } from "../files/mod.ts";

/** What {@linkcode NetworkError} carries besides its message. */
export interface NetworkErrorOptions {
  /** Whether the same server may do better a little later. */
  retry?: boolean;
  /** Milliseconds that the server wants us to wait. */
  retryAfterMs?: number | undefined;
  /** HTTP status, where there was an answer. */
  status?: number | undefined;
  /** What to do next. */
  notes?: readonly string[];
  /** The error underneath. */
  cause?: unknown;
}

/** A server did not give what it was asked for. */
export class NetworkError extends KbuildError {
  /** Tells it from other errors. */
  override readonly name = "NetworkError";
  /** The URL that was asked for. */
  readonly url: string;
  /** "the server said 503". */
  readonly reason: string;
  /** Whether the same server may do better a little later. */
  readonly retry: boolean;
  /** Milliseconds that the server wants us to wait. */
  readonly retryAfterMs: number | undefined;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;

  /**
   * Words what a server did.
   *
   * @param url The URL that was asked for.
   * @param reason What was wrong: "the server said 503".
   */
  constructor(url: string, reason: string, options: NetworkErrorOptions = {}) {
    const { retry = false, retryAfterMs, status, notes = [], cause } = options;
    super(`Cannot download "${url}": ${reason}`, { notes, cause });
    this.url = url;
    this.reason = reason;
    this.retry = retry;
    this.retryAfterMs = retryAfterMs;
    this.status = status;
  }
}

/** An error of `fetch` with Deno's own preface taken off. */
export function connectionError(url: string, error: unknown): NetworkError {
  const reason = networkReason(error);
  if (/certificate|UnknownIssuer/i.test(reason)) {
    return new NetworkError(url, `its certificate is not trusted (${reason})`, {
      notes: ["Name the certificates of your own authority: --ca-file FILE (KBUILD_CA_FILE)"],
      cause: error,
    });
  }
  if (/tls|InvalidContentType|corrupt message/i.test(reason)) {
    return new NetworkError(url, `it does not speak TLS (${reason})`, {
      notes: [`A server without encryption is written with "http://" in front, as a mirror`],
      cause: error,
    });
  }
  const hopeless = /refused|dns|lookup|unreachable|no route|blocked/i.test(reason);
  return new NetworkError(url, reason, { retry: !hopeless, cause: error });
}

/** The innermost words: "Connection refused (os error 111)". */
function networkReason(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return reasonOf(inner).replace(/^.*client error \([A-Za-z]+\): /, "")
    .replace(/^tcp connect error: /, "").replace(/^Fetch failed: /, "");
}

/** Statuses after which the same request may succeed. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * The error of an answer that is none; its body is thrown away.
 *
 * @param url What was asked for, before redirects.
 * @param words What the server says besides.
 */
export async function statusError(
  url: string,
  response: Response,
  words = "",
): Promise<NetworkError> {
  await response.body?.cancel();
  const { status } = response;
  const final = response.headers.get(FINAL_URL) ?? url;
  const where = final === url ? "" : ` (redirected to "${final}")`;
  const said = words === "" ? "" : `: ${words}`;
  return new NetworkError(url, `the server said ${status}${where}${said}`, {
    status,
    retry: TRANSIENT.has(status),
    retryAfterMs: retryAfter(response.headers.get("retry-after")),
  });
}

/** Header that the client sets in answers: where redirects led to. */
export const FINAL_URL = "x-kbuild-final-url";

/** `Retry-After`: seconds, or a date. RFC 9110, 10.2.3. */
export function retryAfter(text: string | null, now: number = Date.now()): number | undefined {
  if (text === null) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
