/**
 * `@std/fs` where only npm is reachable: the functions that kbuild uses, under the same names and
 * with the same behaviour as `jsr:@std/fs@1`, oddities included. What works here must work with the
 * original too, so nothing is more generous; `tests/npm/fs_contract_test.ts` holds both to one
 * contract. The synchronous variants, `expandGlob`, `ensureLink` and `eol` are not here.
 *
 * @module
 */

import { basename, dirname, join, normalize, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

function pathOf(path: string | URL): string {
  return path instanceof URL ? fileURLToPath(path) : path;
}

/** What a path is, in the words of the error messages. */
function typeOf(info: Deno.FileInfo): string {
  if (info.isFile) return "file";
  if (info.isDirectory) return "dir";
  return info.isSymlink ? "symlink" : "other";
}

/** The answer of `probe`, or undefined when nothing is at the path. */
async function unlessMissing<T>(probe: Promise<T>): Promise<T | undefined> {
  try {
    return await probe;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether `inner` is below `outer`; a path is not below itself. */
function isBelow(outer: string, inner: string): boolean {
  const base = resolve(outer);
  return resolve(inner).startsWith(base.endsWith(sep) ? base : base + sep);
}

/**
 * Makes a directory and its parents where they are missing.
 *
 * @throws {Error} Something else than a directory is at the path.
 */
export async function ensureDir(dir: string | URL): Promise<void> {
  const demandDirectory = (info: Deno.FileInfo) => {
    if (info.isDirectory) return;
    throw new Error(
      `Failed to ensure directory exists: expected 'dir', got '${typeOf(info)}'`,
    );
  };
  const before = await unlessMissing(Deno.stat(dir));
  if (before !== undefined) return demandDirectory(before);
  try {
    await Deno.mkdir(dir, { recursive: true });
  } catch (error) {
    // Someone else may have made it in between, or a dangling link is in the way.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    demandDirectory(await Deno.stat(dir));
  }
}

/**
 * Makes an empty file, parents included, where nothing is; leaves a file that exists alone.
 *
 * @throws {Error} Something else than a file is at the path (a link counts as something else).
 */
export async function ensureFile(filePath: string | URL): Promise<void> {
  const info = await unlessMissing(Deno.lstat(filePath));
  if (info === undefined) {
    await ensureDir(dirname(pathOf(filePath)));
    await Deno.writeFile(filePath, new Uint8Array());
  } else if (!info.isFile) {
    throw new Error(`Failed to ensure file exists: expected 'file', got '${typeOf(info)}'`);
  }
}

/**
 * Makes a symbolic link, parents of the link included.
 *
 * A link that exists is accepted only when its text, taken from the **working directory**, names
 * the target. So with a relative target call it once, or remove the link before: that is how the
 * original behaves.
 *
 * @param target What the link says; a relative one counts from the directory of the link.
 * @param linkName Where the link goes.
 * @throws {Deno.errors.NotFound} Nothing is at the target.
 * @throws {Deno.errors.AlreadyExists} Something else, or another link, is at `linkName`.
 */
export async function ensureSymlink(target: string | URL, linkName: string | URL): Promise<void> {
  const link = pathOf(linkName);
  const wanted = resolve(dirname(link), pathOf(target));
  if (await unlessMissing(Deno.lstat(wanted)) === undefined) {
    throw new Deno.errors.NotFound(
      `Cannot ensure symlink as the target path does not exist: ${wanted}`,
    );
  }
  await ensureDir(dirname(link));
  try {
    await Deno.symlink(target, linkName);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const info = await Deno.lstat(linkName);
    if (!info.isSymlink) {
      throw new Deno.errors.AlreadyExists(
        `A '${typeOf(info)}' already exists at the path: ${linkName}`,
      );
    }
    const present = resolve(await Deno.readLink(linkName));
    if (present !== wanted) {
      throw new Deno.errors.AlreadyExists(
        `A symlink targeting to an undesired path already exists: ${linkName} -> ${present}`,
      );
    }
  }
}

/** Removes what is in a directory, not the directory; makes the directory when it is missing. */
export async function emptyDir(dir: string | URL): Promise<void> {
  const entries = await unlessMissing(Array.fromAsync(Deno.readDir(dir)));
  if (entries === undefined) {
    await Deno.mkdir(dir, { recursive: true });
    return;
  }
  const root = pathOf(dir);
  await Promise.all(
    entries.map((entry) => Deno.remove(join(root, entry.name), { recursive: true })),
  );
}

/** Options of {@linkcode exists}. */
export interface ExistsOptions {
  /** Also ask whether the mode lets this user read it. */
  isReadable?: boolean;
  /** Also ask whether it is a directory. */
  isDirectory?: boolean;
  /** Also ask whether it is a regular file. */
  isFile?: boolean;
}

function readable(info: Deno.FileInfo): boolean {
  if (info.mode === null) return true;
  const bit = info.uid === Deno.uid() ? 0o400 : info.gid === Deno.gid() ? 0o040 : 0o004;
  return (info.mode & bit) !== 0;
}

/**
 * Whether something is at the path, links followed: a dangling link does not exist.
 *
 * @throws {TypeError} Both `isDirectory` and `isFile` are asked for.
 */
export async function exists(
  path: string | URL,
  options: ExistsOptions = {},
): Promise<boolean> {
  const { isReadable = false, isDirectory = false, isFile = false } = options;
  try {
    const info = await Deno.stat(path);
    if (isDirectory && isFile) {
      throw new TypeError(
        "ExistsOptions.options.isDirectory and ExistsOptions.options.isFile must not be true together",
      );
    }
    if (isDirectory && !info.isDirectory) return false;
    if (isFile && !info.isFile) return false;
    return !isReadable || readable(info);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.PermissionDenied) {
      const { state } = await Deno.permissions.query({ name: "read", path });
      // The file system said no, not Deno: it is there, and cannot be read.
      if (state === "granted") return !isReadable;
    }
    throw error;
  }
}

/** Options of {@linkcode walk}. */
export interface WalkOptions {
  /** How many levels below the root; 0 is the root alone. Default: all. */
  maxDepth?: number;
  /** Default true. */
  includeFiles?: boolean;
  /** Default true; the root counts as one. */
  includeDirs?: boolean;
  /** Links that are not followed. Default true. */
  includeSymlinks?: boolean;
  /** Go through links. Default false. */
  followSymlinks?: boolean;
  /** A followed link is reported under the path that it leads to. Default true. */
  canonicalize?: boolean;
  /** Only paths that end so; a missing leading dot is added. */
  exts?: string[];
  /** Only paths that match one of these. */
  match?: RegExp[];
  /** No path that matches one of these, and nothing below it. */
  skip?: RegExp[];
}

/** One thing that {@linkcode walk} met. */
export interface WalkEntry extends Deno.DirEntry {
  /** The root as it was given, joined with the names below it. */
  path: string;
}

/** Whether the filters let a path through. */
function passes(path: string, { exts, match, skip }: WalkOptions): boolean {
  const hits = (patterns: RegExp[]) => patterns.some((pattern) => path.match(pattern) !== null);
  if (exts !== undefined && !exts.some((ext) => path.endsWith(ext))) return false;
  if (match !== undefined && !hits(match)) return false;
  return skip === undefined || !hits(skip);
}

/**
 * A directory and everything below it, a directory before what is in it, siblings in the order of the
 * file system (sort when the order matters).
 */
export async function* walk(
  root: string | URL,
  options: WalkOptions = {},
): AsyncIterableIterator<WalkEntry> {
  const { exts, canonicalize = true, ...others } = options;
  const shared: WalkOptions = { ...others };
  if (exts !== undefined) {
    shared.exts = exts.map((ext) => ext.startsWith(".") ? ext : `.${ext}`);
  }
  yield* descend(pathOf(root), shared, options.maxDepth ?? Infinity, canonicalize);
}

async function* descend(
  root: string,
  options: WalkOptions,
  depth: number,
  canonicalize: boolean,
): AsyncIterableIterator<WalkEntry> {
  const { includeFiles = true, includeDirs = true, includeSymlinks = true } = options;
  if (depth < 0) return;
  if (includeDirs && passes(root, options)) {
    const path = normalize(root);
    const { isFile, isDirectory, isSymlink } = await Deno.stat(path);
    yield { path, name: basename(path), isFile, isDirectory, isSymlink };
  }
  const { skip } = options;
  if (depth < 1 || (skip !== undefined && !passes(root, { skip }))) return;

  for await (const entry of Deno.readDir(root)) {
    let path = join(root, entry.name);
    let enter = entry.isDirectory;
    if (entry.isSymlink) {
      if (options.followSymlinks !== true) {
        if (includeSymlinks && passes(path, options)) yield { path, ...entry };
        continue;
      }
      const target = await Deno.realPath(path);
      enter = (await Deno.lstat(target)).isDirectory;
      if (canonicalize) path = target;
    }
    // As in the original, only links directly below the root keep their own path.
    if (enter) yield* descend(path, options, depth - 1, true);
    else if (includeFiles && passes(path, options)) yield { path, ...entry };
  }
}

/** Options of {@linkcode copy}. */
export interface CopyOptions {
  /** Files that exist are written over, directories are merged. Default false. */
  overwrite?: boolean;
  /** Files keep their access and modification times. Default false. */
  preserveTimestamps?: boolean;
}

/** Looks at the destination: whether it is there, and whether that is fine. */
async function claim(
  source: string,
  destination: string,
  directory: boolean,
  { overwrite = false }: CopyOptions,
): Promise<boolean> {
  const info = await unlessMissing(Deno.lstat(destination));
  if (info === undefined) return false;
  if (directory && !info.isDirectory) {
    throw new Error(
      `Cannot overwrite non-directory '${destination}' with directory '${source}'`,
    );
  }
  if (!overwrite) throw new Deno.errors.AlreadyExists(`'${destination}' already exists.`);
  return true;
}

async function keepTimes(source: Deno.FileInfo, destination: string): Promise<void> {
  const { atime, mtime } = source;
  if (atime === null) throw new Error("statInfo.atime is unavailable");
  if (mtime === null) throw new Error("statInfo.mtime is unavailable");
  await Deno.utime(destination, atime, mtime);
}

async function copyTree(
  source: string,
  destination: string,
  info: { isFile: boolean; isDirectory: boolean; isSymlink: boolean },
  options: CopyOptions,
): Promise<void> {
  const { preserveTimestamps = false } = options;
  if (info.isSymlink) {
    await claim(source, destination, false, options);
    await Deno.symlink(await Deno.readLink(source), destination);
    if (preserveTimestamps) await keepTimes(await Deno.lstat(source), destination);
  } else if (info.isDirectory) {
    if (!await claim(source, destination, true, options)) await ensureDir(destination);
    if (preserveTimestamps) await keepTimes(await Deno.stat(source), destination);
    const entries = await Array.fromAsync(Deno.readDir(source));
    await Promise.all(
      entries.map((entry) =>
        copyTree(join(source, entry.name), join(destination, entry.name), entry, options)
      ),
    );
  } else if (info.isFile) {
    await claim(source, destination, false, options);
    await Deno.copyFile(source, destination);
    if (preserveTimestamps) await keepTimes(await Deno.stat(source), destination);
  }
}

/**
 * Copies a file, a link (as a link) or a directory with all that is in it. Modes are kept; devices,
 * pipes and sockets are passed over.
 *
 * @throws {Error} Source and destination are the same, one is in the other, or a directory meets
 * something else.
 * @throws {Deno.errors.AlreadyExists} The destination exists and `overwrite` is not set; a link
 * that exists is never written over.
 */
export async function copy(
  src: string | URL,
  dest: string | URL,
  options: CopyOptions = {},
): Promise<void> {
  const source = resolve(pathOf(src));
  const destination = resolve(pathOf(dest));
  if (source === destination) throw new Error("Source and destination cannot be the same");
  const info = await Deno.lstat(source);
  if (info.isDirectory && isBelow(source, destination)) {
    throw new Error(`Cannot copy '${source}' to a subdirectory of itself: '${destination}'`);
  }
  await copyTree(source, destination, info, options);
}

/** Options of {@linkcode move}. */
export interface MoveOptions {
  /** What is at the destination is removed first, directories with all that is in them. */
  overwrite?: boolean;
}

/**
 * Renames a file or a directory; within one file system only.
 *
 * @throws {Deno.errors.NotFound} Nothing is at `src`, links followed.
 * @throws {Deno.errors.NotSupported} A directory would move into itself.
 * @throws {Deno.errors.AlreadyExists} The destination exists and `overwrite` is not set.
 */
export async function move(
  src: string | URL,
  dest: string | URL,
  options: MoveOptions = {},
): Promise<void> {
  const { overwrite = false } = options;
  const source = pathOf(src);
  const destination = pathOf(dest);
  const same = resolve(source) === resolve(destination);

  const info = await Deno.stat(source);
  if (info.isDirectory && (same || isBelow(source, destination))) {
    throw new Deno.errors.NotSupported(
      `Cannot move '${src}' to a subdirectory of itself, '${dest}'.`,
    );
  }
  if (overwrite) {
    if (same) return;
    await unlessMissing(Deno.remove(destination, { recursive: true }));
  } else if (await unlessMissing(Deno.lstat(destination)) !== undefined) {
    throw new Deno.errors.AlreadyExists("dest already exists.");
  }
  await Deno.rename(source, destination);
}
