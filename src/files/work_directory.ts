import { entriesOf } from "./entries.ts";
import { readText } from "./regular.ts";
import { join, relative } from "@std/path";
import { KbuildError } from "../errors.ts";
import { isTemporaryName, TEMPORARY_PREFIX, writeFileAtomic } from "./atomic.ts";
import { ifPossible, ifPresent, ifPresentSync } from "./if_present.ts";
import { linkTree } from "./link_tree.ts";
import { objectIn } from "./json.ts";
import { isCrossDevice } from "./place.ts";
import { reasonOf } from "./reason.ts";
import { removeTree } from "./remove_tree.ts";

/** Names in a work directory that are not trees of its user. */
const JOURNAL = "replace.json";
const OLD = "old-";
const COPY = "copy-";
const PARTIAL = "partial-";

/**
 * A directory in which files and trees are made aside before they take their places, all or none:
 * `.kbuild-tmp-…`, on the file system of the places. Dispose of it at the end, however that comes.
 *
 * A process that was killed leaves it behind. {@linkcode clearLeftovers} then finishes or undoes a
 * replacement that had begun, and removes the rest.
 */
export class WorkDirectory implements AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
  #isStuck = false;

  /** @param path What {@linkcode WorkDirectory.make} has made. */
  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes the directory.
   *
   * @param path From `temporaryName`, or another name that begins with {@linkcode TEMPORARY_PREFIX}.
   * @throws The system's error.
   */
  static async make(path: string): Promise<WorkDirectory> {
    await Deno.mkdir(path);
    return new WorkDirectory(path);
  }

  /**
   * Gives finished trees the places of others. Either all are replaced, or, after an error, none. What
   * was there before is removed with the work directory.
   *
   * The plan is written down before the first rename, so that after a kill between two of them
   * {@linkcode clearLeftovers} knows what is left to do. Whether the places may be replaced at all is
   * for the caller to check.
   *
   * @param places Name in the work directory -> absolute path of a file or directory, or of nothing.
   * @throws {KbuildError} A place cannot be replaced.
   */
  async replace(places: Readonly<Record<string, string>>): Promise<void> {
    const items = Object.entries(places).map(([made, place]): Item => ({
      made,
      place: relative(this.path, place),
      existed: exists(place),
    }));
    await writeJournal(this.path, items);
    try {
      await finish(this.path, items);
    } catch (error) {
      this.#isStuck = await hasJournal(this.path);
      throw error;
    }
  }

  /** Removes the directory, and what was replaced with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Old trees that could not be put back are in it: the next run tries again.
    if (!this.#isStuck) await ifPossible(removeWork(this.path));
  }
}

/**
 * Removes what killed processes left in a directory: everything with a temporary name. Only the holder of
 * the directory's lock may call this.
 *
 * @param keep Says what stays all the same; where files of git may be, `keepsTracked()`.
 * @returns Absolute paths of what was replaced.
 * @throws {KbuildError} What {@linkcode clearLeftover} throws.
 */
export async function clearLeftovers(
  directory: string,
  keep: (path: string) => Promise<boolean> = () => Promise.resolve(false),
): Promise<readonly string[]> {
  const replaced: string[] = [];
  const entries = await entriesOf(directory) ?? [];
  for (const { name } of entries) {
    const path = join(directory, name);
    if (!isTemporaryName(name) || await keep(path)) continue;
    replaced.push(...await clearLeftover(path));
  }
  return Object.freeze(replaced);
}

/**
 * Removes a temporary file or work directory of a killed process, if there is one. A replacement that
 * had begun is finished if all places are free, and undone if not. Nothing that is in a place now is
 * replaced: it may be somebody else's.
 *
 * @returns Absolute paths of what was replaced.
 * @throws {KbuildError} It cannot be removed, or a replacement can be neither finished nor undone.
 */
export async function clearLeftover(path: string): Promise<readonly string[]> {
  if ((await ifPresent(Deno.lstat(path)))?.isDirectory !== true) {
    await removeTree(path);
    return [];
  }
  const items = await readJournal(path);
  const replaced = items.filter(({ made }) => exists(join(path, made)));
  const isFree = items.every((item) => isBegun(path, item));
  if (isFree) await finish(path, items);
  else await undo(path, items);
  await removeWork(path);
  return isFree ? replaced.map(({ place }) => join(path, place)) : [];
}

/**
 * Removes temporary files and work directories, at whatever depth, that nobody has written to since
 * `before`: for a directory in which several processes write at a time. What cannot be removed stays.
 *
 * @param before Milliseconds since 1970.
 */
export async function clearStale(directory: string, before: number): Promise<void> {
  const entries = await ifPossible(entriesOf(directory)) ?? [];
  for (const { name, isDirectory } of entries) {
    const path = join(directory, name);
    if (name.startsWith(TEMPORARY_PREFIX)) {
      const info = await ifPossible(Deno.lstat(path));
      const isStale = info?.mtime != null && info.mtime.getTime() < before;
      if (isStale) await ifPossible(removeTree(path));
    } else if (isDirectory) {
      await clearStale(path, before);
    }
  }
}

/** One place, and the name of the tree that it gets. */
interface Item {
  /** In the work directory. */
  readonly made: string;
  /** Relative to the work directory: a checkout may have been moved since. */
  readonly place: string;
  /** Whether there was something in its place. */
  readonly existed: boolean;
}

async function writeJournal(work: string, items: readonly Item[]): Promise<void> {
  // To the disk: after a power failure the renames below must not be there without it.
  await writeFileAtomic(join(work, JOURNAL), JSON.stringify({ items }), { sync: true });
}

/** What the journal says; nothing if there is none, or it was not written to its end. */
async function readJournal(work: string): Promise<readonly Item[]> {
  const text = await ifPresent(readText(join(work, JOURNAL)));
  const { items } = objectIn(text ?? "") ?? {};
  return Array.isArray(items) && items.every(isItem) ? items : [];
}

function isItem(value: unknown): value is Item {
  const { made, place, existed } = (value ?? {}) as Partial<Record<keyof Item, unknown>>;
  // A journal that leads elsewhere is not kbuild's: it may have come with a checkout.
  return isPlainName(made) && typeof place === "string" && place.startsWith("../") &&
    isPlainName(place.slice("../".length)) && typeof existed === "boolean";
}

function isPlainName(name: unknown): name is string {
  return typeof name === "string" && name !== "" && name !== "." && name !== ".." &&
    !name.includes("/");
}

async function hasJournal(work: string): Promise<boolean> {
  return await ifPossible(Deno.lstat(join(work, JOURNAL))) !== undefined;
}

/** The journal goes first: without it nothing in the directory is of use. */
async function removeWork(work: string): Promise<void> {
  await removeTree(join(work, JOURNAL));
  await removeTree(work);
}

/** Frees all places, then fills them. Where that fails, all is put back, and the journal removed. */
async function finish(work: string, items: readonly Item[]): Promise<void> {
  for (const step of [setAside, putInPlace]) {
    for (const item of items) {
      try {
        await step(work, item);
      } catch (cause) {
        const message = `Cannot replace "${join(work, item.place)}": ${reasonOf(cause)}`;
        await undo(work, items, message);
        throw new KbuildError(message, { notes: ["Everything is as it was before"], cause });
      }
    }
  }
}

/** Puts everything back, and removes the journal. */
async function undo(
  work: string,
  items: readonly Item[],
  message = "Cannot undo an interrupted replacement",
): Promise<void> {
  try {
    for (const item of items.toReversed()) await putBack(work, item);
    await removeTree(join(work, JOURNAL));
  } catch (cause) {
    throw new KbuildError(`${message}; the old state cannot be restored: ${reasonOf(cause)}`, {
      notes: [`"${work}" has what is missing; run the same command again, which goes on there`],
      cause,
    });
  }
}

/*
 * What is there says how far an item is:
 *
 *   made               not begun
 *   made, old          the place is free
 *   made, copy         the place is free, or holds what remains of the copied tree
 *         old or copy  done
 *
 * If something is in a place that should be free, it was made after a kill, and stays.
 */

/**
 * Frees the place of an item. On an overlay file system a directory of a lower layer cannot be renamed
 * (EXDEV): its files are linked into a new one.
 */
async function setAside(work: string, item: Item): Promise<void> {
  const [made, place] = [item.made, join(work, item.place)];
  if (!isBegun(work, item)) {
    try {
      Deno.renameSync(place, join(work, OLD + made));
    } catch (error) {
      if (!isCrossDevice(error)) throw error;
      const partial = join(work, PARTIAL + made);
      await removeTree(partial);
      await linkTree(place, partial);
      Deno.renameSync(partial, join(work, COPY + made));
    }
  }
  const isDone = !exists(join(work, made));
  if (!isDone && exists(join(work, COPY + made))) await removeTree(place);
}

/** Whether the place of an item is free, or was free before. */
function isBegun(work: string, { made, existed }: Item): boolean {
  return !existed || savedIn(work, made) !== undefined || !exists(join(work, made));
}

/** Fills the place of an item. */
function putInPlace(work: string, { made, place }: Item): void {
  const [from, to] = [join(work, made), join(work, place)];
  if (exists(from) && !exists(to)) Deno.renameSync(from, to);
}

async function putBack(work: string, { made, place, existed }: Item): Promise<void> {
  const [from, to] = [join(work, made), join(work, place)];
  if (!exists(from)) Deno.renameSync(to, from);
  const saved = savedIn(work, made);
  if (!existed || saved === undefined) return;
  if (exists(join(work, COPY + made))) await removeTree(to);
  if (!exists(to)) Deno.renameSync(saved, to);
}

/** Where the old tree is; undefined if it is still in its place. */
function savedIn(work: string, made: string): string | undefined {
  return [OLD, COPY].map((prefix) => join(work, prefix + made)).find(exists);
}

function exists(path: string): boolean {
  return ifPresentSync(() => Deno.lstatSync(path)) !== undefined;
}
