/** What release commands refuse or say before anything is built. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  inScratch,
  kbuild,
  listing,
  makeSample,
  missingFor,
  plain,
  unless,
} from "../e2e/_program.ts";

Deno.test({
  ...unless(missingFor("1.20"), "kbuild package-tarballs refuses to package nothing"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const before = listing(root);
      for (const more of [[], ["--dry-run"]]) {
        const { code, stdout, stderr } = await kbuild(["package-tarballs", ...more], { cwd: root });
        assertEquals([code, stdout, stderr], [
          1,
          "",
          'kbuild: Cannot package: there are no binaries in "_output/dockerized/bin" or ' +
          '"_output/local/bin"\n' +
          "  -> Build and package at once: kbuild quick-release; or build first: kbuild cross\n" +
          "  -> Package sources and manifests alone: --allow-missing\n",
        ]);
      }
      assertEquals(listing(root).filter((path) => !before.includes(path) && /tar/.test(path)), []);
      const asked = await kbuild(["package-tarballs", "--allow-missing"], { cwd: root });
      assertEquals(asked.code, 0, asked.stderr);
      assertStringIncludes(asked.stdout, "kubernetes-src.tar.gz");
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "every release command says that tests are not run"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const line =
        "+++ [time] WARNING: Tests are not run: kbuild cannot do that yet (KUBE_RELEASE_RUN_TESTS=y)\n";
      const said = async (command: string, env: Record<string, string>, ...more: string[]) => {
        const args = [command, "--dry-run", "--allow-missing", ...more];
        const { code, stderr } = await kbuild(args, { cwd: root, env });
        assertEquals([command, code], [command, 0], stderr);
        return plain(stderr).includes(line);
      };
      for (const command of ["release", "quick-release", "package-tarballs"]) {
        assertEquals(await said(command, { KUBE_RELEASE_RUN_TESTS: "y" }), true);
        assertEquals(await said(command, { KUBE_RELEASE_RUN_TESTS: "n" }), false);
      }
      assertEquals(await said("quick-release", {}, "KUBE_RELEASE_RUN_TESTS=y"), true);
      const scratch = join(root, "cmd/scratch");
      await Deno.mkdir(scratch);
      await Deno.writeTextFile(join(scratch, "main.go"), "package main\n\nfunc main() {}\n");
      const refused = await kbuild(["quick-release", "WHAT=cmd/scratch"], { cwd: root });
      assertEquals([refused.code, refused.stderr], [
        2,
        'kbuild: Cannot make a release of "cmd/scratch": no tarball of this checkout holds it\n' +
        "  -> Build it alone: kbuild all cmd/scratch\n  -> What tarballs hold: kbuild targets\n",
      ]);
    }),
});
