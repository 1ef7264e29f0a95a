import { lockFreeOutput, lockOutput } from "../lib/lock.ts";
import { claimOutputs } from "../lib/outputs.ts";
import { clearLeftovers } from "./clean_run.ts";
import { keepRun } from "../timings/mod.ts";
import type { OpenCheckout } from "./context.ts";

/** A command that writes to a checkout's outputs, in the order of its steps. */
export interface OutputSteps<C, P extends C, N, F, T> {
  /** The command, for the message of another run that waits for it. */
  readonly what: string;
  /** Refuses what cannot be done. Writes nothing. */
  check(open: OpenCheckout): Promise<C>;
  /** Does the same, and makes the plan. Writes no outputs. */
  prepare(open: OpenCheckout): Promise<P>;
  /** What has to come from elsewhere, as JSON can hold it. */
  needs(checked: C): N;
  /** Fetches that, which may take long. */
  fetch(open: OpenCheckout, needs: N): Promise<F>;
  /** Does the work; no other kbuild writes meanwhile. */
  work(open: OpenCheckout, prepared: P, fetched: F): Promise<T>;
}

/** A plan that is older than this many milliseconds is made again. */
const FRESH_MS = 1000;

/**
 * Runs a command that writes to a checkout's outputs. Version and plan are taken under the lock of the
 * outputs, and the plan is what is carried out. A wrong request is refused before anything is written,
 * and before the run waits for another one. If fetching takes long, the plan is made again: a commit
 * that came in the meantime would else be built and stamped as the one before.
 */
export async function withOutput<C, P extends C, N, F, T>(
  open: OpenCheckout,
  { what, needs, fetch, work, ...steps }: OutputSteps<C, P, N, F, T>,
): Promise<T> {
  const check = (open: OpenCheckout) => open.during("planning", () => steps.check(open));
  const prepare = (open: OpenCheckout) => open.during("planning", () => steps.prepare(open));
  let known: { readonly key: string; readonly fetched: F } | undefined;
  const fetchOnce = async (open: OpenCheckout, wanted: N): Promise<F> => {
    const key = JSON.stringify([wanted]);
    if (known?.key !== key) known = { key, fetched: await fetch(open, wanted) };
    return known.fetched;
  };
  using free = await lockFreeOutput(open.context, what);
  if (free === undefined) {
    await fetchOnce(open, needs(await check(open)));
    await claimOutputs(open.context);
  }
  using _lock = free ?? await lockOutput(open.context, what);
  if (free === undefined) open = await open.reread();
  let prepared = await prepare(open);
  const planned = performance.now();
  let fetched = await fetchOnce(open, needs(prepared));
  if (performance.now() - planned > FRESH_MS) {
    open = await open.reread();
    prepared = await prepare(open);
    fetched = await fetchOnce(open, needs(prepared));
  }
  await claimOutputs(open.context);
  await keepRun(open.context);
  await clearLeftovers(open.context, open.checkout);
  return await work(open, prepared, fetched);
}
