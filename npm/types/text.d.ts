/** The part of `@std/text` that kbuild uses. */
export function levenshteinDistance(str1: string, str2: string): number;
export function closestString(
  givenWord: string,
  possibleWords: readonly string[],
  options?: { caseSensitive?: boolean; compareFn?: (a: string, b: string) => number },
): string;
