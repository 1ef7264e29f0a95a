import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  copyTree,
  digestsOf,
  discard,
  GOARCH,
  inScratch,
  kbuildArgv,
  kbuildOk,
  makeSample,
  missingFor,
  output,
  sharedDigests,
  sharedRelease,
  unless,
} from "./_program.ts";

const AWKWARD = "a b/ü$(x)/it's";

/** Artifacts of 1.20 that hold no binary of Go: only they can be the same in another directory. */
const WITHOUT_BINARIES = [
  "_output/release-tars/kubernetes-src.tar.gz",
  "_output/release-tars/kubernetes-manifests.tar.gz",
  "_output/release-tars/kubernetes-test-portable.tar.gz",
  "_output/release-tars/kubernetes.tar.gz",
];

for (const era of ["1.35", "latest"] as const) {
  Deno.test({
    ...unless(missingFor(era), `a release of ${era} is the same in "${AWKWARD}" as elsewhere`),
    fn: () =>
      inScratch(async (dir) => {
        const root = join(dir, AWKWARD);
        const json = await kbuildOk(["demo", "--era", era, "--dir", root, "--json"]);
        assertEquals(digestsOf(json), await sharedDigests(era));
        assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");
      }),
  });
}

// The flags of 1.20 trim paths of main packages alone, so its binaries name the checkout.
Deno.test({
  ...unless(
    missingFor("1.20"),
    `a release of 1.20 succeeds in "${AWKWARD}": what holds no binary is the same as elsewhere`,
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = join(dir, AWKWARD);
      const digests = digestsOf(await kbuildOk(["demo", "--dir", root, "--json"]));
      const wanted = await sharedDigests("1.20");
      assertEquals(Object.keys(digests), Object.keys(wanted));
      for (const path of WITHOUT_BINARIES) assertEquals(digests[path], wanted[path], path);
      const kubectl = join(root, "_output/dockerized/bin");
      const text = await output(["grep", "-rlF", root, kubectl]);
      assert(text.trim().split("\n").length > 5, "binaries name the directory");
      assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");
    }),
});

const CONDITIONS: readonly {
  umask: string;
  jobs: string;
  env: Readonly<Record<string, string>>;
}[] = [
  {
    umask: "0077",
    jobs: "1",
    env: { TZ: "Pacific/Auckland", LANG: "de_DE.UTF-8", LC_ALL: "tr_TR.UTF-8", USER: "somebody" },
  },
  { umask: "0002", jobs: "2", env: { TZ: "America/New_York", LANG: "C", NO_COLOR: "1" } },
];

for (const { umask, jobs, env } of CONDITIONS) {
  Deno.test({
    ...unless(
      missingFor("1.20"),
      `a release is the same with umask ${umask}, --jobs ${jobs}, TZ ${env["TZ"]}, another HOME`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const root = join(dir, "kubernetes");
        const argv = kbuildArgv("demo", "--dir", root, "--json");
        const wanted = digestsOf(await output(argv));
        discard(root);
        const home = join(dir, "home");
        await Deno.mkdir(home);
        const line = `umask ${umask}; exec "$@"`;
        const json = await output(["sh", "-c", line, "sh", ...argv, "--jobs", jobs], {
          env: { ...env, HOME: home },
        });
        assertEquals(digestsOf(json), wanted);
      }),
  });
}

Deno.test({
  ...unless(missingFor("1.20"), "what is packed does not depend on modes that a umask decides"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await copyTree(await sharedRelease("1.20"), join(dir, "kubernetes"));
      const pack = async () =>
        digestsOf(await kbuildOk(["package-tarballs", "--json"], { cwd: root }));
      const wanted = await pack();
      // A checkout that was cloned with umask 0077.
      await output(["chmod", "-R", "go-rwx", root]);
      assertEquals(await pack(), wanted);
      await output(["chmod", "-R", "g+rwX,o+rX", root]);
      assertEquals(await pack(), wanted);
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "a part of a release holds only that part, twice the same"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const args = ["quick-release", "WHAT=cmd/kubectl cmd/kube-proxy", "--json"];
      const first = digestsOf(await kbuildOk(args, { cwd: root }));
      assertEquals(
        Object.keys(first).map((path) => path.slice("_output/".length)).sort(),
        [
          "release-images/amd64/kube-proxy.tar",
          "release-tars/kubernetes-client-linux-amd64.tar.gz",
          "release-tars/kubernetes-manifests.tar.gz",
          "release-tars/kubernetes-node-linux-amd64.tar.gz",
          "release-tars/kubernetes-server-linux-amd64.tar.gz",
          "release-tars/kubernetes-src.tar.gz",
          "release-tars/kubernetes-test-portable.tar.gz",
          "release-tars/kubernetes.tar.gz",
        ].map((path) => path.replaceAll("amd64", GOARCH)),
      );
      await Deno.remove(join(root, "_output"), { recursive: true });
      assertEquals(digestsOf(await kbuildOk(args, { cwd: root })), first);
      const tarball = "_output/release-tars/kubernetes-server-linux-" +
        `${GOARCH}.tar.gz`;
      const members = await output(["tar", "tzf", join(root, tarball)]);
      const programs = members.split("\n").filter((name) => name.includes("/server/bin/"))
        .map((name) => name.slice(name.lastIndexOf("/") + 1)).filter((name) => name !== "");
      assertEquals(programs.sort(), [
        "kube-proxy",
        "kube-proxy.docker_tag",
        "kube-proxy.tar",
        "kubectl",
      ]);
    }),
});
