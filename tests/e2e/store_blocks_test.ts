import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { inScratch, kbuildArgv, makeSample, missingFor, run, unless } from "./_program.ts";

Deno.test({
  ...unless(
    missingFor("1.20"),
    "compressed blocks and programs of one machine serve another with another path",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const sums: string[] = [];
      const said: string[] = [];
      for (const name of ["one", "another place"]) {
        const root = await makeSample("1.20", join(dir, name, "kubernetes"));
        const release = async (...args: string[]) => {
          const argv = kbuildArgv(...args, "--store", join(dir, "store"));
          const { code, stderr } = await run(argv, { cwd: root });
          assertEquals(code, 0, stderr);
          sums.push(await Deno.readTextFile(join(root, "_output/release-tars/SHA256SUMS")));
          said.push(stderr);
        };
        await release("quick-release");
        if (name === "one") continue;
        // Nothing of its own: neither artifacts nor blocks.
        await Deno.remove(join(root, "_output/release-tars"), { recursive: true });
        await Deno.remove(join(root, "_output/.kbuild-cache"), { recursive: true });
        await release("package-tarballs", "--store-read-only");
      }
      assertEquals(new Set(sums).size, 1);
      assertMatch(said[0]!, /[1-9]\d* results saved/);
      assert(!said[0]!.includes("compressed blocks fetched"));
      for (const text of said.slice(1)) assertMatch(text, /[1-9]\d* compressed blocks fetched/);
    }),
});
