/**
 * The commands that kind and krel start in a checkout, as their sources have them, with `make` being kbuild:
 * `pkg/build/nodeimage/internal/kube/builder_docker.go` of kubernetes-sigs/kind, `pkg/build/make.go` and
 * `pkg/build/ci.go` of kubernetes/release. `tests/e2e/make_sequences_test.ts` holds what they leave against GNU make.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { makeIn, versionOf } from "../e2e/_make.ts";
import {
  GOARCH,
  inScratch,
  listing,
  makeSample,
  missingFor,
  run,
  unless,
  which,
} from "../e2e/_program.ts";

const PLATFORM = `linux/${GOARCH}`;

for (const era of ["1.20", "1.35"] as const) {
  Deno.test({
    ...unless(
      missingFor(era) ?? (which("bash") === undefined ? "needs bash" : undefined),
      `kind's commands find what they build: ${era}`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        const env = makeIn(dir);
        const version = await versionOf(root, env);
        const variables = [
          ...["KUBE_VERBOSE=0", "KUBE_BUILD_HYPERKUBE=n", "KUBE_BUILD_CONFORMANCE=n"],
          `KUBE_BUILD_PLATFORMS=${PLATFORM}`,
        ];
        const what = "cmd/kubeadm cmd/kubectl cmd/kubelet";
        const made = await run([
          ...["make", "-C", root, "quick-release-images", `KUBE_EXTRA_WHAT=${what}`],
          ...variables,
        ], { cwd: dir, env });
        assertEquals(made.code, 0, made.stderr);
        for (const name of ["kubeadm", "kubectl", "kubelet"]) {
          const path = join(root, "_output/dockerized/bin/linux", GOARCH, name);
          const { stdout } = await run([path, "--version"]);
          assert(stdout.includes(version), `${name}: ${stdout}`);
        }
        const images = listing(join(root, "_output/release-images"), { sizes: false });
        assertEquals(
          images.filter((path) => path.endsWith(".tar")).sort(),
          [
            ...["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"],
            ...era === "1.35" ? ["kubectl"] : [],
          ].sort().map((name) => `${GOARCH}/${name}.tar`),
        );
        assertEquals(
          listing(join(root, "_output"), { sizes: false }).includes("release-tars/"),
          false,
        );
      }),
  });

  Deno.test({
    ...unless(
      missingFor(era) ?? (which("bash") === undefined ? "needs bash" : undefined),
      `krel's commands make what kbuild makes by itself: ${era}`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        const env = { ...makeIn(dir), KUBE_BUILD_PLATFORMS: PLATFORM };
        const version = await versionOf(root, env);
        const make = async (...words: string[]) => {
          const { code, stderr } = await run(["make", ...words], { cwd: root, env });
          assertEquals(code, 0, `make ${words.join(" ")}: ${stderr}`);
        };
        // krel stage.
        const output = `_output-${version}`;
        await make("cross-in-a-container", `KUBE_DOCKER_IMAGE_TAG=${version}`);
        await Deno.rename(join(root, "_output"), join(root, output));
        await make("package-tarballs", `KUBE_DOCKER_IMAGE_TAG=${version}`, `OUT_DIR=${output}`);
        const staged = await digests(join(root, output));
        // What krel reads: kubernetes.tar.gz, the directories of the stage, names in images.
        assert(staged.some(([path]) => path === "release-tars/kubernetes.tar.gz"));
        for (const kind of ["client", "node", "server"]) {
          assert((await Deno.stat(join(root, output, "release-stage", kind))).isDirectory);
        }
        const image = join(root, output, "release-images", GOARCH, "kube-proxy.tar");
        const { stdout: names } = await run(["tar", "-xOf", image, "manifest.json"]);
        assertMatch(names, new RegExp(`/kube-proxy-${GOARCH}:${version.replace("+", "_")}"`));

        // krel ci-build.
        await make("clean");
        await make("release", "KUBE_RELEASE_RUN_TESTS=n");
        const built = await digests(join(root, "_output"));
        // Go from 1.18 on writes the path of the sources into programs of the GOPATH, which differs here.
        const seen = era === "1.35" ? built : built.map(([path]) => path);
        assertEquals(seen, era === "1.35" ? staged : staged.map(([path]) => path));
      }),
  });
}

/** Digests of tarballs and images, by path. */
async function digests(output: string): Promise<[string, string][]> {
  const text = await Deno.readTextFile(join(output, "release-tars/SHA256SUMS"));
  const sums = text.trim().split("\n").map((line): [string, string] => {
    const [sum = "", path = ""] = line.split(/ +/);
    return [`release-tars/${path}`, sum];
  });
  for (const path of listing(join(output, "release-images"), { sizes: false })) {
    if (!path.endsWith(".tar")) continue;
    const bytes = await Deno.readFile(join(output, "release-images", path));
    const sum = await crypto.subtle.digest("SHA-256", bytes);
    sums.push([`release-images/${path}`, new Uint8Array(sum).toHex()]);
  }
  return sums.sort();
}
