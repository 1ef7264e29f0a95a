import { join } from "@std/path";
import { readNote, writeFileAtomic } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { PackageResult } from "./results.ts";

/** The commands that test; what failed is remembered for each. */
export type TestCommand = "test" | "test-integration";

/** A package that failed when it was last tested. */
export interface Failure {
  /** Import path. */
  readonly package: string;
  /** Failed tests without their parts; none: all of it has to run again. */
  readonly tests: readonly string[];
}

/** Packages to test again, and which of their tests. */
interface Rerun {
  readonly packages: readonly string[];
  /** `go test -run`; undefined: all. */
  readonly run: string | undefined;
}

function noteOf({ output }: Pick<KubeContext, "output">, command: TestCommand): string {
  const name = command === "test" ? "failed-tests.json" : "failed-integration-tests.json";
  return join(output, ".kbuild", name);
}

/** What failed when it was last tested in this checkout (`_output/local/.kbuild/failed-tests.json`), by command. */
export async function readFailures(
  context: Pick<KubeContext, "output">,
  command: TestCommand = "test",
): Promise<readonly Failure[]> {
  const note = await readNote(noteOf(context, command)) ?? {};
  return Object.entries(note).flatMap(([name, tests]) =>
    Array.isArray(tests) && tests.every((test) => typeof test === "string")
      ? [Object.freeze({ package: name, tests: Object.freeze([...tests as string[]]) })]
      : []
  );
}

/**
 * Remembers what failed.
 *
 * @param options.isWhole Whether all tests of the packages ran: only then a package that passed is forgotten.
 */
export async function keepFailures(
  context: Pick<KubeContext, "output">,
  results: readonly PackageResult[],
  { isWhole, command = "test" }: { isWhole: boolean; command?: TestCommand },
): Promise<void> {
  const known = await readFailures(context, command);
  const failures = new Map(known.map((each) => [each.package, each.tests]));
  for (const { name, outcome, tests } of results) {
    if (outcome === "failed") {
      const failed = tests.filter((test) => test.outcome === "failed" && !test.name.includes("/"));
      failures.set(name, failed.map((test) => test.name));
    } else if (isWhole) failures.delete(name);
  }
  await Deno.mkdir(join(context.output, ".kbuild"), { recursive: true });
  const note = JSON.stringify(Object.fromEntries(failures), undefined, 1);
  await writeFileAtomic(noteOf(context, command), `${note}\n`);
}

/** How failures are tested again: packages with failed tests by their names, others whole. */
export async function rerunsOf(
  failures: readonly Failure[],
  argumentsOf: (names: readonly string[]) => Promise<readonly string[]>,
): Promise<readonly Rerun[]> {
  const named = failures.filter(({ tests }) => tests.length > 0);
  const whole = failures.filter(({ tests }) => tests.length === 0);
  const tests = [...new Set(named.flatMap((failure) => failure.tests))].sort();
  const reruns = [
    { of: named, run: `^(${tests.map(escapeRegex).join("|")})$` },
    { of: whole, run: undefined },
  ];
  return await Promise.all(
    reruns.filter(({ of }) => of.length > 0).map(async ({ of, run }) => ({
      packages: await argumentsOf(of.map((failure) => failure.package)),
      run,
    })),
  );
}

/** A text as a regular expression of Go that fits it alone. */
export function escapeRegex(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}
