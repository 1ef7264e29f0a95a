import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { archive } from "../../mod.ts";
import { hostPlatform } from "../../src/lib/util.ts";
import { GO, inScratch, kbuildOk, makeSample, missingFor, unless } from "./_program.ts";

const PROGRAM = fromFileUrl(new URL("_go_cache_program.ts", import.meta.url));
const reason = missingFor("1.35") ?? (GO < 124 ? "needs go 1.24 or later" : undefined);

Deno.test({
  ...unless(reason, "GOCACHEPROG is handed on to Go, and changes no program"),
  fn: () =>
    inScratch(async (dir) => {
      const cache = join(dir, "cache");
      await Deno.mkdir(cache);
      const program = ["run", "-A", "--no-config", "--no-lock", PROGRAM, cache];
      const GOCACHEPROG = [Deno.execPath(), ...program].map((word) => `"${word}"`).join(" ");
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const built = join(root, "_output/local/bin", hostPlatform(), "kubectl");
      const digests: string[] = [];
      for (const env of [{}, { GOCACHEPROG }, { GOCACHEPROG }]) {
        await Deno.remove(join(root, "_output"), { recursive: true }).catch(() => {});
        await kbuildOk(["all", "kubectl"], { cwd: root, env });
        digests.push(await archive.digestOfFile(built, "sha256"));
      }
      assertEquals(new Set(digests).size, 1);
      const log = await Deno.readTextFile(join(cache, "log"));
      assertStringIncludes(log, "get\n");
      const puts = log.split("\n").filter((line) => line === "put").length;
      const actions = [...Deno.readDirSync(cache)].filter(({ name }) => name.endsWith("-a")).length;
      // The second build finds what the first one has put there.
      assert(puts >= actions && actions > 5);
    }),
});
