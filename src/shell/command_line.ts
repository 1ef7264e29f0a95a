import type { TemplateValue } from "./types.ts";

/** Names that change the state of dax's shell, and start no program. */
const SHELL_COMMANDS: ReadonlySet<string> = new Set([
  ...[":", "cd", "exit", "export", "set", "shopt", "unset"],
]);

/** What dax reads between the values of a template, in the order in which it is tried. */
const TOKENS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ["space", /[ \t\r]+/y],
  ["redirect", /(?:&>>?|\d*(?:>>?|<))(?:&\d+)?/y],
  ["operator", /[;\n]|&&?|\|\|?/y],
  ["word", /'[^']*'|"(?:[^"\\`$]|\\[^]|\$(?!\())*"|(?:[^\s'"\\`|&;<>()$]|\\[^]|\$(?!\())+/y],
];

/**
 * The text that dax is given for a template. Each word that names a program gets `runner` in front,
 * the name of a registered command, so that dax starts nothing itself.
 *
 * @param runner A name without a meaning to the shell.
 * @throws {TypeError} A value is undefined, an object, or in quotes; there is `(`, `$(` or a backtick.
 */
export function commandLine(
  strings: readonly string[],
  values: readonly TemplateValue[],
  runner: string,
): string {
  let text = "";
  /** Where the current word begins in `text`; undefined between words. */
  let start: number | undefined;
  let expects: "program" | "argument" | "file" = "program";

  const endWord = () => {
    if (start === undefined) return;
    const word = text.slice(start);
    // "!" and assignments precede the name of a program.
    if (expects === "program" && word !== "!" && !/^\w+=/.test(word)) {
      if (!SHELL_COMMANDS.has(word)) text = `${text.slice(0, start)}${runner} ${word}`;
      expects = "argument";
    } else if (expects === "file") {
      expects = "argument";
    }
    start = undefined;
  };
  const addString = (part: string) => {
    for (let at = 0; at < part.length;) {
      const [kind, token] = readToken(part, at, start !== undefined);
      at += token.length;
      if (kind === "word") start ??= text.length;
      else endWord();
      text += token;
      if (kind === "operator") expects = "program";
      // After `2>&1` no file follows.
      if (kind === "redirect" && !/\d$/.test(token)) expects = "file";
    }
  };
  const addValue = (value: TemplateValue) => {
    for (const [index, item] of [value].flat().entries()) {
      if (typeof item !== "string" && typeof item !== "number") {
        throw new TypeError(`Cannot use ${item} in a command line: want a string, number or list`);
      }
      if (index > 0) {
        endWord();
        text += " ";
      }
      start ??= text.length;
      text += `'${String(item).replaceAll("'", `'"'"'`)}'`;
    }
  };
  strings.forEach((part, index) => {
    addString(part);
    if (index + 1 < strings.length) addValue(values[index] as TemplateValue);
  });
  endWord();
  return text;
}

function readToken(part: string, at: number, inWord: boolean): readonly [string, string] {
  for (const [kind, pattern] of TOKENS) {
    pattern.lastIndex = at;
    const token = pattern.exec(part)?.[0];
    // The 2 of `a2>b` is part of the word.
    if (token === undefined || (inWord && kind === "redirect" && /^\d/.test(token))) continue;
    return [kind, token];
  }
  const rest = part.slice(at);
  const why = /^['"]/.test(rest) && !/^"[^"]*[`$]/.test(rest)
    ? "a quote does not end, or a value is in quotes; values are quoted already"
    : "await the text of another template instead of (…), $(…) or a backtick";
  throw new TypeError(`Cannot read \`${rest}\` in a command line: ${why}`);
}
