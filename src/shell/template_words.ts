/** Characters that separate words outside of quotes. */
const OPERATOR = /[;|&()<>\n]/;
const BLANK = /\s/;

/** Characters from which the shell makes other text: what the word becomes is not known yet. */
const EXPANDED = /[$*?[{~]/;

/** Where a character of a template is: the index of a string, and an offset in it. */
interface Position {
  readonly index: number;
  readonly offset: number;
}

/** A word of a template. */
export interface TemplateWord {
  /** Without quotes. */
  readonly text: string;
  /** The shell makes another text of it (`$NAME`, `$(…)`, a pattern). */
  readonly isExpanded: boolean;
  /** It is where the shell expects the name of a program. */
  readonly isCommand: boolean;
  /** Its first character. */
  readonly start: Position;
}

/** What is being read: the template's own level, or that of a `$(…)` or `(…)` in it. */
interface Level {
  text: string;
  isExpanded: boolean;
  /** Undefined between words. */
  start: Position | undefined;
  /** A command begins here. */
  isCommand: boolean;
  /** The next word is where a redirect leads to. */
  isRedirect: boolean;
  quote: string | undefined;
}

function newLevel(): Level {
  return {
    text: "",
    isExpanded: false,
    start: undefined,
    isCommand: true,
    isRedirect: false,
    quote: undefined,
  };
}

/**
 * The words of a dax template, in the grammar of dax's shell (which has no `if`, `for` or functions).
 *
 * @param strings The template's strings.
 * @param values Its values; each is part of a word, a list is several words.
 * @throws {TypeError} There is a backtick, inside of which nothing is read.
 */
export function templateWords(
  strings: readonly string[],
  values: readonly unknown[],
): readonly TemplateWord[] {
  const words: TemplateWord[] = [];
  const outer: Level[] = [];
  let level = newLevel();

  const add = (part: string, at: Position, isExpanded = false) => {
    level.start ??= at;
    level.text += part;
    level.isExpanded ||= isExpanded;
  };
  const endWord = () => {
    const { text, start, isExpanded, isCommand, isRedirect } = level;
    if (start === undefined) return;
    // "!" and assignments precede the name of a program.
    const isPrefix = isRedirect || text === "!" || /^\w+=/.test(text);
    words.push({ text, isExpanded, isCommand: isCommand && !isPrefix, start });
    level = { ...newLevel(), isCommand: isCommand && isPrefix };
  };
  const open = () => {
    outer.push(level);
    level = newLevel();
  };
  const readOperator = (operator: string, before: string, after: string) => {
    endWord();
    // 2>&1 and &>file
    const isPartOfRedirect = operator === "&" && (/[<>]/.test(before) || after === ">");
    if (operator === "<" || operator === ">") {
      level.isRedirect = true;
    } else if (operator === "(") {
      open();
    } else if (operator === ")") {
      level = outer.pop() ?? level;
    } else if (!isPartOfRedirect) {
      level = newLevel();
    }
  };
  const readString = (part: string, index: number) => {
    for (let offset = 0; offset < part.length; offset++) {
      const char = part.charAt(offset);
      const at = { index, offset };
      const { quote } = level;
      if (char === quote) {
        level.quote = undefined;
      } else if (quote === "'") {
        add(char, at);
      } else if (char === "\\" && offset + 1 < part.length) {
        offset += 1;
        add(part.charAt(offset), at);
      } else if (char === "`") {
        throw new TypeError('Cannot read "`" in a template: use $(…)');
      } else if (char === "$" && part.charAt(offset + 1) === "(") {
        offset += 1;
        add("$(…)", at, true);
        open();
      } else if (quote !== undefined) {
        add(char, at, char === "$");
      } else if (char === "'" || char === '"') {
        add("", at);
        level.quote = char;
      } else if (char === "#" && level.start === undefined) {
        const end = part.indexOf("\n", offset);
        offset = (end < 0 ? part.length : end) - 1;
      } else if (OPERATOR.test(char)) {
        readOperator(char, part.charAt(offset - 1), part.charAt(offset + 1));
      } else if (BLANK.test(char)) {
        endWord();
      } else {
        add(char, at, EXPANDED.test(char));
      }
    }
  };

  strings.forEach((part, index) => {
    readString(part, index);
    if (index >= values.length) return;
    const at = { index, offset: part.length };
    const value = values[index];
    const [first = "", ...others] = (Array.isArray(value) ? value : [value]).map(String);
    add(first, at);
    for (const other of others) {
      endWord();
      add(other, at);
    }
  });
  endWord();
  return words;
}
