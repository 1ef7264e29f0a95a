/** Bringing Go where it is missing: the download, from a server on this machine. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { createHash } from "node:crypto";
import { bytesEntry, directoryEntry, packTarball } from "../../src/archive/mod.ts";
import { findProgram, hostPlatform } from "../../src/lib/util.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));
const config = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json";
const git = await findProgram("git", Deno.env.get("PATH"));
const NAME = `go9.8.7.${hostPlatform().replace("/", "-")}.tar.gz`;

interface Served {
  readonly archive: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

/** A small archive of Go's shape: a program that says its version. */
async function makeArchive(folder: string): Promise<Served> {
  const path = join(folder, "archive.tar.gz");
  const mtime = 1600000000;
  const program = new TextEncoder().encode("#!/bin/sh\necho go version go9.8.7 linux/amd64\n");
  await packTarball([
    directoryEntry("go", { mtime }),
    directoryEntry("go/bin", { mtime }),
    bytesEntry("go/bin/go", program, { mtime, mode: 0o755 }),
  ], path);
  const archive = await Deno.readFile(path);
  return { archive, sha256: createHash("sha256").update(archive).digest("hex") };
}

/** Runs the set-up in a world with git and nothing else. */
async function setUp(
  respond: (path: string, served: Served) => Response,
  work: (
    run: (env?: Record<string, string>) => Promise<{ code: number; out: string; err: string }>,
    about: {
      cache: string;
      requests: string[];
    },
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-setup-" }));
  const bin = join(folder, "bin");
  const cache = join(folder, "ca che");
  await Deno.mkdir(bin);
  await Deno.symlink(git ?? "", join(bin, "git"));
  const served = await makeArchive(folder);
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const path = new URL(request.url).pathname;
    requests.push(path);
    return respond(path, served);
  });
  try {
    await work(async (env = {}) => {
      const command = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--config", join(root, config), join(root, "scripts/setup_tools.ts")],
        clearEnv: true,
        env: {
          PATH: bin,
          HOME: folder,
          DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "", ".cache/deno"),
          XDG_CACHE_HOME: cache,
          KBUILD_GO_VERSION: "9.8.7",
          KBUILD_GO_DOWNLOAD: `http://127.0.0.1:${server.addr.port}/dl/`,
          ...env,
        },
      });
      const { code, stdout, stderr } = await command.output();
      const text = new TextDecoder();
      return { code, out: text.decode(stdout), err: text.decode(stderr) };
    }, { cache, requests });
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The server as it should be. */
function honest(path: string, { archive, sha256 }: Served): Response {
  if (path === `/dl/${NAME}`) return new Response(archive);
  if (path === `/dl/${NAME}.sha256`) return new Response(`${sha256}\n`);
  return new Response("no such file", { status: 404 });
}

async function leftIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(join(folder, "kbuild/go"))) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names;
}

const ignore = git === undefined;

Deno.test({
  name: "setup_tools downloads Go, checks it, and finds it again without the network",
  ignore,
  fn: () =>
    setUp(honest, async (run, { cache, requests }) => {
      const first = await run();
      assertEquals(first.code, 0, first.err);
      const bin = first.out.trim();
      assert(bin.startsWith(`${cache}/kbuild/go/`), bin);
      assertStringIncludes(first.err, "kbuild: Go is missing: downloading http://127.0.0.1");
      const { stdout } = await new Deno.Command(join(bin, "go"), { args: ["version"] }).output();
      assertEquals(new TextDecoder().decode(stdout), "go version go9.8.7 linux/amd64\n");
      assertEquals(requests, [`/dl/${NAME}.sha256`, `/dl/${NAME}`]);

      const second = await run();
      assertEquals(second, { code: 0, out: first.out, err: "" });
      assertEquals(requests.length, 2);
    }),
});

Deno.test({
  name: "setup_tools refuses an archive with another digest and keeps nothing of it",
  ignore,
  fn: () =>
    setUp(
      (path, served) =>
        path.endsWith(".sha256") ? new Response("0".repeat(64)) : honest(path, served),
      async (
        run,
        { cache },
      ) => {
        const { code, out, err } = await run();
        assertEquals(code, 1);
        assertEquals(out, "");
        assertStringIncludes(err, `its SHA-256 is `);
        assertStringIncludes(err, `not ${"0".repeat(64)}`);
        assertEquals(await leftIn(cache), []);
      },
    ),
});

Deno.test({
  name: "setup_tools refuses a truncated download",
  ignore,
  fn: () =>
    setUp(
      (path, served) =>
        path.endsWith(".tar.gz")
          ? new Response(served.archive.slice(0, served.archive.length - 7))
          : honest(path, served),
      async (run, { cache }) => {
        const { code, err } = await run();
        assertEquals(code, 1);
        assertStringIncludes(err, "its SHA-256 is");
        assertEquals(await leftIn(cache), []);
      },
    ),
});

Deno.test({
  name: "setup_tools insists on KBUILD_GO_SHA256, whatever the server publishes",
  ignore,
  fn: () =>
    setUp(honest, async (run, { requests }) => {
      const { code, err } = await run({ KBUILD_GO_SHA256: "f".repeat(64) });
      assertEquals(code, 1);
      assertStringIncludes(err, `not ${"f".repeat(64)}`);
      assertEquals(requests, [`/dl/${NAME}`]);
    }),
});

Deno.test({
  name: "setup_tools names the mirror variable when a server has no such file",
  ignore,
  fn: () =>
    setUp(() => new Response("gone", { status: 404 }), async (run) => {
      const { code, err } = await run();
      assertEquals(code, 1);
      assertStringIncludes(err, "the server said 404");
      assertStringIncludes(err, "KBUILD_GO_DOWNLOAD=");
    }),
});

Deno.test({
  name: "setup_tools says that the network is not there",
  ignore,
  fn: () =>
    setUp(honest, async (run) => {
      const { code, err } = await run({ KBUILD_GO_DOWNLOAD: "http://127.0.0.1:9/dl" });
      assertEquals(code, 1);
      assertStringIncludes(err, 'Cannot download "http://127.0.0.1:9/dl/');
      assertStringIncludes(err, "Install Go yourself");
    }),
});
