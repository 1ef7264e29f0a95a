import type { Logger } from "../lib/logging.ts";
import { readCertificates, systemCertificates } from "./certificates.ts";
import { Connections } from "./connections.ts";
import { certificateFaultOf, connectionError, NetworkError, statusError } from "./failure.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from "./retry_policy.ts";
import { notedProxy, throughProxy } from "./proxy.ts";
import { readStart } from "./read_body.ts";
import { hostOf, type RetryOptions, withRetries } from "./retry.ts";
import { StreamedBlob, type StreamedBody } from "./streamed_body.ts";

/** What fetching needs of a run. */
export interface NetContext {
  /**
   * The environment, flags applied: `KBUILD_CA_FILE`, `KBUILD_MIRRORS`, `KBUILD_CACHE`, `HTTPS_PROXY`,
   * `HTTP_PROXY`, `NO_PROXY`.
   */
  readonly env: Readonly<Record<string, string>>;
  /** The machine's platform: "linux/amd64". */
  readonly host: string;
  /** Receives progress and pauses. */
  readonly log: Logger;
  /** Stops everything. */
  readonly signal?: AbortSignal | undefined;
}

/** One request. */
export interface NetRequest {
  /** Default GET. */
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Name to value. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent; nothing by default. */
  readonly body?: Uint8Array<ArrayBuffer> | string | StreamedBody;
  /** Whether the body holds credentials: no redirect takes it to another server. */
  readonly secret?: boolean;
}

/** Asks servers. Dispose of it when all answers are read. */
export interface Client extends Disposable {
  /** Timeouts, and how often is tried. */
  readonly retryPolicy: RetryPolicy;
  /** Receives pauses and failures of mirrors. */
  readonly log: Logger;
  /** Stops everything. */
  readonly signal: AbortSignal | undefined;
  /**
   * Sends one request and waits for the head of the answer, whatever its status. Redirects are
   * followed; `authorization` does not go to another server.
   *
   * @returns Its `url` is where redirects led to.
   * @throws {NetworkError} No answer in time, no connection, or redirects that lead nowhere.
   */
  send(url: string, request?: NetRequest): Promise<Response>;
  /**
   * Does something that may fail for the moment, with the client's retries; see
   * {@linkcode withRetries}.
   */
  retry<T>(work: () => Promise<T>, options?: RetryOptions): Promise<T>;
  /** The error of an answer that is a refusal, with the server's own words; reads its body. */
  refusal(url: string, response: Response): Promise<NetworkError>;
}

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Bytes of a refusal that are looked at for words. */
const MAX_REFUSAL = 1 << 16;

/** The slowest store behind a server that takes an upload over at its end: bytes a millisecond. */
const SLOWEST_STORE = 1000;

/**
 * Makes a {@linkcode Client}. Proxies are those of `context.env`, by {@linkcode proxyFor}; the
 * certificates in `KBUILD_CA_FILE` are trusted in addition to the system's and Mozilla's.
 *
 * @throws {KbuildError} The file of certificates cannot be read, or holds none.
 */
export async function createClient(
  context: NetContext,
  retryPolicy: Partial<RetryPolicy> = {},
): Promise<Client> {
  const { env, log, signal } = context;
  const caFile = env["KBUILD_CA_FILE"] || undefined;
  const certificates = caFile === undefined ? [] : await readCertificates(caFile);
  const whole = Object.freeze({ ...DEFAULT_RETRY_POLICY, ...retryPolicy });
  const connections = new Connections(env, certificates, await systemCertificates(context));
  const sending: Sending = {
    ...{ connections, caFile, certificates, retryPolicy: whole, signal },
    selfSigned: new Set(),
  };
  return Object.freeze<Client>({
    retryPolicy: whole,
    log,
    signal,
    send: (url, request = {}) => sendFollowing(url, request, sending),
    retry: (work, options) => withRetries(work, { retryPolicy: whole, log, signal }, options),
    async refusal(url, response) {
      const bytes = await readStart(url, response, MAX_REFUSAL, { retryPolicy: whole, signal });
      return statusError(url, response, new TextDecoder().decode(bytes));
    },
    [Symbol.dispose]: () => connections[Symbol.dispose](),
  });
}

interface Sending {
  readonly connections: Connections;
  readonly caFile: string | undefined;
  readonly certificates: readonly string[];
  readonly retryPolicy: RetryPolicy;
  readonly signal: AbortSignal | undefined;
  /** Origins that only `fetchPinned()` can talk to. */
  readonly selfSigned: Set<string>;
}

async function sendFollowing(
  asked: string,
  request: NetRequest,
  sending: Sending,
): Promise<Response> {
  let url = asked;
  let { headers = {}, method = "GET", body } = request;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await sendOne(asked, url, { headers, method, body }, sending);
    const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
    if (location === null) return response;
    await response.body?.cancel();
    const target = URL.canParse(location, url) ? new URL(location, url) : undefined;
    if (target === undefined || !/^https?:$/.test(target.protocol)) {
      throw new NetworkError(asked, `it redirects to "${location}", which is not a web address`);
    }
    const from = new URL(url);
    const elsewhere = target.origin !== from.origin;
    if (from.protocol === "https:" && target.protocol === "http:") {
      throw new NetworkError(asked, `it redirects to "${target.href}", which is not encrypted`);
    }
    if (response.status === 303 && method !== "HEAD") [method, body] = ["GET", undefined];
    if (elsewhere && body !== undefined && request.secret === true) {
      throw new NetworkError(
        asked,
        `it redirects a request with credentials to another server, "${target.origin}"`,
      );
    }
    if (elsewhere) headers = withoutCredentials(headers);
    url = target.href;
  }
  throw new NetworkError(asked, `it redirects more than ${MAX_REDIRECTS} times`);
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
}

interface Hop {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: NetRequest["body"];
}

async function sendOne(asked: string, url: string, hop: Hop, sending: Sending): Promise<Response> {
  const { connections, caFile, certificates, retryPolicy, signal, selfSigned } = sending;
  signal?.throwIfAborted();
  const elsewhere = url === asked ? "" : ` after a redirect to "${hostOf(url)}"`;
  const { http, proxy } = connections.for(url);
  const { origin } = new URL(url);
  using silence = new SilenceTimer(retryPolicy.headersMs);
  const body = bodyOf(hop.body, retryPolicy, silence);
  const { method } = hop;
  // Bytes as they are: Deno would decompress others on the way.
  const headers = { "accept-encoding": "identity", "user-agent": "kbuild", ...hop.headers };
  const aborted = AbortSignal.any([silence.signal, ...(signal === undefined ? [] : [signal])]);
  const ask = async () => {
    if (selfSigned.has(origin)) {
      const { fetchPinned } = await import("./pinned_tls.ts");
      return await fetchPinned(url, { method, headers, body, signal: aborted }, certificates);
    }
    return await fetch(url, {
      ...{ method, headers, redirect: "manual", client: http },
      // Aborting it later would end a body that is being read.
      signal: aborted,
      ...(body === undefined ? {} : { body }),
    });
  };
  try {
    return notedProxy(
      await ask().catch((error: unknown) => {
        const pinned = proxy === undefined && certificates.length > 0 && canPin() &&
          certificateFaultOf(error)?.kind === "self-signed";
        if (!pinned || selfSigned.has(origin)) throw error;
        selfSigned.add(origin);
        return ask();
      }),
      proxy,
    );
  } catch (error) {
    signal?.throwIfAborted();
    const through = proxy === undefined ? "" : `, ${throughProxy(proxy)}`;
    if (silence.signal.aborted) {
      throw new NetworkError(asked, `${silence.reason}${elsewhere}${through}`, {
        retry: true,
        silentMs: silence.ms,
      });
    }
    const failure = connectionError(url, error, { proxy, caFile });
    throw new NetworkError(asked, `${failure.reason}${elsewhere}`, {
      ...failure,
      cause: failure.cause,
    });
  }
}

/** Whether `node:tls` takes a self-signed certificate of an authority: since Deno 2.7. */
function canPin(): boolean {
  const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 7);
}

function bodyOf(
  body: NetRequest["body"],
  retryPolicy: RetryPolicy,
  silence: SilenceTimer,
): Uint8Array<ArrayBuffer> | Blob | undefined {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body === undefined || body instanceof Uint8Array) return body;
  let left = body.size;
  silence.restart(retryPolicy.stallMs, "no byte was taken");
  return new StreamedBlob(body, (bytes) => {
    left -= bytes;
    if (left > 0) silence.restart(retryPolicy.stallMs, "no byte was taken");
    else silence.restart(retryPolicy.headersMs + body.size / SLOWEST_STORE, "no answer came");
  });
}

/** Aborts when nothing happens for a time. */
class SilenceTimer implements Disposable {
  readonly #aborting = new AbortController();
  #timer: ReturnType<typeof setTimeout>;
  #what = "no answer came";
  /** Milliseconds that are waited at present. */
  ms: number;

  constructor(ms: number) {
    this.ms = ms;
    this.#timer = setTimeout(() => this.#aborting.abort(), ms);
  }

  /** Aborted after the silence. */
  get signal(): AbortSignal {
    return this.#aborting.signal;
  }

  /** "no answer came within 20 s". */
  get reason(): string {
    return `${this.#what} within ${Math.round(this.ms / 100) / 10} s`;
  }

  /** Something happened: the waiting begins anew. */
  restart(ms: number, what: string): void {
    clearTimeout(this.#timer);
    [this.ms, this.#what] = [ms, what];
    this.#timer = setTimeout(() => this.#aborting.abort(), ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
