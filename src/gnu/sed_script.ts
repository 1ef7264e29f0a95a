import { ToolRefusal } from "./types.ts";

/** Where a command applies. */
export type Address =
  | { readonly kind: "line"; readonly line: number }
  | { readonly kind: "last" }
  | { readonly kind: "step"; readonly first: number; readonly step: number }
  | { readonly kind: "regex"; readonly source: string; readonly flags: string };

/** A command of a sed script. */
export interface SedCommand {
  readonly from: Address | undefined;
  /** A number of further lines with `+N`. */
  readonly to: Address | { readonly kind: "more"; readonly lines: number } | undefined;
  readonly isNegated: boolean;
  readonly name: string;
  /** Text of a, i, c; label of b, t, `:`; file of r; exit status of q, Q. */
  readonly text: string;
  /** Of `s`. */
  readonly substitution?: Substitution;
  /** Of `y`: from letters to letters. */
  readonly letters?: ReadonlyMap<string, string>;
  /** Of `{`: the index behind its `}`. */
  end: number;
}

/** `s/REGEX/REPLACEMENT/FLAGS`. */
export interface Substitution {
  readonly source: string;
  readonly replacement: readonly ReplacementPart[];
  readonly isGlobal: boolean;
  readonly prints: boolean;
  /** Which match is the first to be replaced. */
  readonly nth: number;
  readonly flags: string;
}

/** Text, a group of the match, or a change of case from here on. */
export type ReplacementPart = string | number | { readonly to: "U" | "L" | "u" | "l" | "E" };

/** Parses a script; several `-e` are lines of it. */
export function parseSed(script: string): readonly SedCommand[] {
  const commands: SedCommand[] = [];
  const open: number[] = [];
  let at = 0;
  const refuse = (what: string): never => {
    throw new ToolRefusal(`kbuild's sed does not have ${what} (in "${script}")`);
  };
  const skip = (pattern: RegExp) => {
    while (at < script.length && pattern.test(script[at]!)) at++;
  };
  const number = (): number => {
    const [digits = ""] = /^\d+/.exec(script.slice(at)) ?? [];
    at += digits.length;
    return Number(digits);
  };
  /** Up to the delimiter; an escaped delimiter stands for itself. */
  const field = (mark: string, isRegex: boolean): string => {
    let text = "";
    let inSet = false;
    for (; at < script.length; at++) {
      const char = script[at]!;
      if (char === "\\" && !inSet) {
        const next = script[at + 1] ?? "";
        at++;
        if (next === mark) {
          // In a regular expression it keeps no special meaning.
          if (isRegex && /[.*[\]^$+?(){}|]/.test(mark)) refuse(`the delimiter ${mark} escaped`);
          text += mark === "&" && !isRegex ? "\\&" : mark;
        } else text += `\\${next}`;
        continue;
      }
      if (isRegex && inSet) {
        text += char;
        if (char === "[" && /^\[[:.=]/.test(script.slice(at))) {
          const end = script.indexOf("]", at + 2);
          if (end < 0) refuse("[ without an end");
          text += script.slice(at + 1, end + 1);
          at = end;
        } else if (char === "]") inSet = false;
        continue;
      }
      if (char === mark) {
        at++;
        return text;
      }
      if (isRegex && char === "[") {
        inSet = true;
        text += char;
        // "]" may be the first.
        if (script[at + 1] === "^") text += script[++at]!;
        if (script[at + 1] === "]") text += script[++at]!;
        continue;
      }
      text += char;
    }
    return refuse(`an expression without its end "${mark}"`);
  };
  const address = (): Address | undefined => {
    const char = script[at] ?? "";
    if (/\d/.test(char)) {
      const line = number();
      if (script[at] !== "~") return { kind: "line", line };
      at++;
      return { kind: "step", first: line, step: number() };
    }
    if (char === "$") {
      at++;
      return { kind: "last" };
    }
    if (char !== "/" && char !== "\\") return undefined;
    at += char === "\\" ? 2 : 1;
    const source = field(char === "\\" ? script[at - 1]! : "/", true);
    let flags = "";
    for (; /[IM]/.test(script[at] ?? ""); at++) flags += script[at] === "I" ? "i" : "m";
    return { kind: "regex", source, flags };
  };
  while (at < script.length) {
    skip(/[\s;]/);
    if (at >= script.length) break;
    if (script[at] === "#") {
      skip(/[^\n]/);
      continue;
    }
    const from = address();
    let to: SedCommand["to"];
    skip(/[ \t]/);
    if (script[at] === ",") {
      at++;
      skip(/[ \t]/);
      if (script[at] === "+") {
        at++;
        to = { kind: "more", lines: number() };
      } else {
        if (script[at] === "~") refuse("the address ,~N");
        to = address() ?? refuse("a range without an end");
        if (to.kind === "step") refuse("a range to a step");
      }
    }
    skip(/[ \t]/);
    let isNegated = false;
    while (script[at] === "!") {
      isNegated = true;
      at++;
      skip(/[ \t]/);
    }
    const name = script[at++] ?? "";
    const base = { from, to, isNegated, name, text: "", end: 0 };
    const ended = () => {
      skip(/[ \t]/);
      if (at < script.length && !/[;\n}#]/.test(script[at]!)) refuse(`"${script.slice(at)}"`);
    };
    switch (name) {
      case "{":
        open.push(commands.length);
        commands.push(base);
        continue;
      case "}": {
        const begin = open.pop();
        if (begin === undefined || from !== undefined) refuse("an unmatched }");
        commands[begin!]!.end = commands.length;
        ended();
        continue;
      }
      case "s": {
        const mark = script[at++] ?? "";
        if (/[\n\\]/.test(mark) || mark === "") refuse(`s${mark}`);
        const source = field(mark, true);
        const replacement = parseReplacement(field(mark, false), refuse);
        let [isGlobal, prints, nth, flags] = [false, false, 1, ""];
        for (; at < script.length && !/[;\n}# \t]/.test(script[at]!); at++) {
          const flag = script[at]!;
          if (flag === "g") isGlobal = true;
          else if (flag === "p") prints = true;
          else if (flag === "i" || flag === "I") flags += "i";
          else if (flag === "m" || flag === "M") flags += "m";
          else if (/[1-9]/.test(flag)) {
            nth = number();
            at--;
          } else refuse(`the flag "${flag}" of s`);
        }
        ended();
        const substitution = { source, replacement, isGlobal, prints, nth, flags };
        commands.push({ ...base, substitution });
        continue;
      }
      case "y": {
        const mark = script[at++] ?? "";
        const [one, two] = [field(mark, false), field(mark, false)].map((text) => [
          ...text.replaceAll(/\\([\s\S])/g, (_, next: string) => {
            if (next !== "\\" && ESCAPES[next] === undefined) refuse(`\\${next} in y`);
            return ESCAPES[next] ?? next;
          }),
        ]);
        if (one!.length !== two!.length) refuse("y with lists of different lengths");
        ended();
        commands.push({ ...base, letters: new Map(one!.map((letter, i) => [letter, two![i]!])) });
        continue;
      }
      case "a":
      case "i":
      case "c": {
        skip(/[ \t]/);
        if (script[at] === "\\") {
          // What follows in the line is text, with its spaces.
          at++;
          const spaces = /^[ \t]*\n/.exec(script.slice(at))?.[0] ?? "";
          at += spaces.length;
        }
        let text = "";
        for (; at < script.length && script[at] !== "\n"; at++) {
          if (script[at] === "\\" && at + 1 < script.length) {
            const next = script[++at]!;
            if (/[acdox]/.test(next)) refuse(`\\${next} in a text`);
            text += ESCAPES[next] ?? next;
          } else text += script[at];
        }
        if (text === "") refuse(`${name} without a text`);
        commands.push({ ...base, text: `${text}\n` });
        continue;
      }
      case "b":
      case "t":
      case "T":
      case ":":
      case "r": {
        skip(/[ \t]/);
        const [text = ""] = (name === "r" ? /^[^\n]*/ : /^[^\s;}]*/).exec(script.slice(at)) ?? [];
        at += text.length;
        if (name === ":" && from !== undefined) refuse(": with an address");
        commands.push({ ...base, text });
        continue;
      }
      case "q":
      case "Q": {
        skip(/[ \t]/);
        commands.push({ ...base, text: String(number()) });
        ended();
        continue;
      }
    }
    if (!/^[dDpPnNgGhHx=]$/.test(name)) refuse(`the command "${name}"`);
    ended();
    commands.push(base);
  }
  if (open.length > 0) refuse("{ without an end");
  return commands;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f", v: "\v" };

function parseReplacement(
  text: string,
  refuse: (what: string) => never,
): readonly ReplacementPart[] {
  const parts: ReplacementPart[] = [];
  const add = (letters: string) => {
    if (typeof parts.at(-1) === "string") parts[parts.length - 1] += letters;
    else parts.push(letters);
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "&") parts.push(0);
    else if (char !== "\\") add(char);
    else {
      const next = text[++at] ?? "\\";
      if (/\d/.test(next)) parts.push(Number(next));
      else if (/[ULulE]/.test(next)) parts.push({ to: next as "U" });
      else if (ESCAPES[next] !== undefined) add(ESCAPES[next]);
      else if (/[a-zA-Z]/.test(next)) refuse(`\\${next} in a replacement`);
      else add(next);
    }
  }
  return parts;
}
