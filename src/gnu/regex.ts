import { mayBeShorter } from "./longest.ts";
import { ToolRefusal } from "./types.ts";

/** Names of POSIX classes, as locales with UTF-8 have them. */
const CLASSES: Readonly<Record<string, string>> = {
  alpha: "\\p{L}",
  digit: "0-9",
  alnum: "\\p{L}\\p{N}",
  upper: "\\p{Lu}",
  lower: "\\p{Ll}",
  space: " \\t\\n\\r\\f\\v",
  blank: " \\t",
  punct: "!-\\/:-@\\[-`\\{-~",
  xdigit: "0-9A-Fa-f",
};
const WORD = "[\\p{L}\\p{N}_]";
const START = `(?<!${WORD})(?=${WORD})`;
const END = `(?<=${WORD})(?!${WORD})`;
/** Where one side is a word and the other is not; without alternatives. */
const BORDER = `(?!(?<!${WORD})(?!${WORD}))(?!(?<=${WORD})(?=${WORD}))`;
/** Escapes that stand for letters. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ n: "\\n", t: "\\t", r: "\\r", f: "\\f", v: "\\v" },
  ...{ s: "[ \\t\\n\\r\\f\\v]", S: "[^ \\t\\n\\r\\f\\v]", w: WORD, W: "[^\\p{L}\\p{N}_]" },
  ...{ b: BORDER, B: `(?!${BORDER})`, "<": START, ">": END },
  ...{ "`": "(?<![\\s\\S])", "'": "(?![\\s\\S])" },
};

/**
 * A regular expression of GNU sed as one of JavaScript.
 *
 * @param options.isExtended As with `-E`.
 * @throws {ToolRefusal} It may find something else in JavaScript, or is not understood.
 */
export function toRegExp(
  source: string,
  { isExtended, flags }: { isExtended: boolean; flags: string },
): RegExp {
  let text = "";
  let at = 0;
  /** Whether what precedes may be repeated. */
  let canRepeat = false;
  let depth = 0;
  const refuse = (why: string): never => {
    throw new ToolRefusal(`The regular expression "${source}" is not understood: ${why}`);
  };
  const quantify = (quantifier: string) => {
    if (!canRepeat) refuse("nothing to repeat");
    text += quantifier;
    canRepeat = false;
  };
  const open = () => {
    text += "(";
    depth++;
    canRepeat = false;
  };
  const close = () => {
    if (depth-- === 0) refuse("an unmatched )");
    text += ")";
    canRepeat = true;
  };
  const bar = () => {
    text += "|";
    canRepeat = false;
  };
  const isStart = () => text === "" || /(^|[^\\])(\(|\|)$/.test(text);
  while (at < source.length) {
    const char = source[at]!;
    const next = source[at + 1];
    if (char === "\\") {
      if (next === undefined) refuse("a backslash at the end");
      at += 2;
      if (!isExtended && next === "(") open();
      else if (!isExtended && next === ")") close();
      else if (!isExtended && next === "|") bar();
      else if (!isExtended && (next === "+" || next === "?")) quantify(next);
      else if (!isExtended && next === "{") {
        const end = source.indexOf("\\}", at);
        if (end < 0) refuse("\\{ without an end");
        quantify(interval(source.slice(at, end), refuse));
        at = end + 2;
      } else if (/[1-9]/.test(next!)) {
        text += `(?:\\${next})`;
        canRepeat = true;
      } else if (LETTERS[next!] !== undefined) {
        text += LETTERS[next!];
        canRepeat = true;
      } else if (/[a-zA-Z0-9]/.test(next!)) {
        refuse(`\\${next}`);
      } else {
        text += literal(next!);
        canRepeat = true;
      }
      continue;
    }
    at++;
    if (char === "[") {
      const { set, end } = bracket(source, at, refuse);
      text += set;
      at = end;
      canRepeat = true;
    } else if (char === "*") {
      if (canRepeat) quantify("*");
      else if (isExtended && !isStart()) refuse("two repetitions");
      else if (/[*+?}]$/.test(text)) refuse("two repetitions");
      else {
        text += "\\*";
        canRepeat = true;
      }
    } else if (char === ".") {
      text += "[\\s\\S]";
      canRepeat = true;
    } else if (char === "^" && (isExtended || isStart())) {
      text += "^";
      canRepeat = false;
    } else if (char === "$" && (isExtended || isEnd(source, at))) {
      text += "$";
      canRepeat = false;
    } else if (isExtended && char === "(") open();
    else if (isExtended && char === ")") close();
    else if (isExtended && char === "|") bar();
    else if (isExtended && (char === "+" || char === "?")) quantify(char);
    else if (isExtended && char === "{") {
      const end = source.indexOf("}", at);
      if (end < 0) refuse("{ without an end");
      quantify(interval(source.slice(at, end), refuse));
      at = end + 1;
    } else {
      const whole = String.fromCodePoint(source.codePointAt(at - 1)!);
      text += literal(whole);
      at += whole.length - 1;
      canRepeat = true;
    }
  }
  if (depth !== 0) refuse("an unmatched (");
  checkAlternatives(text, refuse);
  if (mayBeShorter(text, flags.includes("i") ? "i" : "")) {
    refuse("it may find less than the longest");
  }
  return new RegExp(text, `u${flags}`);
}

/** In a basic expression `$` is an end before `\)`, `\|` and at the end. */
function isEnd(source: string, at: number): boolean {
  return at === source.length || source.startsWith("\\)", at) || source.startsWith("\\|", at);
}

function literal(char: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

function interval(text: string, refuse: (why: string) => never): string {
  if (!/^\d+(,\d*)?$/.test(text) && !/^,\d+$/.test(text)) refuse(`{${text}}`);
  return `{${text.startsWith(",") ? `0${text}` : text}}`;
}

function bracket(
  source: string,
  start: number,
  refuse: (why: string) => never,
): { set: string; end: number } {
  let at = start;
  let set = "[";
  if (source[at] === "^") {
    set += "^";
    at++;
  }
  const first = at;
  for (; at === first || source[at] !== "]";) {
    if (at >= source.length) refuse("[ without an end");
    const named = /^\[:(\w+):\]/.exec(source.slice(at));
    if (named !== null) {
      set += CLASSES[named[1]!] ?? refuse(named[0]);
      at += named[0].length;
      continue;
    }
    if (/^\[[.=]/.test(source.slice(at))) refuse(source.slice(at, at + 2));
    const next = source[at] === "\\" ? source[at + 1] ?? "" : "";
    if (/^[acdox]$/.test(next)) refuse(`\\${next} in [ ]`);
    // Others, "\s" and "\w" too, are a backslash and a letter.
    if (/^[ntrfv\\]$/.test(next)) {
      set += `\\${next}`;
      at += 2;
      continue;
    }
    const char = String.fromCodePoint(source.codePointAt(at)!);
    at += char.length;
    const isRange = char === "-" && at - 1 !== first && source[at] !== "]";
    set += isRange ? "-" : /[\\\]^\-[&~!#%,:;<=>@`|$*+.?(){}/]/.test(char) ? escaped(char) : char;
  }
  return { set: `${set}]`, end: at + 1 };
}

function escaped(char: string): string {
  return `\\u{${char.codePointAt(0)!.toString(16)}}`;
}

/**
 * POSIX takes the longest alternative, JavaScript the first that fits: they are the same where no alternative can begin
 * as another one does.
 */
function checkAlternatives(text: string, refuse: (why: string) => never): void {
  const groups: string[][] = [[""]];
  const check = (alternatives: readonly string[]) => {
    if (alternatives.length < 2) return;
    const firsts = alternatives.map((each) => each.replace(/^\^/, "").replace(/^\\/, "")[0] ?? "");
    const isPlain = alternatives.every((each) =>
      /^\^?(\\[^\w]|[\w\s\-"'=:,@#/])(?![*?{])/.test(each)
    );
    if (!isPlain || new Set(firsts).size < firsts.length) {
      refuse("alternatives that may begin alike");
    }
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    const top = groups.at(-1)!;
    if (char === "\\") {
      top[top.length - 1] += char + (text[at + 1] ?? "");
      at++;
    } else if (char === "[") {
      const end = text.slice(at + 1).search(/(?<!\\)\]/) + at + 1;
      top[top.length - 1] += text.slice(at, end + 1);
      at = end;
    } else if (char === "(") groups.push([""]);
    else if (char === ")") {
      check(groups.pop()!);
      groups.at(-1)![groups.at(-1)!.length - 1] += "()";
    } else if (char === "|") top.push("");
    else top[top.length - 1] += char;
  }
  check(groups[0]!);
}
