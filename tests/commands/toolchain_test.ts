import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  ended,
  inScratch,
  kbuild,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  plain,
  script,
  start,
  unless,
} from "../e2e/_program.ts";
import {
  ARCHIVE,
  archiveOf,
  HOST,
  mirror,
  putGo,
  RELEASE,
  type Server,
  withDigest,
  withServer,
} from "../toolchain/_world.ts";
import { zipOf } from "../toolchain/_zip.ts";

const good = await archiveOf();
const NAME = ARCHIVE.replace(".tar.gz", "");

/** A mirror, and the digest of what it serves. */
function offer({ url }: Server): Record<string, string> {
  return { KBUILD_GO_MIRROR: `${url}/go`, KBUILD_GO_SHA256: good.sha256 };
}

/** What is in the cache, the lock left out. */
function kept(cache: string): string[] {
  return [...Deno.readDirSync(join(cache, "go"))].map(({ name }) => name)
    .filter((name) => name !== ".lock").sort();
}

/** An environment with a Go that says it is 1.26.1, a cache, and no choice made. */
async function setUp(dir: string, more: Record<string, string> = {}) {
  const bin = join(dir, "bin");
  await putGo(bin, `go version go1.26.1 ${HOST}`);
  const cache = join(dir, "ca che");
  const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: dir, FORCE_HOST_GO: "", KBUILD_CACHE: cache };
  return { bin, cache, env: { ...env, ...more } };
}

Deno.test("kbuild toolchain lists, installs, finds and removes, outside of a checkout too", () =>
  inScratch((dir) =>
    withServer(mirror(good), async (server) => {
      const { bin, cache, env } = await setUp(dir);
      const options = { cwd: dir, env: { ...env, ...offer(server) } };
      const run = async (...args: string[]) => {
        const { code, stdout, stderr } = await kbuild(["toolchain", ...args], options);
        return { code, stdout, stderr: plain(stderr, { cache, url: server.url }) };
      };
      assertEquals(await run(), {
        code: 0,
        stdout: `VERSION  PLATFORM     SIZE  WHERE${" ".repeat(bin.length)}FROM  DIGEST FROM\n` +
          `1.26.1   ${HOST}        ${bin}/go  PATH\n`,
        stderr: "",
      });
      assertEquals(await run("path", RELEASE), {
        code: 1,
        stdout: "",
        stderr: `kbuild: Cannot tell the path of Go ${RELEASE}: it is not here yet\n` +
          `  -> --go (KBUILD_GO) wants it; fetch it: kbuild toolchain install ${RELEASE}\n`,
      });
      const goroot = join(cache, "go", NAME, "go");
      assertEquals(await run("install", `go${RELEASE}`), {
        code: 0,
        stdout: `${goroot}\n`,
        stderr:
          `+++ [time] Fetching Go ${RELEASE} (kbuild toolchain install): <url>/go/${ARCHIVE}\n`,
      });
      assertEquals(await run("path", RELEASE), { code: 0, stdout: `${goroot}\n`, stderr: "" });
      assertEquals(await run("install", RELEASE, "--offline"), {
        code: 0,
        stdout: `${goroot}\n`,
        stderr: "",
      });
      const { host, ...listed } = JSON.parse((await run("list", "--json")).stdout);
      assertEquals([host.path, host.version], [join(bin, "go"), "1.26.1"]);
      assertEquals(listed.cache, cache);
      assertEquals(listed.cached.map((go: Record<string, unknown>) => ({ ...go, size: 0 })), [
        {
          version: RELEASE,
          platform: HOST,
          goroot,
          size: 0,
          from: `${server.url}/go/${ARCHIVE}`,
          digestFrom: "lock",
        },
      ]);
      assertEquals(await run("remove", RELEASE), {
        code: 0,
        stdout: "",
        stderr: `+++ [time] Removed Go ${RELEASE}\n`,
      });
      assertEquals(await run("remove", RELEASE), {
        code: 1,
        stdout: "",
        stderr: `kbuild: Cannot remove Go ${RELEASE}: it is not in the cache\n` +
          "  -> In the cache: none\n",
      });
      for (
        const [args, words] of [
          [["instal"], 'Did you mean "install"?'],
          [["install"], "Cannot install without a release"],
          [["install", "latest"], 'Value "latest" is not a release of Go'],
          [["remove"], "Cannot remove without a release"],
          [["list", "1.2"], 'Unexpected argument "1.2"'],
          [["path", "1.2", "1.3"], 'Unexpected argument "1.3"'],
        ] as const
      ) {
        const { code, stdout, stderr } = await run(...args);
        assertEquals([code, stdout], [2, ""]);
        assertStringIncludes(stderr, words);
      }
    })
  ));

Deno.test({
  ...unless(missingFor("1.20"), "kbuild toolchain says which Go builds a checkout, and why"),
  fn: () =>
    inScratch((dir) =>
      withServer(mirror(good), async (server) => {
        const root = await makeSample("1.35", join(dir, "kubernetes"));
        await Deno.writeTextFile(join(root, ".go-version"), `${RELEASE}\n`);
        const { bin, cache, env } = await setUp(dir);
        const here = { cwd: root, env: { ...env, ...offer(server) } };
        const last = async (...args: string[]) => {
          const { code, stdout, stderr } = await kbuild(["toolchain", ...args], here);
          assertEquals([code, stderr.replaceAll(/\+\+\+ .*\n/g, "")], [0, ""]);
          return stdout.trimEnd().split("\n").at(-1);
        };
        const built = `This checkout is built with Go`;
        assertEquals(
          await last(),
          `${built} ${RELEASE} (.go-version:1), to be fetched: ${server.url}/go/${ARCHIVE}`,
        );
        assertEquals(await last("--go", "host"), `${built} 1.26.1 (--go (KBUILD_GO)), "${bin}/go"`);
        const relative = await kbuild(["toolchain", "--go", "../bin"], here);
        assertStringIncludes(relative.stdout, `${built} 1.26.1 (--go (KBUILD_GO)), "${bin}/go"`);
        const json = JSON.parse((await kbuild(["toolchain", "--json"], here)).stdout);
        assertEquals(json.checkout, {
          root,
          why: ".go-version:1",
          want: RELEASE,
          version: RELEASE,
          path: join(cache, "go", NAME, "go/bin/go"),
          action: "archive",
          url: `${server.url}/go/${ARCHIVE}`,
        });
        assertEquals(server.requests, []);
        assertEquals(await last("install"), join(cache, "go", NAME, "go"));
        assertEquals(await last(), `${built} ${RELEASE} (.go-version:1), in the cache`);
        assertEquals(await last("path"), join(cache, "go", NAME, "go"));

        // Neither a plan nor --offline asks the server for another one.
        const asked = server.requests.length;
        await Deno.writeTextFile(join(root, ".go-version"), "1.99.2\n");
        const cold = await kbuild(["all", "cmd/kubectl", "--offline"], here);
        assertEquals([cold.code, cold.stdout], [1, ""]);
        assertStringIncludes(cold.stderr, "kbuild: Cannot get Go 1.99.2: it is not in the cache");
        const planned = await kbuild(["all", "cmd/kubectl", "--dry-run"], here);
        assertStringIncludes(planned.stdout, "go1.99.2");
        assertEquals(server.requests.length, asked);
      })
    ),
});

/** A server that sends the first bytes of the archive and then nothing until released. */
function holding() {
  let whole = false;
  let waiting: () => void = () => {};
  const started = new Promise<void>((resolve) => waiting = resolve);
  const respond = (path: string) => {
    if (whole || path.endsWith(".sha256")) return mirror(good)(path);
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(good.bytes.slice(0, 100));
          setTimeout(waiting, 200);
        },
      }),
    );
  };
  return { respond, started, release: () => whole = true };
}

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  Deno.test(`kbuild toolchain install, ended by ${signal}, leaves no Go; the next run works`, () =>
    inScratch(async (dir) => {
      const held = holding();
      await withServer(held.respond, async (server) => {
        const { cache, env } = await setUp(dir);
        const options = { cwd: dir, env: { ...env, ...offer(server) } };
        const child = start(kbuildArgv("toolchain", "install", RELEASE), options);
        await held.started;
        assertEquals(kept(cache).filter((name) => name.startsWith("go")), []);
        assertEquals(kept(cache).length, 1);
        child.kill(signal);
        const { code, signal: by } = await ended(child);
        if (signal === "SIGINT") assertEquals([code, kept(cache)], [130, []]);
        else assertEquals([by, kept(cache).filter((name) => name.startsWith("go"))], [signal, []]);
        held.release();
        const next = await kbuild(["toolchain", "install", RELEASE], options);
        assertEquals([next.code, kept(cache)], [0, [NAME]]);
      });
    }));
}

Deno.test("two kbuilds that want the same Go fetch it once", () =>
  inScratch((dir) =>
    withServer(mirror(good), async (server) => {
      const { cache, env } = await setUp(dir);
      const options = { cwd: dir, env: { ...env, ...offer(server) } };
      const runs = [1, 2, 3].map(() => kbuild(["toolchain", "install", RELEASE], options));
      for (const { code, stderr } of await Promise.all(runs)) {
        assertEquals([code, code === 0 ? "" : stderr], [0, ""]);
      }
      assertEquals([server.requests.length, kept(cache)], [1, [NAME]]);
    })
  ));

Deno.test("kbuild toolchain install goes through HTTP_PROXY, and not for NO_PROXY", () =>
  inScratch(async (dir) => {
    const hosts: (string | null)[] = [];
    const respond = (path: string, request: Request) => {
      hosts.push(request.headers.get("host"));
      return mirror(good)(path);
    };
    await withServer(respond, async (proxy) => {
      const { env } = await setUp(dir);
      const install = (more: Record<string, string>) =>
        kbuild(["toolchain", "install", RELEASE], { cwd: dir, env: { ...env, ...more } });
      const away = {
        ...offer(proxy),
        KBUILD_GO_MIRROR: "http://go.invalid/go",
        http_proxy: proxy.url,
      };
      const { code, stderr } = await install(away);
      assertEquals([code, code === 0 ? "" : stderr, hosts], [0, "", ["go.invalid"]]);
      await kbuild(["toolchain", "remove", RELEASE], { cwd: dir, env });
      const direct = await install({ ...away, no_proxy: "go.invalid" });
      assertEquals([direct.code, hosts.length], [1, 1]);
      assertMatch(direct.stderr, /Cannot download "http:\/\/go\.invalid\/go\//);
      assert(!direct.stderr.includes("    at "));
    });
  }));

Deno.test({
  ...unless(missingFor("1.28"), "a GOROOT of another Go changes no byte, and is named once"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.28", join(dir, "kubernetes"));
      const other = join(dir, "other");
      await Deno.mkdir(join(other, "bin"), { recursive: true });
      await Deno.mkdir(join(other, `pkg/tool/${HOST.replace("/", "_")}`), { recursive: true });
      await Deno.writeTextFile(join(other, "VERSION"), "go1.2.3\n");
      script(join(other, "bin/go"), "exit 97\n");
      const build = async (env: Record<string, string>) => {
        // The standard library is compiled already, where Go keeps it for everybody.
        const made = await kbuild(["kubectl"], { cwd: root, env: { GOCACHE, ...env } });
        assertEquals([made.code, made.code === 0 ? "" : made.stderr], [0, ""]);
        const bytes = await Deno.readFile(join(root, `_output/local/bin/${HOST}/kubectl`));
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
        assertEquals((await kbuild(["clean"], { cwd: root })).code, 0);
        return { digest, said: made.stderr.split(`GOROOT "${other}" is not that of`).length - 1 };
      };
      const GOCACHE = (await output(["go", "env", "GOCACHE"])).trim();
      const { digest } = await build({});
      assertEquals(await build({ GOROOT: other }), { digest, said: 1 });
    }),
});

Deno.test("kbuild toolchain fetches, lists and removes protoc", () =>
  inScratch(async (dir) => {
    const says = new TextEncoder().encode('#!/bin/sh\necho "libprotoc 3.99.1"\n');
    const { bytes, sha256 } = withDigest(zipOf([["bin/protoc", says]]));
    await withServer((path) =>
      /^\/protoc\/v3\.99\.1\/protoc-3\.99\.1-[a-z]+-\w+\.zip$/.test(path)
        ? new Response(bytes)
        : new Response("no such page", { status: 404 }), async ({ url }) => {
      const { cache, env } = await setUp(dir, {
        KBUILD_MIRRORS: `github.com/protocolbuffers/protobuf/releases/download=${url}/protoc`,
      });
      const run = async (args: readonly string[], more: Record<string, string> = {}) => {
        const options = { cwd: dir, env: { ...env, ...more } };
        const { code, stdout, stderr } = await kbuild(["toolchain", ...args], options);
        return { code, stdout, stderr: plain(stderr, { cache, url }) };
      };
      const unnamed = await run(["protoc"]);
      assertEquals(unnamed.code, 2);
      assertStringIncludes(unnamed.stderr, "Cannot fetch protoc without a release");
      assertEquals((await run(["protoc", "latest"])).code, 2);
      const unknown = await run(["protoc", "3.99.1"]);
      assertEquals(unknown.code, 1);
      assertStringIncludes(unknown.stderr, "its digest is not known");
      const fetched = await run(["protoc", "3.99.1"], { KBUILD_PROTOC_SHA256: sha256 });
      const directory = join(cache, "protoc", `protoc-3.99.1-${HOST.replace("/", "-")}`);
      assertEquals([fetched.code, fetched.stdout], [0, `${directory}\n`]);
      assertEquals(await Deno.readFile(join(directory, "protoc")), says);
      assertEquals((await run(["protoc", "3.99.1", "--offline"])).stdout, `${directory}\n`);
      const { protoc } = JSON.parse((await run(["list", "--json"])).stdout);
      assertEquals([protoc[0].version, protoc[0].digestFrom], ["3.99.1", "lock"]);
      assertMatch((await run(["list"])).stdout, /^protoc-3\.99\.1 .*\.zip +lock$/m);
      assertEquals(await run(["remove", "protoc-3.99.1"]), {
        code: 0,
        stdout: "",
        stderr: "+++ [time] Removed protoc 3.99.1\n",
      });
      assertStringIncludes((await run(["remove", "protoc-3.99.1"])).stderr, "not in the cache");

      // Up to 1.27 a checkout takes any protoc 3; from 1.28 on it pins one.
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      assertStringIncludes(
        (await run(["protoc", "--root", root])).stderr,
        "This checkout takes any protoc 3",
      );
      const pins = await makeSample("1.28", join(dir, "pins"));
      await Deno.writeTextFile(
        join(pins, "hack/lib/protoc.sh"),
        "major=3.99\nPROTOC_VERSION=${major}.1\n",
      );
      // Also where it is put together, as long as the script that needs it reads it.
      await Deno.writeTextFile(
        join(pins, "hack/update-codegen.sh"),
        'KUBE_ROOT=$(dirname "${BASH_SOURCE[0]}")/..\nsource "${KUBE_ROOT}/hack/lib/protoc.sh"\n',
      );
      const digest = { KBUILD_PROTOC_SHA256: sha256 };
      assertEquals((await run(["protoc", "--root", pins], digest)).stdout, `${directory}\n`);
    });
  }));

Deno.test("kbuild toolchain lists and removes etcd, too", () =>
  inScratch((dir) =>
    withServer(mirror(good), async (server) => {
      const { cache, env } = await setUp(dir);
      const options = { cwd: dir, env: { ...env, ...offer(server) } };
      const run = async (...args: string[]) => {
        const { code, stdout, stderr } = await kbuild(["toolchain", ...args], options);
        return { code, stdout, stderr: plain(stderr, { cache, url: server.url }) };
      };
      assertEquals((await run("install", RELEASE)).code, 0);
      for (const version of ["3.10.0", "3.4.13"]) {
        const directory = join(cache, "etcd", `etcd-v${version}-${HOST.replace("/", "-")}`);
        await Deno.mkdir(directory, { recursive: true });
        await Deno.writeTextFile(join(directory, "etcd"), "x".repeat(1000));
        const origin = { from: "https://a.example/etcd.tar.gz", digestFrom: "mirror" };
        await Deno.writeTextFile(join(directory, "origin.json"), JSON.stringify(origin));
      }
      // Of another platform, and what is unfinished.
      await Deno.mkdir(join(cache, "etcd/etcd-v3.4.14-plan9-mips"));
      await Deno.mkdir(join(cache, `etcd/etcd-v3.4.15-${HOST.replace("/", "-")}`));
      const listed = (await run()).stdout.split("\n").filter((line) => line.startsWith("etcd-"));
      assertEquals(listed.map((line) => line.split(/\s\s+/)[0]), ["etcd-3.4.13", "etcd-3.10.0"]);
      assertMatch(listed[0]!, /1\.\d+ kB .*https:\/\/a\.example\/etcd\.tar\.gz +mirror$/);
      const { etcd } = JSON.parse((await run("list", "--json")).stdout);
      assertEquals(etcd[1].version, "3.10.0");

      assertEquals(await run("remove", "etcd-3.4.13", `go${RELEASE}`), {
        ...{ code: 0, stdout: "" },
        stderr: `+++ [time] Removed etcd 3.4.13\n+++ [time] Removed Go ${RELEASE}\n`,
      });
      assertEquals(await run("remove", "etcd-3.4.13"), {
        ...{ code: 1, stdout: "" },
        stderr: "kbuild: Cannot remove etcd 3.4.13: it is not in the cache\n" +
          "  -> In the cache: etcd-3.10.0\n",
      });
      assertEquals((await run("remove", "etcd-../../go")).code, 2);
      assertEquals([...Deno.readDirSync(join(cache, "etcd"))].length, 4);
    })
  ));
