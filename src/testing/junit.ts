import { escapeXml } from "../lib/markup.ts";
import type { PackageResult, TestResult } from "./results.ts";

/** Options of {@linkcode junitOf}. */
export interface JunitOptions {
  /** What `go version` says. */
  readonly go: string;
  /** When the tests began; ISO 8601. */
  readonly at: string;
  /** Whether parts of tests are left out (`KUBE_PRUNE_JUNIT_TESTS`); a failed test then has their output. */
  readonly isPruned: boolean;
}

/**
 * The report that CI services read, in the form of gotestsum, which Kubernetes' scripts start: a suite for
 * each package, a case for each test, with the output of failed and skipped ones.
 */
export function junitOf(packages: readonly PackageResult[], options: JunitOptions): string {
  const suites = packages.map((each) => suiteOf(each, options));
  const total = (pick: (suite: Suite) => number) =>
    suites.reduce((sum, each) => sum + pick(each), 0);
  const attributes = `tests="${total(({ tests }) => tests)}" ` +
    `failures="${total(({ failures }) => failures)}" errors="0" ` +
    `time="${total(({ seconds }) => seconds).toFixed(3)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${attributes}>\n` +
    `${suites.map(({ text }) => text).join("")}</testsuites>\n`;
}

interface Suite {
  readonly tests: number;
  readonly failures: number;
  readonly seconds: number;
  readonly text: string;
}

function suiteOf(
  { name, tests, outcome, seconds, output }: PackageResult,
  { go, at, isPruned }: JunitOptions,
): Suite {
  const listed = isPruned ? pruned(tests) : tests;
  const cases = listed.map((test) => caseOf(name, test));
  let failures = listed.filter((test) => test.outcome === "failed").length;
  if (outcome === "failed" && failures === 0) {
    // It did not compile, or its TestMain failed.
    failures = 1;
    cases.push(caseOf(name, { name: "TestMain", outcome, seconds: 0, output }));
  }
  const skipped = listed.filter((test) => test.outcome === "skipped").length;
  // As the schema of Jenkins has it, which wants errors and takes milliseconds; gotestsum writes no errors and microseconds.
  const attributes = `tests="${cases.length}" failures="${failures}" errors="0" ` +
    `skipped="${skipped}" time="${seconds.toFixed(3)}" name="${escapeXml(name)}" ` +
    `timestamp="${escapeXml(at)}"`;
  const properties =
    `\t\t<properties>\n\t\t\t<property name="go.version" value="${escapeXml(go)}">` +
    "</property>\n\t\t</properties>\n";
  const text = `\t<testsuite ${attributes}>\n${properties}${cases.join("")}\t</testsuite>\n`;
  return { tests: cases.length, failures, seconds, text };
}

/** Tests without their parts, whose output goes to the test. */
function pruned(tests: readonly TestResult[]): readonly TestResult[] {
  return tests.filter(({ name }) => !name.includes("/")).map((test) => {
    const parts = tests.filter(({ name }) => name.startsWith(`${test.name}/`));
    const output = parts.filter(({ outcome }) => outcome === test.outcome)
      .map((part) => part.output).join("");
    return { ...test, output: output + test.output };
  });
}

function caseOf(classname: string, { name, outcome, seconds, output }: TestResult): string {
  const attributes = `classname="${escapeXml(classname)}" name="${escapeXml(name)}" ` +
    `time="${seconds.toFixed(3)}"`;
  if (outcome === "passed") return `\t\t<testcase ${attributes}></testcase>\n`;
  const inner = outcome === "failed"
    ? `<failure message="Failed" type="">${escapeXml(output)}</failure>`
    : `<skipped message="${escapeXml(output.trim())}"></skipped>`;
  return `\t\t<testcase ${attributes}>\n\t\t\t${inner}\n\t\t</testcase>\n`;
}
