/** `kbuild verify-release`: what it is given, and what it says where there is nothing. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { gunzipSync, gzipSync } from "node:zlib";
import { bytesEntry, packTarball } from "../../src/archive/mod.ts";
import { copyLayer, openBase, writeImageArchive } from "../../src/image/mod.ts";
import { tinyProgram } from "../audit/_programs.ts";
import { digestOf, withSite } from "../download/_site.ts";
import {
  inScratch,
  kbuild,
  kbuildOk,
  makeSample,
  missingFor,
  output,
  run,
  unless,
  which,
} from "../e2e/_program.ts";

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
      const write = async (name: string, bytes: Uint8Array<ArrayBuffer>) => {
        const file = bytesEntry(`usr/local/bin/${name}`, bytes, { mtime: 0, mode: 0o755 });
        const entries = copyLayer(base.tree, [file], { created: 0 });
        const layers = [{ entries, createdBy: "COPY" }];
        await writeImageArchive({ out, base, arch: "amd64", created: 0, layers, repoTags });
      };
      const program = tinyProgram({ versions: ["v1.2.3+x"] });
      await write("proxy", program);
      const without = await kbuild(["verify-release", out]);
      assertEquals(without.code, 1, without.stderr);
      assertStringIncludes(without.stdout, 'has no program "kube-proxy"\n');
      await write("kube-proxy", program);
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

Deno.test({
  ...needs,
  name: `kbuild verify-release VERSION holds a release against the published one${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const tars = join(root, "_output/release-tars");
      await Deno.mkdir(tars, { recursive: true });
      const names = ["client-linux-amd64", "node-linux-amd64", "server-linux-amd64", "mine"]
        .map((each) => `kubernetes-${each}.tar.gz`);
      const [client = "", node = "", server = "", mine = ""] = names;
      const entry = (text: string) => [
        bytesEntry("kubernetes/version", new TextEncoder().encode(text), { mtime: 1, mode: 0o644 }),
      ];
      for (const name of names) await packTarball(entry("v1.20.2\n"), join(tars, name));
      const files = new Map<string, Uint8Array<ArrayBuffer> | string>();
      const base = "/release/v1.20.2";
      files.set(`${base}/${client}`, await Deno.readFile(join(tars, client)));
      const tar = new Uint8Array(gunzipSync(await Deno.readFile(join(tars, node))));
      files.set(`${base}/${node}`, new Uint8Array(gzipSync(tar, { level: 1 })));
      const other = join(dir, "other.tar.gz");
      await packTarball(entry("v1.20.1\n"), other);
      files.set(`${base}/${server}`, await Deno.readFile(other));
      const lines = [...files].map(([path, bytes]) =>
        `${digestOf("sha512", bytes)}  ${path.slice(base.length + 1)}`
      );
      files.set(`${base}/SHA512SUMS`, lines.join("\n"));
      await withSite(files, async ({ env, requests }) => {
        const verify = (...args: string[]) =>
          kbuild(["verify-release", "v1.20.2", ...args], { cwd: root, env });
        const shown = await verify();
        assertEquals([shown.code, shown.stdout.split("\n").slice(0, 2)], [1, [
          `same bytes     ${client}`,
          `same content   ${node}`,
        ]], shown.stderr);
        assertStringIncludes(shown.stdout, `\ndifferent      ${server}\n`);
        assertStringIncludes(shown.stdout, "kubernetes/version: ");
        assertStringIncludes(shown.stdout, `\nnot published  ${mine}\n`);
        assertStringIncludes(
          shown.stderr,
          "differs from v1.20.2: 4 tarballs against v1.20.2: 1 same bytes, 1 same content, 1 different, " +
            "1 not published",
        );
        assertEquals(requests.includes(`GET ${base}/${client}`), false);
        const left = [...Deno.readDirSync(join(root, "_output"))].map(({ name }) => name).sort();
        assertEquals(left, [".kbuild.lock", "release-tars"]);

        // As kbuild download takes it, without its "v".
        const bare = await kbuild(["verify-release", "1.20.2"], { cwd: root, env });
        assertEquals([bare.code, bare.stdout], [shown.code, shown.stdout]);
        const among = await verify("--published", "mine");
        assertEquals([among.code, among.stdout], [2, ""]);
        assertStringIncludes(among.stderr, "it is among the sources of the checkout");

        // What is kept is not downloaded again.
        await verify("--published", "../kept");
        requests.length = 0;
        const { code, stdout } = await verify("--published", "../kept", "--json");
        assertEquals(requests.filter((request) => request.endsWith(".tar.gz")), []);
        const { equal, tarballs } = JSON.parse(stdout);
        assertEquals([code, equal], [1, false]);
        assertEquals(tarballs.map(({ result }: { result: string }) => result), [
          ...["same", "equal", "other", "not published"],
        ]);
        await Deno.remove(join(tars, server));
        assertEquals((await verify("--published", "../kept")).code, 0);

        // A directory needs no checkout around: an output root, or the tarballs alone.
        for (const directory of ["kubernetes/_output", "kubernetes/_output/release-tars"]) {
          const there = await kbuild(["verify-release", "v1.20.2", directory], { cwd: dir, env });
          const results = there.stdout.split("\n").filter((line) => line.includes(".tar.gz"));
          assertEquals([there.code, results], [0, [
            ...[`same bytes     ${client}`, `same content   ${node}`, `not published  ${mine}`],
          ]], there.stderr);
        }

        const nothing = await kbuild(["verify-release", "v1.20.99"], { cwd: root, env });
        assertStringIncludes(nothing.stderr, "There may be no such release");
      });
      for (
        const args of [
          ...[["--published", "x"], ["--build", "x"], ["a", "b"], ["v1.20.2", "none"]],
          ...[["v1.20.2", "--jobs", "2"], ["v1.20.2", "x", "--build", "y"]],
        ]
      ) {
        const { code, stderr } = await kbuild(["verify-release", ...args], { cwd: root });
        assertEquals([args, code], [args, 2], stderr);
      }
    }),
});

Deno.test({
  ...unless(missingFor("1.35"), "kbuild verify-release VERSION --build builds the tag"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kube rnetes"));
      const env = { WHAT: "cmd/kubectl", KBUILD_BASES: "scratch" };
      // The sources name the branches that are at the commit; a clone of a tag has none.
      await output(["git", "checkout", "--quiet", "--detach"], { cwd: root });
      await output(["git", "branch", "--quiet", "-D", "release-1.35"], { cwd: root });
      await kbuildOk(["quick-release"], { cwd: root, env });
      const { stdout: tags } = await run(["git", "tag", "--points-at", "HEAD"], { cwd: root });
      const version = tags.trim();
      const tars = join(root, "_output/release-tars");
      const files = new Map<string, Uint8Array<ArrayBuffer> | string>();
      const lines: string[] = [];
      for (const { name } of Deno.readDirSync(tars)) {
        if (!name.endsWith(".tar.gz")) continue;
        const bytes = await Deno.readFile(join(tars, name));
        files.set(`/release/${version}/${name}`, bytes);
        lines.push(`${digestOf("sha512", bytes)}  ${name}`);
      }
      files.set(`/release/${version}/SHA512SUMS`, lines.join("\n"));
      // Neither changes nor outputs of the checkout count.
      await Deno.writeTextFile(join(root, "Makefile"), "changed");
      await Deno.remove(join(root, "_output"), { recursive: true });
      await withSite(files, async (site) => {
        const build = (word: string, to: string) =>
          kbuild(["verify-release", word, "--build", to], {
            cwd: root,
            env: { ...env, ...site.env },
          });
        const missing = await build("v1.0.0", "../none");
        assertStringIncludes(missing.stderr, "There may be no such release");
        const among = await build(version, "mine");
        assertEquals(among.code, 2);
        assertStringIncludes(among.stderr, "it is among the sources of the checkout");
        const { code, stdout, stderr } = await build(version, "../bu ilt");
        assertEquals(code, 0, stdout + stderr);
        assertStringIncludes(stdout, `7 tarballs against ${version}: 7 same bytes`);
        const full = await build(version, "../bu ilt");
        assertEquals(full.code, 1);
        assertStringIncludes(full.stderr, "Name a new or an empty directory");
        files.set("/release/v9.9.9/SHA512SUMS", `${"a".repeat(128)}  kubernetes.tar.gz`);
        const untagged = await build("v9.9.9", "../none");
        assertStringIncludes(untagged.stderr, "there is no such tag");
      });
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), [
        ...["bu ilt", "kube rnetes"],
      ]);
    }),
});
