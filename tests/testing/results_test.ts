/** Holds {@linkcode TestResults} against what the machine's own `go test -json` prints. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { createEvents, RunState } from "../../src/events/mod.ts";
import {
  failedTests,
  failureLines,
  GoEventReader,
  packageLine,
  type PackageResult,
  repeatCommand,
  summarize,
  summaryLine,
  TestResults,
} from "../../src/testing/mod.ts";
import { ENV, GO, inScratch, run } from "../e2e/_program.ts";

const NO_GO = GO < 10 ? "needs Go 1.10 or later in PATH" : undefined;

/** A module whose packages end in every way. */
const PACKAGES: Readonly<Record<string, string>> = {
  passes: 'func TestA(t *testing.T) { t.Log("said") }\nfunc TestB(t *testing.T) {}\n',
  fails: `func TestGood(t *testing.T) {}
func TestBad(t *testing.T) {
	t.Log("before")
	t.Run("a case (1)", func(t *testing.T) { t.Error("wrong <value>") })
	t.Run("fine", func(t *testing.T) { t.Log("silent") })
}
func TestSkip(t *testing.T) { t.Skip("not today") }
`,
  panics: 'func TestP(t *testing.T) { var m map[string]int; m["a"] = 1 }\n' +
    "func TestAfter(t *testing.T) {}\n",
  broken: "func TestX(t *testing.T) { undefined() }\n",
};

/** Runs `go test -json` on the module, and gathers its results in pieces of some bytes. */
async function results(dir: string, size: number): Promise<{
  packages: readonly PackageResult[];
  state: RunState;
  printed: string;
}> {
  const env = { ...ENV, GO111MODULE: "on", GOFLAGS: "", GOPROXY: "off", GOWORK: "off" };
  const { stdout, stderr } = await run(["go", "test", "-json", "./..."], { cwd: dir, env });
  const events = createEvents();
  const state = new RunState();
  events.listen((event) => state.add(event));
  let printed = "";
  const gathered = new TestResults({ events, onOutput: (text) => printed += text });
  const reader = new GoEventReader((event) => gathered.add(event));
  gathered.addError(stderr);
  const bytes = new TextEncoder().encode(stdout);
  for (let at = 0; at < bytes.length; at += size) reader.add(bytes.subarray(at, at + size));
  reader.end();
  gathered.close();
  await new Promise((resolve) => setTimeout(resolve, 0));
  return { packages: gathered.packages, state, printed };
}

Deno.test({
  name: `TestResults gathers what go test says${NO_GO === undefined ? "" : ` (${NO_GO})`}`,
  ignore: NO_GO !== undefined,
  fn: () =>
    inScratch(async (dir) => {
      await Deno.writeTextFile(join(dir, "go.mod"), "module example.com/m\n\ngo 1.16\n");
      for (const [name, body] of Object.entries(PACKAGES)) {
        await Deno.mkdir(join(dir, name));
        const text = `package ${name}\n\nimport "testing"\n\n${body}`;
        await Deno.writeTextFile(join(dir, name, "x_test.go"), text);
      }
      await Deno.mkdir(join(dir, "none"));
      await Deno.writeTextFile(join(dir, "none/none.go"), "package none\n");

      const { packages, state, printed } = await results(dir, 7);
      const byName = new Map(
        packages.map((each) => [each.name.replace("example.com/m/", ""), each]),
      );
      const outcomes = [...byName].map(([name, { outcome }]) => `${name} ${outcome}`).sort();
      assertEquals(outcomes, [
        "broken failed",
        "fails failed",
        "none skipped",
        "panics failed",
        "passes passed",
      ]);
      const tests = (name: string) =>
        byName.get(name)!.tests.map((test) => `${test.name} ${test.outcome}`);
      assertEquals(tests("passes"), ["TestA passed", "TestB passed"]);
      assertEquals(tests("fails"), [
        "TestGood passed",
        "TestBad failed",
        "TestBad/a_case_(1) failed",
        "TestBad/fine passed",
        "TestSkip skipped",
      ]);
      assertEquals(tests("panics"), ["TestP failed"]);
      assertEquals(failedTests(byName.get("fails")!).map(({ name }) => name), [
        "TestBad/a_case_(1)",
      ]);
      assertStringIncludes(byName.get("broken")!.output, "undefined");
      assertStringIncludes(printed, "--- FAIL: TestBad");

      const lines = failureLines(packages, "example.com/m").join("\n");
      for (
        const part of [
          "FAIL example.com/m/broken",
          "x_test.go:5:28: undefined",
          "before",
          "wrong <value>",
          "assignment to entry in nil map",
          "again: kbuild test fails --run '^TestBad$/^a_case_\\(1\\)$'",
          "again: kbuild test panics --run '^TestP$'",
          "again: kbuild test broken",
        ]
      ) assertStringIncludes(lines, part);
      for (const part of ["silent", "=== RUN", "said"]) assert(!lines.includes(part), lines);

      assertEquals(summarize(packages).packages, { passed: 1, failed: 3, cached: 0 });
      assertEquals(summarize(packages).tests, { passed: 3, failed: 2, skipped: 1 });
      assertEquals(
        [...state.units.values()].map(({ name, result }) => `${name} ${result}`).sort(),
        packages.map(({ name, outcome }) => `${name} ${outcome === "failed" ? "failed" : "made"}`)
          .sort(),
      );

      // Go keeps what passed; in pieces of another size the results are the same.
      const again = await results(dir, 4096);
      const cached = again.packages.filter(({ isCached }) => isCached).map(packageLine);
      assertEquals(cached, ["ok  \texample.com/m/passes\t(cached)"]);
      assertStringIncludes(
        summaryLine(summarize(again.packages), "x"),
        "1 passed (1 cached), 3 failed",
      );
      const same = (list: readonly PackageResult[]) =>
        list.map(({ name, outcome, tests }) => [name, outcome, tests.map((test) => test.outcome)])
          .sort();
      assertEquals(same(again.packages), same(packages));
    }),
});

/** Feeds events, as lines. */
function gather(lines: readonly (object | string)[]): readonly PackageResult[] {
  const gathered = new TestResults({ events: createEvents() });
  const reader = new GoEventReader((event) => gathered.add(event));
  const text = lines.map((line) => typeof line === "string" ? line : JSON.stringify(line));
  reader.add(new TextEncoder().encode(text.join("\n")));
  reader.end();
  gathered.close();
  return gathered.packages;
}

Deno.test("TestResults reads the lines of older Go and what is no event", () => {
  const packages = gather([
    { Action: "run", Package: "a", Test: "TestA" },
    "this is not JSON",
    '{"Action": 5}',
    '{"Action": "output", ',
    "FAIL\tb [build failed]",
    { Action: "output", Package: "a", Test: "TestA", Output: "half" },
  ]);
  assertEquals(packages.map(({ name, outcome }) => [name, outcome]), [
    ["b", "failed"],
    // go ended before its package did.
    ["a", "failed"],
  ]);
  assertEquals(packages[1]!.tests.map(({ outcome, output }) => [outcome, output]), [
    ["failed", "half"],
  ]);
});

Deno.test("TestResults keeps the beginning and the end of much output", () => {
  const line = `${"x".repeat(99)}\n`;
  const output = { Action: "output", Package: "a", Test: "TestA", Output: line };
  const packages = gather([
    { ...output, Output: "first\n" },
    ...Array.from({ length: 20_000 }, () => output),
    { ...output, Output: "last\n" },
    { Action: "fail", Package: "a", Test: "TestA" },
    { Action: "fail", Package: "a" },
  ]);
  const text = packages[0]!.tests[0]!.output;
  assert(text.startsWith("first\n") && text.endsWith("last\n"));
  assert(text.length < 100_000, `${text.length}`);
  const left = Number(/\[(\d+) characters left out\]/.exec(text)?.[1]);
  const marker = text.length - text.replace(/\n\[\d+ characters left out\]\n/, "").length;
  assertEquals(text.length - marker + left, 20_000 * 100 + 11);
});

Deno.test("repeatCommand() names one test for Go and for a shell", () => {
  const own = "k8s.io/kubernetes";
  assertEquals(
    repeatCommand(`${own}/pkg/a`, "TestA/it's_[x]+/b", own),
    `kbuild test pkg/a --run '^TestA$/^it'\\''s_\\[x\\]\\+$/^b$'`,
  );
  assertEquals(repeatCommand("k8s.io/api", "TestA", own), "kbuild test k8s.io/api --run '^TestA$'");
});
