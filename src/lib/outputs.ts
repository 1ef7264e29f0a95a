/**
 * The output directories of a checkout: which are kbuild's to write to, and what of them it may remove
 * or replace. Every command that writes claims them first.
 *
 * @module
 */
import { basename, dirname, join, relative, SEPARATOR } from "@std/path";
import { GO_SYSTEMS } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  checkDisposable,
  claimDirectory,
  entriesOf,
  followed,
  foreign,
  ifPresent,
  isClaimed,
  isMountPoint,
  isSystemEntry,
  MARK,
  type OwnershipContext,
  realPathOfNearest,
  type Tracked,
  whereWritten,
  whyKept,
  whyNotEmpty,
  whyNotWritable,
  whyProtected,
  whyTracked,
} from "../files/mod.ts";
import { checkDestination } from "./destination.ts";
import type { KubeContext } from "./init.ts";
import { ownershipContext } from "./ownership.ts";

/** Directories of a release below `OUT_DIR`, which a new release replaces. */
export const RELEASE_DIRECTORIES = ["release-stage", "release-tars", "release-images"] as const;

/** Directory below `OUT_DIR` for debs and rpms. */
export const PACKAGES_DIRECTORY = "release-packages";

/** Directory below `OUT_DIR` for bills of materials, which new ones replace. */
export const SBOM_DIRECTORY = "release-sbom";

/** Directory below `OUT_DIR` for archives for machines without a network. */
export const BUNDLES_DIRECTORY = "release-bundles";

/** Directory in a checkout's `_output` for releases that are downloaded among its sources. */
export const DOWNLOADS_DIRECTORY = "release-downloads";

/** What kbuild and the checkouts' own scripts put into `OUT_DIR` and `KUBE_OUTPUT_SUBPATH`. */
const KNOWN: ReadonlySet<string> = new Set([
  ...RELEASE_DIRECTORIES,
  PACKAGES_DIRECTORY,
  SBOM_DIRECTORY,
  BUNDLES_DIRECTORY,
  DOWNLOADS_DIRECTORY,
  ...["bin", "local", "dockerized", "images", "gcs-stage", "federation", "go"],
]);

/** Found in many a directory that has nothing to do with Kubernetes. */
const COMMON: ReadonlySet<string> = new Set(["bin", "local", "images", "go"]);

/** The page of `--timings` without a name: a file, so not one of the {@linkcode KNOWN} directories. */
const TIMINGS_PAGE = "kbuild-timings.html";

function isKnown(name: string): boolean {
  return KNOWN.has(name) || name === TIMINGS_PAGE || name.startsWith(".kbuild") ||
    name.endsWith("_violations.report");
}

/**
 * What decides in this run whether something may be removed or replaced. What git tracks in an output
 * directory is asked once, at the first question about it.
 */
export function outputOwnership(context: KubeContext): OwnershipContext {
  const ownership = ownershipContext(context);
  const listings = new Map<string, Promise<Tracked>>();
  const top = topmostOutputs(context);
  return Object.freeze({
    ...ownership,
    tracked: async (directory: string, name: string) => {
      const path = join(directory, name);
      const above = top.find((output) => isAtOrBelow(path, output));
      if (above === undefined) return await ownership.tracked(directory, name);
      const listing = listings.get(above) ??
        ownership.tracked(dirname(above), basename(above));
      listings.set(above, listing);
      const { files, unknown } = await listing;
      if (unknown !== undefined) return { unknown };
      return {
        files: files.map((file) => join(dirname(above), file))
          .filter((file) => isAtOrBelow(file, path))
          .map((file) => relative(directory, file)),
      };
    },
  });
}

/** An output directory, and the variable that names it. */
interface OutputDirectory {
  readonly path: string;
  /** For messages: `OUT_DIR="_output-v1"`. */
  readonly name: string;
}

/** The directories that a run may write to, generated files apart; each once. */
export function outputDirectories(context: KubeContext): readonly OutputDirectory[] {
  const { root, env, output, outputRoot } = context;
  const named = (name: string, path: string) => ({
    path,
    name: env[name] ? `${name}="${env[name]}"` : `"${path}"`,
  });
  const all = [
    { path: join(root, "_output"), name: `"${join(root, "_output")}"` },
    named("OUT_DIR", outputRoot),
    named("KUBE_OUTPUT_SUBPATH", output),
  ];
  return Object.freeze(
    all.filter(({ path }, index) => all.findIndex((other) => other.path === path) === index),
  );
}

/** The output directories that are in no other one. */
function topmostOutputs(context: KubeContext): readonly string[] {
  const directories = outputDirectories(context).map(({ path }) => path);
  return directories.filter((path) =>
    !directories.some((other) => other !== path && isAtOrBelow(path, other))
  );
}

/**
 * Makes sure that the output directories are kbuild's: those at their usual places (`_output…`), and
 * others that are new, empty, or marked; those get a mark. To be called before a run writes anything,
 * its lock included.
 *
 * @throws {KbuildError} One holds what kbuild did not make, or two of them are in each other's way.
 */
export async function claimOutputs(context: KubeContext): Promise<void> {
  const ownership = ownershipContext(context);
  checkOverlap(context);
  for (const { path, name } of outputDirectories(context)) {
    if (await isUsual(context, path)) {
      const reason = await whyNotWritable(path, ownership);
      if (reason === undefined) continue;
      throw new KbuildError(`Cannot use ${name}: ${reason}`, { notes: [WAY_OUT], exitCode: 2 });
    }
    await claimDirectory(
      path,
      { kind: "output", name, evidence: () => whyNotOurs(context, path), notes: [WAY_OUT] },
      ownership,
    );
  }
  const own = outputDirectories(context).flatMap(({ path }) =>
    [".kbuild.lock", ".kbuild-cache", ".kbuild"].map((name) => join(path, name))
  );
  await checkLinks(context, own);
}

const ONLY_OWN = "kbuild removes and replaces only what it made; see to the rest yourself";
const WAY_OUT = 'Name a new or an empty directory, such as "_output-v1"';

/**
 * Checks that the directories of a release may be replaced. To be called before anything is built,
 * and again before the new ones take their places.
 *
 * @param names Directories below `OUT_DIR`.
 * @throws {KbuildError} One may not; the message says why.
 */
export async function checkReleaseReplaceable(
  context: KubeContext,
  names: readonly string[] = RELEASE_DIRECTORIES,
): Promise<void> {
  const { outputRoot } = context;
  const root = realPathOfNearest(outputRoot);
  const ownership = outputOwnership(context);
  for (const name of names) {
    const path = join(outputRoot, name);
    if (await ifPresent(Deno.lstat(path)) === undefined) continue;
    const evidence = async (real: string) =>
      real === join(root, name) ? await whyNotOurs(context, outputRoot) : `it leads to "${real}"`;
    await checkDisposable(
      path,
      { action: "replace", evidence, notes: [ONLY_OWN], replaced: true },
      ownership,
    );
  }
}

/**
 * The evidence of an output directory: its usual place, or a mark. Behind a link or a mount at the usual
 * place, the layout of Kubernetes' scripts counts, too.
 *
 * @param path As the run names it, links not followed.
 */
async function whyNotOurs(context: KubeContext, path: string): Promise<string | undefined> {
  if (await isUsual(context, path) || await isClaimed(path, "output")) return undefined;
  const [first = "", second, ...rest] = relative(context.root, path).split(SEPARATOR);
  if (!first.startsWith("_output")) return await whyNotEmpty(path);
  const isPart = second !== undefined && KNOWN.has(second) && rest.length === 0;
  const real = realPathOfNearest(path);
  const isThere = real === join(realPathOfNearest(dirname(path)), basename(path));
  return isPart && isThere && !await isMountPoint(real)
    ? await whyNotOurs(context, dirname(path))
    : await whyNotLaidOut(path);
}

/**
 * Whether a directory is where the checkouts' own scripts put outputs too: `_output`, or any name that
 * begins so, as upstream's `.gitignore` has it, and the known ones in it. No link leads there, and
 * nothing is mounted over it.
 */
async function isUsual({ root }: KubeContext, path: string): Promise<boolean> {
  const real = realPathOfNearest(path);
  const [first = "", ...rest] = relative(realPathOfNearest(root), real).split(SEPARATOR);
  const isPlace = first.startsWith("_output") &&
    (rest.length === 0 || (rest.length === 1 && KNOWN.has(rest[0]!)));
  return isPlace && !await isMountPoint(real);
}

/**
 * The evidence of the layout that Kubernetes' scripts leave: nothing else, and something telling. What has
 * a common name is looked into.
 */
async function whyNotLaidOut(path: string): Promise<string | undefined> {
  const entries = await Array.fromAsync(Deno.readDir(path));
  for (const entry of entries) {
    if (isSystemEntry(entry.name)) continue;
    if (!await isDisposable(path, entry)) return foreign(path, entry.name);
    const reason = await whyNotInside(join(path, entry.name));
    if (reason !== undefined) return reason;
  }
  if (entries.some(({ name }) => !COMMON.has(name))) return undefined;
  return "nothing shows that kbuild made it";
}

/** What is in directories of the scripts' layout whose names others use, too. */
const INSIDE: Readonly<Record<string, RegExp>> = {
  bin: new RegExp(`^(${GO_SYSTEMS.join("|")})$`),
  local: /^(bin|go|\.kbuild.*)$/,
  dockerized: /^(bin|go|\.kbuild.*)$/,
  go: /^(bin|cache|pkg|src)$/,
  images: /^kube-(build|cross)[\w.:-]*$/,
};

async function whyNotInside(path: string): Promise<string | undefined> {
  const pattern = INSIDE[basename(path)];
  if (pattern === undefined || (await Deno.lstat(path)).isSymlink) return undefined;
  for (const { name } of await entriesOf(path) ?? []) {
    if (!pattern.test(name)) return foreign(path, name);
    // The GOPATH has a "bin" of programs.
    const reason = basename(path) === "go" ? undefined : await whyNotInside(join(path, name));
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Whether an entry of an output directory is one that kbuild or the scripts make. */
async function isDisposable(
  directory: string,
  { name, isSymlink, isDirectory }: Deno.DirEntry,
): Promise<boolean> {
  const path = join(directory, name);
  // Only that link is made; behind another there may be anything.
  if (isSymlink) return name === "bin" && isHostLink(await Deno.readLink(path));
  if (isKnown(name)) return true;
  return isDirectory && (await isClaimed(path, "output") || await isClaimed(path, "cache"));
}

/** Whether a link leads to a directory of binaries, `…/bin/linux/amd64`, as `_output/bin` does. */
export function isHostLink(target: string): boolean {
  return /\/bin\/[a-z0-9]+\/[a-z0-9]+\/?$/.test(target);
}

/**
 * Checks that files which are written or replaced are in the output directories, and not tracked by git:
 * no link leads out of them. Whoever made such a link, there may be anything behind it.
 *
 * @param paths Absolute; what is not below an output directory by its name was asked for by the caller.
 * @param ownership What was asked of git a moment ago; default: it is asked now.
 * @throws {KbuildError} A link leads out, or git tracks one of the files or something below it, or may.
 */
export async function checkInOutputs(
  context: KubeContext,
  paths: Iterable<string>,
  ownership: OwnershipContext = outputOwnership(context),
): Promise<void> {
  const all = [...new Set(paths)];
  await checkLinks(context, all);
  for (const { directory, files, unknown } of await trackedOutputs(context, ownership)) {
    if (unknown !== undefined) {
      throw new KbuildError(
        `Cannot write to "${directory}": git may track files there: ${unknown}`,
      );
    }
    const own = files.map((file) => join(dirname(directory), file));
    const path = own.find((file) => all.some((path) => isAtOrBelow(file, path)));
    if (path === undefined) continue;
    throw new KbuildError(`Cannot write "${path}": git tracks it`, {
      notes: [`Take it out of the repository: git rm --cached "${path}"`],
    });
  }
}

/**
 * Checks a directory that the user names for results: into the checkout kbuild writes only where its outputs are, and
 * where git ignores what is there.
 *
 * @param path Absolute.
 * @param flag What names it: `--to`.
 * @throws {UsageError} It is among the sources of the checkout.
 */
export async function checkNamedDirectory(
  context: KubeContext,
  path: string,
  flag: string,
): Promise<void> {
  await checkDestination(context, path, {
    cannot: `Cannot use ${flag} "${path}"`,
    example: basename(path) === basename(context.root) ? "results" : basename(path),
    outputs: outputDirectories(context).map(({ path }) => path),
  });
}

/** What git tracks in each of the output directories that are in no other one. */
export async function trackedOutputs(
  context: KubeContext,
  { tracked }: OwnershipContext,
): Promise<readonly (Tracked & { readonly directory: string })[]> {
  return await Promise.all(
    topmostOutputs(context).map(async (directory) => ({
      ...await tracked(dirname(directory), basename(directory)),
      directory,
    })),
  );
}

async function checkLinks(context: KubeContext, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const found = await leadsOut(context, path);
    if (found === undefined) continue;
    throw new KbuildError(`Cannot write "${path}": a link leads out of the outputs to "${found}"`, {
      notes: ["Remove the link; to have all outputs elsewhere, make _output itself a link"],
    });
  }
}

/** Where a path in an output directory leads, if that is out of all of them. */
export async function leadsOut(context: KubeContext, path: string): Promise<string | undefined> {
  const directories = outputDirectories(context).map(({ path }) => path);
  if (!directories.some((directory) => isAtOrBelow(path, directory))) return undefined;
  const found = await whereWritten(path);
  const real = directories.map(realPathOfNearest);
  return real.some((directory) => isAtOrBelow(found, directory)) ? undefined : found;
}

/**
 * Refuses output directories in each other's way: one in a directory that is replaced, trimmed or
 * removed as a whole, or at the place of the link to the host's binaries.
 */
function checkOverlap(context: KubeContext): void {
  const { root, binPath, gopath, output, outputRoot, thisPlatformBin } = context;
  const wholes = [join(root, "_output"), outputRoot].flatMap((directory) =>
    [...RELEASE_DIRECTORIES, SBOM_DIRECTORY, ".kbuild-cache"].map((name) => join(directory, name))
  );
  const others = [...wholes, binPath, gopath, join(output, ".kbuild"), join(root, ".make")];
  const taken = [...others.map(realPathOfNearest), thisPlatformBin];
  for (const { path, name } of outputDirectories(context)) {
    const places = [path, realPathOfNearest(path)];
    const other = join(path, "bin") === thisPlatformBin && path === output
      ? thisPlatformBin
      : taken.find((other) => places.some((place) => isAtOrBelow(place, other)));
    const reserved = relative(root, path).split(SEPARATOR).find((part) =>
      part.startsWith(".kbuild")
    );
    if (other === undefined && reserved === undefined) continue;
    const reason = other === undefined
      ? `kbuild uses names such as "${reserved}" itself`
      : `kbuild has another use for "${other}"`;
    throw new KbuildError(`Cannot use ${name}: ${reason}`, { notes: [WAY_OUT], exitCode: 2 });
  }
}

function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory + SEPARATOR);
}

/** What `clean` does with one directory. */
export interface Disposal {
  /** Paths to remove: the directory itself, or entries of it. */
  readonly remove: readonly string[];
  /** Paths of entries that stay, because kbuild did not make them. */
  readonly left: readonly string[];
}

/**
 * Parts of the output directories, and leftovers of make, that may be removed. A link to an output
 * directory stays, and so does the directory of a mount.
 *
 * @throws {KbuildError} One of the directories is not kbuild's, or something in it must stay.
 */
export async function planDisposal(context: KubeContext): Promise<Disposal> {
  const remove: string[] = [];
  const left: string[] = [];
  for (const directory of outputDirectories(context)) {
    const found = await disposalOf(context, directory);
    remove.push(...found.remove);
    left.push(...found.left);
  }
  const meta = await planMetaDisposal(context);
  if (meta !== undefined) remove.push(meta);
  const isTopmost = (path: string) =>
    !remove.some((other) => other !== path && isAtOrBelow(path, other));
  return Object.freeze({
    remove: Object.freeze([...new Set(remove)].filter(isTopmost).sort()),
    left: Object.freeze([...new Set(left)].filter(isTopmost).sort()),
  });
}

/**
 * The directory `.make` that the makefiles keep notes in.
 *
 * @returns Undefined if there is none.
 * @throws {KbuildError} It is a link, or something in it must stay.
 */
export async function planMetaDisposal(context: KubeContext): Promise<string | undefined> {
  const meta = join(context.root, ".make");
  if (await ifPresent(Deno.lstat(meta)) === undefined) return undefined;
  const isMade = (path: string) => Promise.resolve(path === meta ? undefined : "it is a link");
  await checkDisposable(
    meta,
    { action: "remove", evidence: isMade, notes: [ONLY_OWN] },
    ownershipContext(context),
  );
  return meta;
}

async function disposalOf(
  context: KubeContext,
  { path, name }: OutputDirectory,
): Promise<Disposal> {
  const ownership = outputOwnership(context);
  const refuse = (reason: string) =>
    new KbuildError(`Cannot remove ${name}: ${reason}`, { exitCode: 2, notes: [ONLY_OWN] });
  const real = followed(path);
  if (real === undefined) return { remove: [], left: [] };
  const entries = await entriesOf(real);
  if (entries === undefined) throw refuse("it is not a directory");
  const reason = await whyProtected(path, ownership);
  if (reason !== undefined) {
    throw new KbuildError(`Cannot remove ${name}: ${reason}`, { exitCode: 2 });
  }
  const isKept = real !== path || await isMountPoint(real);
  const foreignThing = await whyNotOurs(context, path);
  if (foreignThing !== undefined) {
    if (entries.every((entry) => isSystemEntry(entry.name))) return { remove: [], left: [] };
    throw refuse(await whyTracked(real, ownership) ?? foreignThing);
  }
  const remove: string[] = [];
  const left: string[] = [];
  for (const entry of entries) {
    const place = join(path, entry.name);
    if (isSystemEntry(entry.name) || entry.name === MARK) continue;
    if (await isDisposable(real, entry)) remove.push(place);
    else left.push(place);
  }
  for (const place of remove) {
    const reason = await whyKept(place, ownership);
    if (reason !== undefined) throw refuse(reason);
  }
  return left.length === 0 && !isKept ? { remove: [path], left } : { remove, left };
}
