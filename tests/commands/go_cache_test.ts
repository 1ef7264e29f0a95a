import { assertEquals, assertThrows } from "@std/assert";
import { goCacheVariables } from "../../src/commands/go_cache.ts";
import { UsageError } from "../../src/errors.ts";

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
