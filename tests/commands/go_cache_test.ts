import { assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { goCacheVariables } from "../../src/commands/go_cache.ts";
import { UsageError } from "../../src/errors.ts";
import { ifPresent } from "../../src/files/mod.ts";
import { ENV, inScratch, kbuildArgv } from "../e2e/_program.ts";

const KBUILD_LAUNCHER = "/opt/k build/kbuild";

Deno.test("goCacheVariables() names this kbuild, also to one that a script of another has started", () => {
  const env = { KBUILD_LAUNCHER, KBUILD_GO_CACHE: "some where" };
  const found = goCacheVariables(env, "/work");
  assertEquals(found, {
    KBUILD_GO_CACHE: "/work/some where",
    GOCACHEPROG: "'/opt/k build/kbuild' store go-cache",
  });
  assertEquals(goCacheVariables({ ...env, ...found }, "/elsewhere"), found);
  assertEquals(goCacheVariables({ KBUILD_LAUNCHER }, "/work"), {});
});

Deno.test("goCacheVariables() takes what looks like an address for none of a directory", () => {
  for (const KBUILD_GO_CACHE of ["https://cache/x", "oci://r/x", "oci:r/x", "ftp://x"]) {
    const found = goCacheVariables({ KBUILD_LAUNCHER, KBUILD_GO_CACHE }, "/work");
    assertEquals(found["KBUILD_GO_CACHE"], KBUILD_GO_CACHE);
  }
});

Deno.test("goCacheVariables() refuses another program, and a kbuild that does not know itself", () => {
  const env = { KBUILD_GO_CACHE: "/store" };
  assertThrows(
    () => goCacheVariables({ ...env, KBUILD_LAUNCHER, GOCACHEPROG: "mine" }, "/work"),
    UsageError,
    "Cannot use both --go-cache and GOCACHEPROG",
  );
  assertThrows(() => goCacheVariables(env, "/work"), UsageError, "does not know how");
});

Deno.test("kbuild store go-cache takes the store of its flag, of --go-cache and of --store, in this order", () =>
  inScratch(async (dir) => {
    const digest = createHash("sha256").update("output").digest("base64");
    const put = { ID: 1, Command: "put", ActionID: digest, OutputID: digest, BodySize: 6 };
    const lines = [JSON.stringify(put), `"${btoa("output")}"`, '{"ID":2,"Command":"close"}', ""];
    const KBUILD_STORE = join(dir, "units");
    const KBUILD_GO_CACHE = join(dir, "packages");
    const own = join(dir, "own");
    const stores = [own, KBUILD_GO_CACHE, KBUILD_STORE];
    for (
      const [args, env, used] of [
        [["--store", own], { KBUILD_STORE, KBUILD_GO_CACHE }, own],
        [[], { KBUILD_STORE, KBUILD_GO_CACHE }, KBUILD_GO_CACHE],
        [[], { KBUILD_STORE }, KBUILD_STORE],
      ] as const
    ) {
      const [program = "", ...words] = kbuildArgv("store", "go-cache", ...args);
      const child = new Deno.Command(program, {
        args: words,
        cwd: dir,
        env: { ...ENV, ...env, GOROOT: dir, GOCACHE: join(dir, "cache"), CGO_ENABLED: "0" },
        clearEnv: true,
        ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(lines.join("\n")));
      await writer.close();
      const { code, stderr } = await child.output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      const made = await Promise.all(stores.map((path) => ifPresent(Deno.stat(path))));
      assertEquals(stores.filter((_, at) => made[at] !== undefined), [used]);
      await Deno.remove(used, { recursive: true });
    }
  }));
