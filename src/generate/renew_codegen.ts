import type { Checkout } from "../checkout/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { type CodegenOptions, type CodegenPlan, planCodegen } from "./plan_codegen.ts";
import { type CodegenResult, runCodegen } from "./run_codegen.ts";

/** Generators that read what others make are some; none waits for a chain of this length. */
const MAX_PASSES = 5;

/**
 * Carries a {@linkcode CodegenPlan} out, and makes what is out of date because of what it has made: the files are those
 * that everything from nothing gives.
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
    const next = await planCodegen(context, checkout, options);
    // What is accepted would be accepted again in each pass.
    if (next.stale.length > 0 && next.stale.every(({ task }) => task.compares.length > 0)) break;
    last = await runCodegen(context, checkout, next, { flags });
    all = Object.freeze({
      written: [...new Set([...all.written, ...last.written])].sort(),
      newerGo: [...new Set([...all.newerGo, ...last.newerGo])].sort(),
      unmade: all.unmade,
      removed: [...new Set([...all.removed, ...last.removed])].sort(),
    });
  }
  return all;
}
