import { duration } from "../progress/mod.ts";
import { quote } from "../shell/mod.ts";
import { escapeRegex } from "./failures.ts";
import { failedTests, type PackageResult, type TestResult } from "./results.ts";
import { shortName } from "./words.ts";

/** Failed tests whose output is shown whole; more are named. */
const SHOWN_FAILURES = 50;
/** Slowest packages that a summary names. */
const SLOWEST = 3;
/** Seconds from which a package counts as slow. */
const SLOW_SECONDS = 1;

/** A package as `go test` reports it: `ok  	k8s.io/api	0.012s`. */
export function packageLine({ name, outcome, isCached, seconds }: PackageResult): string {
  if (outcome === "skipped") return `?   \t${name}\t[no test files]`;
  const time = isCached ? "(cached)" : `${seconds.toFixed(3)}s`;
  return `${outcome === "passed" ? "ok  " : "FAIL"}\t${name}\t${time}`;
}

/**
 * What failed, to be read at the end: the output of each failed test, and the command that repeats just it.
 *
 * @param own `k8s.io/kubernetes`.
 * @param command What they were tested with.
 * @returns Lines; none where nothing failed.
 */
export function failureLines(
  packages: readonly PackageResult[],
  own: string,
  command = "test",
): readonly string[] {
  const lines: string[] = [];
  let shown = 0;
  for (const each of packages.filter(({ outcome }) => outcome === "failed")) {
    const { name, output } = each;
    const failed = failedTests(each);
    lines.push("", `FAIL ${name}`);
    if (failed.length === 0 || output.includes("panic: ") || output.includes("# ")) {
      lines.push(...indented(withoutSummary(output)));
    }
    const told = new Set<string>();
    for (const test of failed) {
      if (shown < SHOWN_FAILURES) lines.push(...indented(linesAround(each, test, told)));
      if (++shown > SHOWN_FAILURES) lines.push(`    --- FAIL: ${test.name}`);
      else lines.push(...indented(textOf(test)));
      lines.push(`    again: ${repeatCommand(name, test.name, own, command)}`);
    }
    if (failed.length === 0) {
      lines.push(`    again: kbuild ${command} ${quote(shortName(name, own))}`);
    }
  }
  return lines;
}

/** What the tests printed that a part belongs to, each once. */
function linesAround(
  { tests }: PackageResult,
  part: TestResult,
  told: Set<string>,
): string {
  const above = tests.filter(({ name }) => part.name.startsWith(`${name}/`) && !told.has(name));
  for (const { name } of above) told.add(name);
  return above.map(({ output }) => output.replaceAll(/^ *--- FAIL: .*\n/gm, "")).join("");
}

function textOf({ name, output, seconds }: TestResult): string {
  return output.includes(`--- FAIL: ${name} `)
    ? output
    : `${output.replace(/\n?$/, output === "" ? "" : "\n")}--- FAIL: ${name} (${
      seconds.toFixed(2)
    }s)`;
}

/** The command that runs one test, or a part of it, again. */
export function repeatCommand(
  name: string,
  test: string,
  own: string,
  command = "test",
): string {
  const run = test.split("/").map((part) => `^${escapeRegex(part)}$`).join("/");
  return `kbuild ${command} ${quote(shortName(name, own))} --run ${quote(run)}`;
}

/** Without the lines that `go test` ends a package with. */
function withoutSummary(output: string): string {
  return output.replaceAll(/^(FAIL|exit status \d+|FAIL\t.*|coverage: .*)\n/gm, "");
}

function indented(text: string): readonly string[] {
  if (text === "") return [];
  return text.replace(/\n+$/, "").split("\n").map((line) => line === "" ? "" : `    ${line}`);
}

/** How a run of tests ended, in figures. */
export interface TestSummary {
  /** Packages with tests, by how they ended. */
  readonly packages: {
    readonly passed: number;
    readonly failed: number;
    /** Of those that passed: whose result Go knew. */
    readonly cached: number;
  };
  /** Tests, parts of tests not counted. */
  readonly tests: { readonly passed: number; readonly failed: number; readonly skipped: number };
  /** The slowest packages, the slowest first. */
  readonly slowest: readonly { readonly name: string; readonly seconds: number }[];
}

/** Counts what ran. */
export function summarize(packages: readonly PackageResult[]): TestSummary {
  const count = (list: readonly { outcome: string }[], wanted: string) =>
    list.filter(({ outcome }) => outcome === wanted).length;
  const tests = packages.flatMap((each) => each.tests).filter(({ name }) => !name.includes("/"));
  const slowest = packages.filter(({ isCached, seconds }) => !isCached && seconds >= SLOW_SECONDS)
    .sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  return {
    packages: {
      passed: count(packages, "passed"),
      failed: count(packages, "failed"),
      cached: packages.filter(({ isCached }) => isCached).length,
    },
    tests: {
      passed: count(tests, "passed"),
      failed: count(tests, "failed"),
      skipped: count(tests, "skipped"),
    },
    slowest: slowest.map(({ name, seconds }) => ({ name, seconds })),
  };
}

/** The same in one line. */
export function summaryLine({ packages, tests, slowest }: TestSummary, own: string): string {
  const part = (count: number, word: string) => count === 0 ? [] : [`${count} ${word}`];
  const list = (parts: readonly (readonly string[])[]) => parts.flat().join(", ") || "none";
  const inPackages = list([
    part(packages.passed, packages.cached > 0 ? `passed (${packages.cached} cached)` : "passed"),
    part(packages.failed, "failed"),
  ]);
  const inTests = list([
    part(tests.passed, "passed"),
    part(tests.failed, "failed"),
    part(tests.skipped, "skipped"),
  ]);
  const slow = slowest.map(({ name, seconds }) =>
    `${shortName(name, own)} ${duration(seconds * 1000)}`
  );
  const most = slow.length === 0 ? "" : `; slowest: ${slow.join(", ")}`;
  return `Packages: ${inPackages}; tests: ${inTests}${most}`;
}
