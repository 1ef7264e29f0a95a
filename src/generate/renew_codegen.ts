import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import type { KubeContext } from "../lib/init.ts";
import { ACCEPTS, type CodegenOptions, type CodegenPlan, planCodegen } from "./plan_codegen.ts";
import { type CodegenResult, runCodegen } from "./run_codegen.ts";

/** Files that an error names. */
const SHOWN_FILES = 20;

/** Generators that read what others make are some; none waits for a chain of this length. */
const MAX_PASSES = 5;

/**
 * Carries a {@linkcode CodegenPlan} out, and makes what is out of date because of what it has made: the files are those
 * that everything from nothing gives. When a generator fails, files are as the pass before left them: before the first,
 * none has changed.
 *
 * @param options As the plan was made with.
 * @throws {KbuildError} As {@linkcode planCodegen} and {@linkcode runCodegen}.
 */
export async function renewCodegen(
  context: KubeContext,
  checkout: Checkout,
  plan: CodegenPlan,
  { fromNothing: _, ...options }: CodegenOptions,
): Promise<CodegenResult> {
  const { flags = [] } = options;
  let all = await runCodegen(context, checkout, plan, { flags });
  let last = all;
  for (let pass = 1; pass < MAX_PASSES && last.written.length + last.removed.length > 0; pass++) {
    try {
      const next = await planCodegen(context, checkout, options);
      // What is accepted would be accepted again in each pass.
      if (next.stale.length > 0 && next.stale.every(({ why }) => why === ACCEPTS)) break;
      last = await runCodegen(context, checkout, next, { flags });
    } catch (error) {
      throw withChanges(error, all);
    }
    all = Object.freeze({
      written: [...new Set([...all.written, ...last.written])].sort(),
      newerGo: [...new Set([...all.newerGo, ...last.newerGo])].sort(),
      unmade: all.unmade,
      removed: [...new Set([...all.removed, ...last.removed])].sort(),
    });
  }
  return all;
}

/** An error of a later pass, with the files that earlier ones have changed. */
function withChanges(error: unknown, { written, removed }: CodegenResult): unknown {
  if (!(error instanceof KbuildError)) return error;
  const { message, notes, output, exitCode, subject } = error;
  const changed = [...written, ...removed].sort();
  const more = changed.length - SHOWN_FILES;
  const shown = changed.slice(0, SHOWN_FILES).join(", ");
  return new KbuildError(message, {
    ...{ output, exitCode, subject, cause: error.cause },
    notes: [
      ...notes,
      `Already renewed before this failed: ${shown}${more > 0 ? `, and ${more} more` : ""}`,
    ],
  });
}
