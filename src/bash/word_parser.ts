import type { Node, ParamPart, Part, Word } from "./syntax.ts";

/** What the parser throws at itself; {@linkcode parseBash} turns it into an opaque node. */
export class BashSyntaxError extends Error {}

/** Deepest nesting of quotes, expansions and commands that is followed. */
const MAX_DEPTH = 100;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const PARAM_NAME = /[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]/y;
const PARAM_OP = /:[-=+?]|##|%%|\/\/|\/#|\/%|\^\^|,,|[-=+?#%\/^,:@]/y;
const PLAIN = /[^\s\\'"`$;&|()<>{}\[\]*?~#\/]+/y;

function endsWord(char: string): boolean {
  return " \t\n;&|()<>".includes(char);
}

/** How a run of parts is read. */
interface PartsOptions {
  /** Whether `char`, met outside quotes, ends the run. */
  stop: (char: string) => boolean;
  /** Inside double quotes: `'` is an ordinary character and a backslash escapes little. */
  quoted?: boolean;
  /** What a backslash escapes inside double quotes. */
  escapes?: string;
  /** Operand of a pattern operator: a backslash always quotes. */
  pattern?: boolean;
  /** Body of a here-document: double quotes are ordinary characters. */
  heredoc?: boolean;
}

/** The half of the parser that reads words: quotes and expansions. */
export abstract class WordParser {
  protected readonly text: string;
  protected pos = 0;
  protected depth = 0;
  readonly #firstLine: number;
  #lineStarts: number[] | undefined;

  constructor(text: string, firstLine: number, depth: number) {
    this.text = text;
    this.#firstLine = firstLine;
    this.depth = depth;
  }

  /** Reads commands up to `)` and takes the `)`. */
  protected abstract parseSubstitution(): Node[];
  /** Reads a piece of text as a script of its own (backquotes). */
  protected abstract parseNested(text: string, line: number): Node[];

  /** The line of a position, counted from 1. */
  protected lineAt(pos: number): number {
    if (this.#lineStarts === undefined) {
      this.#lineStarts = [0];
      for (let i = this.text.indexOf("\n"); i >= 0; i = this.text.indexOf("\n", i + 1)) {
        this.#lineStarts.push(i + 1);
      }
    }
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#lineStarts[middle]! <= pos) low = middle;
      else high = middle;
    }
    return low + this.#firstLine;
  }

  protected fail(why: string): never {
    throw new BashSyntaxError(why);
  }

  /** Matches a sticky expression here and takes it. */
  protected take(expression: RegExp): string | undefined {
    expression.lastIndex = this.pos;
    const match = expression.exec(this.text);
    if (match === null) return undefined;
    this.pos += match[0].length;
    return match[0];
  }

  protected at(text: string): boolean {
    return this.text.startsWith(text, this.pos);
  }

  protected expect(text: string): void {
    if (!this.at(text)) this.fail(`Expected "${text}"`);
    this.pos += text.length;
  }

  /** Guards against input that nests without end. */
  protected nested<T>(read: () => T): T {
    if (this.depth >= MAX_DEPTH) this.fail("Nested too deeply");
    this.depth++;
    const result = read();
    this.depth--;
    return result;
  }

  /** Reads one word; undefined where none starts. */
  protected parseWord(): Word | undefined {
    const start = this.pos;
    const parts = this.parseParts({ stop: endsWord });
    if (this.pos === start) return undefined;
    return { type: "word", parts, line: this.lineAt(start) };
  }

  protected parseParts(options: PartsOptions): Part[] {
    const parts: Part[] = [];
    const { stop, quoted = false, pattern = false, heredoc = false } = options;
    const { escapes = '$`"\\' } = options;
    let text = "";
    const flush = () => {
      if (text !== "") parts.push({ type: "text", text, quoted });
      text = "";
    };
    while (this.pos < this.text.length) {
      const char = this.text[this.pos]!;
      const stops = stop(char);
      const process = stops && parts.length === 0 && text === "" && this.#atProcess();
      if (stops && !process) break;
      if (char === "\\") {
        const next = this.text[this.pos + 1];
        this.pos += next === undefined ? 1 : 2;
        if (next === "\n") continue;
        if (
          next === undefined ||
          (quoted && !pattern && !escapes.includes(next))
        ) {
          text += char + (next ?? "");
        } else {
          flush();
          parts.push({ type: "text", text: next, quoted: true });
        }
      } else if (char === "'" && !quoted) {
        const end = this.text.indexOf("'", this.pos + 1);
        if (end < 0) this.fail("A single quote is not closed");
        flush();
        parts.push({ type: "text", text: this.text.slice(this.pos + 1, end), quoted: true });
        this.pos = end + 1;
      } else if (char === '"' && !heredoc) {
        flush();
        this.#doubleQuotes(parts);
      } else if (char === "$") {
        const part = this.parseDollar(quoted);
        if (part === undefined) text += "$";
        else {
          flush();
          parts.push(...part);
        }
      } else if (char === "`") {
        flush();
        parts.push(this.#backquotes(quoted));
      } else if (process) {
        this.pos += 2;
        const body = this.nested(() => this.parseSubstitution());
        const why = '">(…)" is not evaluated';
        parts.push(
          char === "<"
            ? { type: "process", body, quoted: true }
            : { type: "opaque", why, quoted: true, isOutput: true },
        );
      } else {
        text += this.take(PLAIN) ?? this.text[this.pos++];
      }
    }
    flush();
    return parts;
  }

  #atProcess(): boolean {
    return this.at("<(") || this.at(">(");
  }

  #doubleQuotes(parts: Part[]): void {
    this.pos++;
    const inner = this.nested(() => this.parseParts({ stop: (c) => c === '"', quoted: true }));
    this.expect('"');
    if (inner.length === 0) inner.push({ type: "text", text: "", quoted: true });
    parts.push(...inner);
  }

  #backquotes(quoted: boolean): Part {
    const line = this.lineAt(this.pos);
    let inner = "";
    for (this.pos++; this.text[this.pos] !== "`"; this.pos++) {
      if (this.pos >= this.text.length) this.fail("A backquote is not closed");
      if (this.text[this.pos] === "\\" && /[$`\\]/.test(this.text[this.pos + 1] ?? "")) this.pos++;
      inner += this.text[this.pos];
    }
    this.pos++;
    const body = this.nested(() => this.parseNested(inner, line));
    return { type: "command", body, quoted };
  }

  /** Reads what starts with `$`; undefined, with the `$` taken, where it stands for itself. */
  protected parseDollar(quoted: boolean): Part[] | undefined {
    if (this.at("$((")) {
      this.pos += 3;
      return [{ type: "arithmetic", ...this.parseArithmetic(), quoted }];
    }
    if (this.at("$[")) this.fail('"$[…]" is not evaluated');
    if (this.at("$(")) {
      this.pos += 2;
      const body = this.nested(() => this.parseSubstitution());
      return [{ type: "command", body, quoted }];
    }
    if (this.at("${")) return [this.nested(() => this.#braces(quoted))];
    if (!quoted && this.at("$'")) return [this.#ansiQuotes()];
    if (!quoted && this.at('$"')) {
      this.pos++;
      const parts: Part[] = [];
      this.#doubleQuotes(parts);
      return parts;
    }
    this.pos++;
    const name = this.take(NAME) ?? this.take(/[0-9@*#?$!-]/y);
    return name === undefined ? undefined : [{ type: "param", name, quoted }];
  }

  /** Reads everything up to the `))` that closes; the position is after the opening one. */
  protected parseArithmetic(): { expression: Word; names: readonly string[] } {
    const start = this.pos;
    this.skipArithmetic();
    const text = this.text.slice(start, this.pos - 2);
    const names = [...text.matchAll(/[A-Za-z_][A-Za-z0-9_]*/g)].map((match) => match[0]);
    return { expression: this.parseExpression(text, this.lineAt(start)), names };
  }

  /** Reads a piece of text as in double quotes. */
  protected abstract parseExpression(text: string, line: number): Word;

  /** Takes everything up to the `))` that closes; the position is after the opening one. */
  protected skipArithmetic(): void {
    for (let open = 0; this.pos < this.text.length; this.pos++) {
      const char = this.text[this.pos]!;
      if (char === "(") open++;
      else if (char === ")" && open > 0) open--;
      else if (this.at("))")) {
        this.pos += 2;
        return;
      }
    }
    this.fail("Arithmetic is not closed");
  }

  #ansiQuotes(): Part {
    const match = this.take(/\$'(?:[^'\\]|\\[^])*'/y) ?? this.fail("A quote is not closed");
    const known: Record<string, string> = {
      ...{ n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'" },
      // Bash ends the text at a NUL.
      "0": "\0",
    };
    let unknown = false;
    const text = match.slice(2, -1).replace(/\\([0-7]{2,3}|[^])/g, (_, char: string) => {
      const value = char === '"' ? '"' : known[char];
      if (value === undefined) unknown = true;
      return value ?? "";
    });
    if (unknown) {
      return { type: "opaque", why: `The escape in ${match} is not known`, quoted: true };
    }
    return { type: "text", text: text.split("\0")[0]!, quoted: true };
  }

  #braces(quoted: boolean): ParamPart {
    const start = this.pos;
    this.pos += 2;
    const indirect = this.at("!") && !this.at("!}");
    const length = !indirect && this.at("#") && !this.at("#}");
    if (indirect || length) this.pos++;
    const name = this.take(PARAM_NAME) ?? this.fail(`"${this.#snippet(start)}" is not known`);
    let index: ParamPart["index"];
    if (this.at("[")) {
      this.pos++;
      const at = this.take(/[@*](?=\])/y);
      index = at === "@" || at === "*"
        ? at
        : this.#operand(this.parseParts({ stop: (c) => c === "]" }));
      this.expect("]");
    }
    const part = { type: "param", name, quoted, indirect, length } as const;
    const base: ParamPart = index === undefined ? part : { ...part, index };
    if (this.at("}")) {
      this.pos++;
      return base;
    }
    if (indirect && this.take(/[*@]\}/y) !== undefined) return { ...base, op: "prefix" };
    const op = this.take(PARAM_OP) ?? this.fail(`"${this.#snippet(start)}" is not known`);
    const end = (c: string) => c === "}";
    const isPattern = !/^:?[-=+?]$|^:$/.test(op);
    const arg = this.#operand(this.parseParts(
      isPattern
        ? { stop: op.startsWith("/") ? (c) => c === "}" || c === "/" : end, pattern: true }
        : { stop: end, quoted, escapes: '$`"\\}' },
    ));
    let replacement: Word | undefined;
    if (op.startsWith("/") && this.at("/")) {
      this.pos++;
      replacement = this.#operand(this.parseParts({ stop: end, quoted, pattern: true }));
    }
    this.expect("}");
    return replacement === undefined ? { ...base, op, arg } : { ...base, op, arg, replacement };
  }

  #operand(parts: Part[]): Word {
    return { type: "word", parts, line: this.lineAt(this.pos) };
  }

  #snippet(start: number): string {
    return this.text.slice(start, start + 30).split("\n")[0]!;
  }
}
