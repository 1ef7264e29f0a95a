import { join } from "@std/path";
import { type Checkout, readGoModes, readGoPackages } from "../../checkout/mod.ts";
import { UsageError } from "../../errors.ts";
import { didYouMean, nearest } from "../nearest.ts";
import { entriesOf, ifPresent, isDirectory, readText } from "../../files/mod.ts";

/** What the user asked to build, sorted out. */
export interface TargetSelection {
  /** Targets as the checkout writes them: `cmd/kubectl`, `test/e2e/e2e.test`. */
  readonly targets: readonly string[];
  /** Arguments that start with a dash: flags for `go`. */
  readonly goflags: readonly string[];
}

/** A target that starts with a domain name is a Go package already. */
const DOMAIN = /^([A-Za-z0-9]+\.)+[A-Za-z0-9]+\/./;

/** Whether a target stands for every program below a directory: `cmd/...`. */
export function isPattern(target: string): boolean {
  return target === "..." || target.endsWith("/...");
}

/** The last part of a target: `cmd/kubectl` -> `kubectl`. */
export function binaryName(target: string): string {
  return target.slice(target.lastIndexOf("/") + 1);
}

/** Directories of programs that make has a target for; all but the first went with 1.9 and 1.10. */
const COMMAND_DIRECTORIES = ["cmd", "plugin/cmd", "federation/cmd"];

/**
 * What `kbuild <name>` builds, as `make <name>`, by name: the directories of `cmd/`, in 1.7 also of
 * `plugin/cmd/` and `federation/cmd/`.
 */
export async function commandTargets(root: string): Promise<ReadonlyMap<string, string>> {
  const found: [name: string, target: string][] = [];
  for (const directory of COMMAND_DIRECTORIES) {
    const entries = await entriesOf(join(root, directory)) ?? [];
    for (const { name, isDirectory } of entries) {
      if (isDirectory && !found.some(([known]) => known === name)) {
        found.push([name, `${directory}/${name}`]);
      }
    }
  }
  return new Map(found.sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * Sorts out `WHAT`: splits at white space, keeps flags apart, resolves bare names (`kubectl` for
 * `cmd/kubectl`), and checks that each target exists. No words at all mean every target.
 *
 * @throws {UsageError} A target does not exist; names the nearest.
 */
export async function selectTargets(
  checkout: Checkout,
  words: readonly string[],
): Promise<TargetSelection> {
  const parts = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== "");
  const goflags = parts.filter((part) => part.startsWith("-"));
  const wanted = parts.filter((part) => !part.startsWith("-"));
  const known = checkout.targets.all.value;
  const targets: string[] = [];
  for (const word of wanted.length === 0 ? known : wanted) {
    const target = await resolveTarget(checkout, word);
    if (target === undefined) throw await unknownTarget(checkout, word);
    if (!targets.includes(target)) targets.push(target);
  }
  return Object.freeze({ targets: Object.freeze(targets), goflags: Object.freeze(goflags) });
}

async function resolveTarget(checkout: Checkout, word: string): Promise<string | undefined> {
  const { root } = checkout;
  const known = checkout.targets.all.value;
  const target = word.replace(/\/+$/, "");
  if (known.includes(target)) return target;
  if (target.startsWith(`${root}/`)) {
    return await resolveTarget(checkout, target.slice(root.length + 1));
  }
  if (isAlias(checkout, target)) return target;
  const own = `${checkout.goPackage.value}/`;
  const path = target.startsWith(own) ? target.slice(own.length) : target;
  // Other people's packages are for go to find.
  if (DOMAIN.test(path)) return target;
  if (path === "..." || path === "./...") return target;
  const directory = path.endsWith(".test") || isPattern(path)
    ? path.slice(0, path.lastIndexOf("/"))
    : path;
  if (path.includes("/")) return await isDirectory(join(root, directory)) ? target : undefined;
  const byName = known.find((candidate) => binaryName(candidate) === target);
  if (byName !== undefined) return byName;
  for (const parent of COMMAND_DIRECTORIES) {
    if (await isDirectory(join(root, parent, target))) return `${parent}/${target}`;
  }
  return await isDirectory(join(root, target)) ? target : undefined;
}

async function unknownTarget(checkout: Checkout, word: string): Promise<UsageError> {
  const known = checkout.targets.all.value;
  const commands = await commandTargets(checkout.root);
  const names = [
    ...known,
    ...known.map((target) => `${checkout.goPackage.value}/${target}`),
    ...known.map(binaryName),
    ...commands.keys(),
    ...commands.values(),
  ];
  return new UsageError(`Unknown target "${word}": this checkout has no such directory or name`, [
    ...didYouMean(nearest(word, names)),
    "List the targets: kbuild targets",
  ]);
}

/** Whether the checkout's scripts take a name for a package elsewhere: `ginkgo`, since 1.25. */
function isAlias(checkout: Checkout, name: string): boolean {
  if (name.startsWith("vendor/") && !GINKGO.includes(name)) return false;
  const importPath = (path: string) => importPathOf(checkout, path, new Map());
  const read = readGoPackages(checkout, { targets: [name], importPath });
  if ("why" in read) return checkout.era.goMode !== "gopath" && GINKGO.includes(name);
  return ![name, importPath(name)].includes(read.packages[0] ?? name);
}

/** Names of Ginkgo's command that scripts take for others (v1.28.7 golang.sh:375-381). */
const GINKGO = ["ginkgo", "github.com/onsi/ginkgo/ginkgo", "vendor/github.com/onsi/ginkgo/ginkgo"];

/**
 * The Go package of each target, as the checkout's own functions make it (`readGoPackages`), or as
 * its era's do where those cannot be read.
 *
 * @param modules Directory below the root -> module path; the longest directory wins.
 * @returns Packages in the order of the targets, each once; test binaries keep their `/name.test`
 * ending. Also why the functions could not be read, when the era's rules were used.
 */
export function goPackages(
  checkout: Checkout,
  targets: readonly string[],
  modules: ReadonlyMap<string, string>,
): { packages: readonly string[]; why?: string } {
  const importPath = (path: string) => importPathOf(checkout, path, modules);
  const gopath = readGoModes(checkout).programs === "gopath";
  // 1.26-1.29 do not take "./cmd/kubectl", which Go and later scripts do.
  const words = gopath ? targets : targets.map((target) => target.replace(/^\.\//, ""));
  const read = readGoPackages(checkout, { targets: words, importPath });
  if ("why" in read) {
    const packages = targets.map((target) => tablePackage(checkout, target, importPath));
    return { packages: Object.freeze([...new Set(packages)]), why: read.why };
  }
  const staging = `${checkout.goPackage.value}/staging/src/`;
  // Up to 1.29 the scripts put their own module's name before a path below staging/, which as a
  // module has its own.
  const packages = gopath
    ? read.packages
    : read.packages.map((name) => name.startsWith(staging) ? name.slice(staging.length) : name);
  return { packages: Object.freeze([...new Set(packages)]) };
}

/**
 * Port of `kube::golang::binaries_from_targets` (GOPATH eras) and
 * `kube::golang::normalize_go_targets` (module eras).
 */
function tablePackage(
  checkout: Checkout,
  target: string,
  importPath: (path: string) => string,
): string {
  if (checkout.era.goMode === "gopath") {
    return DOMAIN.test(target) ? target : `${checkout.goPackage.value}/${target}`;
  }
  if (GINKGO.includes(target)) return "github.com/onsi/ginkgo/v2/ginkgo";
  if (target.startsWith("vendor/")) return target.slice("vendor/".length);
  return importPath(target);
}

/** The import path of a directory of the checkout, as `go list -find ./cmd/kubectl` gives it. */
function importPathOf(
  checkout: Checkout,
  directory: string,
  modules: ReadonlyMap<string, string>,
): string {
  if (DOMAIN.test(directory)) return directory;
  const path = directory.replace(/^\.\//, "");
  let best = "";
  for (const directory of modules.keys()) {
    const inside = path === directory || path.startsWith(`${directory}/`);
    if (inside && directory.length > best.length) best = directory;
  }
  if (best !== "") return `${modules.get(best)}${path.slice(best.length)}`;
  // 1.26-1.29 have no workspace; go.mod puts the staging modules in the place of their names.
  if (path.startsWith("staging/src/")) return path.slice("staging/src/".length);
  return `${checkout.goPackage.value}/${path}`;
}

/**
 * The modules of a workspace: directory below the root -> module path. Empty without a `go.work`.
 * Reads the `use` lines of `go.work` and the `module` line of each directory's `go.mod`.
 */
export async function workspaceModules(root: string): Promise<ReadonlyMap<string, string>> {
  const modules = new Map<string, string>();
  const work = await ifPresent(readText(join(root, "go.work"))) ?? "";
  const block = [...work.matchAll(/^use\s+\(([^)]*)\)/gm)].map((match) => match[1] ?? "");
  const single = [...work.matchAll(/^use\s+([^\s(]+)/gm)].map((match) => match[1] ?? "");
  const directories = [...block.join("\n").split("\n"), ...single]
    .map((line) => line.replace(/\/\/.*/, "").trim().replace(/^\.\//, "").replace(/^"|"$/g, ""))
    .filter((directory) => directory !== "" && directory !== ".");
  await Promise.all(directories.map(async (directory) => {
    const text = await ifPresent(readText(join(root, directory, "go.mod"))) ?? "";
    const name = /^module\s+"?([^\s"]+)/m.exec(text)?.[1];
    if (name !== undefined) modules.set(directory, name);
  }));
  return modules;
}
