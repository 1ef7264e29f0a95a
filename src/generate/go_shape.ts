/** A Go source, as far as generators look at it. */
export interface GoShape {
  /** The source without the bodies of functions, which gengo's parser skips (`IgnoreFuncBodies`). */
  readonly shape: string;
  /**
   * Functions at the top level whose name has a `_` (`Convert_…`, `SetDefaults_…`), without their bodies, with
   * what is written before them.
   */
  readonly functions: readonly string[];
}

const QUOTE = 34, APOSTROPHE = 39, BACKTICK = 96, SLASH = 47, STAR = 42, BACKSLASH = 92;
const NEWLINE = 10;

/**
 * Takes the bodies of functions out of a Go source. Lines at the end of a body that hold comments stay:
 * gengo takes a comment two lines above a type for that type's.
 *
 * @param text A source, whether it compiles or not; one whose braces do not match stays whole.
 */
export function goShape(text: string): GoShape {
  const kept: string[] = [];
  const functions: string[] = [];
  let from = 0; // What is kept next begins here.
  let boundary = 0; // The end of the last declaration.
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const past = pastLiteral(text, at, code);
    if (past !== at) at = past;
    else if (isOpening(code)) depth++, at++;
    else if (isClosing(code)) {
      at++;
      if (--depth === 0) boundary = at;
    } else if (isLetter(code)) {
      const end = pastWord(text, at);
      const isFunction = depth === 0 && end - at === 4 && text.startsWith("func", at);
      at = end;
      if (!isFunction) continue;
      const body = bodyAfter(text, end);
      if (body === undefined) continue;
      const close = closing(text, body);
      if (close === undefined) return { shape: text, functions: [text] };
      kept.push(text.slice(from, body), commentsAtEnd(text.slice(body, close)));
      if (/^\s*\w*_/.test(text.slice(end, body))) functions.push(text.slice(boundary, body));
      at = from = boundary = close;
    } else at++;
  }
  if (depth !== 0) return { shape: text, functions: [text] };
  kept.push(text.slice(from));
  return { shape: kept.join(""), functions };
}

/** Where the body of a function begins whose `func` ends at `at`; undefined where it has none. */
function bodyAfter(text: string, at: number): number | undefined {
  let depth = 0;
  let word = "";
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const past = pastLiteral(text, at, code);
    if (past !== at) at = past;
    else if (code === 123 && depth === 0 && word !== "interface" && word !== "struct") return at;
    else if (isOpening(code)) depth++, at++, word = "";
    else if (isClosing(code)) {
      if (--depth < 0) return undefined;
      at++;
      word = "";
    } else if (isLetter(code)) {
      const end = pastWord(text, at);
      word = text.slice(at, end);
      at = end;
    } else if (code === NEWLINE && depth === 0) return undefined;
    else at++;
  }
  return undefined;
}

/** The position after the brace that closes the one at `at`. */
function closing(text: string, at: number): number | undefined {
  let depth = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const past = pastLiteral(text, at, code);
    if (past !== at) {
      at = past;
      continue;
    }
    at++;
    if (isOpening(code)) depth++;
    else if (isClosing(code) && --depth === 0) return at;
  }
  return undefined;
}

function commentsAtEnd(body: string): string {
  const lines = body.split("\n").slice(-3).join("\n");
  return lines.includes("//") || lines.includes("/*") || lines.includes("*/") ? lines : "{}";
}

/** The position after a comment, string or rune that begins at `at`; `at` where none does. */
function pastLiteral(text: string, at: number, code: number): number {
  switch (code) {
    case SLASH: {
      const next = text.charCodeAt(at + 1);
      // The line break stays: it ends a declaration.
      if (next === SLASH) return endOr(text, text.indexOf("\n", at));
      if (next !== STAR) return at;
      const end = text.indexOf("*/", at + 2);
      return end < 0 ? text.length : end + 2;
    }
    case BACKTICK: {
      const end = text.indexOf("`", at + 1);
      return end < 0 ? text.length : end + 1;
    }
    case QUOTE:
    case APOSTROPHE: {
      for (let i = at + 1; i < text.length; i++) {
        const inner = text.charCodeAt(i);
        if (inner === BACKSLASH) i++;
        else if (inner === code) return i + 1;
        else if (inner === NEWLINE) return i; // Not Go; the rest is read as if it were closed.
      }
      return text.length;
    }
    default:
      return at;
  }
}

function endOr(text: string, at: number): number {
  return at < 0 ? text.length : at;
}

function isOpening(code: number): boolean {
  return code === 123 || code === 40 || code === 91;
}

function isClosing(code: number): boolean {
  return code === 125 || code === 41 || code === 93;
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code > 127 ||
    (code >= 48 && code <= 57);
}

function pastWord(text: string, at: number): number {
  while (at < text.length && isLetter(text.charCodeAt(at))) at++;
  return at;
}

/** An import of a Go source. */
export interface GoImport {
  /** The name that the source gives it, also `.` and `_`; "" if none. */
  readonly name: string;
  /** Import path. */
  readonly path: string;
}

/** What the beginning of a Go source says. */
export interface GoHeader {
  /** Name of its package; "" if it has none. */
  readonly packageName: string;
  /** What it imports. */
  readonly imports: readonly GoImport[];
  /** Whether it is left out with the build tag `ignore_autogenerated`, as generators read sources. */
  readonly isIgnored: boolean;
}

/** Reads imports and build constraints of a Go source. */
export function goHeader(text: string): GoHeader {
  const imports: GoImport[] = [];
  let name = "";
  let packageName = "";
  let at = 0;
  let beforePackage = 0;
  let state: "start" | "package" | "import" | "list" = "start";
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE || code === BACKTICK) {
      const end = pastLiteral(text, at, code);
      if (state === "import" || state === "list") {
        imports.push({ name, path: text.slice(at + 1, end - 1) });
      }
      name = "";
      if (state === "import") state = "package";
      at = end;
      continue;
    }
    const past = pastLiteral(text, at, code);
    if (past !== at) {
      at = past;
    } else if (isLetter(code)) {
      const end = pastWord(text, at);
      const word = text.slice(at, end);
      if (state === "start" && word === "package") {
        beforePackage = at;
        state = "package";
        packageName = /^\s+(\w+)/.exec(text.slice(end, end + 200))?.[1] ?? "";
        at = pastWord(text, end + 1);
        continue;
      }
      if (state === "package") {
        if (word !== "import") break;
        state = "import";
      } else name = word;
      at = end;
    } else {
      if (code === 46) name = ".";
      if (state === "import" && code === 40) state = "list";
      else if (state === "list" && code === 41) state = "package";
      at++;
    }
  }
  const head = text.slice(0, beforePackage);
  const isIgnored = /^\/\/(\s*\+build|go:build)\s+(?=\S)([^\n]*[\s,(&|])?!ignore_autogenerated\b/m
    .test(head);
  return { packageName, imports, isIgnored };
}

/**
 * Identifiers that a `.` follows in the shape of a source: names of packages that its declarations use, among
 * others. What only bodies of functions use is not there.
 */
export function qualifiersOf(shape: string): readonly string[] {
  const found = new Set<string>();
  for (const [, name = ""] of shape.matchAll(/([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)\s*\./g)) {
    found.add(name);
  }
  return [...found];
}

/** Names of the types that a shape declares; names of other things may be among them. */
export function typesOf(shape: string): readonly string[] {
  const found = new Set<string>();
  for (const [, name = ""] of shape.matchAll(/\btype\s+([A-Za-z_]\w*)/g)) found.add(name);
  for (const [, group = ""] of shape.matchAll(/\btype\s*\(([^]*?)\n\)/g)) {
    for (const [, name = ""] of group.matchAll(/^\s*([A-Za-z_]\w*)/gm)) found.add(name);
  }
  return [...found];
}
