/** `kbuild verify-release`: what it is given, and what it says where there is nothing. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openBase, writeImageArchive } from "../../src/image/mod.ts";
import { inScratch, kbuild, makeSample, output, unless, which } from "../e2e/_program.ts";

const needs = unless(which("git") === undefined && "needs git", "");

Deno.test({
  ...needs,
  name: `kbuild verify-release names what to do where there is no release${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const own = await kbuild(["verify-release"], { cwd: root });
      assertEquals([own.code, own.stderr], [
        1,
        `kbuild: Cannot find a release in "${root}/_output"\n  -> Make one: kbuild quick-release\n` +
        "  -> Or name another one: kbuild verify-release PATH\n",
      ]);
      const named = await kbuild(["verify-release", "none"], { cwd: dir });
      assertEquals([named.code, named.stderr], [
        2,
        `kbuild: Cannot verify "${dir}/none": no such file or directory\n`,
      ]);
    }),
});

Deno.test({
  ...unless(
    which("sha256sum") === undefined && "needs sha256sum",
    "kbuild verify-release checks one artifact",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const images = join(dir, "_output/release-images/amd64");
      await Deno.mkdir(images, { recursive: true });
      await using base = await openBase("scratch", { arch: "amd64" });
      const out = join(images, "kube-proxy.tar");
      const repoTags = ["registry.example/kube-proxy-amd64:v1.2.3_x", "mine.example/proxy:latest"];
      await writeImageArchive({ out, base, arch: "amd64", created: 0, layers: [], repoTags });
      const ok = "ok    release-images/amd64/kube-proxy.tar: ";
      const inside = await kbuild(["verify-release", out]);
      assertEquals([inside.code, inside.stdout.startsWith(ok)], [0, true], inside.stderr);
      assertEquals((await kbuild(["verify-release", out, "--stamped", "v1.2.3+x"])).code, 0);
      const other = await kbuild(["verify-release", out, "--stamped", "v9.9.9"]);
      assertEquals(other.code, 1);
      assertStringIncludes(
        other.stdout,
        'is image "registry.example/kube-proxy-amd64:v1.2.3_x", want tag v9.9.9\n',
      );
      assertEquals(other.stdout.includes("mine.example"), false);

      // Beside other downloads: what checksums say of those does not matter.
      const download = join(dir, "download");
      await Deno.mkdir(download);
      const tar = join(download, "kube-proxy.tar");
      await Deno.copyFile(out, tar);
      await Deno.writeTextFile(join(download, "other"), "");
      const sums = await output(["sha256sum", "kube-proxy.tar", "other"], { cwd: download });
      await Deno.writeTextFile(join(download, "SHA256SUMS"), sums);
      await Deno.remove(join(download, "other"));
      const good = await kbuild(["verify-release", tar]);
      assertEquals([good.code, good.stderr], [0, ""]);
      assertStringIncludes(good.stdout, "kube-proxy.tar: ");
      assertStringIncludes(good.stdout, "1 checksum\n");
      await Deno.writeTextFile(tar, "x", { append: true });
      const bad = await kbuild(["verify-release", "kube-proxy.tar"], { cwd: download });
      assertEquals(bad.code, 1);
      assertStringIncludes(bad.stdout, " (SHA256SUMS)\n");
    }),
});
