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
        "+++ [time] WARNING: Releases run no tests (KUBE_RELEASE_RUN_TESTS=y): run kbuild test before\n";
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

Deno.test({
  ...unless(
    missingFor("1.20"),
    "kbuild quick-release refuses at once what it could not use at its end",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await Deno.mkdir(join(dir, "plain"));
      await Deno.writeTextFile(join(dir, "file"), "not an archive");
      await Deno.writeTextFile(join(dir, "plain/file"), "");
      const table: readonly (readonly [flags: readonly string[], dry: boolean, words: string])[] = [
        [
          ["--base-image", `go-runner=${dir}/file`],
          true,
          "Cannot read archive",
        ],
        [
          ["--base-image", `go-runner=${dir}/plain`],
          true,
          "it is neither an OCI layout nor a docker",
        ],
        [["--base-image", `go-runner=${dir}/none`], true, "no such file or directory"],
        [["--oci-layout", join(dir, "file")], true, "Cannot write OCI layout"],
        [["--oci-layout", join(dir, "plain")], true, "Cannot write OCI layout"],
        [["--oci-layout", join(dir, "none/layout")], true, "there is no directory"],
        ...(Deno.build.os === "linux"
          ? [[["--oci-layout", "/proc/layout"], false, "Cannot write OCI layout"] as const]
          : []),
        [["KUBE_DOCKER_REGISTRY=bad host!"], true, "images cannot have such a registry"],
        [["KUBE_DOCKER_IMAGE_TAG=bad tag"], true, "images cannot have such a tag"],
      ];
      for (const [flags, dry, words] of table) {
        for (const more of dry ? [[], ["--dry-run"]] : [[]]) {
          const args = ["quick-release", ...flags, ...more];
          const { code, stdout, stderr } = await kbuild(args, { cwd: root });
          assertEquals([args, code === 0, stdout], [args, false, ""]);
          assertStringIncludes(stderr, words);
          assertEquals(listing(root).filter((path) => path.startsWith("_output/local")), []);
        }
      }
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), [
        ...["file", "kubernetes", "plain"],
      ]);
    }),
});
