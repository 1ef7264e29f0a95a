import { compileSet, PatternError } from "./pattern.ts";
import { TextToolError } from "./text_tools.ts";

/** Longest line that is worked on. */
const MAX_LINE = 100_000;

/** A character, maybe repeated, or the border of a group. */
type Item =
  | { readonly type: "char"; readonly test: (char: string) => boolean; readonly star: boolean }
  | { readonly type: "open" | "close"; readonly group: number }
  | { readonly type: "start" | "end" };

/**
 * Compiles `s|EXPRESSION|REPLACEMENT|flags`, or several with `;` between, with a basic regular expression of characters, sets,
 * `.`, `*`, `\{n\}`, `\{n,\}`, `^`, `$` and groups that are not repeated.
 *
 * @param silent `-n`: only lines that the flag `p` prints.
 * @returns What is printed for a line; undefined: nothing.
 */
export function compileSed(
  script: string,
  silent: boolean,
): (line: string) => string | undefined {
  const { expression, replacement, flags: all } = divide(script.trim());
  const end = all.indexOf(";");
  const flags = end < 0 ? all : all.slice(0, end);
  if (end >= 0) {
    if (silent || flags.includes("p")) {
      throw new TextToolError("Commands of sed after one that prints are not evaluated");
    }
    const first = compileSed(script.trim().slice(0, end - all.length), false);
    const next = compileSed(all.slice(end + 1), false);
    return (line) => next(first(line) ?? "");
  }
  if (/[^gp]/.test(flags)) throw new TextToolError(`The flags "${flags}" of sed are not known`);
  const items = parseExpression(expression);
  const parts = parseReplacement(replacement);
  const prints = flags.includes("p");
  return (line) => {
    const { text, found } = substitute(items, parts, flags.includes("g"), line);
    if (!prints || !found) return silent ? undefined : text;
    return silent ? text : `${text}\n${text}`;
  };
}

function divide(script: string): { expression: string; replacement: string; flags: string } {
  const mark = script[1] ?? "";
  if (script[0] !== "s" || /[\w\s\\]/.test(mark) || mark === "") {
    throw new TextToolError(`The sed script "${script}" is not understood`);
  }
  const fields: string[] = [];
  let field = "";
  for (let i = 2; i < script.length; i++) {
    const last = fields.length === 2;
    if (!last && script[i] === mark) {
      fields.push(field);
      field = "";
    } else if (!last && script[i] === "\\") {
      if (script[i + 1] === mark) {
        throw new TextToolError(`The escape "\\${mark}" of sed is not evaluated`);
      }
      field += script.slice(i, ++i + 1);
    } else field += script[i];
  }
  fields.push(field);
  const [expression, replacement, flags] = fields;
  if (expression === undefined || replacement === undefined || flags === undefined) {
    throw new TextToolError(`The sed script "${script}" is not closed`);
  }
  return { expression, replacement, flags };
}

function parseExpression(text: string): readonly Item[] {
  if (text === "") throw new TextToolError("An empty expression of sed is not evaluated");
  const items: Item[] = [];
  const open: number[] = [];
  let groups = 0;
  let at = 0;
  const char = (test: (char: string) => boolean) => {
    const [interval, count, andMore] = /^\\\{(\d{1,3})(,?)\\\}/.exec(text.slice(at)) ?? [];
    at += interval?.length ?? 0;
    for (let i = Number(count ?? 0); i > 0; i--) items.push({ type: "char", test, star: false });
    const star = interval === undefined ? text[at] === "*" : andMore === ",";
    if (interval === undefined && star) at++;
    if (text[at] === "*" || text.startsWith("\\{", at)) {
      throw new TextToolError("A repetition that is repeated in sed is not evaluated");
    }
    if (interval === undefined || star) items.push({ type: "char", test, star });
  };
  const same = (wanted: string) => char((other) => other === wanted);
  while (at < text.length) {
    const atStart = at === 0;
    const next = text[at]!;
    const symbol = String.fromCodePoint(text.codePointAt(at)!);
    at += symbol.length;
    if (next === "\\") {
      const escaped = text[at++] ?? "";
      if (escaped === "(") items.push({ type: "open", group: open[open.push(++groups) - 1]! });
      else if (escaped === ")") {
        const group = open.pop();
        if (group === undefined) throw new TextToolError('"\\)" of sed closes nothing');
        if (text[at] === "*") throw new TextToolError("A repeated group of sed is not evaluated");
        items.push({ type: "close", group });
      } else if (/[.*[\]^$/\\|&-]/.test(escaped) && escaped !== "|") same(escaped);
      else throw new TextToolError(`The escape "\\${escaped}" of sed is not evaluated`);
    } else if (next === ".") char(() => true);
    else if (next === "[") {
      const set = setAt(text, at - 1);
      at = set.end;
      char(set.test);
    } else if (next === "^" && atStart) items.push({ type: "start" });
    else if (next === "$" && at === text.length) items.push({ type: "end" });
    else if (next === "^" || next === "$" || (next === "*" && !wasChar(items))) {
      throw new TextToolError(`"${next}" of sed is not evaluated here`);
    } else same(symbol);
  }
  if (open.length > 0) throw new TextToolError('"\\(" of sed is not closed');
  return items;
}

function wasChar(items: readonly Item[]): boolean {
  return items.at(-1)?.type === "char";
}

function setAt(text: string, start: number): { test: (char: string) => boolean; end: number } {
  try {
    const set = compileSet(text, start);
    if (set !== undefined && !text.slice(start, set.end).includes("\\")) return set;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
  }
  throw new TextToolError("A bracket of sed is not closed or not evaluated");
}

function parseReplacement(text: string): readonly (string | number)[] {
  return (text.match(/\\[^]|&|[^\\&]+|\\$/g) ?? []).map((part) => {
    if (part === "&") return 0;
    if (/^\\[1-9]$/.test(part)) return Number(part[1]);
    if (/^\\[\\&/.|+-]$/.test(part)) return part[1]!;
    if (part.startsWith("\\")) {
      throw new TextToolError(`The escape "${part}" of sed is not evaluated`);
    }
    return part;
  });
}

function substitute(
  items: readonly Item[],
  parts: readonly (string | number)[],
  all: boolean,
  line: string,
): { text: string; found: boolean } {
  if (line.length > MAX_LINE) throw new TextToolError("A line is too long for sed");
  const chars = [...line];
  if (chars.length * chars.length * items.length > 20_000_000) {
    throw new TextToolError("A line is too long for sed");
  }
  let text = "";
  let found = false;
  let at = 0;
  let lastEnd = -1;
  while (at <= chars.length) {
    const match = matchAt(items, chars, at);
    if (match === undefined || (match.end === at && at === lastEnd)) {
      text += chars[at++] ?? "";
      continue;
    }
    found = true;
    for (const part of parts) {
      text += typeof part === "string"
        ? part
        : part === 0
        ? chars.slice(at, match.end).join("")
        : match.groups.get(part) ?? noGroup(part);
    }
    lastEnd = match.end;
    if (match.end === at) text += chars[at++] ?? "";
    else at = match.end;
    if (!all) break;
  }
  return { text: text + chars.slice(at).join(""), found };
}

function noGroup(group: number): never {
  throw new TextToolError(`The expression of sed has no group ${group}`);
}

/** The longest match at `start`; among those the one whose earlier items take most. */
function matchAt(
  items: readonly Item[],
  chars: readonly string[],
  start: number,
): { end: number; groups: ReadonlyMap<number, string> } | undefined {
  // The places that the items after the last one looked at can start from, from the end backwards.
  const ends: (number | undefined)[][] = [];
  for (let i = items.length; i >= 0; i--) {
    const item = items[i];
    ends[i] = [];
    for (let at = chars.length; at >= start; at--) {
      ends[i]![at] = item === undefined ? at : furthest(item, ends[i + 1]!, ends[i]!, chars, at);
    }
  }
  const end = ends[0]![start];
  if (end === undefined) return undefined;
  const opened = new Map<number, number>();
  const groups = new Map<number, string>();
  let at = start;
  items.forEach((item, i) => {
    if (item.type === "open") opened.set(item.group, at);
    else if (item.type === "close") {
      groups.set(item.group, chars.slice(opened.get(item.group), at).join(""));
    } else if (item.type === "char" && !item.star) at++;
    else if (item.type === "char") {
      let best = at;
      for (let to = at;; to++) {
        if (ends[i + 1]![to] === end) best = to;
        if (to >= chars.length || !item.test(chars[to]!)) break;
      }
      at = best;
    }
  });
  return { end, groups };
}

/** The furthest end of a match of `item` and what follows it, from `at` on. */
function furthest(
  item: Item,
  after: readonly (number | undefined)[],
  here: readonly (number | undefined)[],
  chars: readonly string[],
  at: number,
): number | undefined {
  if (item.type === "start") return at === 0 ? after[at] : undefined;
  if (item.type === "end") return at === chars.length ? after[at] : undefined;
  if (item.type !== "char") return after[at];
  const takes = at < chars.length && item.test(chars[at]!);
  if (!item.star) return takes ? after[at + 1] : undefined;
  const [taken, left] = [takes ? here[at + 1] : undefined, after[at]];
  return taken === undefined ? left : left === undefined ? taken : Math.max(taken, left);
}
