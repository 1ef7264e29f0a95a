/**
 * `kbuild test` of some fifty packages of a real 1.20.2 checkout, some of which end in every other way, beside
 * what `go test -json` alone says of them. Takes some five minutes on two processors.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { findRealTree, goBin, NEEDS_TREE, which } from "./_tree.ts";
import { Workbench } from "./_workbench.ts";

/** Without `async` and `wait`, whose tests fail on a busy machine now and then. */
const UTIL = (
  "bandwidth config conntrack env flag hash ipconfig iptables ipset ipvs labels netsh oom parsers procfs " +
  "removeall slice tail"
).split(" ").map((name) => `pkg/util/${name}`);
const STAGED = (
  "cache clock diff duration errors framer intstr json jsonmergepatch net rand runtime sets validation version " +
  "waitgroup yaml"
).split(" ").map((name) => `./vendor/k8s.io/apimachinery/pkg/util/${name}`);

/** Packages that are made: what a test file has below its imports. */
const MADE: Readonly<Record<string, string>> = {
  fails: `func TestGood(t *testing.T) {}
func TestBad(t *testing.T) { t.Run("a b/ü", func(t *testing.T) { t.Error("wrong & <bad> \\x1b[31m") }) }`,
  races: `func TestRace(t *testing.T) {
	n, done := 0, make(chan bool)
	go func() { n++; done <- true }()
	n++
	<-done
	fmt.Println(n)
}
func TestAfter(t *testing.T) {}`,
  panics: `func TestBefore(t *testing.T) {}
func TestPanic(t *testing.T) { var m map[string]int; m["a"] = 1 }
func TestNever(t *testing.T) {}`,
  hangs: `func TestBefore(t *testing.T) {}
func TestHang(t *testing.T) { time.Sleep(time.Hour) }`,
  prints: `func TestMuch(t *testing.T) {
	line := strings.Repeat("x", 1023)
	for i := 0; i < 100*1024; i++ { fmt.Println(line) }
}`,
  printsandfails: `func TestMuch(t *testing.T) {
	fmt.Println(strings.Repeat("y", 10<<20))
	line := strings.Repeat("x", 1023)
	for i := 0; i < 20*1024; i++ { fmt.Println(line) }
	t.Fatal("at the end")
}`,
  doesnotcompile: `func TestX(t *testing.T) { undefined.Thing() }`,
  doesnotvet: `func TestX(t *testing.T) { t.Errorf("%d", "text") }`,
  exits: `func TestExit(t *testing.T) { os.Exit(3) }`,
  exitsquietly: `func TestExit(t *testing.T) { os.Exit(0) }`,
  skips: `func TestSkip(t *testing.T) { t.Skip("not today") }`,
  parallel:
    `func TestA(t *testing.T) { t.Parallel(); t.Run("x", func(t *testing.T) { t.Parallel() }) }
func TestB(t *testing.T) { t.Parallel(); t.Error("b") }`,
  examples: `func Example() { fmt.Println("one")
	// Output: two
}`,
  looksdone:
    `func TestLies(t *testing.T) { fmt.Print("PASS\\nok  \\tk8s.io/kubernetes/pkg/kbuildmade/other\\t0.01s\\n--- FAIL: TestOther (0.00s)\\n"); t.Fail() }`,
};
const NAMES = Object.keys(MADE).map((name) => `pkg/kbuildmade/${name}`);
const OTHERS: Readonly<Record<string, string>> = {
  "initpanics/x_test.go":
    `package x\n\nimport "testing"\n\nfunc init() { panic("init") }\n\nfunc TestX(t *testing.T) {}\n`,
  "setupfails/x_test.go":
    `package x\n\nimport (\n\t_ "k8s.io/kubernetes/nothing"\n\t"testing"\n)\n\nfunc TestX(t *testing.T) {}\n`,
  "testmain/x_test.go":
    `package x\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) { m.Run(); os.Exit(7) }\n\nfunc TestX(t *testing.T) {}\n`,
  "notests/x.go": "package x\n",
};
const MORE = ["initpanics", "setupfails", "testmain", "notests"].map((name) =>
  `pkg/kbuildmade/${name}`
);
const WORDS = [...UTIL, ...STAGED, ...NAMES, ...MORE];

async function makePackages(root: string): Promise<void> {
  const write = async (path: string, text: string) => {
    const file = join(root, "pkg/kbuildmade", path);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeTextFile(file, text);
  };
  for (const [name, body] of Object.entries(MADE)) {
    const used = ["fmt", "os", "strings", "time"].filter((each) => body.includes(`${each}.`));
    const imports = [...used, "testing"].map((each) => `\t"${each}"\n`).join("");
    const testing = body.includes("testing.") ? "" : "\nvar _ testing.T\n";
    await write(`${name}/x_test.go`, `package x\n\nimport (\n${imports})\n${testing}\n${body}\n`);
  }
  for (const [path, text] of Object.entries(OTHERS)) await write(path, text);
}

interface Found {
  outcome: string;
  failed: string[];
  skipped: string[];
  passed: string[];
}

/** What `go test -json` says, read apart from kbuild: the last word about each package and test. */
function truthOf(text: string): Map<string, Found> {
  const packages = new Map<string, Map<string, string>>();
  const ended = new Map<string, string>();
  const words: Readonly<Record<string, string>> = {
    pass: "passed",
    fail: "failed",
    skip: "skipped",
    run: "failed",
  };
  for (const line of text.split("\n")) {
    if (!line.startsWith("{")) {
      const [, name] = /^FAIL\t(\S+) \[(?:build|setup) failed\]$/.exec(line) ?? [];
      if (name !== undefined) ended.set(name, "failed");
      continue;
    }
    const { Action, Package, Test } = JSON.parse(line) as Record<string, string>;
    const word = words[Action!];
    if (word === undefined) continue;
    const tests = packages.get(Package!) ?? new Map<string, string>();
    packages.set(Package!, tests);
    if (Test === undefined) ended.set(Package!, word);
    else tests.set(Test, word);
  }
  return new Map(
    [...ended].sort().map(([name, outcome]) => {
      const tests = [...packages.get(name) ?? []];
      const having = (word: string) =>
        tests.filter(([, each]) => each === word).map(([test]) => test).sort();
      const [failed, skipped] = [having("failed"), having("skipped")];
      return [name, { outcome, failed, skipped, passed: having("passed") }];
    }),
  );
}

interface Reported {
  readonly packages: { passed: number; failed: number };
  readonly tests: { passed: number; failed: number; skipped: number };
  readonly results: readonly {
    name: string;
    outcome: string;
    output: string;
    tests: readonly { name: string; outcome: string; output: string }[];
  }[];
}

const tree = findRealTree({ fetch: false });
const go = goBin();
const why = tree === undefined
  ? NEEDS_TREE
  : go === undefined
  ? "needs go"
  : which("gcc") === undefined
  ? "needs gcc for -race"
  : undefined;

Deno.test({
  name: `kbuild test says of packages what go test -json says${
    why === undefined ? "" : `: ${why}`
  }`,
  ignore: why !== undefined,
  async fn(t) {
    const bench = await Workbench.open(tree!, go!);
    try {
      await makePackages(bench.tree);
      const reports = await bench.directory("reports");
      const env = {
        // Compiled once for both, and kept between runs of this test.
        GOCACHE: Deno.env.get("GOCACHE") ?? join(Deno.env.get("HOME") ?? "/", ".cache/go-build"),
        ARTIFACTS: reports,
        KUBE_RACE: "-race",
        KUBE_TIMEOUT: "-timeout=40s",
        KBUILD_OFFLINE: "y",
      };
      const planned = JSON.parse(
        (await bench.kbuild(["plan", "--json", "test", ...WORDS], env)).stdout,
      ) as {
        processes: { argv: string[]; cwd: string; env: Record<string, string> }[];
      };
      const process = planned.processes.find(({ argv }) => argv.includes("-json"))!;
      assertEquals(planned.processes.filter(({ argv }) => argv.includes("-json")).length, 1);
      const options = { env: { ...bench.env, ...env }, allowed: "any" as const };
      const argv = ["test", ...WORDS, "--json"];
      const json = new TextDecoder();
      let stdout = "";
      const config = new URL("../../deno.npm.json", import.meta.url).pathname;
      const ended = await bench.shell.run([
        ...[Deno.execPath(), "run", "-A", "--no-prompt", "--config", config],
        ...[new URL("../../main.ts", import.meta.url).pathname, ...argv],
      ], {
        ...{ ...options, env: { ...options.env, DENO_DIR: Deno.env.get("DENO_DIR") ?? "" } },
        onStdout: (chunk) => void (stdout += json.decode(chunk, { stream: true })),
      });
      const reported = JSON.parse(stdout.slice(0, stdout.lastIndexOf("}") + 1)) as Reported;

      const decoder = new TextDecoder();
      let text = "";
      const alone = await bench.shell.run(process.argv, {
        ...{ cwd: process.cwd, allowed: "any" as const },
        // Through the link of the GOPATH: Go names packages by it.
        env: { ...options.env, ...process.env, PWD: process.cwd },
        // Lines of what tests print decide nothing.
        onStdout(chunk) {
          text += decoder.decode(chunk, { stream: true });
          const whole = text.lastIndexOf("\n") + 1;
          text = kept(text.slice(0, whole)) + text.slice(whole);
        },
      });
      const truth = truthOf(text);

      await t.step("the exit status", () => {
        // Go ends with 2 where a package cannot be loaded; for kbuild that would be a wrong command line.
        assertEquals([alone.code !== 0, ended.code], [true, 1]);
      });
      await t.step(`${truth.size} packages and their tests`, () => {
        assert(truth.size >= 40, `${truth.size}: ${alone.tail.join("\n")}`);
        const ours = new Map(reported.results.map(({ name, outcome, tests }) => {
          const having = (word: string) =>
            tests.filter((each) => each.outcome === word).map((each) => each.name).sort();
          return [name, { outcome, failed: having("failed"), skipped: having("skipped") }];
        }));
        for (const [name, { outcome, failed, skipped }] of truth) {
          assertEquals([name, ours.get(name)], [name, { outcome, failed, skipped }]);
        }
        assertEquals(ours.size, truth.size);
        const all = [...truth.values()];
        // Parts of tests are not counted.
        const sum = (pick: (found: Found) => readonly string[]) =>
          all.flatMap(pick).filter((test) => !test.includes("/")).length;
        assertEquals(reported.tests, {
          passed: sum(({ passed }) => passed),
          failed: sum(({ failed }) => failed),
          skipped: sum(({ skipped }) => skipped),
        });
        const ofMade = (name: string) =>
          truth.get(`k8s.io/kubernetes/pkg/kbuildmade/${name}`)?.outcome;
        assertEquals([ofMade("races"), ofMade("hangs"), ofMade("prints")], [
          "failed",
          "failed",
          "passed",
        ]);
      });
      await t.step("what was printed says why", () => {
        const said: Readonly<Record<string, RegExp>> = {
          races: /WARNING: DATA RACE[^]*race detected during execution of test/,
          panics: /assignment to entry in nil map/,
          hangs: /panic: test timed out after 40s/,
          printsandfails: /^y+[^]*characters left out[^]*at the end/m,
          doesnotcompile: /undefined: undefined|undefined\.Thing/,
          doesnotvet: /Errorf format %d has arg "text" of wrong type/,
          setupfails: /cannot find package|is not in GOROOT|no required module/,
          initpanics: /panic: init/,
          exitsquietly: /unexpected call to os.Exit\(0\) during test/,
        };
        for (const [name, pattern] of Object.entries(said)) {
          const found = reported.results.find((each) => each.name.endsWith(`/kbuildmade/${name}`))!;
          const printed = found.output + found.tests.map(({ output }) => output).join("");
          assert(pattern.test(printed), `${name}: ${printed.slice(0, 500)}`);
          assert(printed.length < 100_000, `${name}: ${printed.length}`);
        }
      });
      await t.step("the JUnit report", async () => {
        const [file] = [...Deno.readDirSync(reports)].filter(({ name }) => name.endsWith(".xml"));
        const path = join(reports, file!.name);
        const xml = await Deno.readTextFile(path);
        const suites = [
          ...xml.matchAll(/<testsuite tests="(\d+)" failures="(\d+)"[^>]* name="([^"]*)"/g),
        ];
        assertEquals(suites.length, truth.size);
        for (const [, , failures, name] of suites) {
          const { outcome, failed } = truth.get(name!)!;
          // A package that fails without a test counts as one.
          const wanted = outcome === "failed" ? Math.max(1, failed.length) : 0;
          assertEquals([name, Number(failures)], [name, wanted]);
        }
        const schema = Deno.env.get("KBUILD_TEST_JUNIT_XSD");
        if (schema !== undefined) await bench.run(["xmllint", "--noout", "--schema", schema, path]);
      });
    } finally {
      await bench.close();
    }
  },
});

/** Lines of `go test -json` without what tests print. */
function kept(text: string): string {
  return text.split("\n").filter((line) => !line.startsWith("{") || !/"Action":"output"/.test(line))
    .join("\n");
}
