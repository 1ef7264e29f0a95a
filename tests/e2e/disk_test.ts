import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  AMD64,
  changeProgram,
  contentsOf,
  differences,
  leftoversIn,
  madeUpCheckout,
} from "./_packaging.ts";
import {
  copyTree,
  digestsOf,
  inScratch,
  kbuild,
  kbuildOk,
  listing,
  makeSample,
  missingFor,
  output,
  plain,
  sharedRelease,
  unless,
  which,
} from "./_program.ts";
import { noMount, withTmpfs } from "./_tmpfs.ts";

const reason = missingFor("1.20") ?? noMount;

/** Files with a final name in the directories of a release. */
function released(root: string, out: string): string[] {
  return ["release-tars", "release-images", "release-stage"].flatMap((directory) => {
    try {
      return listing(join(root, out, directory));
    } catch {
      return [];
    }
  });
}

Deno.test({
  ...unless(reason, "kbuild says that the disk is full while go builds, and works after that"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await withTmpfs("3m", join(root, "_output"), async () => {
        const { code, stdout, stderr } = await kbuild(["quick-release"], { cwd: root });
        assertEquals([code, stdout], [1, ""]);
        const end = stderr.slice(stderr.indexOf("kbuild:"));
        assertMatch(
          end,
          /^kbuild: Cannot finish "Building openapi-gen, go-bindata for \S+": \S+ exited with status 1\n/,
        );
        assertStringIncludes(stderr, "no space left on device");
        assert(
          end.endsWith(
            "  -> Free some disk space (`kbuild clean` removes _output), then run again\n" +
              "  -> To find out more: kbuild doctor machine\n",
          ),
          end,
        );
        assert(!/^ +at /m.test(end), end);
        assertEquals(released(root, "_output"), []);
        assert(!listing(root).some((path) => path.includes(".kbuild-tmp-")));
      });
      await kbuildOk(["quick-release", "WHAT=cmd/kubectl"], { cwd: root });
    }),
});

Deno.test({
  ...unless(reason, "kbuild says that the disk is full while it packs, and works after that"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await copyTree(await sharedRelease("1.20"), join(dir, "kubernetes"));
      const args = ["package-tarballs", "OUT_DIR=_output-small"];
      await withTmpfs("160m", join(root, "_output-small"), async () => {
        await copyTree(join(root, "_output/dockerized"), join(root, "_output-small/dockerized"));
        const df = await output(["df", "-k", "--output=avail", join(root, "_output-small")]);
        const room = Number(df.trim().split("\n").at(-1));
        // What is left holds some images, not all.
        await output([
          "dd",
          "if=/dev/zero",
          `of=${root}/_output-small/dockerized/bin/linux/ballast`,
          "bs=1k",
          `count=${room - 4000}`,
        ]);
        const { code, stdout, stderr } = await kbuild(args, { cwd: root });
        assertEquals([code, stdout], [1, ""]);
        const end = plain(stderr.slice(stderr.indexOf("kbuild:")), { root });
        assertMatch(end, /^kbuild: Cannot [^\n]*no space left on device/i);
        assertMatch(end, /\n {2}-> Free some /);
        assert(!/^ +at /m.test(end), end);
        assertEquals(released(root, "_output-small"), []);
        assert(!listing(join(root, "_output-small")).some((path) => path.includes(".kbuild-tmp-")));
        await Deno.remove(join(root, "_output-small/dockerized/bin/linux/ballast"));
        const digests = digestsOf(await kbuildOk([...args, "--json"], { cwd: root }));
        assertEquals(Object.keys(digests).length, 13);
      });
    }),
});

Deno.test({
  ...unless(reason, "kbuild says that _output is read-only"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const out = join(root, "_output");
      await withTmpfs("3m", out, async () => {
        await output(["mount", "-o", "remount,ro", out]);
        for (const args of [["all", "cmd/kubectl"], ["quick-release"], ["cross"]]) {
          const { code, stdout, stderr } = await kbuild(args, { cwd: root });
          assertEquals([code, stdout, plain(stderr, { root })], [
            1,
            "",
            'kbuild: Cannot write to "<root>/_output": read-only file system\n' +
            '  -> Make it writable for you, or use another directory than "<root>/_output"\n',
          ]);
        }
      });
    }),
});

Deno.test({
  ...unless(
    (which("git") === undefined ? "needs git" : undefined) ?? noMount,
    "a release in a lower layer of an overlay file system, which cannot be renamed, is replaced",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const lower = join(dir, "lower");
      const args = ["package-tarballs", ...AMD64];
      await madeUpCheckout(join(lower, "kubernetes"), 0.004);
      await kbuildOk(args, { cwd: join(lower, "kubernetes") });
      const old = contentsOf(join(lower, "kubernetes/_output"));
      for (const name of ["upper", "work", "merged"]) await Deno.mkdir(join(dir, name));
      const layers = `lowerdir=${lower},upperdir=${dir}/upper,workdir=${dir}/work`;
      await output(["mount", "-t", "overlay", "overlay", "-o", layers, join(dir, "merged")]);
      try {
        const root = join(dir, "merged/kubernetes");
        const out = join(root, "_output");
        assertEquals(differences(contentsOf(out), old), []);
        const stage = join(out, "release-stage");
        const error = assertThrows(() => Deno.renameSync(stage, `${stage}-moved`), Error);
        assertStringIncludes(error.message, "cross-device");
        await changeProgram(root, "kube-proxy", 1, 40_000);
        await kbuildOk([...args, "--oci-layout", join(dir, "merged/layout")], { cwd: root });
        assertEquals(leftoversIn(out), []);
        // The old release shows through nowhere.
        const fresh = await madeUpCheckout(join(dir, "fresh"), 0.004);
        await changeProgram(fresh, "kube-proxy", 1, 40_000);
        await kbuildOk(args, { cwd: fresh });
        assertEquals(differences(contentsOf(out), contentsOf(join(fresh, "_output"))), []);
      } finally {
        await output(["umount", "-l", join(dir, "merged")]);
      }
    }),
});
