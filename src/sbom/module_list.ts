import { join } from "@std/path";
import { type Checkout, readCheckoutFile } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { entriesOf, jsonIn } from "../files/mod.ts";
import { mapConcurrently } from "../lib/util.ts";
import { licenseIn } from "./licenses.ts";
import type { ListedModule } from "./types.ts";

const VENDORED = "vendor/modules.txt";
const GODEPS = "Godeps/Godeps.json";
const STAGING = "staging/src";

/** What a checkout says of the modules that its programs are built from. */
export interface ModuleList {
  /** The list of what is vendored: `vendor/modules.txt`, `Godeps/Godeps.json`. */
  readonly source: string;
  /** The checkout's own module. */
  readonly main: ListedModule;
  /** All modules that have packages here, sorted by path. */
  readonly modules: readonly ListedModule[];
  /** The module of a package, as an import path without `…/vendor/`; undefined if none has it. */
  moduleOf(goPackage: string): ListedModule | undefined;
}

/**
 * Reads which module each package of a checkout belongs to: the checkout's own, `staging/`, and the list
 * of what is vendored, with the sums of go.sum and the licenses beside the sources.
 *
 * @param gitVersion Version of the checkout: `v1.20.2`.
 * @throws {KbuildError} The checkout has no such list, or it cannot be read.
 */
export async function readModuleList(
  checkout: Pick<Checkout, "root" | "goPackage">,
  gitVersion: string,
): Promise<ModuleList> {
  const { root, goPackage } = checkout;
  const { source, packages } = await readVendored(root);
  const sums = await readSums(root);
  const license = await licenseIn(root);
  const main: ListedModule = Object.freeze(
    { path: goPackage.value, version: gitVersion, origin: "main", license },
  );
  const staging = await readStaging(root, gitVersion, license);
  const own = [main, ...staging];
  const isOwn = new Set(own.map(({ path }) => path));
  const vendored = [...new Map([...packages.values()].map((each) => [each.path, each])).values()]
    .filter(({ path }) => !isOwn.has(path));
  const modules = await mapConcurrently(vendored, 8, async ({ path, version }) => (
    Object.freeze<ListedModule>({
      ...{ path, version, origin: "vendor" },
      sum: sums.get(`${path} ${version}`),
      license: await vendoredLicense(root, path),
    })
  ));
  const byPath = new Map([...own, ...modules].map((each) => [each.path, each]));
  const sorted = [...byPath.values()].sort((a, b) => a.path < b.path ? -1 : 1);
  return Object.freeze({
    ...{ source, main, modules: Object.freeze(sorted) },
    moduleOf(name: string) {
      const found = own.filter(({ path }) => name === path || name.startsWith(`${path}/`));
      // Staging modules are published below no other module; the longest path is the nearest.
      const nearest = found.sort((a, b) => b.path.length - a.path.length)[0];
      return nearest ?? byPath.get(packages.get(name)?.path ?? "");
    },
  });
}

/** A module of the list of what is vendored. */
export interface Vendored {
  /** As in {@linkcode ListedModule}. */
  readonly path: string;
  /** As in {@linkcode ListedModule}. */
  readonly version: string;
}

async function readVendored(
  root: string,
): Promise<{ source: string; packages: ReadonlyMap<string, Vendored> }> {
  const modules = await readCheckoutFile(root, VENDORED);
  if (modules.text !== undefined) {
    return { source: VENDORED, packages: parseModulesTxt(modules.text) };
  }
  const godeps = await readCheckoutFile(root, GODEPS);
  const packages = godeps.text === undefined ? undefined : parseGodeps(godeps.text);
  if (packages !== undefined) return { source: GODEPS, packages };
  const why = godeps.text === undefined
    ? `there is neither "${VENDORED}" (${modules.why}) nor "${GODEPS}"`
    : `"${GODEPS}" has another form`;
  throw new KbuildError(`Cannot tell which modules programs are built from: ${why}`);
}

/** A module's line, `# MODULE VERSION [=> MODULE [VERSION]]` (cmd/go, readVendorList). */
const MODULE_LINE = /^# (\S+) (v\S+)(?: => (\S+)(?: (v\S+))?)?$/;

/**
 * Reads `vendor/modules.txt`: packages follow the line of their module. A module that another one
 * replaces goes by the other's name and version; one that a directory replaces keeps its own.
 *
 * Some releases of Kubernetes sort the file (1.20, hack/update-vendor.sh): replacements that are for all versions,
 * `# MODULE => MODULE VERSION`, come between a module and its packages. So a package whose line follows
 * another module belongs to the one with the longest path above it.
 *
 * @returns By import path.
 */
export function parseModulesTxt(text: string): ReadonlyMap<string, Vendored> {
  const lines = text.split(/\r?\n/);
  const modules = new Map<string, Vendored>();
  for (const line of lines) {
    const [, path, version, other, otherVersion] = MODULE_LINE.exec(line) ?? [];
    if (path === undefined || version === undefined) continue;
    const isReplaced = other !== undefined && otherVersion !== undefined;
    modules.set(path, isReplaced ? { path: other, version: otherVersion } : { path, version });
  }
  const packages = new Map<string, Vendored>();
  let above = "";
  for (const line of lines) {
    const isPackage = line !== "" && !line.startsWith("#");
    if (!isPackage) above = /^# (\S+) /.exec(line)?.[1] ?? above;
    const path = isPackage ? ownerOf(line, above, modules) : undefined;
    if (path !== undefined) packages.set(line, modules.get(path)!);
  }
  return packages;
}

/** The module of a package: the one of the line above if it can be, else the nearest by its path. */
function ownerOf(
  name: string,
  above: string,
  modules: ReadonlyMap<string, Vendored>,
): string | undefined {
  if (modules.has(above) && (name === above || name.startsWith(`${above}/`))) return above;
  for (let path = name; path !== ""; path = path.slice(0, Math.max(0, path.lastIndexOf("/")))) {
    if (modules.has(path)) return path;
  }
  return undefined;
}

/** Hosts whose repositories have an owner in their path. */
const OWNED = /^(?:github\.com|bitbucket\.org|gitlab\.com|golang\.org|google\.golang\.org\/x)\//;

/**
 * Reads `Godeps/Godeps.json` (1.6 to 1.14): packages with the revision of their repository. A revision
 * that is a release goes by the release.
 *
 * @returns By import path; undefined if the text is not such a list.
 */
export function parseGodeps(text: string): ReadonlyMap<string, Vendored> | undefined {
  const list = (jsonIn(text) as { Deps?: unknown } | null | undefined)?.Deps;
  if (!Array.isArray(list)) return undefined;
  const packages = new Map<string, Vendored>();
  for (const dep of list as readonly (Readonly<Record<string, unknown>> | null)[]) {
    const { ImportPath: name, Rev: revision, Comment: comment } = dep ?? {};
    if (typeof name !== "string" || typeof revision !== "string") return undefined;
    const release = typeof comment === "string" && /^v\d+(\.\d+){2}$/.test(comment);
    const parts = name.split("/").slice(0, OWNED.test(name) ? 3 : 2);
    packages.set(name, { path: parts.join("/"), version: release ? comment : revision });
  }
  return packages;
}

/** Sums of go.sum by `MODULE VERSION`, hexadecimal. */
async function readSums(root: string): Promise<ReadonlyMap<string, string>> {
  const sums = new Map<string, string>();
  for (const name of ["go.sum", "go.work.sum"]) {
    const { text = "" } = await readCheckoutFile(root, name);
    for (const line of text.split("\n")) {
      const [, module, sum] = /^(\S+ v\S+) (h1:\S+)$/.exec(line.trim()) ?? [];
      const digest = sum === undefined ? undefined : sumDigest(sum);
      if (module !== undefined && digest !== undefined) sums.set(module, digest);
    }
  }
  return sums;
}

/** The SHA-256 behind `h1:`, hexadecimal; undefined for another kind of sum. */
export function sumDigest(sum: string): string | undefined {
  const encoded = /^h1:([A-Za-z0-9+/]{43}=)$/.exec(sum)?.[1];
  if (encoded === undefined) return undefined;
  return Array.from(atob(encoded), (char) => char.charCodeAt(0).toString(16).padStart(2, "0"))
    .join("");
}

async function readStaging(
  root: string,
  gitVersion: string,
  license: string | undefined,
): Promise<readonly ListedModule[]> {
  const found: ListedModule[] = [];
  for (const host of await entriesOf(join(root, STAGING)) ?? []) {
    if (!host.isDirectory) continue;
    for (const { name, isDirectory } of await entriesOf(join(root, STAGING, host.name)) ?? []) {
      if (!isDirectory) continue;
      const version = stagingVersion(gitVersion);
      const own = await licenseIn(join(root, STAGING, host.name, name)) ?? license;
      found.push(Object.freeze(
        { path: `${host.name}/${name}`, version, origin: "staging", license: own },
      ));
    }
  }
  return found;
}

/**
 * The version that a repository of `staging/` is published under: v0.20.2 of v1.20.2. Up to 1.14 its
 * tags are `kubernetes-1.14.0` (kubernetes/publishing-bot).
 */
export function stagingVersion(gitVersion: string): string {
  const [, minor, rest] = /^v1\.(\d+)(.*)$/.exec(gitVersion) ?? [];
  if (minor === undefined) return gitVersion;
  return Number(minor) < 15 ? `kubernetes-1.${minor}${rest}` : `v0.${minor}${rest}`;
}

/** A module's path as Go allows it (golang.org/x/mod/module, CheckPath): nothing leads out of vendor/. */
const MODULE_PATH = /^[\w~-][\w.~-]*(?:\/[\w~-][\w.~-]*)*$/;

/** The license of a vendored module: beside its sources, above them, or in `LICENSES/vendor`. */
async function vendoredLicense(root: string, module: string): Promise<string | undefined> {
  if (!MODULE_PATH.test(module)) return undefined;
  for (const top of ["vendor", "LICENSES/vendor"]) {
    for (let parts = module.split("/"); parts.length > 1; parts = parts.slice(0, -1)) {
      const license = await licenseIn(join(root, top, ...parts));
      if (license !== undefined) return license;
    }
  }
  return undefined;
}
