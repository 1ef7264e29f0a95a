import { readText } from "./regular.ts";
import { ifPossible } from "./if_present.ts";
import { objectIn } from "./json.ts";

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
  return text === undefined ? undefined : objectIn(text);
}
