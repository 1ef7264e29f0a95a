/**
 * `--go-cache`: machines share what Go compiles. A server that goes away in the middle changes neither the results nor the
 * exit status.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { archive } from "../../mod.ts";
import { hostPlatform } from "../../src/lib/util.ts";
import {
  copyTree,
  GO,
  inScratch,
  kbuild,
  kbuildArgv,
  makeSample,
  missingFor,
  unless,
} from "./_program.ts";

const reason = missingFor("1.35") ?? (GO < 124 ? "needs go 1.24 or later" : undefined);

/** A server of files; with a number, it is gone after so many requests. */
function serve(files: Map<string, Uint8Array<ArrayBuffer>>, { most = Infinity } = {}) {
  const counts = { found: 0, missing: 0, put: 0 };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (counts.found + counts.missing + counts.put >= most) {
      void server.shutdown().catch(() => undefined);
      return new Response(null, { status: 500 });
    }
    if (request.method === "PUT") {
      counts.put++;
      files.set(pathname, new Uint8Array(await request.arrayBuffer()));
      return new Response(null, { status: 201 });
    }
    const found = files.get(pathname);
    counts[found === undefined ? "missing" : "found"]++;
    return found === undefined ? new Response(null, { status: 404 }) : new Response(found);
  });
  return { server, counts, url: `http://127.0.0.1:${server.addr.port}/go` };
}

Deno.test(
  unless(reason, "machines share what Go compiles; the store may go away in the middle"),
  () =>
    inScratch(async (dir) => {
      const launcher = join(dir, "start kbuild");
      const words = kbuildArgv().map((word) => `'${word}'`).join(" ");
      await Deno.writeTextFile(launcher, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
      const sample = await makeSample("1.35", join(dir, "sample"));
      const build = async (name: string, url: string | undefined) => {
        const cwd = await copyTree(sample, join(dir, name, "kubernetes"));
        // Without the flag, with what this machine has compiled before.
        const GOCACHE = url === undefined ? {} : { GOCACHE: join(dir, name, "go cache") };
        const env = { ...GOCACHE, KBUILD_LAUNCHER: launcher };
        const flag = url === undefined ? [] : ["--go-cache", url];
        const { code, stderr } = await kbuild(["all", "kubectl", ...flag], { cwd, env });
        assertEquals(code, 0, stderr);
        const built = join(cwd, "_output/local/bin", hostPlatform(), "kubectl");
        return { digest: await archive.digestOfFile(built, "sha256"), stderr };
      };
      const files = new Map<string, Uint8Array<ArrayBuffer>>();
      const plain = await build("plain", undefined);

      const first = serve(files);
      const filling = await build("first", first.url);
      assertEquals(filling.digest, plain.digest);
      assert(first.counts.put > 20, JSON.stringify(first.counts));

      const hits = await build("second", first.url);
      assertEquals(hits.digest, plain.digest);
      assert(first.counts.found > 20, JSON.stringify(first.counts));
      await first.server.shutdown();

      const dying = serve(files, { most: 30 });
      const cut = await build("third", dying.url);
      assertEquals(cut.digest, plain.digest);
      assertStringIncludes(cut.stderr, "is not used any more");
    }),
);
