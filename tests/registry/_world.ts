/** What the tests of registries share: images made here, servers that misbehave, a cache. */
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { bytesEntry, type TarEntry, writeTar } from "../../src/archive/mod.ts";
import type { KbuildError } from "../../src/errors.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { fetchImages, type RegistryContext } from "../../src/registry/mod.ts";
import type { RetryPolicy } from "../../src/net/mod.ts";

const utf8 = new TextEncoder();

/** `sha256:…`. */
export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** An error with all its notes. */
export function textOf(error: KbuildError): string {
  return [error.message, ...error.notes].join("\n");
}

/** Blobs and manifests of one made-up image. */
export interface MadeImage {
  /** Digest → content: configuration, layer, manifests. */
  readonly blobs: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** Digest of the index. */
  readonly index: string;
  /** Manifest by architecture. */
  readonly manifests: Readonly<Record<string, string>>;
  /** Layer by architecture. */
  readonly layers: Readonly<Record<string, string>>;
}

/** Makes an image for architectures, with one layer of random bytes each. */
export async function makeImage(
  archs: readonly string[],
  size = 300_000,
  more: readonly TarEntry[] = [],
): Promise<MadeImage> {
  const blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  const put = (bytes: Uint8Array<ArrayBuffer>) => {
    blobs.set(digestOf(bytes), bytes);
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const json = (value: unknown) => utf8.encode(JSON.stringify(value));
  const manifests: Record<string, string> = {};
  const layers: Record<string, string> = {};
  const listed: unknown[] = [];
  for (const arch of archs) {
    const noise = new Uint8Array(size);
    for (let at = 0; at < size; at += 65536) {
      crypto.getRandomValues(noise.subarray(at, Math.min(at + 65536, size)));
    }
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const entries = [bytesEntry(`etc/${arch}`, noise, { mtime: 1, mode: 0o644 }), ...more];
    await writeTar(entries, (chunk) => void parts.push(chunk.slice()));
    const tar = new Uint8Array(await new Blob(parts).arrayBuffer());
    const layer = put(new Uint8Array(gzipSync(tar, { level: 1 })));
    const config = put(json({
      architecture: arch,
      os: "linux",
      config: { Env: ["PATH=/bin"] },
      rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
    }));
    const type = "application/vnd.docker.distribution.manifest.v2+json";
    const manifest = put(json({
      schemaVersion: 2,
      mediaType: type,
      config: { mediaType: "application/vnd.docker.container.image.v1+json", ...config },
      layers: [{ mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", ...layer }],
    }));
    manifests[arch] = manifest.digest;
    layers[arch] = layer.digest;
    listed.push({ mediaType: type, ...manifest, platform: { os: "linux", architecture: arch } });
  }
  const index = put(json({
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifests: listed,
  }));
  return { blobs, index: index.digest, manifests, layers };
}

/** What a server does with a request; undefined: what a registry would do. */
export type Misbehave = (
  request: Request,
  url: URL,
) => Response | undefined | Promise<Response | undefined>;

/** A running server. */
export interface TestServer {
  /** "127.0.0.1:34567". */
  readonly host: string;
  /** "GET /v2/…" in the order of coming. */
  readonly requests: string[];
}

/** Answers as a registry that has one image under every name and tag. */
export function respond(image: MadeImage, request: Request, url: URL): Response {
  const [, kind, which = ""] = /^\/v2\/.+\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname) ?? [];
  const digest = which.startsWith("sha256:") ? which : image.index;
  const bytes = image.blobs.get(digest);
  if (kind === undefined || bytes === undefined) return new Response("{}", { status: 404 });
  const headers = new Headers({ "docker-content-digest": digest });
  if (kind === "manifests") {
    headers.set("content-type", JSON.parse(new TextDecoder().decode(bytes)).mediaType);
  }
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  if (start === 0) return new Response(bytes, { headers });
  headers.set("content-range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
  return new Response(bytes.subarray(start), { status: 206, headers });
}

/** Runs `body` beside a registry. */
export async function withRegistry<T>(
  image: MadeImage,
  body: (server: TestServer) => Promise<T>,
  misbehave: Misbehave = () => undefined,
  tls?: { cert: string; key: string },
): Promise<T> {
  const requests: string[] = [];
  const hung = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    onError: () => new Response(null, { status: 500 }),
    signal: hung.signal,
    ...tls,
  }, async (request) => {
    const url = new URL(request.url);
    requests.push(`${request.method} ${url.pathname}`);
    return await misbehave(request, url) ?? respond(image, request, url);
  });
  try {
    return await body({ host: `127.0.0.1:${server.addr.port}`, requests });
  } finally {
    // Answers that never come would keep a gentle end waiting.
    hung.abort();
    await server.finished;
  }
}

/** Short pauses, so that tests are fast; what hangs needs less time than a busy machine. */
export const HASTY: Partial<RetryPolicy> = {
  headersMs: 10_000,
  stallMs: 10_000,
  slowMs: 10_000,
  attempts: 3,
  backoffMs: 20,
  jitter: 0,
  waitMs: 2500,
};

/** A cache and a log of their own. */
export interface World {
  readonly dir: string;
  readonly cache: string;
  readonly log: string[];
  context(env?: Record<string, string>, more?: Partial<RegistryContext>): RegistryContext;
  /** Names of the blobs in the cache that are not what their name says. */
  badBlobs(): Promise<string[]>;
  /** Names of all blobs in the cache. */
  blobs(): string[];
}

/** Runs `body` in a world that is removed afterwards. */
export async function inWorld<T>(body: (world: World) => Promise<T>): Promise<T> {
  const dir = await Deno.makeTempDir({ prefix: "kbuild-registry ü-" });
  const cache = join(dir, "ca che");
  const log: string[] = [];
  const names = () => {
    try {
      return [...Deno.readDirSync(join(cache, "blobs/sha256"))].map(({ name }) => name);
    } catch {
      return [];
    }
  };
  try {
    return await body({
      dir,
      cache,
      log,
      blobs: names,
      async badBlobs() {
        const bad: string[] = [];
        for (const name of names()) {
          const bytes = await Deno.readFile(join(cache, "blobs/sha256", name));
          if (digestOf(bytes) !== `sha256:${name}`) bad.push(name);
        }
        return bad;
      },
      context(env = {}, more = {}) {
        const whole = {
          PATH: Deno.env.get("PATH") ?? "",
          HOME: join(dir, "home"),
          KBUILD_CACHE: cache,
          // Nothing but servers on this machine is asked: origins of mirrored names fail at once.
          HTTPS_PROXY: "http://127.0.0.1:1",
          ...env,
        };
        return {
          env: whole,
          host: "linux/amd64",
          log: createLogger({ write: (text) => void log.push(text) }),
          shell: createShell({ cwd: dir, env: whole }),
          ...more,
        };
      },
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The image that all names stand for in these tests. */
export const NAME = "registry.k8s.io/build-image/go-runner:v1";

/** Fetches {@linkcode NAME} for amd64 with mirrors of registry.k8s.io. */
export async function fetchOne(
  world: World,
  mirrors: string,
  env: Record<string, string> = {},
  retryPolicy: Partial<RetryPolicy> = {},
) {
  const context = world.context({ KBUILD_MIRRORS: `registry.k8s.io=${mirrors}`, ...env });
  const [image] = await fetchImages(context, [{ reference: NAME, archs: ["amd64"] }], {
    retryPolicy: { ...HASTY, ...retryPolicy },
  });
  return image!;
}
