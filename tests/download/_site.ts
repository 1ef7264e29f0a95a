/** A copy of the download site on this machine, in the shapes that it had over the years. */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { createLogger } from "../../src/lib/logging.ts";
import type { SignatureContext } from "../../src/download/mod.ts";
import { createShell } from "../../src/shell/mod.ts";

/** Which checksums a version has. */
export type Shape =
  /** `.sha1` and `.md5`. */
  | "1.6"
  /** `.sha512` and the old ones. */
  | "1.12"
  /** `SHA512SUMS`, `SHA256SUMS`, and one of each beside each file. */
  | "1.30";

/** What a server does with a request; undefined: what a sound one would do. */
export type Misbehave = (
  path: string,
  request: Request,
) => Response | undefined | Promise<Response | undefined>;

/** A running site. */
export interface Site {
  /** `http://127.0.0.1:34567`. */
  readonly url: string;
  /** "GET /release/…", with "+100" behind it for a range, in the order of coming. */
  readonly requests: string[];
  /** Variables with which it is Kubernetes' own. */
  readonly env: Readonly<Record<string, string>>;
}

/** Digest in hex. */
export function digestOf(algorithm: string, bytes: Uint8Array | string): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

/** Bytes that gzip could have made, the same for a name and a version always. */
export function contentOf(version: string, name: string, size = 50_000): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const seed = createHash("sha256").update(`${version}/${name}`).digest();
  for (let i = 0; i < size; i++) bytes[i] = seed[i % 32]! ^ (i >> 5);
  bytes.set([0x1f, 0x8b, 8, 0]);
  return bytes;
}

const NAMES = [
  ...["kubernetes.tar.gz", "kubernetes-src.tar.gz", "kubernetes-client-linux-amd64.tar.gz"],
  ...["kubernetes-client-darwin-arm64.tar.gz", "kubernetes-server-linux-amd64.tar.gz"],
  ...["kubernetes-node-linux-amd64.tar.gz", "kubernetes-node-windows-amd64.tar.gz"],
  ...["kubernetes-test.tar.gz", "kubernetes-test-portable.tar.gz"],
  ...["kubernetes-test-linux-amd64.tar.gz", "bin/linux/amd64/kubectl", "bin/linux/arm64/kubectl"],
  ...["bin/windows/amd64/kubectl.exe", "bin/linux/amd64/kube-proxy.tar"],
];

/** Adds the files of one version to a site's files. */
export function publish(
  files: Map<string, Uint8Array<ArrayBuffer> | string>,
  version: string,
  { shape = "1.30", base = "/release", leaveOut = [] }: {
    shape?: Shape;
    base?: string;
    leaveOut?: readonly string[];
  } = {},
): void {
  const lists: Record<string, string[]> = { sha256: [], sha512: [] };
  for (const name of NAMES.filter((each) => !leaveOut.includes(each))) {
    const bytes = contentOf(version, name);
    const path = `${base}/${version}/${name}`;
    files.set(path, bytes);
    const algorithms = shape === "1.6"
      ? ["sha1", "md5"]
      : shape === "1.12"
      ? ["sha1", "sha512"]
      : ["sha256", "sha512"];
    // Some with a line end, and some without, as over the years.
    for (const each of algorithms) {
      files.set(`${path}.${each}`, digestOf(each, bytes) + (shape === "1.6" ? "\n" : ""));
    }
    for (const [each, lines] of Object.entries(lists)) {
      lines.push(`${digestOf(each, bytes)}  ${name}`);
    }
  }
  if (shape !== "1.30") return;
  // Without a last line end, as they are published.
  for (const [each, lines] of Object.entries(lists)) {
    files.set(`${base}/${version}/${each.toUpperCase()}SUMS`, lines.join("\n"));
  }
}

/** What a site has by default: three shapes, markers and a build of CI. */
export function usualFiles(): Map<string, Uint8Array<ArrayBuffer> | string> {
  const files = new Map<string, Uint8Array<ArrayBuffer> | string>([
    ["/release/stable.txt", "v1.30.2"],
    ["/release/stable-1.txt", "v1.30.2\n"],
    ["/release/stable-1.29.txt", "v1.29.6"],
    ["/release/latest.txt", "v1.31.0-rc.0"],
    ["/ci/latest.txt", "v1.31.0-rc.0.12+0123456789abcd"],
    ["/ci/latest-fast.txt", "v1.31.0-rc.0.14+0123456789abcd"],
  ]);
  publish(files, "v1.6.13", { shape: "1.6" });
  publish(files, "v1.12.3", { shape: "1.12" });
  for (const version of ["v1.29.6", "v1.30.1", "v1.30.2", "v1.31.0-rc.0"]) publish(files, version);
  publish(files, "v1.31.0-rc.0.12+0123456789abcd", { base: "/ci" });
  publish(files, "v1.31.0-rc.0.14+0123456789abcd", { base: "/ci/fast" });
  return files;
}

/** The answer of a sound server, ranges included. */
export function answer(bytes: Uint8Array<ArrayBuffer> | string, request: Request): Response {
  const whole = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const body = request.method === "HEAD" ? null : whole;
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  if (start === 0) return new Response(body, { headers: { "content-length": `${whole.length}` } });
  if (start >= whole.length) return new Response(null, { status: 416 });
  return new Response(whole.subarray(start), {
    status: 206,
    headers: { "content-range": `bytes ${start}-${whole.length - 1}/${whole.length}` },
  });
}

/** An error as the bucket behind the site gives it. */
export const NO_SUCH_KEY = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code>" +
  "<Message>The specified key does not exist.</Message></Error>";

/** Runs `body` beside a site. */
export async function withSite<T>(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer> | string>,
  body: (site: Site) => Promise<T>,
  misbehave: Misbehave = () => undefined,
): Promise<T> {
  const requests: string[] = [];
  const hung = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    onError: () => new Response(null, { status: 500 }),
    signal: hung.signal,
  }, async (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname);
    const from = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1];
    requests.push(`${request.method} ${path}${from === undefined ? "" : `+${from}`}`);
    const odd = await misbehave(path, request);
    if (odd !== undefined) return odd;
    const bytes = files.get(path);
    if (bytes !== undefined) return answer(bytes, request);
    const headers = { "content-type": "application/xml" };
    return new Response(NO_SUCH_KEY, { status: 404, headers });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const env = {
    KUBERNETES_RELEASE_URL: `${url}/release`,
    KUBERNETES_CI_RELEASE_URL: `${url}/ci`,
  };
  try {
    return await body({ url, requests, env });
  } finally {
    // Answers that never come would keep a gentle end waiting.
    hung.abort();
    await server.finished;
  }
}

/** What a run needs, and what it said. */
export function contextOf(
  env: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): { context: SignatureContext; log: string[] } {
  const log: string[] = [];
  return {
    log,
    context: {
      // The system's certificates are many, and none is needed here.
      ...{ env: { SSL_CERT_FILE: "/dev/null", ...env }, host: "linux/amd64", signal },
      log: createLogger({ write: (text) => void log.push(text) }),
      shell: createShell({ cwd: "/", env }),
    },
  };
}

/** Short pauses, so that tests are fast; what hangs needs less time than a busy machine. */
export const HASTY = {
  ...{ headersMs: 10_000, stallMs: 10_000, slowMs: 10_000 },
  ...{ attempts: 3, backoffMs: 5, jitter: 0, waitMs: 60_000 },
} as const;

/** Runs `body` in a directory whose name has what paths may have; it is removed afterwards. */
export async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const top = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-download-" }));
  const directory = join(top, "a b ü$(x)");
  await Deno.mkdir(directory);
  try {
    await body(directory);
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

/** Paths of all files below a directory, sorted. */
export function filesIn(directory: string): readonly string[] {
  const found: string[] = [];
  const visit = (below: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(directory, below))) {
      const path = below === "" ? name : `${below}/${name}`;
      if (isDirectory) visit(path);
      else found.push(path);
    }
  };
  visit("");
  return found.sort();
}
