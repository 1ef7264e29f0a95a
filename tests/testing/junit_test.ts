/** Reads {@linkcode junitOf}'s reports with an XML parser of another project: Python's. */
import { assert, assertEquals } from "@std/assert";
import { checkReport, type CheckResult } from "../../src/checks/mod.ts";
import { junitOf, type PackageResult, type TestResult } from "../../src/testing/mod.ts";
import { run, unless, which } from "../e2e/_program.ts";

const EVIL = `<a & "b"> 'c' ]]> \t\r\n ü 𝒳 \u0000 \u001b[31m \ufffe end`;

function test(name: string, outcome: TestResult["outcome"], output = ""): TestResult {
  return { name, outcome, output, seconds: 1.5 };
}

function pack(name: string, tests: readonly TestResult[], output = ""): PackageResult {
  const isFailed = output !== "" || tests.some(({ outcome }) => outcome === "failed");
  return {
    name,
    outcome: isFailed ? "failed" : "passed",
    isCached: false,
    seconds: 2,
    tests,
    output,
  };
}

const PACKAGES: readonly PackageResult[] = [
  pack("k8s.io/a", [
    test("TestGood", "passed"),
    test("TestBad", "failed", "above\n"),
    test("TestBad/part", "failed", EVIL),
    test("TestBad/good", "passed"),
    test("TestSkip", "skipped", "not <today>\n"),
  ]),
  pack("k8s.io/broken", [], "does not compile\n"),
  pack("k8s.io/ok", [test("TestOk", "passed")]),
];

const PYTHON = `
import json, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
def case(c):
    inner = [(e.tag, e.get("message"), e.text) for e in c]
    return [c.get("classname"), c.get("name"), float(c.get("time")), inner]
suites = [[s.get("name"), int(s.get("tests")), int(s.get("failures")), [case(c) for c in s.findall("testcase")],
  [p.get("value") for p in s.iter("property")]] for s in root]
print(json.dumps([dict(root.attrib), suites]))
`;

/** What Python reads. */
async function read(report: string) {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, report);
    const { stdout, stderr } = await run(["sh", "-c", 'python3 -c "$1" <"$2"', "sh", PYTHON, path]);
    assert(stdout !== "", stderr);
    return JSON.parse(stdout);
  } finally {
    await Deno.remove(path);
  }
}

const options = { go: 'go version "devel" <x>', at: "2026-05-18T15:19:14Z" };

Deno.test({
  ...unless(
    which("python3") === undefined ? "needs python3" : undefined,
    "junitOf() is XML with every case",
  ),
  async fn() {
    const [totals, suites] = await read(junitOf(PACKAGES, { ...options, isPruned: false }));
    assertEquals(totals, { tests: "7", failures: "3", errors: "0", time: "6.000" });
    assertEquals(suites.map((suite: unknown[]) => suite.slice(0, 3)), [
      ["k8s.io/a", 5, 2],
      ["k8s.io/broken", 1, 1],
      ["k8s.io/ok", 1, 0],
    ]);
    assertEquals(suites[0][4], [options.go]);
    const cases = new Map(suites[0][3].map((each: unknown[]) => [each[1], each[3]]));
    const evil = EVIL.replace("\u0000", "\ufffd").replace("\u001b", "\ufffd").replace(
      "\ufffe",
      "\ufffd",
    );
    assertEquals(cases.get("TestBad/part"), [["failure", "Failed", evil]]);
    assertEquals(cases.get("TestSkip"), [["skipped", "not <today>", null]]);
    assertEquals(cases.get("TestGood"), []);
    assertEquals(suites[1][3], [
      ["k8s.io/broken", "TestMain", 0, [["failure", "Failed", "does not compile\n"]]],
    ]);
  },
});

Deno.test({
  ...unless(
    which("python3") === undefined ? "needs python3" : undefined,
    "junitOf() leaves parts of tests out",
  ),
  async fn() {
    const [totals, suites] = await read(junitOf(PACKAGES, { ...options, isPruned: true }));
    assertEquals([totals.tests, totals.failures], ["5", "2"]);
    const names = suites[0][3].map((each: unknown[]) => each[1]);
    assertEquals(names, ["TestGood", "TestBad", "TestSkip"]);
    const [[, , text]] = suites[0][3][1][3];
    assert(text.includes("end") && text.endsWith("above\n"), text);
  },
});

/** A schema that CI services validate reports with: `junit-10.xsd` of Jenkins' xUnit plugin, or another. */
const SCHEMA = Deno.env.get("KBUILD_TEST_JUNIT_XSD");

Deno.test({
  ...unless(
    SCHEMA === undefined
      ? "KBUILD_TEST_JUNIT_XSD does not name a schema"
      : which("xmllint") === undefined
      ? "needs xmllint"
      : undefined,
    "reports of tests and of checks fit the schema of KBUILD_TEST_JUNIT_XSD",
  ),
  async fn() {
    const checkOf = (name: string, outcome: CheckResult["outcome"]): CheckResult => ({
      check: { name, file: name, path: name, argv: [], directory: "" },
      ...{ outcome, seconds: 1.25, tail: [EVIL], errors: [], log: undefined },
    });
    const checks = (["passed", "failed", "skipped"] as const).map((each) => checkOf(each, each));
    const reports = [
      junitOf(PACKAGES, { ...options, isPruned: false }),
      junitOf(PACKAGES, { ...options, isPruned: true }),
      junitOf([], { ...options, isPruned: false }),
      checkReport(checks, { reportsErrors: false }),
    ];
    const path = await Deno.makeTempFile();
    try {
      for (const report of reports) {
        await Deno.writeTextFile(path, report);
        const { code, stderr } = await run(["xmllint", "--noout", "--schema", SCHEMA!, path]);
        assertEquals(code, 0, stderr);
      }
    } finally {
      await Deno.remove(path);
    }
  },
});
