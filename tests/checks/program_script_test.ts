import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { readProgramScript } from "../../src/checks/mod.ts";
import * as scripts from "./_program_scripts.ts";

const NOTHING = { of: "nothing" } as const;
const RESTRICTIONS = ["k8s.io/", "${KUBE_ROOT}/staging/publishing/import-restrictions.yaml"];
const STAGING = {
  of: "staging",
  named: ["k8s.io/kubernetes/pkg/...", "k8s.io/kubernetes/cmd/..."],
} as const;
const none = { build: {}, run: {} };

Deno.test("readProgramScript() reads the forms of the releases", () => {
  const boss = "k8s.io/code-generator/cmd/import-boss";
  const cases = [
    [scripts.ALIASES, "cmd/preferredimports/preferredimports.go", [], NOTHING, none, false],
    [scripts.IMPORTS, "./cmd/importverifier", RESTRICTIONS, NOTHING, none, false],
    [
      ...[scripts.NEW_IMPORTS, "./cmd/importverifier", RESTRICTIONS, NOTHING],
      ...[{ build: { GOPROXY: "off" }, run: {} }, false],
    ],
    [scripts.OLD_BOSS, "./cmd/libs/go2idl/import-boss", ["--verify-only"], NOTHING, none, false],
    [scripts.BOSS, `./vendor/${boss}`, ["--verify-only"], STAGING, none, false],
    [
      ...[scripts.LATER_BOSS, boss, ["--include-test-files=true", "--verify-only"], STAGING],
      ...[{ build: { GO111MODULE: "on", GOPROXY: "off" }, run: {} }, false],
    ],
    [
      ...[scripts.NEW_BOSS, "./cmd/import-boss", ["-v", "2"], { of: "workspace", at: "end" }],
      ...[{ build: { GOPROXY: "off" }, run: { GOPROXY: "off" } }, false],
    ],
    [scripts.TYPECHECK, "test/typecheck/main.go", [], NOTHING, none, true],
    [scripts.LATER_TYPECHECK, "test/typecheck/main.go", ["--serial=true"], NOTHING, none, false],
    [
      ...[scripts.NEW_TYPECHECK, "./test/typecheck", ["--serial=true"]],
      ...[{ of: "workspace", at: "front" }, none, false],
    ],
  ] as const;
  for (const [text, program, args, packages, env, isGenerated] of cases) {
    const read = readProgramScript(text as string, { TYPECHECK_SERIAL: "true", KUBE_VERBOSE: "2" });
    assertEquals<unknown>(read, { program, env, args, packages, isGenerated }, text as string);
  }
});

Deno.test("readProgramScript() reads nothing into a script that does anything else", () => {
  const all = Object.values(scripts);
  const changes: readonly ((text: string) => string)[] = [
    (text) => `${text}true\n`,
    (text) => `${text}exit 0\n`,
    (text) => text.replace("set -o pipefail", "set -o pipefail\nexport GOFLAGS=-tags=a"),
    (text) => text.replace(/go run (\S+)/, "go run -tags=a $1"),
    (text) => text.replace(/WHAT=(\S+)/, "WHAT=$1 GOFLAGS=-tags=a"),
    (text) => text.replace(/go install (\S+)/, "go install -tags=a $1"),
    (text) => text.replace("exit 1\nfi\n", "fi\n"),
    (text) => text.replace(" || ret=$?", ""),
    (text) => text.replace(/ \|\| ret=\$\?[^]*/, " || ret=$?\n"),
    (text) => text.replace("|| ret=$?", "|| true"),
    (text) => text.replace('"k8s.io/" ', '"$(date)" '),
    (text) => text.replace(/find-binary "import-boss"/, 'find-binary "other"'),
    (text) => text.replace("staging/src/k8s.io/*/", "staging/src/*/"),
    (text) => text.replace("go work edit -json", "go list"),
  ];
  for (const [index, change] of changes.entries()) {
    const changed = all.filter((text) => change(text) !== text);
    assert(changed.length > 0, `${index}`);
    for (const text of changed) {
      assertEquals(readProgramScript(change(text), {}), undefined, `${index}: ${change(text)}`);
    }
  }
  assertEquals(readProgramScript("", {}), undefined);
});

const trees = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((root) => root !== "");

Deno.test({
  name: `readProgramScript() reads the scripts of real checkouts${
    trees.length > 0 ? "" : ": KBUILD_TEST_TREES names none"
  }`,
  ignore: trees.length === 0,
  async fn() {
    let read = 0;
    for (const root of trees) {
      for (const name of ["typecheck", "imports", "import-boss", "import-aliases"]) {
        const path = join(root, `hack/verify-${name}.sh`);
        const text = await Deno.readTextFile(path).catch(() => undefined);
        // 1.9 and 1.10 make generated files only where one is missing.
        if (text === undefined || text.includes("if [[ ! -f test/e2e/")) continue;
        assert(readProgramScript(text, {}) !== undefined, path);
        read++;
      }
    }
    assert(read > 0);
  },
});
