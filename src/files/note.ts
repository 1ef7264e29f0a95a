import { readText } from "./regular.ts";
import { ifPossible } from "./if_present.ts";

/**
 * Reads a note that an earlier run left to save work: a JSON object. A note that cannot be read, or is
 * something else, counts as missing.
 *
 * @returns The object as it was found; its values are the caller's to check.
 */
export async function readNote(
  path: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await ifPossible(readText(path));
  return text === undefined ? undefined : parseNote(text);
}

/** The object that a note holds; undefined for any other text. */
export function parseNote(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const note: unknown = JSON.parse(text);
    const isObject = typeof note === "object" && note !== null && !Array.isArray(note);
    return isObject ? note as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}
