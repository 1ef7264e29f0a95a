import { join } from "@std/path";
import { ifPresentSync } from "../files/mod.ts";

/** A file or directory as `find` looks at it. */
interface Entry {
  /** From the starting point: `./pkg/api/a_test.go`. */
  readonly path: string;
  readonly name: string;
  readonly isDirectory: boolean;
  readonly isFile: boolean;
}

/** What an expression does with an entry. */
interface Effects {
  pruned: boolean;
  printed: boolean;
}

type Expression = (entry: Entry, effects: Effects) => boolean;

/** A command line of `find` that was read. */
interface Find {
  readonly starts: readonly string[];
  /** `-L`: links are followed. */
  readonly follow: boolean;
  /** `-print0`: names end with a NUL instead of a line break. */
  readonly end: string;
  readonly expression: Expression;
}

/** A command line of `find` that is not understood: capital first letter, no final full stop. */
export class FindError extends Error {}

/**
 * What `find` prints: the part of it that Kubernetes' scripts use to look for tests (`-L`, `-path`, `-name`,
 * `-type`, `-prune`, `-print`, `-print0`, `-not`, `-o`, parentheses), as POSIX and GNU describe it. Entries
 * come in the order of their names.
 *
 * @param root Directory where it would run; absolute.
 * @param args What follows `find`.
 * @throws {FindError} The command line is not understood.
 */
export function findFiles(root: string, args: readonly string[]): string {
  const { starts, follow, end, expression } = parseFind(args);
  const found: string[] = [];

  function visit(path: string, name: string, above: readonly string[]): void {
    const absolute = join(root, path);
    const look = follow ? Deno.statSync : Deno.lstatSync;
    // A link that leads nowhere is looked at itself.
    const info = ifPresentSync(() => look(absolute)) ??
      ifPresentSync(() => Deno.lstatSync(absolute));
    if (info === undefined) return;
    const { isDirectory, isFile, dev, ino } = info;
    const identity = `${dev}:${ino}`;
    // A link to a directory above.
    if (isDirectory && above.includes(identity)) return;
    const effects = { pruned: false, printed: false };
    expression({ path, name, isDirectory, isFile }, effects);
    if (effects.printed) found.push(path);
    if (!isDirectory || effects.pruned) return;
    const names = [...Deno.readDirSync(absolute)].map((entry) => entry.name).sort();
    for (const each of names) {
      visit(`${path}${path.endsWith("/") ? "" : "/"}${each}`, each, [...above, identity]);
    }
  }

  for (const start of starts) visit(start, start.slice(start.lastIndexOf("/") + 1), []);
  return found.map((path) => `${path}${end}`).join("");
}

/**
 * What `find` prints of files that are listed, whether they are there or not: as {@linkcode findFiles}, but directories are
 * those of the paths, and links are followed at the starting points alone.
 *
 * @param paths Files below the root, links followed.
 * @param real A starting point below the root, links followed; "" for the root.
 * @throws {FindError} The command line is not understood.
 */
export function findListed(
  paths: readonly string[],
  real: (start: string) => string,
  args: readonly string[],
): string {
  const { starts, end, expression } = parseFind(args);
  const found: string[] = [];
  for (const start of starts) {
    const place = real(start);
    const looked = new Map<string, Effects>();
    const look = (path: string, isFile: boolean): Effects => {
      const known = looked.get(path);
      if (known !== undefined) return known;
      const effects = { pruned: false, printed: false };
      looked.set(path, effects);
      const name = path.slice(path.lastIndexOf("/") + 1);
      expression({ path, name, isDirectory: !isFile, isFile }, effects);
      if (effects.printed) found.push(path);
      return effects;
    };
    const inside = place === "" ? "" : `${place}/`;
    for (const path of paths.filter((each) => each.startsWith(inside))) {
      const parts = path.slice(inside.length).split("/");
      let at = start;
      let isPruned = look(start, false).pruned;
      for (let index = 0; index < parts.length && !isPruned; index++) {
        at = `${at}${at.endsWith("/") ? "" : "/"}${parts[index]}`;
        isPruned = look(at, index === parts.length - 1).pruned;
      }
    }
  }
  return found.map((path) => `${path}${end}`).join("");
}

function parseFind(args: readonly string[]): Find {
  let at = 0;
  let follow = false;
  for (; /^-[LHP]$/.test(args[at] ?? ""); at++) follow = args[at] === "-L";
  const starts: string[] = [];
  for (; at < args.length && !/^(-.*|[()!])$/.test(args[at]!); at++) starts.push(args[at]!);
  let end: string | undefined;

  function either(): Expression {
    const parts = [both()];
    while (args[at] === "-o" || args[at] === "-or") {
      at++;
      parts.push(both());
    }
    return (entry, effects) => parts.some((part) => part(entry, effects));
  }

  function both(): Expression {
    const parts = [not()];
    while (at < args.length && !["-o", "-or", ")"].includes(args[at]!)) {
      if (args[at] === "-a" || args[at] === "-and") at++;
      parts.push(not());
    }
    return (entry, effects) => parts.every((part) => part(entry, effects));
  }

  function not(): Expression {
    if (args[at] !== "!" && args[at] !== "-not") return primary();
    at++;
    const negated = not();
    return (entry, effects) => !negated(entry, effects);
  }

  function primary(): Expression {
    const word = args[at++];
    switch (word) {
      case "(": {
        const inner = either();
        if (args[at++] !== ")") throw new FindError('"(" of find is not closed');
        return inner;
      }
      case "-path":
      case "-wholename": {
        const pattern = globOf(args[at++]);
        return ({ path }) => pattern.test(path);
      }
      case "-name": {
        const pattern = globOf(args[at++]);
        return ({ name }) => pattern.test(name);
      }
      case "-type": {
        const type = args[at++];
        if (type === "f") return ({ isFile }) => isFile;
        if (type === "d") return ({ isDirectory }) => isDirectory;
        throw new FindError(`"-type ${type ?? ""}" of find is not understood`);
      }
      case "-prune":
        return (_entry, effects) => effects.pruned = true;
      case "-print":
      case "-print0": {
        const next = word === "-print0" ? "\0" : "\n";
        if (end !== undefined && end !== next) throw new FindError("find prints in two ways");
        end = next;
        return (_entry, effects) => effects.printed = true;
      }
      default:
        throw new FindError(`"${word ?? ""}" of find is not understood`);
    }
  }

  const given = at < args.length ? either() : () => true;
  if (at < args.length) throw new FindError(`"${args[at]}" of find is not understood`);
  // Without an action, what fits is printed.
  const expression: Expression = end !== undefined
    ? given
    : (entry, effects) => given(entry, effects) && (effects.printed = true);
  const roots = starts.length === 0 ? ["."] : starts;
  return { starts: roots, follow, end: end ?? "\n", expression };
}

/** A pattern of `-path` and `-name`: `*` also stands for slashes. */
function globOf(glob: string | undefined): RegExp {
  if (glob === undefined) throw new FindError("A pattern of find is missing");
  if (/[[\]\\]/.test(glob)) throw new FindError(`The pattern "${glob}" of find is not understood`);
  const source = glob.replaceAll(/[.+^${}()|/]/g, "\\$&").replaceAll("*", "[^]*")
    .replaceAll("?", "[^]");
  return new RegExp(`^${source}$`, "u");
}
