/** What a variable may grow to: make's own recursion has no bound, a Makefile's values are short. */
const MAX_LENGTH = 1 << 20;

/** A text with its variables put in. */
export interface MakeText {
  /** The text; unknown variables are empty. */
  readonly text: string;
  /** Whether every variable was known. */
  readonly isComplete: boolean;
}

/**
 * Puts variables into a text of a Makefile: `$(NAME)` and `${NAME}`, recursively. A variable that
 * refers to itself is unknown (make stops there), as is what no variable is named: `$(shell …)`.
 *
 * @param values Name → unexpanded value.
 */
export function expandMakeVariables(text: string, values: ReadonlyMap<string, string>): MakeText {
  const expanded = new Map<string, MakeText>();
  const expand = (text: string): MakeText => {
    let isComplete = true;
    let length = text.length;
    const filled = text.replaceAll(/\$[({]([^(){}]*)[)}]/g, (_, name: string) => {
      const inner = valueOf(name);
      length += inner.text.length;
      if (!inner.isComplete || length > MAX_LENGTH) isComplete = false;
      return length > MAX_LENGTH ? "" : inner.text;
    });
    return { text: filled, isComplete };
  };
  const valueOf = (name: string): MakeText => {
    const known = expanded.get(name);
    if (known !== undefined) return known;
    // The value inside itself, for a variable that refers to itself.
    expanded.set(name, { text: "", isComplete: false });
    const value = values.get(name);
    if (value !== undefined) expanded.set(name, expand(value));
    return expanded.get(name)!;
  };
  return expand(text);
}
