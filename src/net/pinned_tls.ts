import { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connect, type TLSSocket } from "node:tls";
import { equalBytes } from "../files/mod.ts";
import { CertificateError } from "./certificates.ts";

/** A request of {@linkcode fetchPinned}. */
export interface PinnedRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | Blob | undefined;
  readonly signal: AbortSignal;
}

/**
 * `fetch` for a server whose certificate is itself one of the trusted ones: self-signed, as docker's
 * manual makes it (`openssl req -x509`). Deno's TLS library never takes a certificate that is both an
 * authority's and a server's; OpenSSL and Go take it when it is trusted itself. The server has to
 * prove that it has the key, and nothing is sent before that.
 *
 * @param pins The trusted certificates, as PEM.
 * @throws {Error} The connection fails; the certificate is not one of them, or not for this host or
 * this day.
 */
export async function fetchPinned(
  url: string,
  { method, headers, body, signal }: PinnedRequest,
  pins: readonly string[],
): Promise<Response> {
  const socket = await connectPinned(new URL(url), pins, signal);
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const length = body instanceof Blob ? body.size : body?.length;
      const outgoing = httpsRequest(url, {
        method,
        headers: {
          ...headers,
          connection: "close",
          ...(length === undefined ? {} : { "content-length": length }),
        },
        createConnection: () => socket,
        signal,
      });
      outgoing.once("response", resolve);
      outgoing.once("error", reject);
      if (body instanceof Blob) {
        // An answer that comes before the end of the body ends the pipe; the answer counts.
        pipeline(body.stream(), outgoing).catch(reject);
      } else outgoing.end(body);
    });
    return responseOf(url, method, answer);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function responseOf(url: string, method: string, answer: IncomingMessage): Response {
  const { statusCode: status = 0, rawHeaders } = answer;
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  const empty = method === "HEAD" || status === 204 || status === 304;
  if (empty) answer.resume();
  const body = empty ? null : Readable.toWeb(answer) as ReadableStream<Uint8Array<ArrayBuffer>>;
  const response = new Response(body, { status, headers });
  return Object.defineProperty(response, "url", { value: new URL(url).href.replace(/#.*$/, "") });
}

async function connectPinned(
  { hostname, port }: URL,
  pins: readonly string[],
  signal: AbortSignal,
): Promise<TLSSocket> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = connect({
    host,
    port: Number(port || 443),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ca: [...pins],
    ALPNProtocols: ["http/1.1"],
    // Below, with more words.
    checkServerIdentity: () => undefined,
  });
  const abort = () => socket.destroy(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("tls handshake eof")));
    });
    checkPinned(socket.getPeerCertificate().raw, host, pins);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function checkPinned(der: Uint8Array, host: string, pins: readonly string[]): void {
  const pinned = pins.map((pem) => new X509Certificate(pem))
    .find(({ raw }) => equalBytes(raw, der));
  if (pinned === undefined) throw new CertificateError("self-signed");
  // node:tls does not hold the proof of the key against certificates of version 1.
  if (!isVersion3(pinned.raw)) throw new CertificateError("version 1");
  const [from, to] = [Date.parse(pinned.validFrom), Date.parse(pinned.validTo)];
  if (!(Date.now() >= from)) throw new CertificateError("not yet valid", from / 1000);
  if (!(Date.now() <= to)) throw new CertificateError("expired", to / 1000);
  const named = isIP(host) === 0 ? pinned.checkHost(host) : pinned.checkIP(host);
  if (named === undefined) {
    const names = pinned.subjectAltName ?? pinned.subject;
    throw new CertificateError("other name", names);
  }
}

/** Whether a certificate begins with `Certificate { TBSCertificate { [0] { INTEGER 2 } …`. */
function isVersion3(der: Uint8Array): boolean {
  let at = 0;
  for (let depth = 0; depth < 2; depth++) {
    if (der[at] !== 0x30) return false;
    const length = der[at + 1] ?? 0;
    at += 2 + (length < 0x80 ? 0 : length & 0x7f);
  }
  return [0xa0, 3, 2, 1, 2].every((byte, i) => der[at + i] === byte);
}
