import type { FlagSpec, Globals } from "../cli/mod.ts";
import { KbuildError } from "../errors.ts";

/** `--yes`, for commands that ask on a terminal. */
export const YES: FlagSpec = {
  name: "yes",
  short: "y",
  kind: "boolean",
  summary: "Do not ask on a terminal",
};

/**
 * Asks on a terminal whether to go on. Elsewhere, with `--yes` and with `--json`, it does not ask.
 *
 * @param question `Remove them?`
 * @throws {KbuildError} The answer is not yes; the reason of `signal` if it comes first.
 */
export async function confirm(
  { stdin, stderr, json }: Pick<Globals, "stdin" | "stderr" | "json">,
  question: string,
  { yes, signal }: { readonly yes: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { readLine } = stdin;
  if (yes || json || readLine === undefined || !stdin.terminal || stderr.terminal !== true) return;
  signal.throwIfAborted();
  stderr.write(`${question} [y/N] `);
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const answer = await Promise.race([readLine(), stopped.promise]);
    if (/^y(es)?$/i.test(answer?.trim() ?? "")) return;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  throw new KbuildError("Nothing was removed", { notes: ["Answer y, or give --yes"] });
}
