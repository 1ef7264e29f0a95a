import type { Events, Unit } from "../events/mod.ts";
import { ifPossible } from "../files/mod.ts";
import { Excerpt } from "./excerpt.ts";
import type { GoEvent } from "./go_events.ts";

/** How a test or a package ended. */
export type Outcome = "passed" | "failed" | "skipped";

/** One test, or a part of one (`TestA/a_case`). */
export interface TestResult {
  /** `TestA/a_case`. */
  readonly name: string;
  /** How it ended; a test that its package did not get to the end of has failed. */
  readonly outcome: Outcome;
  /** Wall time. */
  readonly seconds: number;
  /** What it printed, of a failed or skipped one; of a long output the beginning and the end. */
  readonly output: string;
}

/** One package. */
export interface PackageResult {
  /** Import path, as Go names it. */
  readonly name: string;
  /** How it ended; skipped: it has no tests. */
  readonly outcome: Outcome;
  /** Whether Go knew the result from an earlier run. */
  readonly isCached: boolean;
  /** Wall time. */
  readonly seconds: number;
  /** In the order in which they began. */
  readonly tests: readonly TestResult[];
  /** What no test printed, of a failed package: a panic, compiler errors. */
  readonly output: string;
}

/** What is known of a test that has not ended. */
interface OpenTest {
  readonly output: Excerpt;
  result?: Omit<TestResult, "name" | "output">;
}

/** What is known of a package that has not ended. */
interface OpenPackage {
  readonly unit: Unit;
  readonly tests: Map<string, OpenTest>;
  readonly output: Excerpt;
  isCached: boolean;
  /** Ends the unit. */
  end(error?: Error): void;
}

/** Lines that only tell what runs. */
const MARKS = /^=== (RUN|PAUSE|CONT|NAME) /;

/** Options of {@linkcode TestResults}. */
export interface TestResultsOptions {
  /** Where each package reports as a unit. */
  readonly events: Events;
  /** Packages whose names are known, which then wait. */
  readonly packages?: readonly string[];
  /** Receives each package when it has ended. */
  readonly onPackage?: (result: PackageResult) => void;
  /** Receives every text that is printed, as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** Gathers the results of `go test -json` from its events. */
export class TestResults {
  readonly #options: TestResultsOptions;
  readonly #units = new Map<string, Unit>();
  readonly #open = new Map<string, OpenPackage>();
  readonly #ended = new Map<string, PackageResult>();
  /** Compiler errors by the package that they are about. */
  readonly #compilers = new Map<string, Excerpt>();
  #compiled = "";

  /**
   * Makes it, without results.
   *
   * @param options Where results are reported.
   */
  constructor(options: TestResultsOptions) {
    this.#options = options;
    for (const name of options.packages ?? []) this.#units.set(name, this.#unit(name));
  }

  /** All packages that have ended, in the order in which they did. */
  get packages(): readonly PackageResult[] {
    return [...this.#ended.values()];
  }

  /** Takes an event of standard output. */
  add(event: GoEvent): void {
    const { Action: action, Package: name, Test: test, Output: text } = event;
    if (text !== undefined && action === "output") this.#options.onOutput?.(text);
    if (action === "build-output") return this.#addCompiler(event.ImportPath ?? "", text ?? "");
    if (name === undefined || this.#ended.has(name)) return;
    const open = this.#openPackage(name);
    if (test !== undefined) return addToTest(open, test, event);
    if (action === "output" && text !== undefined) {
      if (/^ok\s+\S+\s+\(cached\)/.test(text)) open.isCached = true;
      open.output.add(text);
    }
    if (action === "pass" || action === "fail" || action === "skip") {
      this.#end(name, open, outcomeOf(action), event.Elapsed ?? 0);
    }
  }

  /** Takes standard error: `# a/b [a/b.test]`, then what the compiler says of that package. */
  addError(text: string): void {
    for (const line of text.split(/(?<=\n)/)) {
      const [, about] = /^# (\S+)/.exec(line) ?? [];
      if (about !== undefined) this.#compiled = about;
      this.#addCompiler(this.#compiled, line);
    }
  }

  /** `go test` has ended: packages that it did not get to the end of have failed. */
  close(): void {
    for (const [name, open] of [...this.#open]) this.#end(name, open, "failed", 0);
  }

  #addCompiler(about: string, text: string): void {
    const name = about.replace(/ \[.*/, "").replace(/_test$/, "");
    let excerpt = this.#compilers.get(name);
    if (excerpt === undefined) this.#compilers.set(name, excerpt = new Excerpt());
    excerpt.add(text);
  }

  #unit(name: string): Unit {
    return this.#options.events.unit({ kind: "test", name });
  }

  #openPackage(name: string): OpenPackage {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const unit = this.#units.get(name) ?? this.#unit(name);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // The unit takes the failure down; whoever runs the tests reads it from the results.
    void ifPossible(unit.run(() => promise));
    const end = (error?: Error) => error === undefined ? resolve() : reject(error);
    const open = { unit, tests: new Map(), output: new Excerpt(), isCached: false, end };
    this.#open.set(name, open);
    return open;
  }

  #end(name: string, open: OpenPackage, outcome: Outcome, seconds: number): void {
    const { unit, isCached } = open;
    const isFailed = outcome === "failed";
    const tests = [...open.tests].map(([test, { output, result }]) =>
      Object.freeze<TestResult>({
        name: test,
        outcome: "failed",
        seconds: 0,
        ...result,
        output: result === undefined || result.outcome !== "passed" ? output.text : "",
      })
    );
    const compiler = this.#compilers.get(name)?.text ?? "";
    const result = Object.freeze<PackageResult>({
      ...{ name, outcome, isCached, seconds },
      tests: Object.freeze(tests),
      output: isFailed ? compiler + open.output.text : "",
    });
    if (isCached) unit.reuse("Go knows the result");
    open.end(isFailed ? new Error("Tests failed") : undefined);
    this.#open.delete(name);
    this.#ended.set(name, result);
    this.#options.onPackage?.(result);
  }
}

function addToTest(open: OpenPackage, name: string, event: GoEvent): void {
  let test = open.tests.get(name);
  if (test === undefined) open.tests.set(name, test = { output: new Excerpt() });
  const { Action: action, Output: text, Elapsed: seconds = 0 } = event;
  if (action === "output" && text !== undefined && !MARKS.test(text)) test.output.add(text);
  if (action === "pass" || action === "fail" || action === "skip") {
    test.result = { outcome: outcomeOf(action), seconds };
  }
}

function outcomeOf(action: "pass" | "fail" | "skip"): Outcome {
  return ({ pass: "passed", fail: "failed", skip: "skipped" } as const)[action];
}

/** Failed tests that have no failed part: those that somebody has to look at. */
export function failedTests({ tests }: PackageResult): readonly TestResult[] {
  const failed = tests.filter(({ outcome }) => outcome === "failed");
  return failed.filter(({ name }) => !failed.some((other) => other.name.startsWith(`${name}/`)));
}
