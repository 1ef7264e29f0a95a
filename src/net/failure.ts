import { isDenied, isNotCapable, KbuildError } from "../errors.ts";
import { reasonOf } from "../files/mod.ts";
import {
  CertificateError,
  type CertificateFault,
  certificateFault,
  explainCertificate,
} from "./certificates.ts";
import { type Proxy, proxyOf, throughProxy } from "./proxy.ts";
import { errorCodesIn, wordsIn } from "./words.ts";

/**
 * What went wrong, for decisions; the texts of an error are for people.
 *
 * - `answer`: the server answered with a status that is an error.
 * - `certificate`: its certificate is refused.
 * - `connection`: there is no connection, it broke, or it does not carry what it should.
 * - `too-long`: more came than was asked for.
 */
export type NetworkErrorCode = "answer" | "certificate" | "connection" | "too-long";

/** Details of a {@linkcode NetworkError}. */
export interface NetworkErrorOptions {
  /** What went wrong. Default: `answer` with a `status`, else `connection`. */
  code?: NetworkErrorCode;
  /** Whether the same server may do better a little later. */
  retry?: boolean;
  /** Milliseconds that the server asks us to wait. */
  retryAfterMs?: number | undefined;
  /** Milliseconds that were spent waiting for an answer that did not come. */
  silentMs?: number | undefined;
  /** HTTP status; undefined if there was no answer. */
  status?: number | undefined;
  /** What the server said with the status, as the end of `reason`: ": DENIED: no". */
  said?: string;
  /** Codes of the distribution specification in the answer: "DENIED". */
  serverCodes?: readonly string[];
  /** What to do next. */
  notes?: readonly string[];
  /** The error underneath. */
  cause?: unknown;
}

/** A server did not give what it was asked for. */
export class NetworkError extends KbuildError {
  /** Tells it from other errors. */
  override readonly name = "NetworkError";
  /** What went wrong. */
  readonly code: NetworkErrorCode;
  /** The URL that was asked for. */
  readonly url: string;
  /** "the server said 503". */
  readonly reason: string;
  /** Whether the same server may do better a little later. */
  readonly retry: boolean;
  /** Milliseconds that the server asks us to wait. */
  readonly retryAfterMs: number | undefined;
  /** Milliseconds that were spent waiting for an answer that did not come. */
  readonly silentMs: number;
  /** HTTP status; undefined if there was no answer. */
  readonly status: number | undefined;
  /** What the server said with the status, as the end of `reason`. */
  readonly said: string;
  /** Codes of the distribution specification in the answer: "DENIED". */
  readonly serverCodes: readonly string[];

  /**
   * Describes what a server did.
   *
   * @param url The URL that was asked for.
   * @param reason What was wrong: "the server said 503".
   */
  constructor(url: string, reason: string, options: NetworkErrorOptions = {}) {
    const { retry = false, retryAfterMs, silentMs = 0, status, notes = [], cause } = options;
    const { code = status === undefined ? "connection" : "answer" } = options;
    super(`Cannot download "${url}": ${reason}`, { notes, cause });
    this.url = url;
    this.code = code;
    this.reason = reason;
    this.retry = retry;
    this.retryAfterMs = retryAfterMs;
    this.silentMs = silentMs;
    this.status = status;
    this.said = options.said ?? "";
    this.serverCodes = Object.freeze([...options.serverCodes ?? []]);
  }

  /** The same failure in other words, with more notes, or as one that may pass. */
  with({ reason = this.reason, notes = this.notes, retry = this.retry }: {
    reason?: string;
    notes?: readonly string[];
    retry?: boolean;
  }): NetworkError {
    return new NetworkError(this.url, reason, { ...this, notes, retry, cause: this.cause ?? this });
  }
}

/** What decides how a failed connection is described. */
export interface ConnectionContext {
  /** The proxy that the request went through. */
  readonly proxy?: Proxy | undefined;
  /** `KBUILD_CA_FILE`. */
  readonly caFile?: string | undefined;
}

/**
 * The error of a connection that failed: what `fetch` threw, in words and with a way out.
 *
 * @param url The URL that was asked for.
 * @throws {Deno.errors.NotCapable} `error` itself, where Deno does not allow the connection.
 */
export function connectionError(
  url: string,
  error: unknown,
  { proxy, caFile }: ConnectionContext = {},
): NetworkError {
  // Neither another attempt nor another server helps.
  if (isNotCapable(error)) throw error;
  const text = textOf(innermost(error));
  const fault = certificateFaultOf(error);
  const host = URL.canParse(url) ? new URL(url).hostname : url;
  const port = URL.canParse(url) ? new URL(url).port || undefined : undefined;
  const classified: Classified = isDenied(error)
    ? { reason: text }
    : fault === undefined
    ? classify(url, text)
    : explainCertificate(fault, { host, port, caFile });
  const { reason, retry = false, notes = [] } = classified;
  const code = fault === undefined ? "connection" : "certificate";
  if (proxy === undefined) {
    return new NetworkError(url, reason, { code, retry, notes, cause: error });
  }
  const atProxy = /^(tcp connect error|dns error)|tunnel|proxy/i.test(text);
  return new NetworkError(
    url,
    atProxy
      ? `its proxy "${proxy.url}" (${proxy.variable}): ${reason}`
      : `${reason}, ${throughProxy(proxy)}`,
    {
      ...{ code, retry },
      notes: [...notes, `NO_PROXY lists hosts that need no proxy, ${proxy.variable} names it`],
      cause: error,
    },
  );
}

interface Classified {
  readonly reason: string;
  readonly retry?: boolean;
  readonly notes?: readonly string[];
}

/**
 * Failures that a second attempt meets again, by the words of Deno's HTTP library and of the system's
 * resolver: they come without a code.
 */
const LASTING: readonly RegExp[] = [
  /connection refused/i,
  // getaddrinfo's EAI_NONAME in glibc, macOS, musl; "Temporary failure" and "Try again" may pass.
  /name or service not known|nodename nor servname|no address associated|name does not resolve/i,
  /unreachable|no route to host|host is down/i,
  /requests to port \d+ are blocked/i,
  /unsuccessful tunnel|proxy authentication required/i,
];

function classify(url: string, text: string): Classified {
  const reason = systemReason(text);
  if (/InvalidContentType|corrupt message/i.test(text)) {
    return {
      reason: `it does not speak TLS (${reason})`,
      notes: [`A server without encryption is written with "http://" in front, as a mirror`],
    };
  }
  if (/received fatal alert/i.test(text)) {
    return { reason: `it refuses the TLS connection (${reason})` };
  }
  if (/invalid HTTP version|invalid HTTP status|invalid header/i.test(text)) {
    return {
      reason: `it does not speak HTTP (${reason})`,
      notes: url.startsWith("http:") ? [SPEAKS_TLS] : [],
    };
  }
  return { reason, retry: !LASTING.some((words) => words.test(text)) };
}

const SPEAKS_TLS = 'If it speaks TLS, write it with "https://" in front';

/** "connection refused" of "tcp connect error: Connection refused (os error 111)". */
function systemReason(text: string): string {
  return reasonOf(
    new Error(
      text.replace(/^tcp connect error: /, "")
        .replace(/^dns error: (failed to lookup address information: )?/, "Cannot resolve it: "),
    ),
  ).replace(/^Cannot resolve it: (.)/, (_, first) => `its name cannot be resolved: ${first}`);
}

/** What is wrong with the server's certificate; undefined if `fetch` failed at something else. */
export function certificateFaultOf(error: unknown): CertificateFault | undefined {
  const inner = innermost(error);
  if (inner instanceof CertificateError) return inner.fault;
  return isDenied(error) ? undefined : certificateFault(textOf(inner));
}

function innermost(error: unknown): unknown {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return inner;
}

/** The words of what `fetch` threw, without its preface: "tls handshake eof". */
function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^.*client error \([A-Za-z]+\): /s, "").replace(/^Fetch failed: /, "");
}

/** Statuses after which the same request may succeed. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * The error of an answer that is a refusal.
 *
 * @param url The URL that was asked for, before redirects.
 * @param body The beginning of the answer's body.
 */
export function statusError(url: string, response: Response, body: string): NetworkError {
  const { status } = response;
  const led = redirectedTo(url, response);
  const where = led === undefined ? "" : ` (redirected to "${withoutQuery(led)}")`;
  const words = wordsIn(body, response.headers.get("content-type"));
  const proxy = proxyOf(response);
  const through = proxy === undefined ? "" : `, ${throughProxy(proxy)}`;
  // As Go's servers and nginx answer.
  const plain = status === 400 && /HTTP request (was sent )?to (an )?HTTPS/i.test(body);
  const said = `${where}${words === "" ? "" : `: ${words}`}${through}`;
  return new NetworkError(url, `the server said ${status}${said}`, {
    ...{ status, said },
    serverCodes: errorCodesIn(body),
    retry: TRANSIENT.has(status),
    retryAfterMs: retryAfter(response.headers.get("retry-after")),
    notes: plain ? [SPEAKS_TLS] : [],
  });
}

/** Where redirects led to; undefined if there were none. */
export function redirectedTo(url: string, { url: final }: Response): string | undefined {
  return final === "" || final === new URL(url).href.replace(/#.*$/, "") ? undefined : final;
}

/** Queries of redirects hold signatures. */
function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, "?…");
}

/** `Retry-After` in milliseconds, from seconds or a date. RFC 9110, 10.2.3. */
export function retryAfter(text: string | null, now: number = Date.now()): number | undefined {
  if (text === null) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
