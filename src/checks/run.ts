import { dirname, join } from "@std/path";
import { KbuildError, systemCode } from "../errors.ts";
import { isDiskFull, reasonOf } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { mapConcurrently } from "../lib/util.ts";
import { CommandError, createTail, InterruptedError } from "../shell/mod.ts";
import type { Check } from "./list.ts";
import type { NativeScript } from "./native.ts";
import type { Verdicts } from "./verdicts.ts";

/** How a check ended. */
export interface CheckResult {
  /** Which. */
  readonly check: Check;
  /** Skipped: something that it needs is missing. */
  readonly outcome: "passed" | "failed" | "skipped";
  /** Whether it passed before, and nothing has changed since. */
  readonly isReused?: boolean;
  /** Wall time. */
  readonly seconds: number;
  /** Its last lines, of standard output and standard error; of a skipped one why. */
  readonly tail: readonly string[];
  /** Lines of its standard error that begin with `ERROR: `, without that. */
  readonly errors: readonly string[];
  /** Absolute path of all that it printed; undefined if it did not run. */
  readonly log: string | undefined;
}

/** How checks run. */
export interface CheckRun {
  /** Environment of the scripts. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory of their logs; absolute. */
  readonly logs: string;
  /** Receives what a script prints, as it comes. */
  readonly onOutput?:
    | ((text: string, stream: "stdout" | "stderr") => void)
    | undefined;
  /** Scripts whose work kbuild does itself, by path. */
  readonly natives?: ReadonlyMap<string, NativeScript>;
  /** Checks that passed before; without it all of them run. */
  readonly verdicts?: Verdicts | undefined;
  /** Why a script cannot run here: undefined if it can. Asked where only the script can tell. */
  whyNot?(check: Check): string | undefined;
}

/**
 * Checks of the releases that only read the checkout: they may run at the same time. Others run one after the
 * other, for they build, generate or rewrite files.
 */
const READING: ReadonlySet<string> = new Set([
  ...["api-groups", "boilerplate", "conformance-requirements", "e2e-test-ownership"],
  ...["external-dependencies-version", "fieldname-docs", "file-sizes", "flags-underscore"],
  ...["gofmt", "import-aliases", "netparse-cve", "non-mutating-validation", "pkg-names"],
  ...["prerelease-lifecycle-tags", "prometheus-imports"],
  ...["publishing-bot", "readonly-packages", "staging-meta-files", "test-code"],
  ...["test-featuregates", "test-images", "testing-import"],
]);
/** A check did not pass, and has said so. */
class CheckFailure extends KbuildError {
  constructor() {
    super("Cannot pass the check");
  }
}

/** Whether an error is about what a check works with, and others can go on: not an interrupt, not a full disk. */
function isOfCheck(error: unknown): boolean {
  if (error instanceof InterruptedError || isDiskFull(error)) return false;
  return error instanceof KbuildError || systemCode(error) !== undefined;
}

function linesOf(error: unknown): readonly string[] {
  const { notes, output } = error instanceof KbuildError ? error : { notes: [], output: [] };
  return [...output, reasonOf(error), ...notes].map((line) => `${line}\n`);
}

/** Lines that errors show. */
const TAIL_LINES = 20;
/** Lines that a report has of what failed. */
const MAX_ERRORS = 200;

/**
 * Runs checks: those that only read side by side, then the others one after the other. A failed check is a
 * result, not an error.
 *
 * @param options.jobs How many at once.
 * @param options.onEnd Receives each when it has ended.
 * @returns In the order of the checks.
 */
export async function runChecks(
  context: KubeContext,
  checks: readonly Check[],
  run: CheckRun,
  options: { jobs: number; onEnd: (result: CheckResult) => void },
): Promise<readonly CheckResult[]> {
  const results = new Map<Check, CheckResult>();
  const one = async (check: Check) => {
    const result = await runCheck(context, check, run);
    results.set(check, result);
    options.onEnd(result);
  };
  const isReading = ({ name, directory }: Check) => directory === "" && READING.has(name);
  await mapConcurrently(checks.filter(isReading), options.jobs, one);
  for (const check of checks.filter((each) => !isReading(each))) await one(check);
  return Object.freeze(checks.flatMap((check) => results.get(check) ?? []));
}

/**
 * Runs one script in bash or python, in a process group of its own, without a terminal; or does its work, where
 * kbuild can.
 */
export async function runCheck(
  context: KubeContext,
  check: Check,
  run: CheckRun,
): Promise<CheckResult> {
  const { env, logs, onOutput } = run;
  const { shell, log: { events }, root } = context;
  const native = run.natives?.get(check.path);
  const log = join(logs, `${check.path.replaceAll("/", "_")}.log`);
  await Deno.mkdir(dirname(log), { recursive: true });
  using file = await Deno.open(log, { write: true, create: true, truncate: true });
  const tail = createTail(TAIL_LINES);
  const texts = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const errors: string[] = [];
  let rest = "";
  const encoder = new TextEncoder();
  const take = (stream: "stdout" | "stderr") => async (chunk: Uint8Array) => {
    const text = texts[stream].decode(chunk, { stream: true });
    tail.push(text);
    onOutput?.(text, stream);
    if (stream === "stderr") {
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(-4096);
      for (const line of lines) {
        if (line.startsWith("ERROR: ") && errors.length < MAX_ERRORS) errors.push(line.slice(7));
      }
    }
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  };
  const started = performance.now();
  const unit = events.unit({ kind: "test", name: check.path });
  let outcome: CheckResult["outcome"] = "failed";
  let isReused = false;
  try {
    await unit.run(async () => {
      const isKnown = native === undefined || native.keepsNoRecord === true;
      if (isKnown && await run.verdicts?.has(check) === true) {
        isReused = true;
        unit.reuse("nothing has changed since it passed");
        await file.write(encoder.encode("Not started: nothing has changed since it passed\n"));
        outcome = "passed";
        return;
      }
      const said: string[] = [];
      let verdict: boolean | undefined;
      try {
        verdict = await native?.run((text) => said.push(text));
      } catch (error) {
        if (!isOfCheck(error)) throw error;
        said.push(...linesOf(error));
        verdict = false;
      }
      for (const text of said) await take("stderr")(encoder.encode(text));
      if (verdict === false) throw new CheckFailure();
      const why = verdict === undefined ? run.whyNot?.(check) : undefined;
      if (why !== undefined) {
        tail.push(why);
        outcome = "skipped";
        return;
      }
      if (verdict === undefined) {
        await shell.run(check.argv, {
          cwd: join(root, check.directory),
          env,
          label: check.file,
          onStdout: take("stdout"),
          onStderr: take("stderr"),
        });
      }
      if (isKnown) await run.verdicts?.add(check);
      outcome = "passed";
    });
  } catch (error) {
    // Its status is the result; an interrupt or a full disk is an error.
    if (!(error instanceof CommandError || error instanceof CheckFailure)) throw error;
  }
  if (rest.startsWith("ERROR: ") && errors.length < MAX_ERRORS) errors.push(rest.slice(7));
  return Object.freeze({
    check,
    outcome,
    ...isReused ? { isReused } : {},
    seconds: (performance.now() - started) / 1000,
    tail: Object.freeze(tail.lines()),
    errors: Object.freeze(errors),
    log,
  });
}
