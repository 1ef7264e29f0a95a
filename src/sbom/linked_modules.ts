import type { GoBuild, GoModule, Program } from "../audit/mod.ts";
import { KbuildError } from "../errors.ts";
import type { LinkedPackages } from "../lib/golang/mod.ts";
import { type ModuleList, sumDigest } from "./module_list.ts";
import type { ListedModule } from "./types.ts";

/** A package's import path as Go's modules know it: `github.com/pkg/errors` of `…/vendor/github.com/…`. */
export function plainImport(goPackage: string): string {
  const at = goPackage.lastIndexOf("/vendor/");
  return at < 0 ? goPackage : goPackage.slice(at + "/vendor/".length);
}

/**
 * The modules that a program is linked from, by its packages and the checkout's lists. Pure.
 *
 * @param goVersion Version of the standard library: "1.19.8".
 * @throws {KbuildError} A package is in none of the lists.
 */
export function linkedModules(
  { packages }: Pick<LinkedPackages, "packages">,
  list: ModuleList,
  goVersion: string,
): readonly ListedModule[] {
  const found = new Map<string, ListedModule>();
  for (const name of packages) {
    const module = list.moduleOf(plainImport(name));
    if (module === undefined) {
      throw new KbuildError(`Cannot tell the module of package "${name}": not in ${list.source}`, {
        notes: ["hack/update-vendor.sh of the checkout brings the list up to date"],
      });
    }
    found.set(module.path, module);
  }
  return sortedModules([...found.values(), standardLibrary(goVersion)]);
}

/** Go's own packages, under the name that vulnerability databases use. */
function standardLibrary(goVersion: string): ListedModule {
  return Object.freeze(
    { path: "stdlib", version: `go${goVersion}`, origin: "go", license: "BSD-3-Clause" },
  );
}

function sortedModules(modules: readonly ListedModule[]): readonly ListedModule[] {
  return Object.freeze([...modules].sort((a, b) => a.path < b.path ? -1 : 1));
}

/** Release of the Go that built a program, without "go"; undefined if the program does not say. */
export function goVersionOf({ go }: Pick<Program, "go">): string | undefined {
  return /^(?:devel )?go(\S+)/.exec(go?.version ?? "")?.[1];
}

/**
 * The modules of a program that no checkout is known of: those that its build information names. Programs
 * from a GOPATH, and those that are not written in Go, have none.
 */
export function modulesOfProgram(program: Pick<Program, "go">): readonly ListedModule[] {
  const { go } = program;
  const version = goVersionOf(program);
  if (go === undefined || version === undefined) return [];
  const [path = "", own = ""] = go.module.split(" ");
  const main: GoModule[] = path === "" ? [] : [{ path, version: own, sum: "" }];
  const modules = [...main, ...go.modules].map((each): ListedModule => {
    const { path, version, sum } = effective(each);
    return Object.freeze({
      ...{ path, origin: "program" as const, sum: sumDigest(sum) },
      version: version === "" ? DEVELOPMENT : version,
    });
  });
  return sortedModules([...modules, standardLibrary(version)]);
}

const DEVELOPMENT = "(devel)";

/** What is linked: a replacement of another name; a directory in a module's place keeps its name. */
function effective(module: GoModule): Omit<GoModule, "replacement"> {
  const { replacement } = module;
  if (replacement === undefined) return module;
  const isDirectory = /^\.{0,2}\//.test(replacement.path);
  return isDirectory ? { path: module.path, version: DEVELOPMENT, sum: "" } : replacement;
}

/**
 * What a list of modules and the build information of a program contradict each other in, a line each.
 * Programs from a GOPATH name no modules; of those the main package is compared alone. Pure.
 *
 * @param main Main package of the program, as Go lists it.
 */
export function moduleDifferences(
  modules: readonly ListedModule[],
  main: string,
  go: GoBuild,
): readonly string[] {
  if (go.path !== "" && go.path !== main) return [`it is program ${go.path}, listed as ${main}`];
  if (go.module === "") return [];
  const linked = new Map(modulesOfProgram({ go }).map((each) => [each.path, each]));
  const listed = new Map(modules.map((each) => [each.path, each]));
  const different: string[] = [];
  for (const [path, { version }] of linked) {
    const known = listed.get(path);
    if (known === undefined) different.push(`${path} ${version} is linked, and not listed`);
    else if (version !== DEVELOPMENT && known.origin === "vendor" && known.version !== version) {
      different.push(`${path} ${version} is linked, listed is ${known.version}`);
    }
  }
  // A main module without packages of its own in the program is named all the same, no other is.
  for (const [path, { version }] of listed) {
    if (!linked.has(path)) different.push(`${path} ${version} is listed, and not linked`);
  }
  return Object.freeze(different.sort());
}
