import { basename, dirname, join, resolve, SEPARATOR } from "@std/path";
import { KbuildError, systemCode } from "../errors.ts";
import { ifPresent, ifPresentSync } from "./if_present.ts";
import { isMountPoint, mountPoints } from "./mounts.ts";

/** A directory that stays, with all directories above it. */
export interface KeptDirectory {
  /** Absolute path; it need not exist. */
  readonly path: string;
  /** What it is, for messages: "the checkout". */
  readonly what: string;
  /** What the user can do, for messages: "change to another one". */
  readonly advice?: string;
  /** Whether kbuild may write into it or above it; only removing is ruled out. Default false. */
  readonly writable?: boolean;
}

/** Files that git tracks, or why nobody can tell; see {@linkcode OwnershipContext}. */
export type Tracked =
  | { readonly files: readonly string[]; readonly unknown?: undefined }
  | { readonly files?: undefined; readonly unknown: string };

/** What decides whether something may be removed or replaced, apart from the path itself. */
export interface OwnershipContext {
  /** Directories that stay: the checkout, the home directory, the working directory. */
  readonly kept: readonly KeptDirectory[];
  /**
   * Lists the files that git tracks at or below `name` in `directory`, relative to it; none outside of
   * repositories. Where that is unknown, nothing may be removed or replaced.
   */
  readonly tracked: (directory: string, name: string) => Promise<Tracked>;
}

/**
 * Looks whether kbuild made a file or directory, or may take it for its own.
 *
 * @param path Absolute, links resolved.
 * @returns What in it is not kbuild's, as the end of "Cannot remove X: …"; undefined if all of it is.
 */
export type Evidence = (path: string) => Promise<string | undefined>;

/** Options of {@linkcode checkDisposable}. */
export interface DisposableOptions {
  /** What the message says cannot be done: `remove`, `replace`, `write OCI layout`. */
  action: string;
  /** What says that kbuild made it. */
  evidence: Evidence;
  /** What the user can do, for the message. */
  notes?: readonly string[];
  /** Whether something takes the path's place: then it may not be a link that leads nowhere. */
  replaced?: boolean;
}

/** An {@linkcode OwnershipContext} of which nothing is known: evidence decides alone. */
export const MARKS_ALONE: OwnershipContext = Object.freeze({
  kept: Object.freeze([]),
  tracked: () => Promise.resolve({ files: [] }),
});

/**
 * The decision about a file or directory that kbuild would remove or replace as a whole. Links on the way to `path`, and `path`
 * itself, are followed. Nothing that does not exist is refused. Never disposable are:
 *
 * - a directory to keep (the checkout, home, the working directory), any directory above one, and the
 *   root of the file system; compared by inode, so a bind mount does not hide them
 * - anything in a `.git`
 * - anything that holds a file that git tracks, or may track for all that is known
 * - the work tree of another repository
 * - a mount point, and anything with one below it
 * - anything that `evidence` does not know for kbuild's own
 *
 * @throws {KbuildError} It may not be removed or replaced; the message says why.
 */
export async function checkDisposable(
  path: string,
  { action, evidence, notes = [], replaced = false }: DisposableOptions,
  context: OwnershipContext,
): Promise<void> {
  const reason = await whyKept(path, context) ?? await whyForeign(path, evidence) ??
    (replaced ? await whyDeadLink(path) : undefined);
  if (reason === undefined) return;
  throw new KbuildError(`Cannot ${action} "${path}": ${reason}`, { notes });
}

async function whyForeign(path: string, evidence: Evidence): Promise<string | undefined> {
  const real = followed(path);
  return real === undefined ? undefined : await evidence(real);
}

async function whyDeadLink(path: string): Promise<string | undefined> {
  if (followed(path) !== undefined) return undefined;
  return await ifPresent(Deno.lstat(path)) && "it is a link that leads nowhere";
}

/**
 * Why a file or directory is never removed or replaced, whoever made it: the rules of
 * {@linkcode checkDisposable} without the evidence.
 *
 * @returns The end of "Cannot remove X: …"; undefined if no rule keeps it.
 */
export async function whyKept(
  path: string,
  context: OwnershipContext,
): Promise<string | undefined> {
  // A link that git tracks counts, and so does what it leads to.
  const link = await ifPresent(Deno.lstat(path));
  const real = followed(path);
  return await whyProtected(path, context) ??
    (link?.isSymlink === true ? await whyTracked(path, context) : undefined) ??
    (real === undefined
      ? undefined
      : await whyTracked(real, context) ?? await whyMounted(real) ?? await whyRepository(real));
}

/**
 * Why a directory cannot be used for outputs: it is a directory to keep, is above one, or is in a `.git`.
 *
 * @param path Need not exist.
 * @returns The end of "Cannot remove X: …"; undefined if no rule keeps it.
 */
export async function whyProtected(
  path: string,
  { kept }: Pick<OwnershipContext, "kept">,
): Promise<string | undefined> {
  const real = realPathOfNearest(path);
  if (dirname(real) === real) return "it is the root of the file system";
  if (real.split(SEPARATOR).includes(".git")) return "it is in a git repository's own directory";
  const info = await ifPresent(Deno.stat(path));
  if (info === undefined) return undefined;
  for (const { path: directory, what, advice } of kept) {
    const then = advice === undefined ? "" : `; ${advice}`;
    for (let above = realPathOfNearest(directory);; above = dirname(above)) {
      const found = await ifPresent(Deno.stat(above));
      if (found !== undefined && isSame(info, found)) {
        const isItself = above === realPathOfNearest(directory);
        return (isItself ? `it is ${what}` : `it holds ${what} ("${directory}")`) + then;
      }
      if (dirname(above) === above) break;
    }
  }
  return undefined;
}

/** Whether two files are one. */
function isSame(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.ino !== null && a.ino === b.ino && a.dev === b.dev;
}

/**
 * A path with all links followed; undefined if it leads nowhere.
 *
 * @throws {KbuildError} The links lead in a circle.
 */
export function followed(path: string): string | undefined {
  try {
    // Each run asks of some fifty paths: a turn of the event loop takes longer than the answer.
    return ifPresentSync(() => Deno.realPathSync(path));
  } catch (cause) {
    // A directory of the path is a file.
    if (systemCode(cause) === "ENOTDIR") return undefined;
    if (systemCode(cause) !== "ELOOP") throw cause;
    throw new KbuildError(`Cannot use "${path}": it is a link that leads to itself`, {
      exitCode: 2,
      cause,
    });
  }
}

/** `realPath` of the part of a path that exists, with the rest appended. */
export function realPathOfNearest(path: string): string {
  const real = followed(path);
  if (real !== undefined || dirname(path) === path) return real ?? path;
  return join(realPathOfNearest(dirname(path)), basename(path));
}

/** Where a file is that somebody writes to a path: a link is followed although it leads nowhere yet. */
export async function whereWritten(path: string): Promise<string> {
  const info = await ifPresent(Deno.lstat(path));
  const isDead = info?.isSymlink === true && await ifPresent(Deno.stat(path)) === undefined;
  return realPathOfNearest(isDead ? resolve(dirname(path), await Deno.readLink(path)) : path);
}

/** The end of "Cannot remove X: …" for what git tracks, or what holds a file that git tracks. */
export async function whyTracked(
  path: string,
  { tracked }: OwnershipContext,
): Promise<string | undefined> {
  const { files, unknown } = await tracked(dirname(path), basename(path));
  if (unknown !== undefined) return `git may track files there: ${unknown}`;
  const [first] = files;
  if (first === undefined) return undefined;
  return first === basename(path) ? "git tracks it" : `git tracks "${first}" in it`;
}

/** Whether git tracks what is at a path or below it, or may: for `clearLeftovers()`. */
export function keepsTracked(context: OwnershipContext): (path: string) => Promise<boolean> {
  return async (path) => await whyTracked(path, context) !== undefined;
}

async function whyMounted(real: string): Promise<string | undefined> {
  if (await isMountPoint(real)) return `"${real}" is a mount point`;
  const inner = (await mountPoints()).find((point) => point.startsWith(real + SEPARATOR));
  return inner === undefined ? undefined : `"${inner}" in it is a mount point`;
}

/**
 * Looks for the work tree of another repository. Go's own directories are left out: they hold
 * hundreds of thousands of files, and in a GOPATH the clones that old scripts fetched.
 */
async function whyRepository(path: string, depth = 0): Promise<string | undefined> {
  const info = await ifPresent(Deno.lstat(path));
  if (info?.isDirectory !== true || (basename(path) === "go" && depth <= MAX_GO_DEPTH)) {
    return undefined;
  }
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (name === ".git") return `"${path}" is a git repository`;
    if (!isDirectory) continue;
    const found = await whyRepository(join(path, name), depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `go`, `local/go`, `_output/local/go`: how deep a GOPATH is. */
const MAX_GO_DEPTH = 2;
