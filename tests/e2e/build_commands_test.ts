import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { hostPlatform } from "../../src/lib/util.ts";
import {
  inScratch,
  kbuild,
  kbuildOk,
  listing,
  makeSample,
  missingFor,
  output,
  unless,
} from "./_program.ts";

const HOST = hostPlatform();
const E2E = "test/e2e/e2e.test";

// Every kind of Go mode once: the demo's tests have the other eras.
for (const era of ["1.20", "1.28", "1.35"] as const) {
  Deno.test({
    ...unless(missingFor(era), `what --dry-run prints builds the same in a shell: ${era}`),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "it's $(a) kubernetes"));
        // e2e.test and kube-apiserver of 1.20 need generated files, whose commands come first.
        const targets = ["cmd/kubectl", "cmd/kube-apiserver", "cmd/kubelet", E2E];
        const args = ["all", ...targets];
        const before = listing(root);
        const { code, stdout, stderr } = await kbuild([...args, "--dry-run"], { cwd: root });
        assertEquals([code, stderr], [0, ""]);
        const release = await kbuildOk(["quick-release", "--dry-run"], { cwd: root });
        await kbuildOk(["cross", "--dry-run"], { cwd: root });
        const plan = await kbuildOk(["plan", "--json", ...args], { cwd: root });
        assertEquals(listing(root), before);
        assertMatch(release, /^# tarball .*\/_output\/release-tars\/kubernetes\.tar\.gz$/m);
        assertMatch(release, /^# image .*\/kube-proxy\.tar on /m);

        // Built by the shell first, then by kbuild.
        await output(["sh", "-eu", "-c", stdout], { cwd: dir });
        const { files } = JSON.parse(plan) as { files: { kind: string; path: string }[] };
        const binaries = files.map(({ path }) => path)
          .filter((path) => /\/(kube(ctl|let|-apiserver)|e2e\.test)$/.test(path));
        assertEquals(binaries.length, targets.length);
        const shell = await Promise.all(binaries.map((path) => Deno.readFile(path)));
        await Deno.remove(join(root, "_output"), { recursive: true });
        await output(["git", "clean", "-fdqx"], { cwd: root });
        await kbuildOk(args, { cwd: root });
        for (const [i, path] of binaries.entries()) {
          assert(contents.same(await Deno.readFile(path), shell[i]!), `${path} differs`);
        }
      }),
  });
}

const contents = {
  /** Whether two contents are the same, without the millions of lines of a diff. */
  same(a: Uint8Array, b: Uint8Array): boolean {
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  },
};

Deno.test({
  ...unless(missingFor("1.20"), "flags beat NAME=value, which beats the environment"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const env = {
        KUBE_BUILD_PLATFORMS: "linux/arm64",
        GOFLAGS: "-tags=env",
        WHAT: "cmd/kubelet",
      };
      const built = async (...args: string[]) => {
        const stdout = await kbuildOk(["all", "--dry-run", ...args], { cwd: root, env });
        return {
          platforms: [...stdout.matchAll(/^# (\w+\/\w+)$/gm)].map(([, name]) => name),
          names: [
            ...new Set([...stdout.matchAll(/ && cp \S+ .*\/([^/\n]+)$/gm)].map(([, name]) => name)),
          ]
            .filter((name) => name !== "openapi-gen" && name !== "go-bindata"),
          tags: [...new Set([...stdout.matchAll(/-tags (\S+)/g)].map(([, tags]) => tags))],
        };
      };
      const tags = (last: string) => [`selinux,notest,${last}`];
      const host = (platforms: readonly (string | undefined)[]) =>
        platforms.filter((platform) => platform !== HOST);
      const plain = await built();
      assertEquals([host(plain.platforms), plain.names, plain.tags], [
        ["linux/arm64"],
        ["kubelet"],
        tags("env"),
      ]);
      const made = await built(
        "KUBE_BUILD_PLATFORMS=linux/s390x windows/amd64",
        "GOFLAGS=-tags=make",
        "WHAT=cmd/kubectl",
      );
      assertEquals([host(made.platforms), made.tags], [
        ["linux/s390x", "windows/amd64"],
        tags("make"),
      ]);
      assertEquals(made.names, ["kubectl", "kubectl.exe"]);
      const flags = await built(
        "KUBE_BUILD_PLATFORMS=linux/s390x",
        "WHAT=cmd/kubectl",
        "--platform",
        "linux/ppc64le,linux/386",
        "--what=cmd/kubeadm",
      );
      assertEquals([host(flags.platforms), flags.names], [
        ["linux/ppc64le", "linux/386"],
        ["kubeadm"],
      ]);
      // KUBE_GOFLAGS is the old name, and hides nothing.
      const both = await kbuild(["all", "--dry-run", "KUBE_GOFLAGS=-v"], { cwd: root, env });
      assertEquals([both.code, both.stderr.split("\n")[0]], [
        2,
        "kbuild: Cannot use both KUBE_GOFLAGS and GOFLAGS",
      ]);
    }),
});

for (const era of ["1.20", "1.35"] as const) {
  Deno.test({
    ...unless(missingFor(era), `kbuild cross places binaries for their own platforms: ${era}`),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        const json = JSON.parse(
          await kbuildOk(["cross", "WHAT=cmd/kubectl cmd/kube-proxy", "--json"], { cwd: root }),
        ) as { binaries: { name: string; platform: string; path: string }[] };
        const platforms = JSON.parse(await kbuildOk(["platforms", "--json"], { cwd: root }));
        const of = (group: string): string[] =>
          platforms.find((row: { group: string }) => row.group === group).platforms;
        const suffix = (platform: string) => platform.startsWith("windows/") ? ".exe" : "";
        const wanted = new Set([
          ...of("client").map((platform) => `${platform}/kubectl${suffix(platform)}`),
          ...[...of("server"), ...of("node")]
            .map((platform) => `${platform}/kube-proxy${suffix(platform)}`),
        ]);
        assertEquals(
          json.binaries.map(({ platform, name }) => `${platform}/${name}`).sort(),
          [...wanted].sort(),
        );
        for (const { platform, path } of json.binaries) {
          const facts = await output(["go", "version", "-m", join(root, path)]);
          const fact = (name: string) => new RegExp(`${name}=(\\S+)`).exec(facts)?.[1];
          assertEquals(`${fact("GOOS")}/${fact("GOARCH")}`, platform, path);
        }
        assertEquals(
          await Deno.readLink(join(root, "_output/bin")),
          `${root}/_output/local/bin/${HOST}`,
        );
        assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");

        // Nothing to do the second time: every binary is the same. (In the module eras `go install`
        // sets the time of what is up to date to now, so it is placed once more.)
        const state = () =>
          Promise.all(json.binaries.map(async ({ path }) => {
            const bytes = await Deno.readFile(join(root, path));
            const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
            return [digest, era === "1.20" ? (await Deno.stat(join(root, path))).mtime : null];
          }));
        const before = await state();
        await kbuildOk(["cross", "WHAT=cmd/kubectl cmd/kube-proxy"], { cwd: root });
        assertEquals(await state(), before);
      }),
  });
}

// DBG came in 1.22; before, GOLDFLAGS="" keeps symbols.
for (const [era, debugging] of [["1.20", "GOLDFLAGS="], ["1.35", "DBG=1"]] as const) {
  Deno.test({
    ...unless(missingFor(era), `${debugging} reaches the binary: ${era}`),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        const size = async (...args: string[]) => {
          const [path = ""] = (await kbuildOk(["all", "cmd/kubectl", ...args], { cwd: root }))
            .split("\n");
          return (await Deno.stat(join(root, path))).size;
        };
        const small = await size();
        assert(await size(debugging) > small * 1.2);
        assertEquals(await size(), small);
      }),
  });
}
