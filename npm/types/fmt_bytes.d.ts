/** The part of `@std/fmt/bytes` that kbuild uses. */
export function format(num: number): string;
