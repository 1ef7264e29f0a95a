/** A release beside the one that it replaces. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { inScratch, kbuild, makeSample, missingFor, unless } from "../e2e/_program.ts";

Deno.test({
  ...unless(missingFor("1.20"), "a release names the artifacts whose size has changed"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const release = async () => {
        const ended = await kbuild(["quick-release", "WHAT=cmd/kubectl"], { cwd: root });
        assertEquals(ended.code, 0, ended.stderr);
        return ended.stdout;
      };
      assert(!(await release()).includes("CHANGE"));
      assert(!(await release()).includes("CHANGE"), "nothing changed");
      const noise = crypto.getRandomValues(new Uint8Array(20_000)).toBase64();
      await Deno.writeTextFile(join(root, "README.md"), noise);
      const changed = await release();
      assertMatch(changed, /^ARTIFACT +SIZE +CHANGE +DIGEST$/m);
      assertMatch(changed, /kubernetes-src\.tar\.gz +[\d.]+ kB +\+2\d(\.\d+)? kB +sha256:/);
      assertMatch(changed, /kubernetes-manifests\.tar\.gz +[\d.]+ kB +sha256:/);
    }),
});
