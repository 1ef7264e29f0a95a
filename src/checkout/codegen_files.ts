/** The files of a checkout as `git ls-files`, `git grep`, `grep` and `find` see them. */

/** What the scripts of generators ask of the files of a checkout. */
export interface CodegenFiles {
  /** What git lists of the checkout: tracked, and untracked but not ignored; below the root, in the order of bytes. */
  readonly paths: readonly string[];
  /** Lines of a file below the root that are comments with a tag (`// +k8s:…`), or say that it is generated. */
  comments(path: string): readonly string[];
  /** All lines of a file below the root. */
  lines(path: string): readonly string[];
  /** A text below the root; undefined if it is missing. */
  readText(path: string): string | undefined;
  /** Whether a path below the root exists, links followed. */
  has(path: string): boolean;
  /** A directory below the root with its links followed. */
  real(path: string): string;
  /** Import paths of all that a Go file below the root is compiled with, as `go list` spells them in GOPATH. */
  dependencies(path: string): readonly string[];
}

/** Thrown for what these commands do not understand. */
export class CodegenFilesError extends Error {}

/**
 * Pathspecs of git, as a test of paths below the root: `:(glob)**\/*.go`, `:!:vendor/*`, `cmd`.
 *
 * @param cwd Directory below the root that they are relative to, links followed.
 */
export function pathspecs(
  specs: readonly string[],
  cwd: string,
  root: string,
): (path: string) => boolean {
  const include: RegExp[] = [];
  const exclude: RegExp[] = [];
  for (const spec of specs) {
    const [, magic = "", plain = ""] = /^:\(([^)]*)\)([^]*)$/.exec(spec) ?? [];
    const [, short, rest = ""] = /^:([!^]+):?([^]*)$/.exec(spec) ?? [];
    if (spec.startsWith(":") && magic === "" && short === undefined) {
      throw new CodegenFilesError(`The pathspec "${spec}" is not understood`);
    }
    const words = magic === "" ? [] : magic.split(",");
    if (words.some((word) => word !== "glob" && word !== "exclude")) {
      throw new CodegenFilesError(`The pathspec "${spec}" is not understood`);
    }
    const text = magic !== "" ? plain : short !== undefined ? rest : spec;
    const path = within(text, cwd, root);
    const isExcluded = short !== undefined || words.includes("exclude");
    (isExcluded ? exclude : include).push(pathExpression(path, words.includes("glob")));
  }
  const inside = cwd === "" ? "" : `${cwd}/`;
  return (path) =>
    (include.length === 0 ? path.startsWith(inside) : include.some((each) => each.test(path))) &&
    !exclude.some((each) => each.test(path));
}

/** A path below the root, without `.` and `..`: relative to a directory, or absolute. */
export function within(text: string, cwd: string, root: string): string {
  const start = text.startsWith("/") ? "" : cwd;
  let rest = text;
  if (text.startsWith("/")) {
    if (text !== root && !text.startsWith(`${root}/`)) {
      throw new CodegenFilesError(`"${text}" is not in the checkout`);
    }
    rest = text.slice(root.length + 1);
  }
  const parts = start === "" ? [] : start.split("/");
  for (const part of rest.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) {
        throw new CodegenFilesError(`"${text}" is not in the checkout`);
      }
    } else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** @param isGlob Whether `*` ends at slashes, and `**` does not; else a directory stands for all below it. */
function pathExpression(path: string, isGlob: boolean): RegExp {
  const source = path.split(/(\*\*\/|\/\*\*$|\*\*|\*|\?)/).map((part) => {
    if (part === "**/" && isGlob) return "(?:.*/)?";
    if (part === "/**" && isGlob) return "/.*";
    if (part === "*") return isGlob ? "[^/]*" : ".*";
    if (part === "?") return isGlob ? "[^/]" : ".";
    if (part === "**/" || part === "**" || part === "/**") return part.replace(/\*+/, ".*");
    return part.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  }).join("");
  return new RegExp(isGlob ? `^${source}$` : `^${source}(?:/.*)?$`, "s");
}

/** A basic or extended regular expression of grep. */
export function grepExpression(pattern: string, isExtended: boolean): RegExp {
  const special = isExtended ? "" : "+?(){}|";
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === "\\") {
      const next = pattern[++at] ?? "";
      if (next === "s") source += "\\s";
      else if (/[.*[\]^$/\\+-]/.test(next)) source += `\\${next}`;
      else throw new CodegenFilesError(`The pattern "${pattern}" is not understood`);
    } else if (special.includes(char)) source += `\\${char}`;
    // At the beginning, a star is a star.
    else if (char === "*" && (source === "" || source === "^")) source += "\\*";
    else source += char;
  }
  try {
    return new RegExp(source);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CodegenFilesError(`The pattern "${pattern}" is not understood`);
  }
}

/** Whether lines that fit are comments with tags, or say that a file is generated. */
function isAboutComments(pattern: string): boolean {
  return /^\^?(\\s\*)?(\/\/( \*| |\\s\*)?)?(\+[a-zA-Z]|Code generated)/.test(pattern);
}

/** The files that have a line which fits one of the patterns. */
export function filesWith(
  files: CodegenFiles,
  paths: readonly string[],
  patterns: readonly string[],
  isExtended: boolean,
): readonly string[] {
  const expressions = patterns.map((pattern) => grepExpression(pattern, isExtended));
  const few = patterns.every(isAboutComments);
  return paths.filter((path) => {
    const lines = few && path.endsWith(".go") ? files.comments(path) : files.lines(path);
    return lines.some((line) => expressions.some((expression) => expression.test(line)));
  });
}
