import { evaluateArithmetic } from "./arithmetic.ts";
import { compileGlob, PatternError, type PatternPiece } from "./pattern.ts";
import { literalOf, type Node, type ParamPart, type Part, type Word } from "./syntax.ts";
import type { BashState } from "./state.ts";

/** What expansion asks of the evaluator. */
export interface ExpandHost {
  readonly state: BashState;
  /** Exit status of the last command. */
  readonly status: number;
  /** Stops the command: something is not understood, or unknown. */
  unsupported(why: string): never;
  /** Whether no file has a name that fits a pattern, which then stays as it is. */
  isUnmatched(pattern: string): boolean;
  /** Names of the files in a directory, which patterns are expanded to; undefined if they are not known. */
  namesIn(directory: string): readonly string[] | undefined;
  /** The value of a variable; unsupported if it is unknown. */
  valueOf(name: string): string | readonly string[] | undefined;
  /** Sets a scalar: `${X:=word}`. */
  assign(name: string, value: string): void;
  /** Output of `$(body)`, trailing newlines kept. */
  capture(body: readonly Node[]): string;
  /** The name of a file with the output of `<(body)`. */
  fileOf(body: readonly Node[]): string;
  /** `$0`, if it is known. */
  readonly scriptName: string | undefined;
}

/** An expanded stretch of a word, or the border between two fields of `"${X[@]}"`. */
type Piece = PatternPiece | typeof BREAK;
const BREAK = Symbol("break");

/** Longest text that a word may become. */
const MAX_TEXT = 1_000_000;
/** Variables that a shell sets by itself: not known here unless given. */
const DYNAMIC = /^(BASH.*|FUNCNAME|LINENO|RANDOM|SECONDS|EPOCH.*|PIPESTATUS|DIRSTACK|GROUPS)$/;

/** Splits text as word splitting and `read` do. */
export function splitFields(text: string, ifs: string): string[] {
  const fields: string[] = [];
  let field: string | undefined;
  let afterSpace = false;
  for (const char of text) {
    if (!ifs.includes(char)) {
      field = (field ?? "") + char;
      afterSpace = false;
    } else if (/\s/.test(char)) {
      if (field !== undefined) {
        fields.push(field);
        field = undefined;
        afterSpace = true;
      }
    } else if (field === undefined && afterSpace) {
      afterSpace = false; // Spaces before a separator belong to it.
    } else {
      fields.push(field ?? "");
      field = undefined;
      afterSpace = false;
    }
  }
  if (field !== undefined) fields.push(field);
  return fields;
}

/** Turns words into text and fields. */
export class Expander {
  readonly #host: ExpandHost;

  constructor(host: ExpandHost) {
    this.#host = host;
  }

  get ifs(): string {
    const value = this.#host.valueOf("IFS");
    return typeof value === "string" ? value : " \t\n";
  }

  /** Words as arguments: split into fields, braces expanded; file name patterns are unsupported. */
  fields(words: readonly Word[]): string[] {
    return words.flatMap((word) => this.#braces(word)).flatMap((word) => this.#fields(word));
  }

  /** One word as the right side of an assignment: never split. */
  text(word: Word): string {
    return this.pieces(word).map((piece) => piece.text).join("");
  }

  /** One word as a pattern: quoted text stays apart from unquoted. */
  pieces(word: Word): PatternPiece[] {
    return this.#expand(word.parts).map((piece) =>
      piece === BREAK ? { text: " ", quoted: true } : piece
    );
  }

  #fields(word: Word): string[] {
    const first = word.parts[0];
    if (first?.type === "text" && !first.quoted && first.text.startsWith("~")) {
      this.#host.unsupported('"~" is not expanded');
    }
    const ifs = this.ifs;
    const fields: string[] = [];
    let field: string | undefined;
    let pattern: PatternPiece[] = [];
    let isPattern = false;
    const add = (text: string, quoted: boolean) => {
      field = (field ?? "") + text;
      pattern.push({ text, quoted });
    };
    const end = () => {
      if (field !== undefined) fields.push(...isPattern ? this.#filesLike(pattern) : [field]);
      field = undefined;
      pattern = [];
      isPattern = false;
    };
    const parts = this.#expand(word.parts, true);
    for (const piece of parts) {
      if (piece === BREAK) end();
      else if (piece.quoted) add(piece.text, true);
      else {
        const split = splitFields(piece.text, ifs);
        if (piece.text !== "" && ifs.includes(piece.text[0]!)) end();
        split.forEach((text, i) => {
          if (i > 0) end();
          add(text, false);
          if (/[*?]|\[.*\]/s.test(text) && !this.#host.isUnmatched(field!)) isPattern = true;
        });
        if (piece.text !== "" && ifs.includes(piece.text.at(-1)!)) end();
      }
    }
    end();
    return fields;
  }

  /** Files that a pattern fits, in the order of bytes; the pattern itself if there is none. */
  #filesLike(pattern: readonly PatternPiece[]): readonly string[] {
    const whole = pattern.map(({ text }) => text).join("");
    const unknown = () =>
      this.#host.unsupported(`The file name pattern "${whole}" is not expanded`);
    const at = whole.lastIndexOf("/") + 1;
    const name: PatternPiece[] = [];
    let start = 0;
    for (const { text, quoted } of pattern) {
      const before = text.slice(0, Math.max(at - start, 0));
      if (!quoted && /[*?[\\]/.test(before)) return unknown();
      name.push({ text: text.slice(before.length), quoted });
      start += text.length;
    }
    const names = this.#host.namesIn(whole.slice(0, at) || ".");
    if (names === undefined) return unknown();
    const compiled = compileGlob(name);
    const isHidden = whole[at] === ".";
    const found = names.filter((each) =>
      compiled.matches(each) && (isHidden || !each.startsWith("."))
    );
    return found.length === 0 ? [whole] : found.sort().map((each) => whole.slice(0, at) + each);
  }

  /** `a{b,c}` within one stretch of text; other braces with a comma are unsupported. */
  #braces(word: Word): Word[] {
    const at = word.parts.findIndex((part) =>
      part.type === "text" && !part.quoted && part.text.includes("{")
    );
    if (at < 0) return [word];
    const part = word.parts[at]! as Part & { type: "text" };
    const match = /^([^{]*)\{([^{}]*)\}([^]*)$/.exec(part.text);
    if (match === null || match[2]!.includes("..")) {
      this.#host.unsupported(`The braces in "${part.text}" are not expanded`);
    }
    const [, before, inside, after] = match;
    if (!inside!.includes(",")) return [word];
    return inside!.split(",").flatMap((choice) => {
      const text = `${before}${choice}${after}`;
      return this.#braces({ ...word, parts: word.parts.with(at, { ...part, text }) });
    });
  }

  /** @param split Unquoted text of the script itself is not split: mark it quoted unless a pattern. */
  #expand(parts: readonly Part[], split = false): Piece[] {
    const pieces: Piece[] = [];
    let length = 0;
    for (const part of parts) {
      const some = this.#part(part, split);
      for (const piece of some) length += piece === BREAK ? 1 : piece.text.length;
      if (length > MAX_TEXT) this.#host.unsupported("A word becomes too long");
      pieces.push(...some);
    }
    return pieces;
  }

  #part(part: Part, split: boolean): Piece[] {
    switch (part.type) {
      case "text": {
        // The script's own text is not split at IFS; only its patterns matter.
        const quoted = part.quoted || (split && !/[*?[]/.test(part.text));
        return [{ text: part.text, quoted }];
      }
      case "param":
        return this.#param(part);
      case "command":
        return [{ text: this.#host.capture(part.body).replace(/\n+$/, ""), quoted: part.quoted }];
      case "arithmetic": {
        const text = String(evaluateArithmetic(this.#host, this.text(part.expression)));
        return [{ text, quoted: part.quoted }];
      }
      case "process":
        return [{ text: this.#host.fileOf(part.body), quoted: true }];
      case "opaque":
        return this.#host.unsupported(part.why);
    }
  }

  /** The values of a parameter before its operator; undefined when it is unset. */
  #values(part: ParamPart): readonly string[] | undefined {
    const { name, index } = part;
    const { state } = this.#host;
    if (name === "@" || name === "*") return state.positional;
    if (name === "#") return [String(state.positional.length)];
    if (name === "?") return [String(this.#host.status)];
    if (/^[0-9]/.test(name)) {
      const value = name === "0"
        ? this.#host.scriptName ?? this.#host.unsupported('"$0" is not known')
        : state.positional[+name - 1];
      return value === undefined ? undefined : [value];
    }
    if (!/^[A-Za-z_]/.test(name)) this.#host.unsupported(`"$${name}" is not known`);
    const value = this.#host.valueOf(name);
    if (value === undefined) {
      if (DYNAMIC.test(name)) this.#host.unsupported(`"${name}" is not known`);
      return undefined;
    }
    const items = typeof value === "string" ? [value] : value;
    if (index === "@" || index === "*") return items;
    const item = items[index === undefined ? 0 : this.subscript(index)];
    return item === undefined ? undefined : [item];
  }

  /** A subscript: arithmetic. */
  subscript(word: Word): number {
    const text = this.text(word);
    const value = evaluateArithmetic(this.#host, text);
    if (value >= 0 && text.trim() !== "") return value;
    return this.#host.unsupported(`The subscript "${text}" is not evaluated`);
  }

  #param(part: ParamPart): Piece[] {
    if (part.indirect) return this.#indirect(part);
    const list = part.index === "@" || part.name === "@";
    const star = part.index === "*" || part.name === "*";
    const values = this.#values(part);
    if (part.length) {
      if (values === undefined && !list && !star) this.#unset(part);
      const count = list || star ? values?.length ?? 0 : [...values![0]!].length;
      return [{ text: String(count), quoted: part.quoted }];
    }
    const result = this.#operator(part, values, list || star);
    // A quoted expansion to nothing is an empty field, but for "${X[@]}".
    const empty: Piece[] = part.quoted && !list ? [{ text: "", quoted: true }] : [];
    if (!Array.isArray(result)) return part.arg?.parts.length === 0 ? empty : result.pieces;
    if (result.length === 0) return empty;
    if (star && part.quoted) {
      return [{ text: result.join(this.ifs[0] ?? ""), quoted: true }];
    }
    return result.flatMap((text, i): Piece[] => {
      const piece = { text, quoted: part.quoted };
      return i === 0 ? [piece] : [BREAK, piece];
    });
  }

  #indirect(part: ParamPart): Piece[] {
    if (part.op === "prefix") this.#host.unsupported(`"\${!${part.name}*}" is not evaluated`);
    if (part.index === "@" || part.index === "*") {
      this.#host.unsupported(`"\${!${part.name}[@]}" is not evaluated`);
    }
    const values = this.#values({ ...part, indirect: false });
    const name = values?.[0] ?? "";
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      this.#host.unsupported(`"\${!${part.name}}" names no variable`);
    }
    const { index: _, ...rest } = part;
    return this.#param({ ...rest, name, indirect: false });
  }

  #unset(part: ParamPart): never {
    return this.#host.unsupported(`"${part.name}" is not set`);
  }

  #operator(
    part: ParamPart,
    values: readonly string[] | undefined,
    list: boolean,
  ): string[] | { pieces: Piece[] } {
    const { op, arg } = part;
    const test = /^(:?)([-=+?])$/.exec(op ?? "");
    if (test !== null) {
      const nothing = values === undefined || values.length === 0 ||
        (test[1] === ":" && values.length === 1 && values[0] === "");
      return this.#defaulted(part, test[2]!, nothing, values ?? []);
    }
    // `[@]` of an array that was never declared would be nothing, or end the script.
    if (values === undefined) this.#unset(part);
    if (op === undefined) return [...values];
    if (op === ":") return this.#substring(part, values, list);
    if (op === "^^") return this.#noArgument(part, values.map((value) => value.toUpperCase()));
    if (op === ",,") return this.#noArgument(part, values.map((value) => value.toLowerCase()));
    if (op === "^" || op === "," || op === "@") {
      this.#host.unsupported(`"\${${part.name}${op}…}" is not evaluated`);
    }
    return this.#patterned(op, arg!, part.replacement, values);
  }

  #noArgument(part: ParamPart, result: string[]): string[] {
    if (part.arg!.parts.length > 0) {
      this.#host.unsupported(`"\${${part.name}${part.op}…}" is not evaluated`);
    }
    return result;
  }

  #defaulted(
    part: ParamPart,
    kind: string,
    nothing: boolean,
    values: readonly string[],
  ): string[] | { pieces: Piece[] } {
    const word = () => {
      const pieces = this.#expand(part.arg!.parts);
      return {
        pieces: pieces.map((p) => p === BREAK || !part.quoted ? p : { ...p, quoted: true }),
      };
    };
    if (kind === "+") return nothing ? [] : word();
    if (!nothing) return [...values];
    if (kind === "-") return word();
    if (kind === "?") this.#unset(part);
    const text = this.text(part.arg!);
    if (part.index !== undefined) {
      this.#host.unsupported("An element is not assigned by an expansion");
    }
    this.#host.assign(part.name, text);
    return [text];
  }

  #substring(part: ParamPart, values: readonly string[], list: boolean): string[] {
    const match = /^ ?(-?[0-9]{1,9})(?::([0-9]{1,9}))?$/.exec(literalOf(part.arg) ?? "");
    if (match === null || list) this.#host.unsupported(`"\${${part.name}:…}" is not evaluated`);
    const chars = [...values[0]!];
    const start = Number(match[1]) < 0 ? chars.length + Number(match[1]) : Number(match[1]);
    if (start < 0) return [""];
    const end = match[2] === undefined ? undefined : start + Number(match[2]);
    return [chars.slice(start, end).join("")];
  }

  #patterned(
    op: string,
    arg: Word,
    replacement: Word | undefined,
    values: readonly string[],
  ): string[] {
    try {
      const pieces = this.pieces(arg);
      const pattern = compileGlob(pieces);
      if (op.startsWith("#")) return values.map((text) => pattern.withoutPrefix(text, op === "##"));
      if (op.startsWith("%")) return values.map((text) => pattern.withoutSuffix(text, op === "%%"));
      const by = replacement === undefined ? "" : this.#replacement(replacement);
      return values.map((text) => {
        if (op === "/#") {
          const end = pattern.longest(text, 0);
          return end === undefined ? text : by + text.slice(end);
        }
        if (op === "/%") {
          const start = pattern.suffix(text, true);
          return start === undefined ? text : text.slice(0, start) + by;
        }
        return pattern.replace(text, by, op === "//");
      });
    } catch (error) {
      if (error instanceof PatternError) this.#host.unsupported(error.message);
      throw error;
    }
  }

  #replacement(word: Word): string {
    const text = this.text(word);
    // Bash 5.2 puts the match in place of "&", earlier ones do not.
    if (text.includes("&")) this.#host.unsupported('"&" in a replacement depends on the shell');
    return text;
  }
}
