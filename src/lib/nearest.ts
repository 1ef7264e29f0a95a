import { levenshteinDistance } from "@std/text";

/** Edits that still look like a slip of the finger, by the length of the word. */
function tolerance(word: string): number {
  if (word.length <= 1) return 0;
  if (word.length <= 3) return 1;
  return word.length <= 7 ? 2 : 3;
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
    const distance = levenshteinDistance(lower, word.toLowerCase());
    const begins = lower.length >= 3 && word.toLowerCase().startsWith(lower);
    if (distance <= tolerance(typed)) ranked.push({ word, rank: distance });
    else if (begins) ranked.push({ word, rank: 10 + distance });
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
  const distance = levenshteinDistance(typed, word);
  return distance <= Math.min(2, Math.floor(typed.length / 2));
}
