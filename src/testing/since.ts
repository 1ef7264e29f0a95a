import { dirname } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { askGit } from "../git/mod.ts";
import { goList } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoTool } from "../toolchain/mod.ts";

/** Files that decide which packages there are: a change of one can reach every test. */
const LISTS = /^(go\.(mod|sum|work|work\.sum)|vendor\/modules\.txt|Godeps\/Godeps\.json)$/;

/** A package with tests, and all packages that they are made of. */
export interface TestDependencies {
  /** As it is given to `go test`. */
  readonly argument: string;
  /** Import paths, its own included. */
  readonly imports: ReadonlySet<string>;
}

/**
 * The packages that changes since a commit can reach, by Go's own list of dependencies: files that differ from
 * where HEAD and the commit part, also what is not committed.
 *
 * @throws {UsageError} There is no such commit.
 * @throws {KbuildError} git or `go list` failed.
 */
export async function changedSince(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  options: {
    ref: string;
    packages: readonly string[];
    own: string;
    env: Readonly<Record<string, string>>;
  },
): Promise<readonly string[]> {
  const { ref, packages, own, env } = options;
  const base = (await askGit(context, ["merge-base", "--", ref, "HEAD"])).text?.trim();
  if (base === undefined || base === "") {
    throw new UsageError(`Cannot tell what changed since "${ref}": git knows no such commit`, [
      "Fetch it, or name another one: kbuild test --since HEAD~1",
    ]);
  }
  const [tracked, untracked] = await Promise.all([
    askGit(context, ["diff", "--name-only", "-z", "--no-renames", base, "--"]),
    askGit(context, ["ls-files", "--others", "--exclude-standard", "-z"]),
  ]);
  const changed = [tracked, untracked].flatMap(({ text }) => (text ?? "").split("\0"))
    .filter((path) => path !== "");
  if (changed.length === 0) return [];
  if (changed.some((path) => LISTS.test(path))) return packages;
  const format = '{{.ImportPath}}\t{{.ForTest}}\t{{join .Deps "\\t"}}';
  const listed = await goList(
    context,
    checkout,
    go,
    ["-e", "-test", "-f", format, ...packages],
    env,
  );
  if (listed === undefined) {
    throw new KbuildError(`Cannot tell what changes since "${ref}" reach: go list failed`);
  }
  const dependencies = parseDependencies(listed, packages, own);
  const reached = reachedPackages(dependencies, changed, own);
  context.log.status(
    `Files changed since ${ref}: ${changed.length}; packages that they reach: ${reached.length} of ${packages.length}`,
  );
  return reached;
}

/** Reads what `go list -test` printed. */
export function parseDependencies(
  listed: string,
  packages: readonly string[],
  own: string,
): readonly TestDependencies[] {
  const imports = new Map<string, Set<string>>();
  for (const line of listed.split("\n")) {
    const [path = "", forTest = "", ...deps] = line.split("\t");
    if (path === "") continue;
    // "a/b.test" is the program, "a/b [a/b.test]" the package compiled for it.
    const name = forTest !== "" ? forTest : path.replace(/\.test$/, "");
    const all = imports.get(name) ?? new Set([name]);
    for (const each of deps) all.add(each.replace(/ \[.*/, ""));
    imports.set(name, all);
  }
  return packages.map((argument) => {
    const name = argument.startsWith("./") ? `${own}/${argument.slice(2)}` : argument;
    return { argument, imports: imports.get(name) ?? new Set([name]) };
  });
}

/**
 * The packages that changed files can reach. A file belongs to the package of its directory, or of the nearest
 * one above that any test is made of: data of tests, embedded files.
 *
 * @param changed Paths from the root.
 */
export function reachedPackages(
  dependencies: readonly TestDependencies[],
  changed: readonly string[],
  own: string,
): readonly string[] {
  const known = new Set(dependencies.flatMap(({ imports }) => [...imports]));
  const touched = new Set<string>();
  for (const path of changed) {
    for (let directory = dirname(path);; directory = dirname(directory)) {
      const names = importPaths(directory, own).filter((name) => known.has(name));
      for (const name of names) touched.add(name);
      if (names.length > 0 || directory === ".") break;
    }
  }
  return dependencies.filter(({ imports }) => [...touched].some((name) => imports.has(name)))
    .map(({ argument }) => argument);
}

/** What Go calls the package of a directory: staged and vendored ones by two names. */
function importPaths(directory: string, own: string): readonly string[] {
  if (directory === ".") return [own];
  const staged = /^(?:staging\/src|vendor)\/(.+)$/.exec(directory)?.[1];
  return staged === undefined ? [`${own}/${directory}`] : [staged, `${own}/vendor/${staged}`];
}
