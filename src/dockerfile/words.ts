import { cleanName } from "../archive/mod.ts";
import { jsonIn } from "../files/mod.ts";

/** One instruction of a Dockerfile, its lines joined. */
export interface Instruction {
  /** In capitals: `COPY`. */
  readonly keyword: string;
  /** All behind the keyword. */
  readonly rest: string;
  /** The line it starts on, from 1. */
  readonly line: number;
}

/** What a name stands for; undefined where nothing gave it a value. */
export type Lookup = (name: string) => string | undefined;

/** The instructions of a Dockerfile: comments are left out, continued lines joined. */
export function instructionsOf(text: string): readonly Instruction[] {
  const found: Instruction[] = [];
  let open = "";
  let start = 0;
  const finish = () => {
    const [, keyword = "", rest = ""] = /^(\S+)\s*([^]*)$/.exec(open.trim()) ?? [];
    if (keyword !== "") found.push({ keyword: keyword.toUpperCase(), rest, line: start });
    open = "";
  };
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    if (/^\s*#/.test(raw) || (raw.trim() === "" && open === "")) continue;
    if (open === "") start = index + 1;
    // A continued line keeps its leading spaces, as in docker.
    const line = raw.trimEnd();
    open += line.endsWith("\\") ? line.slice(0, -1) : line;
    if (!line.endsWith("\\")) finish();
  }
  finish();
  return Object.freeze(found);
}

/** Words separated by white space, quoted or not: those of FROM, COPY, EXPOSE and VOLUME. */
export function plainWords(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** Words separated by white space, except in quotes or after a backslash. */
export function splitWords(text: string): readonly string[] {
  return text.match(/(?:\\[^]|"(?:\\[^]|[^"\\])*"|'[^']*'|[^\s\\]|\\$)+/g) ?? [];
}

/** The strings of `["a", "b"]`; undefined for anything else, which docker takes for plain words. */
export function jsonWords(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  const words = jsonIn(text);
  const areStrings = Array.isArray(words) && words.every((word) => typeof word === "string");
  return areStrings ? Object.freeze(words as string[]) : undefined;
}

/**
 * Takes the quotes off a word and puts in variables: `$A`, `${A}`, `${A:-word}`, `${A:+word}`. What
 * has no value is empty.
 *
 * @throws {SyntaxError} A form that docker has no meaning for, or a quote without its end.
 */
export function expandWord(word: string, lookup: Lookup): string {
  let result = "";
  let at = 0;
  let isQuoted = false;
  while (at < word.length) {
    const rest = word.slice(at);
    const char = word[at]!;
    if (char === "'" && !isQuoted) {
      const end = word.indexOf("'", at + 1);
      if (end < 0) throw new SyntaxError(`a quote has no end: ${word}`);
      result += word.slice(at + 1, end);
      at = end + 1;
    } else if (char === '"') {
      isQuoted = !isQuoted;
      at += 1;
    } else if (char === "\\" && at + 1 < word.length) {
      const next = word[at + 1]!;
      // In double quotes only these lose their backslash.
      result += isQuoted && !'"$\\'.includes(next) ? `\\${next}` : next;
      at += 2;
    } else if (char === "$") {
      const { value, length } = variableAt(rest, lookup);
      result += value;
      at += length;
    } else {
      result += char;
      at += 1;
    }
  }
  if (isQuoted) throw new SyntaxError(`a quote has no end: ${word}`);
  return result;
}

function variableAt(text: string, lookup: Lookup): { value: string; length: number } {
  const plain = /^\$(\w+)/.exec(text);
  if (plain !== null) return { value: lookup(plain[1]!) ?? "", length: plain[0].length };
  if (!text.startsWith("${")) return { value: "$", length: 1 };
  const braced = /^\$\{(\w+)(?:(:?[-+])((?:[^{}$]|\$\{[^{}]*\}|\$\w*)*))?\}/.exec(text);
  if (braced === null) throw new SyntaxError(`not a variable: ${text}`);
  const [whole, name = "", modifier = "", word = ""] = braced;
  const value = lookup(name);
  const isSet = value !== undefined && !(modifier.startsWith(":") && value === "");
  const other = () => expandWord(word, lookup);
  if (modifier.endsWith("-")) return { value: isSet ? value : other(), length: whole.length };
  if (modifier.endsWith("+")) return { value: isSet ? other() : "", length: whole.length };
  return { value: value ?? "", length: whole.length };
}

/**
 * `A=b C="d e"`, or the old form `A b c`: names and values, expanded. All values see what was there
 * before the instruction.
 */
export function pairsOf(rest: string, lookup: Lookup): Readonly<Record<string, string>> {
  const words = splitWords(rest);
  if (words[0]?.includes("=") !== true) {
    const [, name = "", value = ""] = /^(\S+)\s+([^]*)$/.exec(rest) ?? [];
    if (name === "") throw new SyntaxError("want NAME=VALUE");
    return { [expandWord(name, lookup)]: expandWord(value, lookup) };
  }
  return Object.fromEntries(words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 1) throw new SyntaxError(`want NAME=VALUE, not "${word}"`);
    const name = expandWord(word.slice(0, equals), lookup);
    return [name, expandWord(word.slice(equals + 1), lookup)];
  }));
}

/** An absolute path without "." and ".."; a relative one starts at `above`. */
export function normalPath(path: string, above: string): string {
  return `/${cleanName(path.startsWith("/") ? path : `${above}/${path}`)}`;
}
