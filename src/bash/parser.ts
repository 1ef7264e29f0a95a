/**
 * Reads bash into the shapes of `bash_syntax.ts`. Nothing is run. What cannot be read becomes an
 * opaque node that names the variables and functions which it may set, and reading goes on after it.
 *
 * @module
 */

import {
  type Arithmetic,
  type Assign,
  type BashScript,
  DECLARATIONS,
  type ForNode,
  literalOf,
  type Node,
  type Part,
  type Redirect,
  type Test,
  type Word,
} from "./syntax.ts";
import { BashSyntaxError, WordParser } from "./word_parser.ts";

const RESERVED_END = new Set(["then", "elif", "else", "fi", "do", "done", "esac", "}"]);
const TOKEN = /[^\s;&|()<>"'`$\\]+/y;
const ASSIGN = /([A-Za-z_][A-Za-z0-9_]*)(\[[^\]\s]*\])?(\+?)=/y;
const FUNCTION_NAME = /[^\s;&|()<>"'`$\\=]+(?=[ \t]*\([ \t]*\))/y;
const REDIRECT = /([0-9]*)(&>>|&>|<<<|<<-|<<|<>|<&|>&|>>|>\||<(?!\()|>(?!\())/y;
const UNARY = /^-[a-zA-Z]$/;
const BINARY = /(?:==|=~|!=|=|<|>|-(?:eq|ne|lt|le|gt|ge|nt|ot|ef))(?=[\s"'$])/y;

/** A here-document whose body starts after the line. */
interface PendingHeredoc {
  redirect: Redirect;
  end: string;
  quoted: boolean;
  tabs: boolean;
}

/**
 * Parses a script; never throws on any input.
 *
 * @param firstLine Number of the text's first line.
 */
export function parseBash(path: string, text: string, firstLine = 1): BashScript {
  const parser = new CommandParser(plainLines(text), firstLine, 0);
  return { path, body: parser.parseScript() };
}

/** Shells leave NUL bytes out; a file whose every line ends in CR LF was meant to have LF alone. */
function plainLines(text: string): string {
  const kept = text.replaceAll("\0", "");
  return /\r\n/.test(kept) && !/(^|[^\r])\n/.test(kept) ? kept.replaceAll("\r\n", "\n") : kept;
}

class CommandParser extends WordParser {
  #heredocs: PendingHeredoc[] = [];

  /** The whole text, going on after what cannot be read. */
  parseScript(): Node[] {
    const body: Node[] = [];
    const depth = this.depth;
    let start = 0;
    for (;;) {
      try {
        this.#skipSpace(true);
      } catch (error) {
        if (!(error instanceof BashSyntaxError)) throw error;
        // The here-document of the command before does not end.
        body.pop();
        body.push(this.#broken(start, error.message));
      }
      if (this.pos >= this.text.length) return body;
      start = this.pos;
      try {
        body.push(this.#parseList());
        this.#separator();
      } catch (error) {
        if (!(error instanceof BashSyntaxError) && !(error instanceof RangeError)) throw error;
        this.depth = depth;
        this.#heredocs = [];
        body.push(this.#broken(start, error.message));
      }
    }
  }

  protected override parseSubstitution(): Node[] {
    const body = this.#parseBody(() => this.at(")"));
    this.expect(")");
    return body;
  }

  protected override parseNested(text: string, line: number): Node[] {
    const parser = new CommandParser(text, line, this.depth);
    return parser.#parseBody(() => false, true);
  }

  protected override parseExpression(text: string, line: number): Word {
    const parser = new CommandParser(text, line, this.depth);
    return { type: "word", parts: parser.#quotedParts(), line };
  }

  /** Skips the command that starts at `start`, to the line that seems to end it. */
  #broken(start: number, why: string): Node {
    const line = this.lineAt(this.pos);
    const failed = Math.max(this.pos, start);
    const firstEnd = this.#endOfLine(start);
    const first = this.text.slice(start, firstEnd);
    const indented = start > 0 && this.text[start - 1] !== "\n";
    const block = !indented && /^(function|if|for|while|until|case)\b|\{\s*(#.*)?$|\(\s*(#.*)?$/
      .test(first);
    let end = this.#endOfLine(failed);
    if (block) {
      const closing = /^(\}|\)|fi\b|done\b|esac\b).*$/gm;
      closing.lastIndex = firstEnd;
      const match = closing.exec(this.text);
      end = match === null ? this.text.length : match.index + match[0].length;
    }
    this.pos = Math.max(end, start + 1);
    const skipped = this.text.slice(start, this.pos);
    const functions = [
      ...skipped.matchAll(/^[ \t]*(?:function[ \t]+)?([^\s;&|()<>"'`$\\]+)[ \t]*\(\)/gm),
    ]
      .map((match) => match[1]!);
    const named = /^function[ \t]+([^\s(]+)/.exec(skipped)?.[1];
    if (named !== undefined) functions.push(named);
    return { type: "opaque", line, why, names: namesIn(skipped), functions, broken: true };
  }

  #endOfLine(pos: number): number {
    const end = this.text.indexOf("\n", pos);
    return end < 0 ? this.text.length : end;
  }

  /** Skips spaces, comments and continued lines; with `lines` also line ends and `;`-less gaps. */
  #skipSpace(lines: boolean): void {
    for (;;) {
      const char = this.text[this.pos];
      if (char === " " || char === "\t") this.pos++;
      else if (char === "\\" && this.text[this.pos + 1] === "\n") this.pos += 2;
      else if (char === "#") this.pos = this.#endOfLine(this.pos);
      else if (char === "\n" && lines) this.#newline();
      else return;
    }
  }

  #newline(): void {
    this.pos++;
    const pending = this.#heredocs;
    this.#heredocs = [];
    for (const heredoc of pending) this.#readHeredoc(heredoc);
  }

  #readHeredoc({ redirect, end, quoted, tabs }: PendingHeredoc): void {
    const line = this.lineAt(this.pos);
    let body = "";
    for (;;) {
      if (this.pos >= this.text.length) this.fail(`The here-document "${end}" does not end`);
      const stop = this.#endOfLine(this.pos);
      let text = this.text.slice(this.pos, stop);
      this.pos = Math.min(stop + 1, this.text.length);
      if (tabs) text = text.replace(/^\t+/, "");
      if (text === end) break;
      body += `${text}\n`;
    }
    const parts: Part[] = quoted || !/[$`\\]/.test(body)
      ? [{ type: "text", text: body, quoted: true }]
      : new CommandParser(body, line, this.depth).#quotedParts();
    redirect.target = { type: "word", parts, line };
  }

  /** The whole text as in double quotes, those in it being ordinary characters. */
  #quotedParts(): Part[] {
    try {
      const parts = this.parseParts({
        stop: () => false,
        quoted: true,
        heredoc: true,
        escapes: "$`\\",
      });
      return parts;
    } catch (error) {
      if (!(error instanceof BashSyntaxError)) throw error;
      return [{ type: "opaque", why: error.message, quoted: true }];
    }
  }

  /** Takes what ends a command: `;`, a line end, or the end of the text. */
  #separator(): void {
    this.#skipSpace(false);
    if (this.pos >= this.text.length) return;
    if (this.at("\n")) this.#newline();
    else if (this.at("&") || (this.at(";") && !this.at(";;"))) this.pos++;
    else this.fail(`Unexpected "${this.text[this.pos]}"`);
  }

  #peekToken(): string | undefined {
    const start = this.pos;
    const token = this.take(TOKEN);
    this.pos = start;
    return token;
  }

  /** Commands up to where `ends` says, or to the end of the text; the end is not taken. */
  #parseBody(ends: () => boolean, toEnd = false): Node[] {
    const body: Node[] = [];
    for (;;) {
      this.#skipSpace(true);
      if (ends()) return body;
      if (this.pos >= this.text.length) {
        if (toEnd) return body;
        this.fail("The text ends inside a command");
      }
      body.push(this.#parseList());
      this.#skipSpace(false);
      if (!ends() && this.pos < this.text.length) this.#separator();
    }
  }

  /** Commands up to one of the reserved words, which is taken and given back. */
  #parseUntil(...words: string[]): { body: Node[]; word: string } {
    const ends = () => {
      const token = this.#peekToken();
      return token !== undefined && words.includes(token);
    };
    const body = this.nested(() => this.#parseBody(ends));
    const word = this.take(TOKEN) ?? this.fail(`Expected "${words[0]}"`);
    return { body, word };
  }

  /** `a && b || c`, with a final `&` if there is one. */
  #parseList(): Node {
    const line = this.lineAt(this.pos);
    const first = this.#parsePipeline();
    const rest: { op: "&&" | "||"; node: Node }[] = [];
    for (;;) {
      this.#skipSpace(false);
      const op = this.at("&&") ? "&&" : this.at("||") ? "||" : undefined;
      if (op === undefined) break;
      this.pos += 2;
      this.#skipSpace(true);
      rest.push({ op, node: this.#parsePipeline() });
    }
    const list: Node = rest.length === 0 ? first : { type: "list", line, first, rest };
    if (!this.at("&")) return list; // The separator takes it.
    // Runs beside the script: whatever it assigns is lost, so only its output could matter.
    const why = "A command in the background is not evaluated";
    return { type: "opaque", line, why, names: [], functions: [], broken: false };
  }

  #parsePipeline(): Node {
    const line = this.lineAt(this.pos);
    let negate = false;
    while (this.take(/!(?=\s)/y) !== undefined) {
      negate = !negate;
      this.#skipSpace(false);
    }
    const commands = [this.#parseCommand()];
    for (;;) {
      this.#skipSpace(false);
      if (!this.at("|") || this.at("||")) break;
      this.pos += this.at("|&") ? 2 : 1;
      this.#skipSpace(true);
      commands.push(this.#parseCommand());
    }
    if (commands.length === 1 && !negate) return commands[0]!;
    return { type: "pipeline", line, negate, commands };
  }

  #parseCommand(): Node {
    const line = this.lineAt(this.pos);
    const compound = this.nested(() => this.#parseCompound(line));
    if (compound === undefined) return this.#parseSimple(line);
    if (compound.type === "function") return compound;
    const redirects: Redirect[] = [];
    for (;;) {
      this.#skipSpace(false);
      const redirect = this.#parseRedirect();
      if (redirect === undefined) break;
      redirects.push(redirect);
    }
    if (redirects.length === 0) return compound;
    return { type: "group", line, subshell: false, body: [compound], redirects };
  }

  #parseCompound(line: number): Node | undefined {
    if (this.at("((")) {
      this.pos += 2;
      return { type: "arithmetic", line, ...this.parseArithmetic() };
    }
    if (this.at("(")) {
      this.pos++;
      const body = this.parseSubstitution();
      return { type: "group", line, subshell: true, body, redirects: [] };
    }
    const name = this.take(FUNCTION_NAME);
    if (name !== undefined) {
      this.take(/[ \t]*\([ \t]*\)/y);
      return this.#parseFunction(name, line);
    }
    const token = this.#peekToken();
    if (token === undefined) return undefined;
    if (RESERVED_END.has(token)) this.fail(`Unexpected "${token}"`);
    const read = COMPOUNDS[token];
    // A quote or expansion that touches the token makes it an ordinary word.
    if (read === undefined || /["'`$\\]/.test(this.text[this.pos + token.length] ?? "")) {
      return undefined;
    }
    this.pos += token.length;
    return read.call(this, line);
  }

  #parseFunction(name: string, line: number): Node {
    this.#skipSpace(true);
    const start = this.pos;
    const body = this.#parseCommand();
    if (body.type === "simple") {
      this.pos = start;
      this.fail(`The function "${name}" has no body`);
    }
    return { type: "function", line, name, body };
  }

  parseFunctionKeyword(line: number): Node {
    this.#skipSpace(false);
    const name = this.take(TOKEN) ?? this.fail("A function has no name");
    this.take(/[ \t]*\([ \t]*\)/y);
    return this.#parseFunction(name, line);
  }

  parseGroup(line: number): Node {
    const { body } = this.#parseUntil("}");
    return { type: "group", line, subshell: false, body, redirects: [] };
  }

  parseIf(line: number): Node {
    const branches: { test: Node[]; body: Node[] }[] = [];
    for (;;) {
      const test = this.#parseUntil("then").body;
      const { body, word } = this.#parseUntil("elif", "else", "fi");
      branches.push({ test, body });
      if (word === "elif") continue;
      const otherwise = word === "else" ? this.#parseUntil("fi").body : [];
      return { type: "if", line, branches, otherwise };
    }
  }

  parseWhile(line: number, until: boolean): Node {
    const test = this.#parseUntil("do").body;
    const body = this.#parseUntil("done").body;
    return { type: "while", line, until, test, body };
  }

  parseFor(line: number): ForNode {
    this.#skipSpace(false);
    let name = "";
    let words: Word[] | undefined;
    let arithmetic: Arithmetic | undefined;
    if (this.at("((")) {
      this.pos += 2;
      arithmetic = { type: "arithmetic", ...this.parseArithmetic() };
    } else {
      name = this.take(/[A-Za-z_][A-Za-z0-9_]*/y) ?? this.fail('"for" has no variable');
      this.#skipSpace(true);
      if (this.#peekToken() === "in") {
        this.pos += 2;
        words = [];
        for (;;) {
          this.#skipSpace(false);
          const word = this.parseWord();
          if (word === undefined) break;
          words.push(word);
        }
      }
    }
    this.#skipSpace(false);
    if (this.at(";")) this.pos++;
    this.#skipSpace(true);
    if (this.take(TOKEN) !== "do") this.fail('Expected "do"');
    const body = this.#parseUntil("done").body;
    return { type: "for", line, name, words, arithmetic, body };
  }

  parseCase(line: number): Node {
    this.#skipSpace(false);
    const word = this.parseWord() ?? this.fail('"case" has no word');
    this.#skipSpace(true);
    if (this.take(TOKEN) !== "in") this.fail('Expected "in"');
    const items: { patterns: Word[]; body: Node[]; end: string }[] = [];
    for (;;) {
      this.#skipSpace(true);
      if (this.#peekToken() === "esac") {
        this.pos += 4;
        return { type: "case", line, word, items };
      }
      if (this.at("(")) this.pos++;
      const patterns: Word[] = [];
      do {
        this.#skipSpace(false);
        patterns.push(this.parseWord() ?? this.fail("A case has no pattern"));
        this.#skipSpace(false);
      } while (this.take(/\|/y) !== undefined);
      this.expect(")");
      const body = this.nested(() =>
        this.#parseBody(() => this.at(";;") || this.at(";&") || this.#peekToken() === "esac")
      );
      items.push({ patterns, body, end: this.take(/;;&|;;|;&/y) ?? ";;" });
    }
  }

  parseCondition(line: number): Node {
    const test = this.#parseTest();
    this.#skipSpace(true);
    this.expect("]]");
    return { type: "condition", line, test };
  }

  #parseTest(): Test {
    let left = this.#parseTestAnd();
    for (;;) {
      this.#skipSpace(true);
      if (!this.at("||")) return left;
      this.pos += 2;
      left = { type: "or", left, right: this.#parseTestAnd() };
    }
  }

  #parseTestAnd(): Test {
    let left = this.#parseTestTerm();
    for (;;) {
      this.#skipSpace(true);
      if (!this.at("&&")) return left;
      this.pos += 2;
      left = { type: "and", left, right: this.#parseTestTerm() };
    }
  }

  #parseTestTerm(): Test {
    this.#skipSpace(true);
    if (this.take(/!(?=\s)/y) !== undefined) {
      return { type: "not", test: this.nested(() => this.#parseTestTerm()) };
    }
    if (this.at("(")) {
      this.pos++;
      const test = this.nested(() => this.#parseTest());
      this.#skipSpace(true);
      this.expect(")");
      return test;
    }
    const left = this.parseWord() ?? this.fail("A condition has no operand");
    this.#skipSpace(false);
    const literal = literalOf(left);
    const unquoted = left.parts.every((part) => part.type === "text" && !part.quoted);
    if (unquoted && literal !== undefined && UNARY.test(literal) && !this.at("]]")) {
      const word = this.parseWord() ?? this.fail(`"${literal}" has no operand`);
      return { type: "unary", op: literal, word };
    }
    const op = this.take(BINARY);
    if (op === undefined) return { type: "unary", op: "-n", word: left };
    this.#skipSpace(false);
    const right = op === "=~" ? this.#parseRegex() : this.parseWord();
    return { type: "binary", op, left, right: right ?? this.fail(`"${op}" has no operand`) };
  }

  /** The right side of `=~`: parentheses and bars are its own. */
  #parseRegex(): Word {
    let open = 0;
    const start = this.pos;
    const stop = (char: string) => {
      if (char === "(") open++;
      else if (char === ")" && open === 0) return true;
      else if (char === ")") open--;
      return open <= 0 && /\s/.test(char);
    };
    return { type: "word", parts: this.parseParts({ stop }), line: this.lineAt(start) };
  }

  #parseSimple(line: number): Node {
    const assigns: Assign[] = [];
    const words: (Word | Assign)[] = [];
    const redirects: Redirect[] = [];
    const start = this.pos;
    let declares = false;
    for (;;) {
      this.#skipSpace(false);
      const redirect = this.#parseRedirect();
      if (redirect !== undefined) {
        redirects.push(redirect);
        continue;
      }
      const assign = words.length === 0 || declares ? this.#parseAssign() : undefined;
      if (assign !== undefined) {
        if (declares) words.push(assign);
        else assigns.push(assign);
        continue;
      }
      const word = this.parseWord();
      if (word === undefined) break;
      if (words.length === 0) declares = DECLARATIONS.has(literalOf(word) ?? "");
      words.push(word);
    }
    if (this.pos === start) this.fail(`Unexpected "${this.text[start] ?? "end of text"}"`);
    return { type: "simple", line, assigns, words, redirects };
  }

  #parseAssign(): Assign | undefined {
    ASSIGN.lastIndex = this.pos;
    const match = ASSIGN.exec(this.text);
    if (match === null) return undefined;
    const line = this.lineAt(this.pos);
    this.pos += match[0].length;
    const base = { type: "assign", name: match[1]!, append: match[3] === "+", line } as const;
    if (this.at("(")) {
      this.pos++;
      const value: Word[] = [];
      for (;;) {
        this.#skipSpace(true);
        const word = this.parseWord();
        if (word === undefined) break;
        value.push(word);
      }
      this.expect(")");
      const next = this.text[this.pos];
      if (next !== undefined && !/[\s;&|()<>]/.test(next)) {
        this.fail(`The array of "${base.name}" is part of a word`);
      }
      return { ...base, value };
    }
    const value = this.parseWord() ?? { type: "word", parts: [], line };
    if (match[2] === undefined) return { ...base, value };
    const subscript = new CommandParser(match[2].slice(1, -1), line, this.depth);
    const parts = subscript.parseParts({ stop: () => false });
    return { ...base, index: { type: "word", parts, line }, value };
  }

  /** Where such a here-document ends is not known: all that follows may be in it. */
  #unknownEnd(): never {
    this.pos = this.text.length;
    this.fail("The end of a here-document is not a plain word");
  }

  #parseRedirect(): Redirect | undefined {
    REDIRECT.lastIndex = this.pos;
    const match = REDIRECT.exec(this.text);
    if (match === null) return undefined;
    this.pos += match[0].length;
    const op = match[2]!;
    this.#skipSpace(false);
    const target = this.parseWord() ?? this.fail(`"${op}" has no target`);
    const redirect: Redirect = match[1] === ""
      ? { op, target }
      : { op, target, fd: Number(match[1]) };
    if (op === "<<" || op === "<<-") {
      const quoted = target.parts.some((part) => part.type === "text" && part.quoted);
      const end = literalOf(target) ?? this.#unknownEnd();
      const why = `The here-document "${end}" does not end`;
      redirect.target = { ...target, parts: [{ type: "opaque", why, quoted: true }] };
      this.#heredocs.push({ redirect, end, quoted, tabs: op === "<<-" });
    }
    return redirect;
  }
}

const COMPOUNDS: Readonly<
  Record<string, ((this: CommandParser, line: number) => Node) | undefined>
> = Object.assign(Object.create(null), {
  "function": CommandParser.prototype.parseFunctionKeyword,
  "{": CommandParser.prototype.parseGroup,
  "if": CommandParser.prototype.parseIf,
  "while": function (this: CommandParser, line: number): Node {
    return this.parseWhile(line, false);
  },
  "until": function (this: CommandParser, line: number): Node {
    return this.parseWhile(line, true);
  },
  "for": CommandParser.prototype.parseFor,
  "case": CommandParser.prototype.parseCase,
  "[[": CommandParser.prototype.parseCondition,
});

/** Variables that a piece of unread text looks like it sets. */
export function namesIn(text: string): string[] {
  const assigned = text.matchAll(/(?:^|[\s;({])([A-Za-z_][A-Za-z0-9_]*)(?:\[[^\]]*\])?\+?=/g);
  const read = text.matchAll(
    /(?:\bread(?:array)?|\bmapfile|read-array)((?:[ \t]+-?[A-Za-z_][A-Za-z0-9_]*)+)/g,
  );
  const names = new Set<string>();
  for (const match of assigned) names.add(match[1]!);
  for (const match of read) {
    for (const name of match[1]!.split(/\s+/)) if (/^[A-Za-z_]/.test(name)) names.add(name);
  }
  return [...names];
}
