import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type EraParameter, SAMPLE_ERAS } from "../../src/sample/mod.ts";
import { have, output, withSample } from "./_sample.ts";

const ignore = !have("bash") || !have("go");
const because = ignore ? " (skipped: needs bash and go)" : "";

/** Runs bash with the sample's own libraries sourced. */
async function bash(root: string, text: string, env: Record<string, string> = {}): Promise<string> {
  const run = `cd "$1" && source hack/lib/init.sh && ${text}`;
  return (await output(["bash", "-c", run, "bash", root], { env })).trimEnd();
}

const LISTS = [
  "KUBE_SUPPORTED_SERVER_PLATFORMS",
  "KUBE_SUPPORTED_NODE_PLATFORMS",
  "KUBE_SUPPORTED_CLIENT_PLATFORMS",
  "KUBE_SUPPORTED_TEST_PLATFORMS",
  "KUBE_SERVER_TARGETS",
  "KUBE_SERVER_BINARIES",
  "KUBE_SERVER_IMAGE_BINARIES",
  "KUBE_CONFORMANCE_IMAGE_TARGETS",
  "KUBE_NODE_BINARIES_WIN",
  "KUBE_CLIENT_TARGETS",
  "KUBE_TEST_TARGETS",
  "KUBE_TEST_PORTABLE",
  "KUBE_TEST_SERVER_TARGETS",
  "KUBE_ALL_TARGETS",
  "KUBE_COVERAGE_INSTRUMENTED_PACKAGES",
  "KUBE_PARALLEL_BUILD_MEMORY",
];
const STATIC = { "1.20": "KUBE_STATIC_LIBRARIES", "1.35": "KUBE_STATIC_BINARIES" } as const;

function printLists(era: EraParameter): string {
  return [...LISTS, STATIC[era]].map((name) => `echo ${name} "\${${name}[*]}"`).join("; ");
}

/** Some of what those lists must be; see the eras' table of targets and platforms. */
const EXPECTED: Readonly<Record<EraParameter, Readonly<Record<string, string>>>> = {
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
};

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
        assertEquals(
          await platforms({
            KUBE_BUILD_PLATFORMS: "windows/386 plan9/386 linux/arm64 linux/arm64",
          }),
          "linux/arm64|linux/arm64|linux/arm64 windows/386|linux/arm64",
        );
        const host = era === "1.20" ? "amd64" : await bash(dir, "kube::util::host_arch");
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
        assertEquals(await bash(dir, print), `${version} clean ${era} ${commit}`);

        const flags = await bash(dir, "kube::version::ldflags", { SOURCE_DATE_EPOCH: "0" });
        const package_ = (era === "1.20" ? "k8s.io/kubernetes/vendor/" : "") +
          "k8s.io/component-base/version";
        assertStringIncludes(flags, `-X '${package_}.buildDate=1970-01-01T00:00:00Z'`);
        assertStringIncludes(flags, `-X '${package_}.gitVersion=${version}'`);

        await git("checkout", "--quiet", "HEAD~1");
        const before = (await git("rev-parse", "HEAD")).slice(0, 14);
        const base = tags.at(-2)!;
        const distant = `${base}${base.includes("-") ? ".1" : "-1"}+${before}`;
        assertStringIncludes(await bash(dir, print), `${distant} clean ${era}+ `);

        await git("checkout", "--quiet", version);
        await Deno.writeTextFile(`${dir}/new.txt`, "");
        assertStringIncludes(await bash(dir, print), `${version}-dirty dirty ${era}+ ${commit}`);
        await Deno.remove(`${dir}/new.txt`);

        const archive = `${dir}/../archive`;
        await Deno.mkdir(archive);
        await git("archive", "--output", `${archive}/a.tar`, "HEAD");
        await output(["tar", "xf", "a.tar"], { cwd: archive });
        assertEquals(await bash(archive, print), `${version} archive ${era} ${commit}`);
      }),
  });

  Deno.test({
    name: `common.sh of the sample names images, and all scripts parse: ${era}${because}`,
    ignore,
    fn: () =>
      withSample(era, async ({ dir }) => {
        const text = 'source "$1/build/common.sh"; source "$1/build/lib/release.sh"; ' +
          'kube::build::get_docker_wrapped_binaries; echo "$KUBE_BUILD_IMAGE_VERSION"; ' +
          'echo "$LOCAL_OUTPUT_BINPATH"; echo "$KUBE_BUILD_CONFORMANCE"';
        const lines = (await output(["bash", "-c", text, "bash", dir])).split("\n");
        const [images, tag, binaries, conformance] = era === "1.20"
          ? [
            "kube-proxy,k8s.gcr.io/build-image/debian-iptables:buster-v1.3.0",
            "5-v1.15.5-1",
            "",
            "y",
          ]
          : [
            "kube-proxy,registry.k8s.io/build-image/distroless-iptables:v0.8.2 " +
            "kubectl,registry.k8s.io/build-image/go-runner:v2.4.0-go1.25.1-bookworm.0",
            "5-v1.35.0-go1.25.1-bullseye.0",
            "",
            "n",
          ];
        assertStringIncludes(lines[0]!, images);
        assertEquals(lines[1], tag);
        assert(lines[2]!.endsWith(`/_output/dockerized/bin${binaries}`));
        assertEquals(lines[3], conformance);
        const check = "git ls-files -z '*.sh' | xargs -0 -n1 bash -n";
        assertEquals(await output(["bash", "-c", check], { cwd: dir }), "");
      }),
  });
}
