import { escapeXml } from "../lib/markup.ts";
import type { CheckResult } from "./run.ts";

/**
 * The report of checks that CI services read: `junit_verify.xml`, as `third_party/forked/shell2junit` writes it,
 * but with the right counts, and none of earlier runs.
 *
 * @param options.reportsErrors Whether a failure has only the lines that begin with `ERROR: `.
 */
export function checkReport(
  results: readonly CheckResult[],
  { reportsErrors }: { reportsErrors: boolean },
): string {
  const count = (wanted: CheckResult["outcome"]) =>
    results.filter(({ outcome }) => outcome === wanted).length;
  const time = results.reduce((sum, { seconds }) => sum + seconds, 0);
  const suite = `name="verify" tests="${results.length}" failures="${count("failed")}" ` +
    `skipped="${count("skipped")}" errors="0" time="${time.toFixed(3)}"`;
  const cases = results.map((result) => caseOf(result, reportsErrors)).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite ${suite}>\n${cases}` +
    "  </testsuite>\n</testsuites>\n";
}

function caseOf(
  { check, outcome, seconds, tail, errors }: CheckResult,
  reportsErrors: boolean,
): string {
  const attributes = `name="${escapeXml(check.name)}" classname="verify" ` +
    `time="${seconds.toFixed(3)}"`;
  if (outcome === "passed") return `    <testcase ${attributes}></testcase>\n`;
  const text = (reportsErrors && errors.length > 0 ? errors : tail).join("\n");
  const inner = outcome === "skipped"
    ? `<skipped message="${escapeXml(text)}"></skipped>`
    : `<failure type="ScriptError" message="Script Error">${escapeXml(text)}</failure>`;
  return `    <testcase ${attributes}>${inner}</testcase>\n`;
}
