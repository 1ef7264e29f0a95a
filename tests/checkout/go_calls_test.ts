/**
 * Holds {@linkcode readGoCalls} against recordings of bash: for scripts of our own, and for those of
 * the checkouts in `KBUILD_TEST_TREES`.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  type Checkout,
  type GoCallInputs,
  readCheckout,
  readGoCalls,
} from "../../src/checkout/mod.ts";
import { goPackages } from "../../src/lib/golang/mod.ts";
import { SAMPLE_ERAS, sampleFiles } from "../../src/sample/mod.ts";
import { withFiles } from "./fixture.ts";
import { GoRecorder, ofInterest } from "./recorded_go.ts";

const trees = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((root) => root !== "");

const KUBE = "k8s.io/kubernetes";
const PROGRAMS = ["kube-apiserver", "kube-proxy", "kubectl", "kubelet"]
  .map((name) => `${KUBE}/cmd/${name}`);

/** What a case changes. */
type Change = Partial<Pick<GoCallInputs, "platform" | "host" | "packages" | "goflags">> & {
  variables?: Record<string, string>;
  /** What to build as `WHAT` has it, instead of packages. */
  targets?: readonly string[];
};

/** Settings by name. */
const CASES: Readonly<Record<string, Change>> = {
  "nothing": {},
  "one static program": { packages: [`${KUBE}/cmd/kubectl`] },
  "one test alone": { packages: [`${KUBE}/test/e2e/e2e.test`] },
  "a package of another module": { packages: ["k8s.io/kube-aggregator", ...PROGRAMS] },
  "targets": {
    targets: [
      "cmd/kubectl",
      "test/e2e/e2e.test",
      "vendor/k8s.io/kube-aggregator",
      `${KUBE}/cmd/kubelet`,
      "k8s.io/kubectl/cmd/other",
    ],
  },
  "names that later scripts know": { targets: ["ginkgo", "cmd/kubectl"] },
  "ginkgo as it was named": {
    targets: ["vendor/github.com/onsi/ginkgo/ginkgo", "test/e2e_node/e2e_node.test"],
  },
  "another order": { packages: [`${KUBE}/test/e2e/e2e.test`, ...PROGRAMS.toReversed()] },
  "a flag among the targets": { goflags: ["-v", "-a"] },
  "linux/arm64": { platform: "linux/arm64" },
  "linux/arm": { platform: "linux/arm" },
  "linux/s390x": { platform: "linux/s390x" },
  "linux/riscv64": { platform: "linux/riscv64" },
  "darwin/arm64": { platform: "darwin/arm64" },
  "windows/amd64": { platform: "windows/amd64" },
  "darwin on darwin": { platform: "darwin/amd64", host: "darwin/amd64" },
  "another darwin on darwin": { platform: "darwin/amd64", host: "darwin/arm64" },
  "linux/amd64 on linux/arm64": { host: "linux/arm64" },
  "its own platform on linux/arm64": { host: "linux/arm64", platform: "linux/arm64" },
  "DBG=1": { variables: { DBG: "1", GOGCFLAGS: "-m" } },
  "DBG=2": { variables: { DBG: "2" } },
  "GOLDFLAGS empty": { variables: { GOLDFLAGS: "" } },
  "GOLDFLAGS set": { variables: { GOLDFLAGS: "-w -X 'a.b=c d'" } },
  "GOGCFLAGS set": { variables: { GOGCFLAGS: "all=-N -l" } },
  "GOFLAGS with -tags": { variables: { GOFLAGS: "-v -tags=one,two -race" } },
  "GOFLAGS with -tags twice": { variables: { GOFLAGS: "-tags=one -tags=two" } },
  "GOFLAGS without -tags": { variables: { GOFLAGS: "-v" } },
  "GOFLAGS empty": { variables: { GOFLAGS: "" } },
  "GOFLAGS in quotes": { variables: { GOFLAGS: `-v "-tags=one two" '-x=$HOME'` } },
  "KUBE_RACE": { variables: { KUBE_RACE: "-race" } },
  "overrides": {
    variables: { KUBE_STATIC_OVERRIDES: "kubelet  other", KUBE_CGO_OVERRIDES: "kubectl" },
  },
  "coverage": { variables: { KUBE_BUILD_WITH_COVERAGE: "y" } },
  "coverage of windows": {
    platform: "windows/amd64",
    variables: { KUBE_BUILD_WITH_COVERAGE: "y", DBG: "1" },
  },
  "coverage of what has none": {
    packages: [`${KUBE}/cmd/kubectl`],
    variables: { KUBE_BUILD_WITH_COVERAGE: "y" },
  },
  "KUBE_LINUX_ARM64_CC": {
    platform: "linux/arm64",
    variables: { KUBE_LINUX_ARM64_CC: "zig cc -target aarch64-linux-gnu" },
  },
  "KUBE_LINUX_AMD64_CC": { variables: { KUBE_LINUX_AMD64_CC: "clang" } },
  "KUBE_WINDOWS_AMD64_CC": {
    platform: "windows/amd64",
    variables: { KUBE_WINDOWS_AMD64_CC: "x86_64-w64-mingw32-gcc" },
  },
  "CGO_ENABLED=0": { variables: { CGO_ENABLED: "0", CC: "tcc" } },
  "Go's own variables": {
    variables: { GOPROXY: "direct", GOOS: "plan9", GOARCH: "mips" },
  },
};

async function compare(recorder: GoRecorder, change: Change, why?: RegExp): Promise<void> {
  const { root } = recorder;
  const gopath = join(root, "_output/local/go");
  const given: GoCallInputs = {
    platform: "linux/amd64",
    host: "linux/amd64",
    packages: [...PROGRAMS, `${KUBE}/test/e2e/e2e.test`],
    goflags: [],
    versionLdflags: `-X '${KUBE}/vendor/a.version=1' -X 'b.date=2 3'`,
    gopath,
    cwd: join(gopath, "src", KUBE),
    ...change,
    variables: change.variables ?? {},
  };
  const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
  const { targets } = change;
  const inputs = targets === undefined
    ? given
    : { ...given, packages: packagesOf(checkout, targets) };
  const makefile = checkout.scripts.some(({ text }) => text.includes("KUBE_GOFLAGS"));
  const forScripts = makefile ? withKubeFlags(inputs.variables) : inputs.variables;
  const { calls, failed } = await recorder.record({ ...inputs, variables: forScripts }, targets);
  const ours = readGoCalls(checkout, inputs);
  if (failed !== undefined || why !== undefined) {
    assert("why" in ours, `bash fails: ${failed}`);
    if (why !== undefined) assert(why.test(ours.why), ours.why);
    return;
  }
  assert("calls" in ours, JSON.stringify(ours));
  assertEquals(ours.calls.map(({ argv }) => argv), calls.map(({ argv }) => argv));
  assertEquals(
    ours.calls.map(({ env }) => ofInterest({ ...inputs.variables, ...env })),
    calls.map(({ env }) => ofInterest(env)),
  );
  const lines = new Map(checkout.scripts.map(({ path, text }) => [path, text.split("\n")]));
  for (const { argv, source } of ours.calls) {
    const [, path = "", line = ""] = /^(.*):([0-9]+)$/.exec(source) ?? [];
    assert(lines.get(path)?.[Number(line) - 1]?.includes(argv[0]!), source);
  }
}

function packagesOf(checkout: Checkout, targets: readonly string[]): readonly string[] {
  const { packages, why } = goPackages(checkout, targets, new Map());
  assertEquals(why, undefined);
  return packages;
}

/** As the Makefile of 1.5 to 1.8 does. */
function withKubeFlags(variables: Readonly<Record<string, string>>): Record<string, string> {
  const given = ["GOFLAGS", "GOLDFLAGS", "GOGCFLAGS"].flatMap((name) => {
    const value = variables[name];
    return value === undefined ? [] : [[`KUBE_${name}`, value]];
  });
  return { ...variables, ...Object.fromEntries(given) };
}

Deno.test({
  name: `readGoCalls() gives the calls that bash makes in real checkouts${
    trees.length === 0 ? " (skipped: KBUILD_TEST_TREES is not set)" : ""
  }`,
  ignore: trees.length === 0,
  fn: async (t) => {
    for (const root of trees) {
      await using recorder = await GoRecorder.create(root);
      const edge = { K8S_EDGE_GOROOT: join(recorder.directory, "edge") };
      const cases = { ...CASES, "an edge Go": { platform: "linux/arm", variables: edge } };
      for (const [name, change] of Object.entries(cases)) {
        await t.step(`${root}: ${name}`, () => compare(recorder, change));
      }
    }
  },
});

/** What the sample's scripts are asked; the rest needs real checkouts. */
const SAMPLE_CASES = [
  "targets",
  "names that later scripts know",
  "a flag among the targets",
  "another darwin on darwin",
  "DBG=1",
  "GOLDFLAGS empty",
  "GOFLAGS with -tags twice",
  "overrides",
  "coverage",
  "KUBE_LINUX_ARM64_CC",
];

for (const era of SAMPLE_ERAS) {
  Deno.test(`readGoCalls() gives the calls that bash makes in the sample of ${era}`, async (t) => {
    const files = [...sampleFiles(era)].flatMap(([path, file]) =>
      "text" in file ? [[path, file.text] as const] : []
    );
    await withFiles(Object.fromEntries(files), async (root) => {
      await using recorder = await GoRecorder.create(root);
      for (const name of SAMPLE_CASES) await t.step(name, () => compare(recorder, CASES[name]!));
    });
  });
}

const INIT = `set -o errexit
set -o nounset
set -o pipefail
export GO111MODULE=off
export no_proxy=localhost
source "\${KUBE_ROOT}/hack/lib/golang.sh"
`;

/** Our own scripts, with what the oldest and the newest ones do in other ways than the samples. */
const UNUSUAL = `readonly KUBE_GO_PACKAGE=k8s.io/kubernetes
KUBE_GOPATH="\${KUBE_ROOT}/_output/local/go"
readonly KUBE_STATIC_LIBRARIES=(kubectl kube-proxy)
kube::log::status() { echo "$@" >&2; }
kube::golang::setup_env() { export GOPATH="\${KUBE_GOPATH}"; cd "\${KUBE_ROOT}"; }
kube::golang::host_platform() { echo "$(go env GOHOSTOS)/$(go env GOHOSTARCH)"; }
kube::golang::binaries_from_targets() { local t; for t; do echo "\${t}"; done; }
contains() {
  local wanted=$1 e
  shift
  for e; do if [[ "\${e}" == "\${wanted}" ]]; then return 0; fi; done
  return 1
}
static() { return $(contains "$(basename "$1")" "\${KUBE_STATIC_LIBRARIES[@]}"); }
set_platform_envs() {
  export GOOS=\${platform%/*}
  export GOARCH=\${platform##*/}
  if [ "\${platform}" == linux/arm ]; then
    export GOROOT=\${K8S_EDGE_GOROOT}
  fi
  ccenv=$(echo "$platform" | awk -F/ '{print "KUBE_" toupper($1) "_" toupper($2) "_CC"}')
  if [ -n "\${!ccenv-}" ]; then
    export CGO_ENABLED=1 CC="\${!ccenv}"
  fi
}
kube::golang::build_binaries() {
  (
    kube::golang::setup_env
    kube::log::status "Go version: $(go version)"
    local goflags goldflags
    eval "goflags=(\${KUBE_GOFLAGS:-})"
    goldflags="\${KUBE_GOLDFLAGS:-} $(kube::version::ldflags | sed -e 's/  */ /g')"
    local tags
    tags=$(echo "\${goflags[*]:-}" | sed -ne 's|^\\(.*\\)-tags=\\([^- ]*\\).*$|[\\2]<\\1>|p')
    local -a targets=() platforms=(\${KUBE_BUILD_PLATFORMS:-})
    local arg host_platform
    host_platform=$(kube::golang::host_platform)
    for arg; do
      case "\${arg}" in
        --use_go_build) local use_go_build=true ;;
        -*) goflags+=("\${arg}") ;;
        *) targets+=("\${arg}") ;;
      esac
    done
    local binaries
    binaries=($(kube::golang::binaries_from_targets "\${targets[@]}"))
    for platform in "\${platforms[@]}"; do
      (
        umask 0022
        set_platform_envs "\${platform}"
        local GO=go
        if [[ "\${GOROOT:-}" == "\${K8S_EDGE_GOROOT:-}" && -n "\${GOROOT:-}" ]]; then
          GO="\${GOROOT}/bin/go"
        fi
        for binary in "\${binaries[@]}"; do
          local out="\${KUBE_GOPATH}/bin/\${platform//\\//_}/\${binary##*/}"
          if test -x "\${out}.stamp"; then continue; fi
          mkdir -p "$(dirname "\${out}")"
          if [[ "\${binary}" =~ ".test"$ ]]; then
            "\${GO}" test -c "\${goflags[@]:+\${goflags[@]}}" -o "\${out}" "$(dirname "\${binary}")"
          elif static "\${binary}"; then
            CGO_ENABLED=0 "\${GO}" install \${goflags:+"\${goflags[@]}"} \\
              -ldflags "\${goldflags}" -tags "\${tags}" "\${binary}"
          elif [[ -n "\${use_go_build:-}" ]]; then
            "\${GO}" build -o "\${out}" -ldflags "\${goldflags}" "\${binary}" > "\${out}.log"
          else
            GOPROXY=off "\${GO}" install -ldflags "\${goldflags}" "\${binary}"
          fi
        done
      )
    done
  )
}
`;

Deno.test("readGoCalls() understands what scripts of other eras do", async (t) => {
  await withFiles({ "hack/lib/init.sh": INIT, "hack/lib/golang.sh": UNUSUAL }, async (root) => {
    await using recorder = await GoRecorder.create(root);
    const edge = { K8S_EDGE_GOROOT: join(recorder.directory, "edge") };
    const cases: Record<string, Change> = {
      "GOFLAGS in quotes": CASES["GOFLAGS in quotes"]!,
      "GOFLAGS with -tags twice": CASES["GOFLAGS with -tags twice"]!,
      "GOFLAGS that is not a list": { variables: { GOFLAGS: "-a) (b" } },
      "GOFLAGS that would run something": { variables: { GOFLAGS: "-v `touch /nowhere/at/all`" } },
      "GOLDFLAGS set": { variables: { GOLDFLAGS: "-w   -s" } },
      "a flag of the script": { goflags: ["--use_go_build"] },
      "another Go": { platform: "linux/arm", variables: edge },
      "another Go that nobody names": { platform: "linux/arm" },
      "a named compiler": CASES["KUBE_WINDOWS_AMD64_CC"]!,
    };
    for (const [name, change] of Object.entries(cases)) {
      await t.step(name, () => compare(recorder, change));
    }
  });
});

const lineOf = (text: string) => UNUSUAL.split(text)[0]!.split("\n").length;
const UMASK = lineOf("umask 0022");

Deno.test("readGoCalls() says where it gives up", async (t) => {
  const cases: Record<string, { script: string; why: string }> = {
    "a command that is not known": {
      script: UNUSUAL.replace("umask 0022", "curl -o x example.invalid"),
      why: `hack/lib/golang.sh:${UMASK}: "curl" is not run`,
    },
    "a value that depends on the machine": {
      script: UNUSUAL.replace("local GO=go", 'local GO="$(command -v go)"'),
      why: `hack/lib/golang.sh:${UMASK + 2}: "command" is not run`,
    },
    "a script that ends": {
      script: UNUSUAL.replace("umask 0022", 'kube::log::error_exit "No way"'),
      why: `hack/lib/golang.sh:${UMASK}: The script ends: No way`,
    },
    "a script that builds nothing": {
      script: UNUSUAL.replace("umask 0022", "exit 0"),
      why: `hack/lib/golang.sh:${lineOf("build_binaries() {")}: ` +
        "kube::golang::build_binaries starts no go",
    },
    "no function": {
      script: UNUSUAL.replace("kube::golang::build_binaries()", "build()"),
      why: "hack/lib/golang.sh: kube::golang::build_binaries is not defined",
    },
    "a loop without end": {
      script: UNUSUAL.replace("umask 0022", "while true; do :; done"),
      why: `hack/lib/golang.sh:${UMASK}: The script takes too many steps`,
    },
    "a Git LFS pointer": {
      script: "version https://git-lfs.github.com/spec/v1\n",
      why: 'hack/lib/golang.sh: A Git LFS pointer: run "git lfs pull" to get the file',
    },
  };
  for (const [name, { script, why }] of Object.entries(cases)) {
    await t.step(name, async () => {
      await withFiles({ "hack/lib/golang.sh": script }, async (root) => {
        const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
        const calls = readGoCalls(checkout, {
          platform: "linux/amd64",
          host: "linux/amd64",
          packages: [`${KUBE}/cmd/kubectl`],
          goflags: [],
          variables: {},
          versionLdflags: "",
          gopath: "/gopath",
          cwd: "/gopath/src",
        });
        assertEquals(calls, { why });
      });
    });
  }
});

Deno.test("readGoCalls() reads on in a script of a fork", async () => {
  const at = UNUSUAL.indexOf("kube::golang::build_binaries() {");
  const files = {
    "hack/lib/init.sh": INIT,
    "hack/lib/golang.sh": `${UNUSUAL.slice(0, at)}source "\${KUBE_ROOT}/hack/lib/fork.sh"\n`,
    "hack/lib/fork.sh": UNUSUAL.slice(at),
  };
  await withFiles(files, async (root) => {
    await using recorder = await GoRecorder.create(root);
    await compare(recorder, {});
    const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
    assertEquals(checkout.scripts.map(({ path }) => path), Object.keys(files));
  });
});

Deno.test("readGoCalls() takes the static programs that a kbuild.toml names", async () => {
  await withFiles({ "hack/lib/init.sh": INIT, "hack/lib/golang.sh": UNUSUAL }, async (root) => {
    const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
    const calls = (names: readonly string[]) => {
      const staticBinaries = { value: names, source: "kbuild.toml" };
      const read = readGoCalls({ ...checkout, staticBinaries }, {
        platform: "linux/amd64",
        host: "linux/amd64",
        packages: [`${KUBE}/cmd/kubelet`],
        goflags: [],
        variables: {},
        versionLdflags: "",
        gopath: "/gopath",
        cwd: "/gopath/src",
      });
      assert("calls" in read);
      return read.calls.map(({ env }) => env["CGO_ENABLED"]);
    };
    assertEquals([calls(["kubectl"]), calls(["kubelet"])], [[undefined], ["0"]]);
  });
});
