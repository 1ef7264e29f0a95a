/**
 * Bash's patterns and extended regular expressions as a small automaton, whose running time is
 * bounded by the lengths of program and text: no input makes it hang.
 *
 * @module
 */

/** A stretch of a pattern; quoted text stands for itself. */
export interface PatternPiece {
  readonly text: string;
  readonly quoted: boolean;
}

/** Thrown for a pattern that is not understood, or too long to be worth matching. */
export class PatternError extends Error {}

type Step =
  | { readonly op: "char"; readonly test: (char: string) => boolean }
  | { readonly op: "split"; readonly to: readonly [number, number] }
  | { readonly op: "jump"; readonly to: number }
  /** The border of a group: slot 2 is the start of the first one, 3 its end. */
  | { readonly op: "save"; readonly slot: number }
  | { readonly op: "begin" | "end" | "match" };

const MAX_WORK = 20_000_000;

/** A compiled pattern. */
export class Pattern {
  readonly #steps: readonly Step[];
  /** The pattern's text, if it stands for itself. */
  readonly #literal: string | undefined;
  /** For each step the last round that reached it. */
  readonly #seen: Uint32Array;
  #round = 0;

  constructor(steps: readonly Step[], literal?: string) {
    this.#steps = [...steps, { op: "match" }];
    this.#literal = literal;
    this.#seen = new Uint32Array(this.#steps.length);
  }

  /** Whether the whole text matches. */
  matches(text: string): boolean {
    if (this.#literal !== undefined) return text === this.#literal;
    this.#bound(text.length);
    return this.#end(text, 0, true) === text.length;
  }

  /**
   * The first match, the longest at its place, and its groups: `BASH_REMATCH`. A group that took no
   * part is "". Undefined where nothing matches.
   */
  groups(text: string): readonly string[] | undefined {
    this.#bound(text.length * text.length);
    for (let start = 0; start <= text.length; start++) {
      const end = this.#end(text, start, true);
      if (end === undefined) continue;
      const slots = this.#slots(text, start, end);
      const count = Math.max(0, ...this.#steps.map((s) => s.op === "save" ? s.slot >> 1 : 0));
      return Array.from({ length: count + 1 }, (_, group) => {
        const [from, to] = group === 0 ? [start, end] : [slots[group * 2], slots[group * 2 + 1]];
        return from === undefined || to === undefined ? "" : text.slice(from, to);
      });
    }
    return undefined;
  }

  /** Where groups begin and end in the match from `start` to `end`: earlier ones take most. */
  #slots(text: string, start: number, end: number): readonly (number | undefined)[] {
    type Thread = readonly [pc: number, slots: readonly (number | undefined)[]];
    let threads: Thread[] = [[0, []]];
    for (let at = start;; at++) {
      const next: Thread[] = [];
      this.#round++;
      // By falling priority, the next one on top of the stack.
      const todo = threads.reverse();
      for (let thread = todo.pop(); thread !== undefined; thread = todo.pop()) {
        const [pc, slots] = thread;
        if (this.#seen[pc] === this.#round) continue;
        this.#seen[pc] = this.#round;
        const step = this.#steps[pc]!;
        if (step.op === "match") {
          if (at === end) return slots;
        } else if (step.op === "char") {
          const char = text[at];
          if (at < end && char !== undefined && step.test(char)) next.push([pc + 1, slots]);
        } else if (step.op === "split") {
          todo.push([step.to[1], slots], [step.to[0], slots]);
        } else if (step.op === "jump") todo.push([step.to, slots]);
        else if (step.op === "save") {
          const saved = [...slots];
          saved[step.slot] = at;
          todo.push([pc + 1, saved]);
        } else if (step.op === "begin" ? at === 0 : at === text.length) todo.push([pc + 1, slots]);
      }
      threads = next;
    }
  }

  /** End of the longest match at `start`. */
  longest(text: string, start: number): number | undefined {
    return this.#end(text, start, true);
  }

  /** `text` without the shortest or longest prefix that matches: `#` and `##`. */
  withoutPrefix(text: string, longest: boolean): string {
    this.#bound(text.length);
    const end = this.#end(text, 0, longest);
    return end === undefined ? text : text.slice(end);
  }

  /** `text` without the shortest or longest suffix that matches: `%` and `%%`. */
  withoutSuffix(text: string, longest: boolean): string {
    const start = this.suffix(text, longest);
    return start === undefined ? text : text.slice(0, start);
  }

  /** Start of the shortest or longest match that ends the text. */
  suffix(text: string, longest: boolean): number | undefined {
    this.#bound(text.length * text.length);
    for (let i = 0; i <= text.length; i++) {
      const start = longest ? i : text.length - i;
      if (this.#end(text, start, true) === text.length) return start;
    }
    return undefined;
  }

  /** Replaces the first match, or all, each the longest at its place: `/` and `//`. */
  replace(text: string, replacement: string, all: boolean): string {
    this.#bound(text.length * text.length);
    let result = "";
    let at = 0;
    while (at < text.length) {
      const end = this.#end(text, at, true);
      if (end === undefined || end === at) {
        result += text[at++];
        continue;
      }
      result += replacement;
      at = end;
      if (!all) break;
    }
    return result + text.slice(at);
  }

  /** Where the longest or the shortest match that starts at `start` ends. */
  #end(text: string, start: number, longest: boolean): number | undefined {
    let threads: number[] = [];
    let found: number | undefined;
    this.#round++;
    let matched = this.#follow(0, threads, text, start);
    for (let at = start;; at++) {
      if (matched) found = at;
      const char = text[at];
      if (char === undefined || threads.length === 0 || (matched && !longest)) return found;
      const next: number[] = [];
      this.#round++;
      matched = false;
      for (const pc of threads) {
        const step = this.#steps[pc]!;
        if (step.op === "char" && step.test(char) && this.#follow(pc + 1, next, text, at + 1)) {
          matched = true;
        }
      }
      threads = next;
    }
  }

  /** Adds the steps that wait for a character, from `pc` on; whether the end is reached. */
  #follow(pc: number, threads: number[], text: string, at: number): boolean {
    let matched = false;
    const todo = [pc];
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (this.#seen[next] === this.#round) continue;
      this.#seen[next] = this.#round;
      const step = this.#steps[next]!;
      if (step.op === "char") threads.push(next);
      else if (step.op === "match") matched = true;
      else if (step.op === "split") todo.push(...step.to);
      else if (step.op === "jump") todo.push(step.to);
      else if (step.op === "save") todo.push(next + 1);
      else if (step.op === "begin" ? at === 0 : at === text.length) todo.push(next + 1);
    }
    return matched;
  }

  #bound(work: number): void {
    if (work * this.#steps.length > MAX_WORK) throw new PatternError("A pattern is too long");
  }
}

/** Compiles a pattern of `case`, `==` or `${X##…}`. */
export function compileGlob(pieces: readonly PatternPiece[]): Pattern {
  if (pieces.every(({ text, quoted }) => quoted || !/[*?[\\]/.test(text))) {
    const text = pieces.map((piece) => piece.text).join("");
    return new Pattern(text.split("").map(literal), text);
  }
  const steps: Step[] = [];
  for (const { text, quoted } of pieces) {
    for (let i = 0; i < text.length; i++) {
      const char = text[i]!;
      if (quoted) steps.push(literal(char));
      else if (char === "*") {
        const at = steps.length;
        steps.push({ op: "split", to: [at + 1, at + 3] }, anyChar, { op: "jump", to: at });
      } else if (char === "?") steps.push(anyChar);
      else if (char === "\\" && i + 1 < text.length) steps.push(literal(text[++i]!));
      else {
        const set = char === "[" ? readSet(text, i, "!^") : undefined;
        steps.push(set === undefined ? literal(char) : { op: "char", test: set.test });
        if (set !== undefined) i = set.end - 1;
      }
    }
  }
  return new Pattern(steps);
}

/** Compiles the right side of `=~`. */
export function compileRegex(pieces: readonly PatternPiece[]): Pattern {
  return new Pattern(new RegexCompiler(pieces).compile());
}

const anyChar: Step = { op: "char", test: () => true };

function literal(char: string): Step {
  return { op: "char", test: (other) => other === char };
}

/** Takes `text` from the start of a program to elsewhere: jump targets move along. */
function moved(steps: readonly Step[], by: number): Step[] {
  return steps.map((step) =>
    step.op === "split"
      ? { op: "split", to: [step.to[0] + by, step.to[1] + by] }
      : step.op === "jump"
      ? { op: "jump", to: step.to + by }
      : step
  );
}

class RegexCompiler {
  readonly #chars: { char: string; quoted: boolean }[] = [];
  #pos = 0;
  #depth = 0;
  #groups = 0;

  constructor(pieces: readonly PatternPiece[]) {
    for (const { text, quoted } of pieces) {
      for (let i = 0; i < text.length; i++) this.#chars.push({ char: text[i]!, quoted });
    }
  }

  compile(): Step[] {
    const steps = this.#alternatives();
    if (this.#pos < this.#chars.length) throw new PatternError('Unexpected ")" in an expression');
    return steps;
  }

  #active(chars: string): string | undefined {
    const next = this.#chars[this.#pos];
    return next !== undefined && !next.quoted && chars.includes(next.char) ? next.char : undefined;
  }

  #alternatives(): Step[] {
    if (++this.#depth > 50) throw new PatternError("An expression is nested too deeply");
    let steps = this.#sequence();
    while (this.#active("|") !== undefined) {
      this.#pos++;
      const other = this.#sequence();
      const after = steps.length + 2 + other.length;
      steps = [
        { op: "split", to: [1, steps.length + 2] },
        ...moved(steps, 1),
        { op: "jump", to: after },
        ...moved(other, steps.length + 2),
      ];
    }
    this.#depth--;
    return steps;
  }

  #sequence(): Step[] {
    const steps: Step[] = [];
    while (this.#pos < this.#chars.length && this.#active("|)") === undefined) {
      let atom = this.#atom();
      for (let op = this.#active("*+?{"); op !== undefined; op = this.#active("*+?{")) {
        this.#pos++;
        atom = op === "{" ? counted(atom, ...this.#count()) : repeated(atom, op);
        if (atom.length > 10_000) throw new PatternError("An expression is too long");
      }
      steps.push(...moved(atom, steps.length));
    }
    return steps;
  }

  /** What follows `{`: `4}`, `4,}`, `1,4}`. */
  #count(): [least: number, most: number | undefined] {
    const text = this.#chars.slice(this.#pos, this.#pos + 12)
      .map(({ char, quoted }) => quoted ? "\\" : char).join("");
    const [whole, least, comma, most] = /^(\d{1,3})(?:(,)(\d{1,3})?)?\}/.exec(text) ?? [];
    if (whole === undefined || Number(most ?? Infinity) < Number(least)) {
      throw new PatternError("A count in an expression is not evaluated");
    }
    this.#pos += whole.length;
    const end = comma === undefined ? Number(least) : most === undefined ? undefined : Number(most);
    return [Number(least), end];
  }

  #atom(): Step[] {
    const { char, quoted } = this.#chars[this.#pos++]!;
    if (quoted) return [literal(char)];
    if (char === ".") return [anyChar];
    if (char === "^") return [{ op: "begin" }];
    if (char === "$") return [{ op: "end" }];
    if (char === "\\") {
      const next = this.#chars[this.#pos++];
      if (next === undefined) throw new PatternError("An expression ends in a backslash");
      return [literal(next.char)];
    }
    if (char === "(") {
      const group = ++this.#groups;
      const steps = this.#alternatives();
      if (this.#active(")") === undefined) throw new PatternError("A parenthesis is not closed");
      this.#pos++;
      return [
        { op: "save", slot: group * 2 },
        ...moved(steps, 1),
        { op: "save", slot: group * 2 + 1 },
      ];
    }
    if (char === "[") {
      const text = this.#chars.map((c) => c.char).join("");
      const set = readSet(text, this.#pos - 1, "^");
      if (set === undefined) throw new PatternError("A bracket is not closed");
      this.#pos = set.end;
      return [{ op: "char", test: set.test }];
    }
    if ("*+?".includes(char)) throw new PatternError(`"${char}" has nothing to repeat`);
    return [literal(char)];
  }
}

function counted(atom: readonly Step[], least: number, most: number | undefined): Step[] {
  if (atom.length * Math.max(least, most ?? 0) > 10_000) {
    throw new PatternError("An expression is too long");
  }
  const steps: Step[] = [];
  const add = (more: readonly Step[]) => void steps.push(...moved(more, steps.length));
  for (let i = 0; i < least; i++) add(atom);
  if (most === undefined) add(repeated(atom, "*"));
  // Each of the others only behind the one before it.
  let others: Step[] = [];
  for (let i = least; i < (most ?? 0); i++) {
    others = repeated([...atom, ...moved(others, atom.length)], "?");
  }
  add(others);
  return steps;
}

function repeated(atom: readonly Step[], op: string): Step[] {
  const size = atom.length;
  if (op === "?") return [{ op: "split", to: [1, size + 1] }, ...moved(atom, 1)];
  if (op === "+") return [...atom, { op: "split", to: [0, size + 1] }];
  return [{ op: "split", to: [1, size + 2] }, ...moved(atom, 1), { op: "jump", to: 0 }];
}

const CLASSES: Readonly<Record<string, RegExp | undefined>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /\p{Cc}/u,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-\/:-@\[-`{-~]/,
  space: /\s/,
  upper: /[A-Z]/,
  word: /\w/,
  xdigit: /[A-Fa-f0-9]/,
};

/**
 * Reads a set of a regular expression, `[^a-z[:digit:]]`, that starts at `start`.
 *
 * @returns Its test and where it ends; undefined when it does not close.
 * @throws {PatternError} It names a class that is not known.
 */
export function compileSet(
  text: string,
  start: number,
): { test: (char: string) => boolean; end: number } | undefined {
  return readSet(text, start, "^");
}

/** Reads `[…]` at `start`; undefined when it does not close. */
function readSet(
  text: string,
  start: number,
  negations: string,
): { test: (char: string) => boolean; end: number } | undefined {
  let at = start + 1;
  const negate = at < text.length && negations.includes(text[at]!);
  if (negate) at++;
  const tests: ((char: string) => boolean)[] = [];
  for (let first = true; text[at] !== "]" || first; first = false) {
    if (at >= text.length) return undefined;
    const name = /^\[:([a-z]+):\]/.exec(text.slice(at, at + 12));
    if (name !== null) {
      const expression = CLASSES[name[1]!];
      if (expression === undefined) throw new PatternError(`"${name[0]}" is not known`);
      tests.push((char) => expression.test(char));
      at += name[0].length;
    } else if (text[at + 1] === "-" && text[at + 2] !== "]" && at + 2 < text.length) {
      const [low, high] = [text[at]!, text[at + 2]!];
      tests.push((char) => low <= char && char <= high);
      at += 3;
    } else {
      const single = text[at++]!;
      tests.push((char) => char === single);
    }
  }
  return { test: (char) => tests.some((test) => test(char)) !== negate, end: at + 1 };
}
