/** What release commands refuse or say before anything is built. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { addIntegrationTests, NO_ETCD } from "../e2e/_etcd.ts";
import {
  ENV,
  inScratch,
  kbuild,
  listing,
  makeSample,
  missingFor,
  script,
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
  ...unless(missingFor("1.20"), "kbuild release-images says that WHAT has no effect on it"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const said = 'WARNING: WHAT="cmd/kubelet" has no effect on release-images, as with make';
      for (const what of [["WHAT=cmd/kubelet"], []]) {
        const args = ["release-images", "--dry-run", ...what];
        const { code, stderr } = await kbuild(args, { cwd: root });
        assertEquals([code, stderr.includes(said)], [0, what.length > 0], stderr);
      }
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "release commands run tests where they are wanted"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await addIntegrationTests(root);
      const planned = async (args: readonly string[], env: Record<string, string> = {}) => {
        const given = { ETCD_VERSION: "3.0.0", ...env };
        const more = ["--dry-run", "--allow-missing"];
        const { code, stdout, stderr } = await kbuild([...args, ...more], {
          cwd: root,
          env: given,
        });
        if (NO_ETCD !== undefined && code !== 0) {
          assertStringIncludes(stderr, "without etcd");
          assertStringIncludes(stderr, "Release without tests: KUBE_RELEASE_RUN_TESTS=n");
          return true;
        }
        assertEquals([args, code], [args, 0], stderr);
        const [unit, integration] = ["./pkg/...", "./test/integration/etcd"].map((packages) =>
          new RegExp(`go test -json .*${RegExp.escape(packages)}`).test(stdout)
        );
        assertEquals(unit, integration);
        return unit;
      };
      const yes = { KUBE_RELEASE_RUN_TESTS: "y" };
      assertEquals(await planned(["release"], yes), true);
      // It has no --container.
      assertEquals(await planned(["release-in-a-container"], yes), true);
      assertEquals(await planned(["release"]), false);
      // The target's own variable in the Makefile beats the environment, an argument beats it.
      assertEquals(await planned(["quick-release"], yes), false);
      assertEquals(await planned(["quick-release", "KUBE_RELEASE_RUN_TESTS=y"]), true);
      assertEquals(await planned(["package-tarballs", "KUBE_RELEASE_RUN_TESTS=y"]), false);
      // As from 1.28 on: the Makefile does not hand it on.
      const makefile = join(root, "build/root/Makefile");
      const text = await Deno.readTextFile(makefile);
      await Deno.writeTextFile(makefile, text.replace(/^KUBE_RELEASE_RUN_TESTS :=.*/m, ""));
      assertEquals(await planned(["release", "WHAT=cmd/kubectl"]), true);
      assertEquals(await planned(["release"], { KUBE_RELEASE_RUN_TESTS: "n" }), false);
      await Deno.writeTextFile(makefile, text);
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
  ...unless(missingFor("1.20"), "kbuild release fetches etcd before it runs unit tests"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await addIntegrationTests(root);
      const bin = join(dir, "bin");
      await Deno.mkdir(bin);
      script(join(bin, "etcd"), 'echo "etcd Version: 2.3.7"\n');
      const asked: string[] = [];
      const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
        asked.push(new URL(url).pathname);
        return new Response("", { status: 404 });
      });
      try {
        const { code, stdout, stderr } = await kbuild(["release"], {
          cwd: root,
          env: {
            ...{ KUBE_RELEASE_RUN_TESTS: "y", ETCD_VERSION: "3.99.9" },
            PATH: `${bin}:${ENV["PATH"]}`,
            KBUILD_CACHE: join(dir, "cache"),
            KBUILD_MIRRORS: `github.com/etcd-io/etcd=http://127.0.0.1:${server.addr.port}`,
            KBUILD_ETCD_SHA256: "0".repeat(64),
          },
        });
        assertEquals([code, stdout, asked.length], [1, "", 1], stderr);
        assertStringIncludes(stderr, "Fetching etcd 3.99.9");
        assertStringIncludes(stderr, "Release without tests: KUBE_RELEASE_RUN_TESTS=n");
        assertEquals(/(ok {2}|FAIL)\t/.test(stderr), false, stderr);
      } finally {
        await server.shutdown();
      }
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
