import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { inScratch, kbuild } from "../e2e/_program.ts";
import { NO_REGISTRY, withRealRegistry } from "../e2e/_registry.ts";
import { unitOf } from "../store/_files.ts";
import { opened } from "../store/_kinds.ts";

Deno.test("kbuild store counts, cleans and checks a directory", () =>
  inScratch(async (dir) => {
    const url = join(dir, "the store");
    const made = join(dir, "made");
    const unit = await unitOf("unit", made, { file: new TextEncoder().encode("text\n") });
    using store = await opened(url, dir).open();
    await store.save(unit, ({ path }) => join(made, path));
    const run = (...args: string[]) => kbuild(["store", ...args], { cwd: dir });

    const stat = await run("--store", "the store", "--json");
    assertEquals(stat.code, 0, stat.stderr);
    assertEquals(JSON.parse(stat.stdout).blobs, 1);
    const gc = await kbuild(["store", "gc", "--max-mb", "0"], {
      cwd: dir,
      env: { KBUILD_STORE: url },
    });
    assertMatch(gc.stdout, /^Removed 0 results and compressed blocks, 0 files \(0 B\); .* left\n$/);
    assertMatch((await run("verify", "--store", url)).stdout, /No file is damaged/);
    await Deno.writeTextFile(join(url, "cas", unit.files[0]!.digest.slice(7)), "TEXT\n");
    const damaged = await run("verify", "--store", url);
    assertEquals(damaged.code, 1);
    assertEquals(damaged.stdout.split("\n").length, 3);
    assertEquals((await run("verify", "--store", url, "--remove")).code, 0);
    assertEquals((await run("verify", "--store", url)).code, 0);

    const none = await run("gc");
    assertEquals(none.code, 2);
    assertStringIncludes(none.stderr, "KBUILD_STORE");
    await Deno.writeTextFile(join(dir, "file"), "");
    for (const args of [["gc", "--store", "."], ["verify", "--store", "file"]]) {
      const other = await run(...args);
      assertEquals(other.code, 2);
      assertStringIncludes(other.stderr, "is not a store");
    }
  }));

Deno.test({
  name: "kbuild store stat asks a registry" +
    (NO_REGISTRY === undefined ? "" : ` (skipped: ${NO_REGISTRY})`),
  ignore: NO_REGISTRY !== undefined,
  fn: () =>
    inScratch((dir) =>
      withRealRegistry(dir, async ({ host }) => {
        const args = ["store", "stat", "--store", `oci://${host}/results`];
        const found = await kbuild(args, { cwd: dir });
        assertEquals(found.code, 0, found.stderr);
        assertMatch(found.stdout, /answers, after \d+ ms/);
        const offline = await kbuild([...args, "--offline"], { cwd: dir });
        assertEquals(offline.code, 1);
        assertStringIncludes(offline.stderr, "--offline forbids the network");
      })
    ),
});
