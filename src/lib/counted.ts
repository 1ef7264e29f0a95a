/**
 * Counts in words.
 *
 * @module
 */

/**
 * A count and what it counts: "1 file", "2 files", "0 directories".
 *
 * @param noun In the singular, with a regular plural; only its last word changes.
 */
export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : pluralOf(noun)}`;
}

function pluralOf(noun: string): string {
  return /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}
