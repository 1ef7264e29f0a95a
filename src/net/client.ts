import { KbuildError } from "../errors.ts";
import { reasonOf } from "../files/mod.ts";
import type { Logger } from "../lib/logging.ts";
import { connectionError, FINAL_URL, NetworkError } from "./failure.ts";
import { PATIENCE, type Patience } from "./patience.ts";
import { hostOf } from "./retry.ts";

/** What fetching needs of a run. */
export interface NetContext {
  /** The environment, flags applied: `KBUILD_CA_FILE`, `KBUILD_MIRRORS`, `KBUILD_CACHE`. */
  readonly env: Readonly<Record<string, string>>;
  /** The machine's platform: "linux/amd64". */
  readonly host: string;
  /** Takes progress and pauses. */
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
  readonly body?: Uint8Array<ArrayBuffer> | string;
  /** Milliseconds to the head of the answer, where it takes longer than usual: an upload. */
  readonly headersMs?: number;
}

/** Asks servers. Dispose of it when all answers are read. */
export interface Client extends Disposable {
  /** How long servers are waited for. */
  readonly patience: Patience;
  /** Is told of waiting and of mirrors. */
  readonly log: Logger;
  /** Stops everything. */
  readonly signal: AbortSignal | undefined;
  /**
   * Sends one request and waits for the head of the answer, whatever its status. Redirects are
   * followed; `authorization` does not go to another server.
   *
   * @throws {NetworkError} No answer in time, no connection, or redirects that lead nowhere.
   */
  send(url: string, request?: NetRequest): Promise<Response>;
}

const MOST_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Makes a {@linkcode Client}. Proxies of the process' environment apply (`HTTPS_PROXY`, `HTTP_PROXY`,
 * `NO_PROXY`); the certificates in `KBUILD_CA_FILE` are trusted besides the usual ones.
 *
 * @throws {KbuildError} The file of certificates cannot be read, or holds none.
 */
export async function createClient(
  context: NetContext,
  patience: Partial<Patience> = {},
): Promise<Client> {
  const { env, log, signal } = context;
  const file = env["KBUILD_CA_FILE"] ?? "";
  const http = file === ""
    ? undefined
    : Deno.createHttpClient({ caCerts: await readCertificates(file) });
  const whole = Object.freeze({ ...PATIENCE, ...patience });
  return Object.freeze({
    patience: whole,
    log,
    signal,
    send: (url: string, request: NetRequest = {}) =>
      sendFollowing(url, request, { http, patience: whole, signal }),
    [Symbol.dispose]: () => http?.close(),
  });
}

async function readCertificates(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch((cause: unknown) => {
    throw new KbuildError(`Cannot read the certificates in "${path}": ${reasonOf(cause)}`, {
      notes: ["--ca-file (KBUILD_CA_FILE) names a PEM file"],
      exitCode: 2,
      cause,
    });
  });
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (found !== null) return found;
  throw new KbuildError(`Cannot find a certificate in "${path}"`, {
    notes: ['A PEM file has "-----BEGIN CERTIFICATE-----" in it'],
    exitCode: 2,
  });
}

interface Sending {
  readonly http: Deno.HttpClient | undefined;
  readonly patience: Patience;
  readonly signal: AbortSignal | undefined;
}

async function sendFollowing(
  asked: string,
  request: NetRequest,
  sending: Sending,
): Promise<Response> {
  let url = asked;
  let { headers = {}, method = "GET", body } = request;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const next = { ...request, headers, method, ...(body === undefined ? {} : { body }) };
    const response = await sendOne(asked, url, next, sending);
    const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
    if (location === null) {
      if (url === asked) return response;
      const marked = new Headers(response.headers);
      marked.set(FINAL_URL, url);
      const { status, statusText } = response;
      const body = status === 204 || status === 304 ? null : response.body;
      return new Response(body, { status, statusText, headers: marked });
    }
    await response.body?.cancel();
    const target = URL.canParse(location, url) ? new URL(location, url) : undefined;
    if (target === undefined || !/^https?:$/.test(target.protocol)) {
      throw new NetworkError(asked, `it redirects to "${location}", which is no web address`);
    }
    const from = new URL(url);
    if (from.protocol === "https:" && target.protocol === "http:") {
      throw new NetworkError(asked, `it redirects to "${target.href}", which is not encrypted`);
    }
    if (target.origin !== from.origin) headers = withoutCredentials(headers);
    if (response.status === 303 && method !== "HEAD") [method, body] = ["GET", undefined];
    url = target.href;
  }
  throw new NetworkError(asked, `it redirects more than ${MOST_REDIRECTS} times`);
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
}

async function sendOne(
  asked: string,
  url: string,
  request: NetRequest,
  { http, patience, signal }: Sending,
): Promise<Response> {
  signal?.throwIfAborted();
  const { method = "GET", headers = {}, body, headersMs = patience.headersMs } = request;
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), headersMs);
  const elsewhere = url === asked ? "" : ` after a redirect to "${hostOf(url)}"`;
  const init: RequestInit & { client?: Deno.HttpClient } = {
    method,
    // Bytes as they lie there: Deno would decompress others on the way.
    headers: { "accept-encoding": "identity", "user-agent": "kbuild", ...headers },
    redirect: "manual",
    // Aborting it later would end a body that is being read.
    signal: AbortSignal.any([silent.signal, ...(signal === undefined ? [] : [signal])]),
    ...(body === undefined ? {} : { body }),
    ...(http === undefined ? {} : { client: http }),
  };
  try {
    return await fetch(url, init);
  } catch (error) {
    signal?.throwIfAborted();
    if (silent.signal.aborted) {
      throw new NetworkError(asked, `no answer came within ${headersMs / 1000} s${elsewhere}`);
    }
    const failure = connectionError(asked, error);
    if (elsewhere === "") throw failure;
    const { reason, retry, notes, cause } = failure;
    throw new NetworkError(asked, `${reason}${elsewhere}`, { retry, notes, cause });
  } finally {
    clearTimeout(timer);
  }
}
