import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { createLogger } from "../../src/lib/logging.ts";
import { CertificateError } from "../../src/net/certificates.ts";
import {
  certificateFaultOf,
  connectionError,
  NetworkError,
  statusError,
} from "../../src/net/failure.ts";
import { DEFAULT_RETRY_POLICY } from "../../src/net/mod.ts";
import { pauseBefore, withRetries } from "../../src/net/retry.ts";

Deno.test("connectionError() tells failures that may pass from those that last", () => {
  const connect = (text: string) =>
    `error sending request for url (https://r.example/): client error (Connect): ${text}`;
  const send = (text: string) =>
    `error sending request from 10.0.0.1:1 for https://r.example/ (1.2.3.4:443): client error (SendRequest): ${text}`;
  const cases: readonly [text: string, retry: boolean, says: string][] = [
    [connect("tcp connect error: Connection refused (os error 111)"), false, "connection refused"],
    [connect("tcp connect error: Connection refused (os error 61)"), false, "connection refused"],
    [
      connect("tcp connect error: Connection timed out (os error 110)"),
      true,
      "connection timed out",
    ],
    [connect("tcp connect error: No route to host (os error 113)"), false, "no route to host"],
    [
      connect("tcp connect error: Network is unreachable (os error 101)"),
      false,
      "network is unreachable",
    ],
    [
      connect("dns error: failed to lookup address information: Name or service not known"),
      false,
      "its name cannot be resolved: Name or service not known",
    ],
    [
      connect(
        "dns error: failed to lookup address information: nodename nor servname provided, or not known",
      ),
      false,
      "cannot be resolved",
    ],
    [
      connect(
        "dns error: failed to lookup address information: Temporary failure in name resolution",
      ),
      true,
      "Temporary failure",
    ],
    [connect("dns error: failed to lookup address information: Try again"), true, "Try again"],
    [connect("tls handshake eof"), true, "tls handshake eof"],
    [connect("Connection reset by peer (os error 104)"), true, "connection reset by peer"],
    [connect("received corrupt message of type InvalidContentType"), false, "does not speak TLS"],
    [connect("received fatal alert: HandshakeFailure"), false, "refuses the TLS connection"],
    [connect("invalid peer certificate: UnknownIssuer"), false, "its issuer is not known"],
    [connect("unsuccessful tunnel"), false, "unsuccessful tunnel"],
    [send("connection closed before message completed"), true, "connection closed"],
    [send("connection error: Broken pipe (os error 32)"), true, "Broken pipe"],
    [
      send(
        "http2 error: stream error received: refused stream before processing any application logic",
      ),
      true,
      "refused stream",
    ],
    [send("http2 error: connection error received: not a result of an error"), true, "http2 error"],
    [send("invalid HTTP version parsed"), false, "does not speak HTTP"],
    ["error reading a body from connection", true, "error reading a body"],
    ["Fetch failed: Requests to port 9 are blocked", false, "blocked"],
  ];
  for (const [text, retry, says] of cases) {
    const error = new TypeError("fetch failed", { cause: new Error(text) });
    const found = connectionError("https://r.example/", error);
    assertEquals(found.retry, retry, text);
    assertStringIncludes(found.reason, says);
  }
  const denied = new Deno.errors.NotCapable("Requires net access");
  assertThrows(() => connectionError("https://r.example/", denied), Deno.errors.NotCapable);
});

Deno.test("connectionError() has codes for what is decided, whatever the words", () => {
  const codeOf = (cause: Error) =>
    connectionError("https://r.example/", new TypeError("fetch failed", { cause })).code;
  assertEquals(codeOf(new Error("tcp connect error: Connection refused")), "connection");
  assertEquals(codeOf(new Error("invalid peer certificate: UnknownIssuer")), "certificate");
  assertEquals(codeOf(new CertificateError("expired", 0)), "certificate");
  const kindOf = (cause: Error) => certificateFaultOf(new TypeError("failed", { cause }))?.kind;
  const words = "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))";
  assertEquals(kindOf(new Error(`client error (Connect): ${words}`)), "self-signed");
  assertEquals(kindOf(new CertificateError("other name", "DNS:b")), "other name");
  assertEquals(kindOf(new Error("tls handshake eof")), undefined);
  const tooLong = new NetworkError("https://r.example/", "too much", { code: "too-long" });
  assertEquals(tooLong.with({ reason: "far too much" }).code, "too-long");
});

Deno.test("statusError() has the codes of the registry's errors, not words that look like them", () => {
  const answer = (body: string) =>
    statusError("https://r.example/", new Response(null, { status: 400 }), body).serverCodes;
  assertEquals(answer('{"errors":[{"code":"DENIED","message":"no"},{"code":7},null]}'), ["DENIED"]);
  assertEquals(answer('{"code":"NAME_INVALID"}'), ["NAME_INVALID"]);
  assertEquals(answer("DENIED by a proxy"), []);
  assertEquals(answer('"DENIED"'), []);
});

Deno.test("pauseBefore() doubles, and leaves a part to chance", () => {
  const policy = { backoffMs: 1000, jitter: 0.5 };
  const pauses = [1, 2, 3].map((failed) => [0, 1].map((at) => pauseBefore(failed, policy, at)));
  assertEquals(pauses, [[1000, 500], [2000, 1000], [4000, 2000]]);
  const drawn = new Set(Array.from({ length: 20 }, () => pauseBefore(1, policy)));
  assert(drawn.size > 1, "several workers come back at different times");
});

Deno.test("withRetries() says the pause in tenths of a second", async () => {
  let logged = "";
  const log = createLogger({ write: (text) => void (logged += text) });
  let asked = 0;
  const work = () => {
    if (asked++ > 0) return Promise.resolve("done");
    const options = { retry: true, retryAfterMs: 144 };
    return Promise.reject(new NetworkError("http://r.example/", "no answer came", options));
  };
  assertEquals(await withRetries(work, { retryPolicy: DEFAULT_RETRY_POLICY, log }), "done");
  assert(logged.endsWith("r.example: no answer came; again in 0.1 s\n"), logged);
});

Deno.test("withRetries() counts silence as waiting, and says how often was asked", async () => {
  const log = createLogger({ write: () => {} });
  const retryPolicy = { ...DEFAULT_RETRY_POLICY, backoffMs: 1, waitMs: 50 };
  const fails = async (options: ConstructorParameters<typeof NetworkError>[2]) => {
    let asked = 0;
    const work = () => {
      asked++;
      return Promise.reject(new NetworkError("http://r.example/", "no answer came", options));
    };
    const error = await withRetries(work, { retryPolicy, log }).catch((error) => error);
    return [asked, error.reason, error.retry];
  };
  assertEquals(await fails({ retry: true }), [3, "no answer came, 3 times", true]);
  assertEquals(await fails({ retry: true, silentMs: 20 }), [2, "no answer came, 2 times", true]);
  assertEquals(await fails({ retry: true, silentMs: 60 }), [1, "no answer came", true]);
  assertEquals(await fails({ retry: false }), [1, "no answer came", false]);
  const wait = { retry: true, retryAfterMs: 9000 };
  assertEquals(await fails(wait), [1, "no answer came, and wants 9 s of waiting", true]);
});
