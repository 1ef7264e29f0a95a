import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { eraFacts } from "../../src/sample/eras.ts";
import { type EraParameter, SAMPLE_ERAS } from "../../src/sample/mod.ts";
import { have, output, withSample } from "./_sample.ts";

const ignore = !have("bash") || !have("go");
const because = ignore ? " (skipped: needs bash and go)" : "";

/** Runs bash with the sample's own libraries sourced. */
async function bash(root: string, text: string, env: Record<string, string> = {}): Promise<string> {
  const run = `cd "$1" && source hack/lib/init.sh && ${text}`;
  return (await output(["bash", "-c", run, "bash", root], { env })).trimEnd();
}

/** What 1.7 does not have. */
const LISTS_SINCE_120 = [
  "KUBE_SUPPORTED_SERVER_PLATFORMS",
  "KUBE_SUPPORTED_NODE_PLATFORMS",
  "KUBE_SUPPORTED_CLIENT_PLATFORMS",
  "KUBE_SUPPORTED_TEST_PLATFORMS",
  "KUBE_SERVER_IMAGE_BINARIES",
  "KUBE_CONFORMANCE_IMAGE_TARGETS",
  "KUBE_COVERAGE_INSTRUMENTED_PACKAGES",
];
const LISTS = [
  "KUBE_SERVER_PLATFORMS",
  "KUBE_NODE_PLATFORMS",
  "KUBE_CLIENT_PLATFORMS",
  "KUBE_TEST_PLATFORMS",
  "KUBE_TEST_SERVER_PLATFORMS",
  "KUBE_SERVER_TARGETS",
  "KUBE_SERVER_BINARIES",
  "KUBE_NODE_BINARIES_WIN",
  "KUBE_CLIENT_TARGETS",
  "KUBE_TEST_TARGETS",
  "KUBE_TEST_PORTABLE",
  "KUBE_TEST_SERVER_TARGETS",
  "KUBE_ALL_TARGETS",
  "KUBE_PARALLEL_BUILD_MEMORY",
];

function printLists(era: EraParameter): string {
  const { staticArray } = eraFacts(era);
  const since120 = era === "1.7" ? [] : LISTS_SINCE_120;
  return [...LISTS, ...since120, staticArray].map((name) => `echo ${name} "\${${name}[*]}"`).join(
    "; ",
  );
}

/** Some of what those lists must be; see the eras' table of targets and platforms. */
const EXPECTED: Readonly<Record<EraParameter, Readonly<Record<string, string>>>> = {
  "1.7": {
    KUBE_SERVER_PLATFORMS: "linux/amd64 linux/arm linux/arm64 linux/s390x linux/ppc64le",
    KUBE_TEST_PLATFORMS: "linux/amd64 darwin/amd64 windows/amd64",
    KUBE_CLIENT_TARGETS: "cmd/kubectl federation/cmd/kubefed",
    KUBE_NODE_BINARIES_WIN: "kube-proxy.exe kubelet.exe",
    KUBE_STATIC_LIBRARIES: "cloud-controller-manager kube-apiserver kube-controller-manager " +
      "kube-scheduler kube-proxy kube-aggregator kubeadm kubectl",
    KUBE_PARALLEL_BUILD_MEMORY: "11",
  },
  "1.20": {
    KUBE_SUPPORTED_SERVER_PLATFORMS: "linux/amd64 linux/arm linux/arm64 linux/s390x linux/ppc64le",
    KUBE_SUPPORTED_CLIENT_PLATFORMS: "linux/amd64 linux/386 linux/arm linux/arm64 linux/s390x " +
      "linux/ppc64le darwin/amd64 windows/amd64 windows/386",
    KUBE_SERVER_BINARIES: "kube-proxy kube-apiserver kube-controller-manager kubelet kubeadm " +
      "kube-scheduler kube-aggregator apiextensions-apiserver mounter",
    KUBE_NODE_BINARIES_WIN: "kube-proxy.exe kubeadm.exe kubelet.exe",
    KUBE_STATIC_LIBRARIES:
      "kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubeadm kubectl",
    KUBE_PARALLEL_BUILD_MEMORY: "40",
  },
  "1.28": {
    KUBE_SUPPORTED_SERVER_PLATFORMS: "linux/amd64 linux/arm64 linux/s390x linux/ppc64le",
    KUBE_SERVER_BINARIES: "kube-proxy kube-apiserver kube-controller-manager kubelet kubeadm " +
      "kube-scheduler kube-log-runner kube-aggregator apiextensions-apiserver mounter",
    KUBE_TEST_TARGETS: "ginkgo test/e2e/e2e.test test/conformance/image/go-runner",
    KUBE_STATIC_LIBRARIES: "apiextensions-apiserver kube-aggregator kube-apiserver " +
      "kube-controller-manager kube-scheduler kube-proxy kube-log-runner kubeadm kubectl " +
      "kubectl-convert kubemark",
    KUBE_PARALLEL_BUILD_MEMORY: "20",
  },
  "1.35": {
    KUBE_SUPPORTED_SERVER_PLATFORMS: "linux/amd64 linux/arm64 linux/s390x linux/ppc64le",
    KUBE_SUPPORTED_TEST_PLATFORMS: "linux/amd64 linux/arm64 linux/s390x linux/ppc64le " +
      "darwin/amd64 darwin/arm64 windows/amd64 windows/arm64",
    KUBE_CLIENT_TARGETS: "cmd/kubectl cmd/kubectl-convert",
    KUBE_STATIC_BINARIES: "apiextensions-apiserver kube-aggregator kube-apiserver " +
      "kube-controller-manager kube-scheduler kube-proxy kube-log-runner kubeadm kubectl " +
      "kubectl-convert kubemark mounter",
    KUBE_PARALLEL_BUILD_MEMORY: "20",
  },
  "latest": {
    KUBE_SERVER_TARGETS: "cmd/kube-proxy cmd/kube-apiserver cmd/kube-controller-manager " +
      "cmd/kubelet cmd/kubeadm cmd/kube-scheduler " +
      "staging/src/k8s.io/component-base/logs/kube-log-runner " +
      "staging/src/k8s.io/kube-aggregator staging/src/k8s.io/apiextensions-apiserver " +
      "cluster/gce/gci/mounter",
  },
};

/** Base images on arm64, version of the build image, default of KUBE_BUILD_CONFORMANCE. */
const IMAGES: Readonly<Record<EraParameter, readonly [string, string, string]>> = {
  "1.7": [
    "kube-aggregator,aarch64/busybox " +
    "kube-proxy,gcr.io/google-containers/debian-iptables-arm64:v7",
    "5-v1.8.3-1",
    "",
  ],
  "1.20": [
    "kube-proxy,k8s.gcr.io/build-image/debian-iptables:buster-v1.3.0",
    "5-v1.15.5-1",
    "y",
  ],
  "1.28": [
    "kube-proxy,registry.k8s.io/build-image/distroless-iptables:v0.4.5 " +
    "kubectl,registry.k8s.io/build-image/go-runner:v2.3.1-go1.21.7-bullseye.0",
    "5-v1.28.0-go1.21.7-bullseye.0",
    "n",
  ],
  "1.35": [
    "kube-proxy,registry.k8s.io/build-image/distroless-iptables:v0.8.2 " +
    "kubectl,registry.k8s.io/build-image/go-runner:v2.4.0-go1.25.1-bookworm.0",
    "5-v1.35.0-go1.25.1-bullseye.0",
    "n",
  ],
  "latest": [
    "kube-proxy,registry.k8s.io/build-image/distroless-iptables:v0.8.7 " +
    "kubectl,gcr.io/distroless/static-debian13",
    "",
    "n",
  ],
};

/** "1.36" of "v1.36.0". */
const minor = (version: string): string => /^v(\d+\.\d+)/.exec(version)?.[1] ?? "";

for (const era of SAMPLE_ERAS) {
  Deno.test({
    name: `golang.sh of the sample holds Kubernetes' lists: ${era}${because}`,
    ignore,
    fn: () =>
      withSample(era, async ({ dir }) => {
        const lines = (await bash(dir, printLists(era))).split("\n");
        for (const [name, value] of Object.entries(EXPECTED[era])) {
          assert(lines.includes(`${name} ${value}`), `${name} in ${lines.join("\n")}`);
        }
      }),
  });

  const real = Deno.env.get(`KBUILD_TEST_GOLANG_SH_${era.replace(".", "_")}`);
  Deno.test({
    name: `golang.sh of the sample has the lists of the real one: ${era}` +
      (real === undefined ? " (skipped: needs KBUILD_TEST_GOLANG_SH_… to name a real one)" : ""),
    ignore: ignore || real === undefined,
    fn: () =>
      withSample(era, async ({ dir }) => {
        const text = `KUBE_OUTPUT=/o; source "$1/hack/lib/util.sh"; source "$2"; ${
          printLists(era)
        }`;
        const lists = (path: string) => output(["bash", "-c", text, "bash", dir, path]);
        assertEquals(await lists(`${dir}/hack/lib/golang.sh`), await lists(real!));
      }),
  });

  Deno.test({
    name: `setup_platforms of the sample takes known platforms only: ${era}${because}`,
    ignore,
    fn: () =>
      withSample(era, async ({ dir }) => {
        const print = 'echo "${KUBE_SERVER_PLATFORMS[*]}|${KUBE_NODE_PLATFORMS[*]}|' +
          '${KUBE_CLIENT_PLATFORMS[*]}|${KUBE_TEST_PLATFORMS[*]}"';
        const platforms = (env: Record<string, string>) => bash(dir, print, env);
        const wanted = { KUBE_BUILD_PLATFORMS: "windows/386 plan9/386 linux/arm64 linux/arm64" };
        assertEquals(
          await platforms(wanted),
          // 1.7 asks the variable only when it builds.
          era === "1.7"
            ? await platforms({})
            : "linux/arm64|linux/arm64|linux/arm64 windows/386|linux/arm64",
        );
        const { goMode } = eraFacts(era);
        const host = goMode === "gopath" ? "amd64" : await bash(dir, "kube::util::host_arch");
        assertEquals(
          await platforms({ KUBE_FASTBUILD: "true", KUBE_BUILDER_OS: "darwin22" }),
          [`linux/${host}`, `linux/${host}`, `darwin/${host} linux/${host}`].join("|") +
            `|darwin/${host} linux/${host}`,
        );
        assertMatch(await platforms({}), /^linux\/amd64 .*windows\/amd64/);
      }),
  });

  Deno.test({
    name: `version.sh of the sample knows tags, distance, dirt and archives: ${era}${because}`,
    ignore,
    fn: () =>
      withSample(era, async ({ dir, version, commit, tags }) => {
        const print = 'kube::version::get_version_vars; echo "$KUBE_GIT_VERSION ' +
          '$KUBE_GIT_TREE_STATE $KUBE_GIT_MAJOR.$KUBE_GIT_MINOR $KUBE_GIT_COMMIT"';
        const git = (...argv: string[]) => output(["git", ...argv], { cwd: dir });
        assertEquals(await bash(dir, print), `${version} clean ${minor(version)} ${commit}`);

        const flags = await bash(dir, "kube::version::ldflags", { SOURCE_DATE_EPOCH: "0" });
        for (const path of eraFacts(era).versionPackages) {
          const stamp = path.replace("${KUBE_GO_PACKAGE}", "k8s.io/kubernetes");
          // 1.7 writes no quotes and stamps the time of the build.
          const [mark, date] = era === "1.7" ? ["", "20"] : ["'", "1970-01-01T00:00:00Z'"];
          assertStringIncludes(flags, `-X ${mark}${stamp}.buildDate=${date}`);
          assertStringIncludes(flags, `-X ${mark}${stamp}.gitVersion=${version}${mark}`);
        }

        await git("checkout", "--quiet", "HEAD~1");
        const before = (await git("rev-parse", "HEAD")).slice(0, 14);
        const base = tags.at(-2)!;
        const distant = `${base}${base.includes("-") ? ".1" : "-1"}+${before}`;
        assertStringIncludes(await bash(dir, print), `${distant} clean ${minor(version)}+ `);

        await git("checkout", "--quiet", version);
        await Deno.writeTextFile(`${dir}/new.txt`, "");
        assertStringIncludes(
          await bash(dir, print),
          `${version}-dirty dirty ${minor(version)}+ ${commit}`,
        );
        await Deno.remove(`${dir}/new.txt`);

        if (era === "1.7") return; // Knows no archives.
        const archive = `${dir}/../archive`;
        await Deno.mkdir(archive);
        await git("archive", "--output", `${archive}/a.tar`, "HEAD");
        await output(["tar", "xf", "a.tar"], { cwd: archive });
        assertEquals(await bash(archive, print), `${version} archive ${minor(version)} ${commit}`);
      }),
  });

  Deno.test({
    name: `common.sh of the sample names images, and all scripts parse: ${era}${because}`,
    ignore,
    fn: () =>
      withSample(era, async ({ dir }) => {
        const text = 'source "$1/build/common.sh"; source "$1/build/lib/release.sh"; ' +
          'kube::build::get_docker_wrapped_binaries arm64; echo "${KUBE_BUILD_IMAGE_VERSION-}"; ' +
          'echo "$LOCAL_OUTPUT_BINPATH"; echo "${KUBE_BUILD_CONFORMANCE-}"';
        const lines = (await output(["bash", "-c", text, "bash", dir])).split("\n");
        const [images, tag, conformance] = IMAGES[era];
        assertStringIncludes(lines[0]!, images);
        assert(lines[2]!.endsWith("/_output/dockerized/bin"));
        assertEquals([lines[1], lines[3]], [tag, conformance]);
        const check = "git ls-files -z '*.sh' | xargs -0 -n1 bash -n";
        assertEquals(await output(["bash", "-c", check], { cwd: dir }), "");
      }),
  });
}
