/**
 * Holds {@linkcode readTestScript} against `hack/make-rules/test.sh` run by bash with a `go` that records:
 * the samples' scripts, our own in the shapes of all eras, and those of the checkouts in
 * `KBUILD_TEST_TREES` (each is copied).
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "@std/path";
import { MODULES, readCheckout, readTestScript } from "../../src/checkout/mod.ts";
import { SAMPLE_ERAS, sampleFiles } from "../../src/sample/mod.ts";
import { copyTree, ENV, run, script } from "../e2e/_program.ts";
import { GOLANG, withFiles } from "./fixture.ts";

const trees = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((root) => root !== "");

/** Variables that the script exports, or that decide what runs. */
const EXPORTED = ["KUBE_CACHE_MUTATION_DETECTOR", "KUBE_PANIC_WATCH_DECODE_ERROR", "KUBE_TEST_API"];

interface Call {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Runs the script with a `go` and a `gotestsum` that write down what they are asked. */
async function recorded(
  root: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<readonly Call[]> {
  const directory = await Deno.makeTempDir({ prefix: "kbuild-test-calls-" });
  try {
    const log = join(directory, "log");
    const bin = join(directory, "bin");
    await Deno.mkdir(bin);
    const print = EXPORTED.map((name) => `printf '%s\\0' "${name}=\${${name}-}"`).join("; ");
    script(
      join(bin, "go"),
      `case "$1" in
test) [ "$2" = -i ] && exit 0
  { printf '%s\\0' "$@"; printf 'END\\0'; ${print}; printf 'END\\0'; } >>'${log}'; echo 'ok k8s.io/a 1s' ;;
version) echo go version go1.99.0 linux/amd64 ;;
env) case "$2" in GOHOSTOS|GOOS) echo linux ;; GOHOSTARCH|GOARCH) echo amd64 ;; esac ;;
list) shift; for each; do case "$each" in -*|{*) ;; *) echo "$each" ;; esac; done ;;
esac
`,
    );
    script(join(bin, "gotestsum"), `while [ "$1" != -- ]; do shift; done; shift; "$@"\n`);
    const env = { ...variables, PATH: `${bin}:${ENV["PATH"]}`, FORCE_HOST_GO: "y" };
    const argv = ["bash", join(root, "hack/make-rules/test.sh"), ...args];
    const { stderr } = await run(argv, { cwd: root, env });
    const text = await Deno.readTextFile(log).catch((error: unknown) => {
      throw new Error(`bash starts no go test: ${stderr}`, { cause: error });
    });
    const groups = text.split("END\0").map((group) => group.split("\0").slice(0, -1));
    const calls: Call[] = [];
    for (let i = 0; i + 1 < groups.length; i += 2) {
      const env = Object.fromEntries(
        groups[i + 1]!.map((line) => line.split(/=(.*)/s).slice(0, 2)).filter(([, value]) =>
          value !== ""
        ),
      );
      calls.push({ argv: groups[i]!.filter((word) => word !== "-json"), env });
    }
    return calls;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Settings by name; packages are named unless `none`. */
const CASES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "nothing": {},
  "KUBE_RACE": { KUBE_RACE: "-race" },
  "KUBE_RACE empty": { KUBE_RACE: "" },
  "KUBE_TIMEOUT": { KUBE_TIMEOUT: "-timeout=7s" },
  "KUBE_TIMEOUT as in 1.7": { KUBE_TIMEOUT: "-timeout 7s" },
  "KUBE_TEST_ARGS": { KUBE_TEST_ARGS: `-run 'A b' -args --x="$HOME" --y` },
  "KUBE_TEST_ARGS with patterns": { KUBE_TEST_ARGS: "-short=true --vmodule=a*=6,b[cd]*=7 -x='?'" },
  "KUBE_GOFLAGS": { KUBE_GOFLAGS: `-count=2 -tags "a b"` },
  "GOFLAGS": { GOFLAGS: "-v -count=1" },
  "two lists of API versions": { KUBE_TEST_API_VERSIONS: "v1,apps/v1;v1" },
  "a cache mutation detector": { KUBE_CACHE_MUTATION_DETECTOR: "false" },
  "FULL_LOG": { FULL_LOG: "y" },
  "coverage is left out": { KUBE_PRUNE_JUNIT_TESTS: "false" },
  "coverage is turned off": { KUBE_COVER: "n", KUBE_COVERMODE: "set", KUBE_COVERPROCS: "2" },
  "KUBE_TIMEOUT empty": { KUBE_TIMEOUT: "" },
  "KUBE_RACE of two flags": { KUBE_RACE: "-race -cpu=1" },
  "KUBE_TEST_ARGS of quotes": { KUBE_TEST_ARGS: `-run "it's" -skip '"x"' -count=1\\ ` },
  "panics are not watched": { KUBE_PANIC_WATCH_DECODE_ERROR: "false" },
  "GOFLAGS of tags": { GOFLAGS: "-tags=providerless,dockerless -mod=vendor" },
  "all at once": {
    ...{ KUBE_RACE: "-race", KUBE_TIMEOUT: "-timeout=1h", KUBE_TEST_ARGS: "-run X" },
    ...{ GOFLAGS: "-v", KUBE_COVER: "n", KUBE_CACHE_MUTATION_DETECTOR: "false" },
  },
};

async function compare(root: string, variables: Readonly<Record<string, string>>): Promise<void> {
  const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
  const ours = await readTestScript(checkout, {
    host: "linux/amd64",
    variables: { ...variables, HOME: ENV["HOME"] ?? "" },
    gopath: join(root, "_output/local/go"),
  });
  assert("calls" in ours, JSON.stringify(ours));
  // Directories that exist: some scripts look.
  const named = ["./hack/make-rules"];
  const script = await Deno.readTextFile(join(root, "hack/make-rules/test.sh"));
  // As the Makefile of 1.5 to 1.8 does.
  const isOld = script.includes("KUBE_GOFLAGS") && variables["GOFLAGS"] !== undefined;
  const handed = isOld ? { ...variables, KUBE_GOFLAGS: variables["GOFLAGS"]! } : variables;
  const theirs = await recorded(root, named, handed);
  assertEquals(
    ours.calls.map(({ before, after }) => ["test", ...before, ...named, ...after]),
    theirs.map(({ argv }) => argv),
  );
  assertEquals(
    ours.calls.map(({ env }) =>
      // What the script does not set is the user's.
      Object.fromEntries(EXPORTED.flatMap((name) => {
        const value = env[name] || variables[name];
        return value ? [[name, value]] : [];
      }))
    ),
    theirs.map(({ env }) => env),
  );
  for (const { source } of ours.calls) assertMatch(source, /^hack\/make-rules\/test\.sh:\d+$/);
}

/** Compares the packages of a run that names none; for a workspace, the question to Go. */
async function comparePackages(root: string): Promise<number> {
  const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
  const inputs = { host: "linux/amd64", variables: {}, gopath: join(root, "_output/local/go") };
  const ours = await readTestScript(checkout, inputs);
  assert("calls" in ours, JSON.stringify(ours));
  const packages = ours.packages();
  assert(!("why" in packages), JSON.stringify(packages));
  const [theirs] = await recorded(root, [], {});
  const { before, after } = ours.calls[0]!;
  const found = theirs!.argv.slice(1 + before.length, theirs!.argv.length - after.length);
  if ("packages" in packages) {
    assertEquals(packages.packages, found);
    return found.length;
  }
  assert(packages.list.includes(MODULES));
  return packages.without.length;
}

for (const era of SAMPLE_ERAS) {
  Deno.test(`readTestScript() gives what bash starts in the sample of ${era}`, async (t) => {
    const files = [...sampleFiles(era)].flatMap(([path, file]) =>
      "text" in file ? [[path, file.text] as const] : []
    );
    await withFiles(Object.fromEntries(files), async (root) => {
      for (const [name, variables] of Object.entries(CASES)) {
        await t.step(name, () => compare(root, variables));
      }
      await t.step("packages", async () => assertEquals(await comparePackages(root), 1));
    });
  });
}

const INIT = `set -o errexit
set -o nounset
set -o pipefail
export GO111MODULE=off
source "\${KUBE_ROOT}/hack/lib/golang.sh"
kube::log::status() { :; }
kube::log::run() { "$@"; }
kube::golang::setup_env() { :; }
kube::golang::normalize_go_targets() { printf '%s\\n' "$@"; }
kube::util::require-jq() { :; }
kube::util::read-array() { mapfile -t "$1"; }
KUBE_AVAILABLE_GROUP_VERSIONS="\${KUBE_AVAILABLE_GROUP_VERSIONS:-\\
v1 \\
apps/v1beta1}"
jq() { sed 's|$|/...|'; }
`;

/** What all of them begin with. */
const HEAD = `#!/usr/bin/env bash
KUBE_ROOT=$(dirname "\${BASH_SOURCE}")/../..
source "\${KUBE_ROOT}/hack/lib/init.sh"
kube::golang::setup_env
export KUBE_CACHE_MUTATION_DETECTOR="\${KUBE_CACHE_MUTATION_DETECTOR:-true}"
KUBE_COVER=\${KUBE_COVER:-n}
while getopts "hp:" opt; do
  case $opt in
    p) PARALLEL="\${OPTARG}" ;;
    *) exit 1 ;;
  esac
done
shift $((OPTIND - 1))
`;

/** Sorts the arguments out. */
const ARGUMENTS = `named=()
for arg; do
  if [[ "\${arg}" == -* ]]; then flags+=("\${arg}"); else named+=("\${arg}"); fi
done
`;

/** In the shape of 1.7: API versions in a counting loop, flags from KUBE_GOFLAGS. */
const OLD = `${HEAD}
all=$(IFS=',';echo "\${KUBE_AVAILABLE_GROUP_VERSIONS[*]// /,}";IFS=$)
lists="\${KUBE_TEST_API_VERSIONS:-\${all}}"
KUBE_TIMEOUT=\${KUBE_TIMEOUT:--timeout 120s}
KUBE_RACE=\${KUBE_RACE:-}
eval "flags=(\${KUBE_GOFLAGS:-})"
eval "last=(\${KUBE_TEST_ARGS:-})"
${ARGUMENTS}
find_them() {
  ( cd \${KUBE_ROOT}
    find -L . -not \\( \\( -path './_output/*' -o -path './vendor/*' -o -path './staging/*' \\) -prune \\) \\
      -name '*_test.go' -print0 | xargs -0n1 dirname | sed "s|^\\./|\${KUBE_GO_PACKAGE}/|" | LC_ALL=C sort -u
    find ./staging/src -name '*_test.go' \\
      -print0 | xargs -0n1 dirname | sed 's|^\\./staging/src/|./vendor/|' | LC_ALL=C sort -u )
}
if [[ \${#named[@]} -eq 0 ]]; then named=($(find_them)); fi
set -- "\${named[@]+\${named[@]}}"
run() {
  if [[ ! \${KUBE_COVER} =~ ^[yY]$ ]]; then
    go test -i "\${flags[@]:+\${flags[@]}}" \${KUBE_RACE} \${KUBE_TIMEOUT} "$@"
    go test "\${flags[@]:+\${flags[@]}}" \${KUBE_RACE} \${KUBE_TIMEOUT} "$@" "\${last[@]:+\${last[@]}}" \\
      | tee \${out:+"$out"} | grep ".*" && rc=$? || rc=$?
    return \${rc}
  fi
}
IFS=';' read -a each <<< "\${lists}"
count=\${#each[@]}
for (( i=0; i<\${count}; i++ )); do
  KUBE_TEST_API="\${each[i]}" run "$@"
done
`;

/** In the shape of 1.30 and later: -race by default, packages from Go, gotestsum. */
const NEW = `${HEAD}kube::util::require-jq
find_packages() {
  ( cd "\${KUBE_ROOT}"
    local -a modules
    kube::util::read-array modules < <(go list -m -json | jq -r '.Path + "/..."')
    go list -find -f '{{.ImportPath}}' "\${modules[@]}" \\
      | grep -vE -e '^k8s.io/kubernetes/third_party(/.*)?$' -e '/test/integration(/.*)?$' )
}
KUBE_TIMEOUT=\${KUBE_TIMEOUT:--timeout=180s}
KUBE_RACE=\${KUBE_RACE-"-race"}
last=()
eval "last=(\${KUBE_TEST_ARGS:-})"
flags=()
${ARGUMENTS}
if [[ \${#named[@]} -eq 0 ]]; then
  kube::util::read-array named < <(find_packages)
else
  kube::util::read-array named < <(kube::golang::normalize_go_targets "\${named[@]}")
fi
set -- "\${named[@]+\${named[@]}}"
if [[ -n "\${KUBE_RACE}" ]]; then flags+=("\${KUBE_RACE}"); fi
run() {
  kube::log::run gotestsum --format=quiet --raw-command -- \\
    go test -json "\${flags[@]:+\${flags[@]}}" "\${KUBE_TIMEOUT}" "$@" "\${last[@]:+\${last[@]}}" \\
    && rc=$? || rc=$?
  return "\${rc}"
}
run "$@"
`;

for (const [shape, text, packages] of [["1.7", OLD, 4], ["1.30", NEW, 2]] as const) {
  Deno.test(`readTestScript() gives what bash starts for a script in the shape of ${shape}`, async (t) => {
    const files = {
      "hack/lib/golang.sh": GOLANG,
      "hack/lib/init.sh": INIT,
      "hack/make-rules/test.sh": text,
      "pkg/b/b_test.go": "package b\n",
      "pkg/a c/a_test.go": "package a\n",
      "pkg/a_test.go": "package pkg\n",
      "staging/src/k8s.io/api/api_test.go": "package api\n",
      "vendor/x/x_test.go": "package x\n",
    };
    // A name with a space is two words for the script of 1.7.
    const { "pkg/a c/a_test.go": spaced, ...plain } = files;
    const written = shape === "1.7" ? { ...plain, "pkg/c/a_test.go": spaced } : files;
    await withFiles(written, async (parent) => {
      const root = join(parent, "tree");
      await Deno.mkdir(root);
      for (const path of Object.keys(written)) {
        await Deno.mkdir(dirname(join(root, path)), { recursive: true });
        await Deno.rename(join(parent, path), join(root, path));
      }
      for (const [name, variables] of Object.entries(CASES)) {
        await t.step(name, () => compare(root, variables));
      }
      await t.step("packages", async () => assertEquals(await comparePackages(root), packages));
    });
  });
}

Deno.test("readTestScript() says where a script is not understood", async () => {
  const files = { "hack/lib/golang.sh": GOLANG, "hack/lib/init.sh": INIT };
  const whyOf = async (root: string) => {
    const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
    const read = await readTestScript(checkout, {
      ...{ host: "linux/amd64", variables: {}, gopath: "/gopath" },
    });
    return "why" in read ? read.why : read;
  };
  await withFiles(files, async (root) => {
    assertEquals(await whyOf(root), "hack/make-rules/test.sh: Missing");
    await Deno.mkdir(join(root, "hack/make-rules"));
    const path = join(root, "hack/make-rules/test.sh");
    await Deno.writeTextFile(path, "true\n");
    assertEquals(await whyOf(root), "hack/make-rules/test.sh: It starts no go test");
    await Deno.writeTextFile(path, 'true\ngo test "$(curl x)" "$@"\n');
    assertMatch(String(await whyOf(root)), /^hack\/make-rules\/test\.sh:2: .*curl/);
    await Deno.writeTextFile(path, "true\ngo test ./...\n");
    assertMatch(String(await whyOf(root)), /test\.sh:2: The packages of go test are not known$/);
  });
});

Deno.test({
  name: `readTestScript() gives what bash starts in real checkouts${
    trees.length === 0 ? " (skipped: KBUILD_TEST_TREES is not set)" : ""
  }`,
  ignore: trees.length === 0,
  fn: async (t) => {
    for (const tree of trees) {
      const directory = await Deno.makeTempDir({ prefix: "kbuild-test-calls-" });
      try {
        const root = await copyTree(tree, join(directory, "tree"));
        for (const [name, variables] of Object.entries(CASES)) {
          await t.step(`${tree}: ${name}`, () => compare(root, variables));
        }
        await t.step(`${tree}: packages`, async () => assert(await comparePackages(root) > 0));
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    }
  },
});
