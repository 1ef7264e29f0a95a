import { dirname, join, relative } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { UsageError } from "../errors.ts";
import { entriesOf, isDirectory } from "../files/mod.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";

/** A package that somebody names begins with a domain: `k8s.io/client-go/rest`. */
const DOMAIN = /^([A-Za-z0-9-]+\.)+[A-Za-z0-9]+\/./;

/** How packages are named to Go. */
export interface PackageNames {
  /** `k8s.io/kubernetes`. */
  readonly own: string;
  /** Whether tests run in the GOPATH, where staged packages are below `vendor/`: up to 1.29. */
  readonly inGopath: boolean;
}

/**
 * The arguments of `go test` for what a user named: directories of the checkout (`pkg/kubelet`,
 * `./pkg/kubelet/...`, also from the working directory), import paths, staged packages by either of their
 * paths.
 *
 * @param cwd The user's working directory; absolute.
 * @throws {UsageError} There is no such directory; names the nearest.
 */
export async function packageArguments(
  { root }: Pick<Checkout, "root">,
  words: readonly string[],
  { cwd, own, inGopath }: PackageNames & { readonly cwd: string },
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const word of words) {
    const path = pathOf(word, { root, own });
    if (path === undefined) {
      found.push(word);
      continue;
    }
    const inside = await directoryIn(root, path, cwd);
    if (inside === undefined) throw await unknownPackage(root, word, path);
    found.push(argumentOf(inside, inGopath));
  }
  return Object.freeze([...new Set(found)]);
}

/** Whether a package can still be tested: another project's, or one whose directory exists. */
export async function isThere(root: string, name: string, own: string): Promise<boolean> {
  const path = pathOf(name, { root, own });
  return path === undefined || await isDirectory(join(root, path));
}

/** The path from the root that a word means; undefined for other people's packages. */
function pathOf(word: string, { root, own }: { root: string; own: string }): string | undefined {
  const plain = word.replace(/(?<=.)\/+$/, "");
  if (plain === root || plain.startsWith(`${root}/`)) return `./${plain.slice(root.length + 1)}`;
  if (plain === own || plain.startsWith(`${own}/`)) return `./${plain.slice(own.length + 1)}`;
  return DOMAIN.test(plain) ? undefined : plain;
}

/** The directory that a path means, from the root; `/...` stays. */
async function directoryIn(root: string, path: string, cwd: string): Promise<string | undefined> {
  const [, directory = "", pattern = ""] = /^(.*?)(\/?\.\.\.)?$/.exec(path) ?? [];
  const places = [root, ...cwd.startsWith(`${root}/`) ? [cwd] : []];
  // What begins with a dot is meant from where the user is.
  if (directory.startsWith(".") || directory === "") places.reverse();
  for (const place of places) {
    const absolute = join(place, directory);
    const inside = relative(root, absolute);
    if (inside.startsWith("..") || !await isDirectory(absolute)) continue;
    return pattern === "" ? inside : inside === "" ? "..." : `${inside}/...`;
  }
}

/** `staging/src/k8s.io/api` is `./vendor/k8s.io/api` in the GOPATH, and `k8s.io/api` as a module. */
function argumentOf(path: string, inGopath: boolean): string {
  const staged = /^(?:staging\/src|vendor)\/(.+)$/.exec(path)?.[1];
  if (staged === undefined) return `./${path}`;
  return inGopath ? `./vendor/${staged}` : staged;
}

async function unknownPackage(root: string, word: string, path: string): Promise<UsageError> {
  const directory = path.replace(/^\.\//, "").replace(/\/?\.\.\.$/, "");
  const parent = dirname(directory);
  const entries = await entriesOf(join(root, parent)) ?? [];
  const names = entries.filter((entry) => entry.isDirectory)
    .map(({ name }) => parent === "." ? name : `${parent}/${name}`);
  return new UsageError(`Cannot test "${word}": this checkout has no such directory`, [
    ...didYouMean(nearest(directory, names)),
    "Packages are directories (pkg/kubelet), patterns (pkg/kubelet/...) or import paths",
  ]);
}

/** What a user names a package by: its path from the root where it is the checkout's own. */
export function shortName(name: string, own: string): string {
  return name.startsWith(`${own}/`) ? name.slice(own.length + 1) : name;
}
