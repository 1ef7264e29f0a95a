/** An expression for names that fit one of several patterns, in which `*` stands for any letters, slashes too. */
export function globExpression(patterns: readonly string[]): RegExp {
  const parts = patterns.map((pattern) =>
    pattern.split("*").map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, "\\$&")).join(".*")
  );
  return new RegExp(`^(?:${parts.join("|")})$`, "s");
}
