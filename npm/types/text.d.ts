/** The part of `@std/text` that kbuild uses. */
export function levenshteinDistance(str1: string, str2: string): number;
