import { lockOutput } from "../lib/lock.ts";
import { claimOutputs } from "../lib/outputs.ts";
import { clearLeftovers } from "./clean_run.ts";
import type { OpenCheckout } from "./context.ts";

/** A command that writes to a checkout's outputs, in the order of its steps. */
export interface OutputSteps<P, F, T> {
  /** The command, for the message of another run that waits for it. */
  readonly what: string;
  /** Reads what the checkout says, its version included, and refuses what cannot be done. */
  prepare(open: OpenCheckout): Promise<P>;
  /** Fetches what that needs from elsewhere, which may take long. */
  fetch(open: OpenCheckout, prepared: P): Promise<F>;
  /** Does the work; no other kbuild writes meanwhile. */
  work(open: OpenCheckout, prepared: P, fetched: F): Promise<T>;
}

/** What was read longer ago than this many milliseconds is read again. */
const FRESH_MS = 1000;

/**
 * Runs a command that writes to a checkout's outputs. A wrong request is refused before the run waits
 * for another one. If it had to wait, for a server or another run, the checkout is read again: a commit
 * that came meanwhile would else be built and stamped as the one before.
 */
export async function withOutput<P, F, T>(
  open: OpenCheckout,
  { what, prepare, fetch, work }: OutputSteps<P, F, T>,
): Promise<T> {
  let prepared = await prepare(open);
  const read = performance.now();
  let fetched = await fetch(open, prepared);
  await claimOutputs(open.context);
  using lock = await lockOutput(open.context, what);
  if (lock.waited || performance.now() - read > FRESH_MS) {
    open = await open.reread();
    prepared = await prepare(open);
    fetched = await fetch(open, prepared);
    await claimOutputs(open.context);
  }
  await clearLeftovers(open.context, open.checkout);
  return await work(open, prepared, fetched);
}
