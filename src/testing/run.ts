import { KbuildError } from "../errors.ts";
import type { KubeContext } from "../lib/init.ts";
import type { RunResult } from "../shell/mod.ts";
import { GoEventReader } from "./go_events.ts";
import type { TestPlan } from "./plan.ts";
import { type PackageResult, TestResults } from "./results.ts";

/** Receives what happens while tests run. */
export interface TestListener {
  /** Receives each package when it has ended. */
  readonly onPackage?: (result: PackageResult) => void;
  /** Receives every text that tests print, as it comes. */
  readonly onOutput?: (text: string) => void;
  /** Receives the output of `go test -json` as it is. */
  readonly onRaw?: (chunk: Uint8Array) => Promise<void>;
}

/**
 * Runs tests as planned. A failed test is a result, not an error.
 *
 * @throws {KbuildError} `go test` itself failed: a wrong flag, a broken module.
 */
export async function runTests(
  { builder: { shell }, log }: Pick<KubeContext, "builder" | "log">,
  { processes }: TestPlan,
  { onPackage, onOutput, onRaw }: TestListener = {},
): Promise<readonly PackageResult[]> {
  const all: PackageResult[] = [];
  for (const { argv, cwd, env, packages } of processes) {
    const results = new TestResults({
      events: log.events,
      packages,
      ...onPackage === undefined ? {} : { onPackage },
      ...onOutput === undefined ? {} : { onOutput },
    });
    const reader = new GoEventReader((event) => results.add(event));
    const errors = new TextDecoder();
    let end: RunResult;
    try {
      end = await shell.run(argv, {
        cwd,
        env,
        allowed: "any",
        label: "Testing",
        // Go says nothing while it compiles, which may take half an hour.
        doing: "go test",
        async onStdout(chunk) {
          reader.add(chunk);
          await onRaw?.(chunk);
        },
        onStderr: (chunk) => results.addError(errors.decode(chunk, { stream: true })),
      });
      reader.end();
    } finally {
      results.close();
    }
    if (end.code !== 0 && !results.packages.some(({ outcome }) => outcome === "failed")) {
      throw new KbuildError(`Cannot run the tests: go test exited with status ${end.code}`, {
        output: end.tail,
      });
    }
    all.push(...results.packages);
  }
  return Object.freeze(all);
}
