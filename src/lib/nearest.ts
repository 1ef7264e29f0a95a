import { levenshteinDistance } from "@std/text";

/** Edits that still look like a slip of the finger, by the length of the longer word. */
function tolerance(length: number): number {
  if (length <= 2) return 0;
  if (length <= 5) return 1;
  return length <= 9 ? 2 : 3;
}

/** Edits between two words; two neighbours that changed places are a little less than one. */
function edits(a: string, b: string): number {
  const at = [...a].findIndex((char, i) => char !== b[i]);
  const isSwap = a.length === b.length && at >= 0 && a[at] === b[at + 1] && a[at + 1] === b[at] &&
    a.slice(at + 2) === b.slice(at + 2);
  return isSwap ? 0.9 : levenshteinDistance(a, b);
}

/**
 * Edits between two words, if they are few. In words of several parts (`linux/amd64`,
 * `quick-release`) the edits of each part must be few: "linux/foo" is not a slip of "linux/386".
 * Words of different numbers of parts may differ by one letter, and in what separates the parts.
 */
function fewEdits(typed: string, word: string): number | undefined {
  const [parts, others] = [typed.split(/[/._-]/), word.split(/[/._-]/)];
  const isFar = (a: string, b: string) => edits(a, b) > tolerance(Math.max(a.length, b.length));
  const whole = edits(typed, word);
  const isNear = parts.length === others.length
    ? !isFar(typed, word) && !parts.some((part, i) => isFar(part, others[i] ?? ""))
    : whole <= 1 || edits(parts.join(""), others.join("")) <= 1 && whole <= tolerance(word.length);
  return isNear ? whole : undefined;
}

/**
 * The words that somebody may have meant, nearest first.
 *
 * A word is near when few edits lead to it, or when it begins with what was typed.
 *
 * @param typed What was typed.
 * @param words What there is.
 * @param limit How many to name at most.
 */
export function nearest(
  typed: string,
  words: Iterable<string>,
  limit = 1,
): readonly string[] {
  if (typed === "") return [];
  const lower = typed.toLowerCase();
  const ranked: { word: string; rank: number }[] = [];
  for (const word of new Set(words)) {
    const distance = fewEdits(lower, word.toLowerCase());
    const begins = lower.length >= 3 && word.toLowerCase().startsWith(lower);
    if (distance !== undefined) ranked.push({ word, rank: distance });
    else if (begins) ranked.push({ word, rank: 10 + word.length - lower.length });
  }
  ranked.sort((a, b) => a.rank - b.rank || (a.word < b.word ? -1 : 1));
  return Object.freeze(ranked.slice(0, limit).map(({ word }) => word));
}

/** `Did you mean "a" or "b"?` as a note; no note when nothing is near. */
export function didYouMean(words: readonly string[]): readonly string[] {
  if (words.length === 0) return [];
  return [`Did you mean ${words.map((word) => `"${word}"`).join(" or ")}?`];
}

/** Whether `typed` is at most two edits, and at most half of its letters, from `word`. */
export function isSlip(typed: string, word: string): boolean {
  return edits(typed, word) <= Math.min(2, Math.floor(typed.length / 2));
}
