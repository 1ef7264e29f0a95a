import { KbuildError } from "../errors.ts";
import type { Logger } from "../lib/logging.ts";
import { NetworkError } from "./failure.ts";
import type { Place } from "./mirrors.ts";
import { hostOf } from "./retry.ts";

/** What was wrong with something that came: the next place may have better. */
export class WrongContentError extends KbuildError {
  /** Tells it from other errors. */
  override readonly name = "WrongContentError";
}

/**
 * Tries places in their order until one gives what is wanted. What a mirror fails at, or serves
 * wrongly, is logged when the next one is tried.
 *
 * @param what What the user knows it by: `"registry.k8s.io/pause:3.9"`.
 * @throws {KbuildError} None gave it: each place with the rule that led to it, and why not.
 */
export async function tryPlaces<P extends Place, T>(
  what: string,
  places: readonly P[],
  work: (place: P) => Promise<T>,
  { log, signal, notes = [] }: {
    log: Logger;
    signal?: AbortSignal | undefined;
    notes?: readonly string[];
  },
): Promise<T> {
  const failures: { place: P; error: KbuildError }[] = [];
  for (const [i, place] of places.entries()) {
    try {
      return await work(place);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof NetworkError || error instanceof WrongContentError)) throw error;
      failures.push({ place, error });
      const next = places[i + 1];
      if (next === undefined) break;
      log.warn(`Cannot get "${what}" from "${hostOf(place.url)}": ${why(error)}`, [
        `Trying "${hostOf(next.url)}"${next.rule === undefined ? "" : ` (mirror ${next.rule})`}`,
      ]);
    }
  }
  throw failed(what, failures, notes);
}

function failed(
  what: string,
  failures: readonly { place: Place; error: KbuildError }[],
  more: readonly string[],
): KbuildError {
  const notes = new Set<string>();
  for (const { error } of failures) for (const note of error.notes) notes.add(note);
  for (const note of more) notes.add(note);
  const described = failures.map(({ place, error }) => {
    const rule = place.rule === undefined ? "" : ` (mirror ${place.rule})`;
    return `"${hostOf(place.url)}"${rule}: ${why(error)}`;
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
