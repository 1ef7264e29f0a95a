/** `THIRD_PARTY_NOTICES` is up to date, and names every library inside of what is released. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import denoConfig from "../../deno.json" with { type: "json" };
import { checkNotices, noticesText, packagesOf } from "../../scripts/dist/notices.ts";
import { platformManifest } from "../../scripts/dist/npm_packages.ts";
import { PLATFORMS } from "../../scripts/dist/platforms.ts";
import { KbuildError } from "../../src/errors.ts";
import { CLONE, output } from "../e2e/_program.ts";

const CONFIG = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json";

Deno.test("THIRD_PARTY_NOTICES is what scripts/task notices writes", async () => {
  const written = await Deno.readTextFile(join(CLONE, "THIRD_PARTY_NOTICES"));
  assertEquals(written, await noticesText(CLONE), "run: scripts/task notices");
});

Deno.test("every artifact holds the notices", () => {
  assert(denoConfig.publish.include.includes("THIRD_PARTY_NOTICES"));
  for (const platform of PLATFORMS) {
    assert((platformManifest(platform)["files"] as string[]).includes("THIRD_PARTY_NOTICES"));
  }
});

for (const entry of ["main.ts", "mod.ts", "npm/package/deno_global.ts"]) {
  Deno.test(`each library in the module graph of ${entry} has its notice`, async () => {
    const argv = [Deno.execPath(), "info", "--json", "--config", join(CLONE, CONFIG)];
    const { modules } = JSON.parse(await output([...argv, join(CLONE, entry)])) as {
      modules: { specifier: string }[];
    };
    const packages = packagesOf(modules.map(({ specifier }) => specifier));
    assert(packages.size > 0, "the graph has no library");
    checkNotices(packages);
  });
}

Deno.test("checkNotices() names a library without a notice", () => {
  const packages = packagesOf([
    "file:///clone/node_modules/@scope/new/mod.js",
    "https://jsr.io/@std/path/1.1.6/mod.ts",
    "file:///clone/node_modules/dax/esm/deps/jsr.io/@david/shell/0.6.0/mod.js",
    "file:///clone/src/mod.ts",
  ]);
  assertEquals([...packages], ["@scope/new", "@std/path", "dax", "@david/shell"]);
  const error = assertThrows(() => checkNotices(packages), KbuildError);
  assertStringIncludes(error.message, "notices of @scope/new");
});
