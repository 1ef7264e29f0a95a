/**
 * `hack/` of the samples without `hack/lib`: what make calls, and what the test tarballs hold.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import { BASH_HEAD, BASH_PROGRAM_HEAD } from "./scripts_targets.ts";
import { script, type Tree } from "./tree.ts";

/** `hack/**` without `hack/lib/**`. */
export function hackScripts(facts: EraFacts): Tree {
  const inGopath = facts.goMode === "workspace" ? {} : { "hack/run-in-gopath.sh": RUN_IN_GOPATH };
  return {
    ...makeRules(facts),
    ...COMMON,
    ...inGopath,
    ...(facts.godeps ? ONLY_17 : {}),
    ...(facts.goMode === "gopath" ? generate(facts) : {}),
  };
}

/** Sources `hack/lib/init.sh` from a script that is `up` directories below the root. */
function sourceInit(up: string): string {
  return raw`${BASH_PROGRAM_HEAD}KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/${up}
source "\${KUBE_ROOT}/hack/lib/init.sh"

`;
}

function makeRules({ goMode }: EraFacts): Tree {
  const setup = goMode === "workspace" ? "kube::golang::setup_env\n" : "";
  const groups: readonly (readonly [string, string])[] = [
    ["SERVER", "SERVER"],
    ["NODE", "NODE"],
    ["CLIENT", "CLIENT"],
    ["TEST", "TEST"],
    ["TEST_SERVER", "TEST_SERVER"],
  ];
  const cross = groups.map(([targets, platforms]) =>
    raw`make all WHAT="\${KUBE_${targets}_TARGETS[*]}" KUBE_BUILD_PLATFORMS="\${KUBE_${platforms}_PLATFORMS[*]}"`
  ).join("\n");
  return {
    "hack/make-rules/build.sh": script(
      raw`${BASH_PROGRAM_HEAD}# Builds the targets that are named, or all of them.
KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/../..
KUBE_VERBOSE="\${KUBE_VERBOSE:-1}"
source "\${KUBE_ROOT}/hack/lib/init.sh"

${setup}kube::golang::build_binaries "$@"
kube::golang::place_bins
`,
    ),
    "hack/make-rules/clean.sh": script(raw`${sourceInit("../..")}rm -rf "\${KUBE_ROOT}/_output"
`),
    "hack/make-rules/cross.sh": script(`${sourceInit("../..")}${cross}\n`),
    "hack/make-rules/test.sh": script(raw`${sourceInit("../..")}kube::golang::setup_env
KUBE_TIMEOUT=\${KUBE_TIMEOUT:--timeout=180s}
KUBE_COVER=\${KUBE_COVER:-n}
KUBE_RACE=\${KUBE_RACE:-}
go test "\${KUBE_TIMEOUT}" \${KUBE_RACE:+"\${KUBE_RACE}"} "\${@:-./pkg/...}"
`),
    "hack/make-rules/update.sh": script(
      raw`${sourceInit("../..")}kube::log::status "There is nothing to update"
`,
    ),
    "hack/make-rules/verify.sh": script(
      raw`${sourceInit("../..")}for script in "\${KUBE_ROOT}"/hack/verify-*.sh; do
  kube::log::status "Verifying \${script##*/}"
  bash "\${script}"
done
`,
    ),
    "hack/print-workspace-status.sh": script(raw`${sourceInit("..")}kube::version::get_version_vars
cat <<EOF
gitCommit \${KUBE_GIT_COMMIT-}
gitTreeState \${KUBE_GIT_TREE_STATE-}
gitVersion \${KUBE_GIT_VERSION-}
gitMajor \${KUBE_GIT_MAJOR-}
gitMinor \${KUBE_GIT_MINOR-}
buildDate $(date -u +'%Y-%m-%dT%H:%M:%SZ')
STABLE_DOCKER_TAG \${KUBE_GIT_VERSION/+/_}
EOF
`),
  };
}

const COMMON: Tree = {
  "hack/README.md": "# hack\n\nScripts for people who work on the sample.\n",
  "hack/e2e-internal/e2e-down.sh": script(
    raw`${BASH_PROGRAM_HEAD}echo "Nothing runs; nothing to stop."
`,
  ),
  "hack/e2e-internal/e2e-status.sh": script(raw`${BASH_PROGRAM_HEAD}echo "Nothing runs."
`),
  "hack/e2e-internal/e2e-up.sh": script(raw`${BASH_PROGRAM_HEAD}echo "The sample starts no cluster."
`),
  "hack/get-build.sh": script(
    raw`${BASH_PROGRAM_HEAD}# Prints where a released version would be: get-build.sh VERSION.
echo "https://dl.k8s.io/\${1:-stable}/kubernetes.tar.gz"
`,
  ),
  "hack/ginkgo-e2e.sh": script(raw`${sourceInit("..")}ginkgo=$(kube::util::find-binary "ginkgo")
e2e_test=$(kube::util::find-binary "e2e.test")
"\${ginkgo}" "\${e2e_test}" -- "$@"
`),
  "hack/local-up-cluster.sh": script(raw`${BASH_PROGRAM_HEAD}echo "The sample starts no cluster."
`),
  "hack/verify-all.sh": script(raw`${BASH_HEAD}exec "$(dirname "$0")/make-rules/verify.sh" "$@"
`),
  "hack/verify-gofmt.sh": script(raw`${BASH_PROGRAM_HEAD}cd "$(dirname "\${BASH_SOURCE[0]}")/.."
[[ -z "$(gofmt -l cmd pkg test staging/src/k8s.io)" ]]
`),
};

const ONLY_17: Tree = {
  "hack/cmd/teststale/teststale.go":
    "// Part of kbuild's sample checkout: every test program counts as stale.\n\n" +
    "package main\n\nfunc main() {}\n",
  "hack/e2e.go": "// Part of kbuild's sample checkout.\n\n" +
    'package main\n\nimport "os"\n\nfunc main() {\n' +
    '\tos.Stdout.WriteString("The sample starts no cluster.\\n")\n}\n',
  "hack/federated-ginkgo-e2e.sh": script(
    raw`${BASH_PROGRAM_HEAD}exec "$(dirname "\${BASH_SOURCE[0]}")/ginkgo-e2e.sh" "$@"
`,
  ),
};

/** Moves what go-bindata wrote into place, only when it differs. */
const REPLACE_IF_CHANGED = raw`# Replaces $1 by $1.tmp, only when they differ.
replace_if_changed() {
  if cmp -s "$1.tmp" "$1"; then
    V=2 kube::log::info "No changes in generated bindata file: $1"
  else
    cat "$1.tmp" > "$1"
    V=2 kube::log::info "Generated bindata file : $1"
  fi
  rm -f "$1.tmp"
}

pushd "\${KUBE_ROOT}" >/dev/null
`;

/** One call of go-bindata: the output, flags, patterns to leave out, directories. */
function bindata(
  output: string,
  options: { flags?: string; ignore?: string; folders: readonly string[] },
): string {
  const { flags = "-nometadata", ignore = "", folders } = options;
  const inputs = folders.map((folder) => `\t"${folder}/..."`).join(" \\\n");
  return raw`
BINDATA_OUTPUT="${output}"
go-bindata ${flags} -o "\${BINDATA_OUTPUT}.tmp" -pkg generated \
	-ignore .jpg -ignore .png -ignore .md${ignore} \
${inputs}

gofmt -s -w "\${BINDATA_OUTPUT}.tmp"
replace_if_changed "\${BINDATA_OUTPUT}"
`;
}

const TEST_DATA = ["test/e2e/testing-manifests", "test/images", "test/fixtures"];
const IN_MEMORY = "-nometadata -nocompress";
const NO_BAZEL = raw` -ignore 'BUILD(\.bazel)?'`;

const GENERATE_BINDATA_120 = script(
  raw`${BASH_PROGRAM_HEAD}# Packs files into Go sources: test data for e2e.test, translations for kubectl.
KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/..
export KUBE_ROOT
source "\${KUBE_ROOT}/hack/lib/init.sh"

export GOBIN="\${KUBE_OUTPUT_BINPATH}"
PATH="\${GOBIN}:\${PATH}"
go install k8s.io/kubernetes/vendor/github.com/go-bindata/go-bindata/go-bindata

${REPLACE_IF_CHANGED}${
    bindata("test/e2e/generated/bindata.go", {
      ignore: NO_BAZEL,
      folders: [
        "test/conformance/testdata",
        "test/e2e/testing-manifests",
        "test/e2e_node/testing-manifests",
        "test/images",
        "test/fixtures",
      ],
    })
  }${
    bindata("staging/src/k8s.io/kubectl/pkg/generated/bindata.go", {
      flags: IN_MEMORY,
      ignore: NO_BAZEL,
      folders: ["translations"],
    })
  }
popd >/dev/null
`,
);

/** `go generate` of test/e2e/generated starts it; go-bindata is built before (T7). */
const GENERATE_BINDATA_17 = script(
  raw`${BASH_PROGRAM_HEAD}# Packs files into Go sources: test data for e2e.test, translations for kubectl.
if [[ -z "\${KUBE_ROOT:-}" ]]; then
  KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/..
fi
source "\${KUBE_ROOT}/cluster/lib/logging.sh"

export PATH="\${GOPATH}/bin:\${PATH}"
if ! which go-bindata &>/dev/null ; then
  echo "Cannot find go-bindata."
  exit 5
fi

${REPLACE_IF_CHANGED}${
    bindata("test/e2e/generated/bindata.go", { folders: ["examples", ...TEST_DATA] })
  }${bindata("pkg/generated/bindata.go", { flags: IN_MEMORY, folders: ["translations"] })}
popd >/dev/null
`,
);

const RUN_IN_GOPATH = script(
  raw`${BASH_PROGRAM_HEAD}# Runs a command inside the GOPATH of this checkout: run-in-gopath.sh COMMAND...
KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/..
source "\${KUBE_ROOT}/hack/lib/init.sh"

kube::golang::setup_env

"\${@}"
`,
);

function generate({ godeps }: EraFacts): Tree {
  return {
    "hack/generate-bindata.sh": godeps ? GENERATE_BINDATA_17 : GENERATE_BINDATA_120,
    "hack/make-rules/helpers/cache_go_dirs.sh": script(
      raw`${BASH_PROGRAM_HEAD}# Prints the folders that hold Go files, and keeps the list: cache_go_dirs.sh FILE.
CACHE="$1"
mkdir -p "$(dirname "\${CACHE}")"
find -H . \( -path './_*' -o -path './.*' -o -path ./vendor \) -prune -o -type f -name '*.go' -print \
  | sed -e 's|^./staging/src/|vendor/|' -e 's|^./||' -e 's|/[^/]*$||' \
  | LC_ALL=C sort -u > "\${CACHE}"
cat "\${CACHE}"
`,
    ),
  };
}
