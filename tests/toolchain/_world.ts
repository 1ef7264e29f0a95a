/** What the tests of the toolchain share: a small Go of our own, servers that offer it, a context. */
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { bytesEntry, directoryEntry, packTarball, type TarEntry } from "../../src/archive/mod.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { hostPlatform } from "../../src/lib/util.ts";
import { createShell } from "../../src/shell/mod.ts";
import type { GoContext } from "../../src/toolchain/mod.ts";

/** This machine. */
export const HOST = hostPlatform();
/** A release that nobody else has. */
export const RELEASE = "1.99.1";
/** Its archive. */
export const ARCHIVE = `go${RELEASE}.${HOST.replace("/", "-")}.tar.gz`;

/** A program that answers `go version` and `go env GOROOT`. */
export function goScript(release = RELEASE): string {
  return `#!/bin/sh
case $1 in
version) echo "go version go${release} ${HOST}" ;;
env) cd "$(dirname "$0")/.." && pwd ;;
esac
`;
}

const mtime = 1600000000;
const utf8 = new TextEncoder();

/** The members of an archive of Go's shape. */
export function goEntries(release = RELEASE): TarEntry[] {
  const file = (name: string, text: string, mode = 0o644) =>
    bytesEntry(name, utf8.encode(text), { mtime, mode });
  return [
    directoryEntry("go", { mtime }),
    file("go/VERSION", `go${release}\n`),
    directoryEntry("go/bin", { mtime }),
    file("go/bin/go", goScript(release), 0o755),
    file("go/src/runtime/runtime.go", "package runtime\n"),
  ];
}

/** The bytes of an archive, and their digest. */
export interface Archive {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

/** Packs an archive. */
export async function archiveOf(entries: readonly TarEntry[] = goEntries()): Promise<Archive> {
  const directory = await Deno.makeTempDir({ prefix: "kbuild-go-" });
  try {
    await packTarball(entries, join(directory, "go.tar.gz"));
    return withDigest(await Deno.readFile(join(directory, "go.tar.gz")));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Any bytes, and their digest. */
export function withDigest(bytes: Uint8Array<ArrayBuffer>): Archive {
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** A server on this machine. */
export interface Server {
  readonly url: string;
  /** Paths in the order in which they were asked for. */
  readonly requests: string[];
}

/** Runs `body` beside a server. */
export async function withServer<T>(
  respond: (path: string, request: Request) => Response | Promise<Response>,
  body: (server: Server) => Promise<T>,
): Promise<T> {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname);
    requests.push(path);
    return respond(path, request);
  });
  try {
    return await body({ url: `http://127.0.0.1:${server.addr.port}`, requests });
  } finally {
    await server.shutdown();
  }
}

/** A mirror that serves one archive and its digest. */
export function mirror({ bytes, sha256 }: Archive): (path: string) => Response {
  return (path) =>
    path === `/go/${ARCHIVE}`
      ? new Response(bytes)
      : path === `/go/${ARCHIVE}.sha256`
      ? new Response(sha256)
      : new Response("no such page", { status: 404 });
}

/** A world for one test. */
export interface World {
  /** Its directory; the name has what paths may have. */
  readonly dir: string;
  /** kbuild's cache in it. */
  readonly cache: string;
  /** A directory for PATH, empty but for what the test puts there. */
  readonly bin: string;
  /** What was logged. */
  readonly log: string[];
  /** A context without any Go. */
  context(env?: Record<string, string>, more?: Partial<GoContext>): GoContext;
  /** Names in the cache, the lock left out. */
  kept(): string[];
}

/** Runs `body` in a world that is removed afterwards. */
export async function inWorld(body: (world: World) => Promise<void>): Promise<void> {
  const top = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-toolchain-" }));
  const dir = join(top, "a b ü$(x)");
  const cache = join(dir, "ca che");
  const bin = join(dir, "bin");
  await Deno.mkdir(bin, { recursive: true });
  const log: string[] = [];
  const context: World["context"] = (env = {}, more = {}) => {
    const whole = { HOME: dir, PATH: `${bin}:/usr/bin:/bin`, KBUILD_CACHE: cache, ...env };
    return {
      env: whole,
      host: HOST,
      log: createLogger({ write: (text) => void log.push(text) }),
      shell: createShell({
        cwd: dir,
        env: whole,
        ...(more.signal === undefined ? {} : { signal: more.signal }),
      }),
      signal: undefined,
      ...more,
    };
  };
  const kept = () => {
    try {
      const names = [...Deno.readDirSync(join(cache, "go"))].map(({ name }) => name);
      return names.filter((name) => name !== ".lock").sort();
    } catch {
      return [];
    }
  };
  try {
    await body({ dir, cache, bin, log, context, kept });
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

/** Puts a `go` that only says its version into a directory. */
export async function putGo(directory: string, line: string): Promise<string> {
  const path = join(directory, "go");
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(path, `#!/bin/sh\necho '${line}'\n`);
  await Deno.chmod(path, 0o755);
  return path;
}
