import { KbuildError, systemCode } from "../errors.ts";

/** How a check ended: what fails now, what may fail or surprise, and what is in order. */
export type State = "ok" | "warning" | "failure";

/** What a check found. */
export interface Finding {
  /** What the check is about: "git", "machine". */
  readonly group: string;
  /** Its subject: "version", "memory". */
  readonly name: string;
  /** How it ended. */
  readonly state: State;
  /** What is there, or what is wrong: one sentence. */
  readonly says: string;
  /** Ways to mend it, a sentence or a command each; empty where nothing need be done. */
  readonly fixes: readonly string[];
}

/** The part of a {@linkcode Finding} that a check itself knows. */
export type Found = Pick<Finding, "state" | "says"> & { readonly fixes?: readonly string[] };

/** One question, with the answer still to be found. */
export interface Check {
  /** As in {@linkcode Finding}. */
  readonly group: string;
  /** As in {@linkcode Finding}. */
  readonly name: string;
  /**
   * Finds the answer. A {@linkcode KbuildError} that it throws is a failure, whose notes are the ways to
   * mend it; so is an error of the system.
   */
  examine(): Promise<Found | undefined>;
}

/** Lines of the details of an error that a finding has. */
const DETAILS = 5;

/** The message of an error, with the beginning of what it lists. */
function inFull({ message, output }: KbuildError): string {
  if (output.length === 0) return message;
  const more = output.length > DETAILS ? ", …" : "";
  return `${message}: ${output.slice(0, DETAILS).join(", ")}${more}`;
}

/**
 * Runs checks one after the other. Those that find nothing to say are left out, and failures with the same
 * cause as an earlier one.
 *
 * @param known Causes of earlier failures, to which new ones are added.
 */
export async function* examine(
  checks: Iterable<Check>,
  { known, signal }: { known: Set<string>; signal: AbortSignal | undefined },
): AsyncGenerator<Finding> {
  for (const { group, name, examine } of checks) {
    signal?.throwIfAborted();
    const found = await examine().catch((error: unknown): Found => {
      signal?.throwIfAborted();
      if (error instanceof KbuildError) {
        return { state: "failure", says: inFull(error), fixes: error.notes };
      }
      // It names the path.
      if (error instanceof Error && systemCode(error) !== undefined) {
        return { state: "failure", says: error.message };
      }
      throw error;
    });
    // What was found while the run was stopped is not true.
    signal?.throwIfAborted();
    if (found === undefined || (found.state === "failure" && known.has(found.says))) continue;
    if (found.state === "failure") known.add(found.says);
    const fixes = Object.freeze([...found.fixes ?? []]);
    yield Object.freeze({ group, name, state: found.state, says: found.says, fixes });
  }
}
