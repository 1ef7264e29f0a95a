import { KbuildError } from "../errors.ts";
import type { Logger } from "../lib/logging.ts";
import { NetworkError } from "./failure.ts";
import type { Candidate } from "./mirrors.ts";
import { hostOf } from "./retry.ts";

/** What was wrong with something that came: the next candidate may have better. */
export class WrongContentError extends KbuildError {
  /** Tells it from other errors. */
  override readonly name = "WrongContentError";
}

/**
 * Tries candidates in their order until one gives what is wanted. What a mirror fails at, or serves
 * wrongly, is logged when the next one is tried.
 *
 * @param what What the user knows it by: `"registry.k8s.io/pause:3.9"`.
 * @throws {KbuildError} None gave it: each candidate with the rule that led to it, and why not.
 */
export async function tryCandidates<C extends Candidate, T>(
  what: string,
  candidates: readonly C[],
  work: (candidate: C) => Promise<T>,
  { log, signal, notes = [] }: {
    log: Logger;
    signal?: AbortSignal | undefined;
    notes?: readonly string[];
  },
): Promise<T> {
  const failures: { candidate: C; error: KbuildError }[] = [];
  for (const [i, candidate] of candidates.entries()) {
    try {
      return await work(candidate);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof NetworkError || error instanceof WrongContentError)) throw error;
      failures.push({ candidate, error });
      const next = candidates[i + 1];
      if (next === undefined) break;
      log.warn(`Cannot get "${what}" from "${hostOf(candidate.url)}": ${why(error)}`, [
        `Trying "${hostOf(next.url)}"${next.rule === undefined ? "" : ` (mirror ${next.rule})`}`,
      ]);
    }
  }
  throw failed(what, failures, notes);
}

function failed(
  what: string,
  failures: readonly { candidate: Candidate; error: KbuildError }[],
  more: readonly string[],
): KbuildError {
  const notes = new Set<string>();
  for (const { error } of failures) for (const note of error.notes) notes.add(note);
  for (const note of more) notes.add(note);
  const described = failures.map(({ candidate, error }) => {
    const rule = candidate.rule === undefined ? "" : ` (mirror ${candidate.rule})`;
    return `"${hostOf(candidate.url)}"${rule}: ${why(error)}`;
  });
  const [first] = described;
  const message = described.length === 1
    ? `Cannot get "${what}" from ${first}`
    : `Cannot get "${what}" from any of its ${described.length} mirrors`;
  return new KbuildError(message, {
    notes: [...(described.length === 1 ? [] : described), ...notes],
    cause: failures.at(-1)?.error,
  });
}

function why(error: KbuildError): string {
  if (error instanceof NetworkError) return error.reason;
  return error.message.slice(0, 1).toLowerCase() + error.message.slice(1);
}
