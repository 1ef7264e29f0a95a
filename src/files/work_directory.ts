import { join, relative } from "@std/path";
import { KbuildError } from "../errors.ts";
import { TEMPORARY_PREFIX, writeFileAtomic } from "./atomic.ts";
import { ifPossible, ifPresent, ifPresentSync } from "./if_present.ts";
import { linkTree } from "./link_tree.ts";
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
 * A process that was killed leaves it behind. {@linkcode clearLeftovers} then finishes a replacement
 * that had begun, and removes the rest.
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
 * Removes what killed processes left in a directory: everything that begins with
 * {@linkcode TEMPORARY_PREFIX}. A replacement that had begun is finished first. Only the holder of the
 * directory's lock may call this.
 *
 * @returns Absolute paths of what was replaced.
 * @throws {KbuildError} Something cannot be removed, or a replacement can be neither finished nor undone.
 */
export async function clearLeftovers(directory: string): Promise<readonly string[]> {
  const replaced: string[] = [];
  const entries = await ifPresent(Array.fromAsync(Deno.readDir(directory))) ?? [];
  for (const { name, isDirectory } of entries) {
    if (!name.startsWith(TEMPORARY_PREFIX)) continue;
    const path = join(directory, name);
    const items = isDirectory ? await readJournal(path) : [];
    await finish(path, items);
    replaced.push(...items.map(({ place }) => join(path, place)));
    await removeWork(path);
  }
  return Object.freeze(replaced);
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
  const text = await ifPresent(Deno.readTextFile(join(work, JOURNAL)));
  try {
    const { items } = JSON.parse(text ?? "");
    return Array.isArray(items) && items.every(isItem) ? items : [];
  } catch {
    return [];
  }
}

function isItem(value: unknown): value is Item {
  const { made, place, existed } = value as Partial<Record<keyof Item, unknown>>;
  return typeof made === "string" && typeof place === "string" && typeof existed === "boolean";
}

async function hasJournal(work: string): Promise<boolean> {
  return await ifPossible(Deno.lstat(join(work, JOURNAL))) !== undefined;
}

/** The journal goes first: without it nothing in the directory is of use. */
async function removeWork(work: string): Promise<void> {
  await removeTree(join(work, JOURNAL));
  await removeTree(work);
}

/**
 * Renames whatever is not renamed yet. Where that fails, all that was renamed is put back, and the
 * journal removed.
 */
async function finish(work: string, items: readonly Item[]): Promise<void> {
  for (const [at, item] of items.entries()) {
    try {
      await forward(work, item);
    } catch (cause) {
      const message = `Cannot replace "${join(work, item.place)}": ${reasonOf(cause)}`;
      try {
        for (const done of items.slice(0, at + 1).reverse()) await back(work, done);
        await removeTree(join(work, JOURNAL));
      } catch (second) {
        throw new KbuildError(`${message}; then the old state cannot be restored either`, {
          notes: [
            reasonOf(second),
            `"${work}" has what is missing; run the same command again, which goes on there`,
          ],
          cause,
        });
      }
      throw new KbuildError(message, { notes: ["Everything is as it was before"], cause });
    }
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
 * If something is in a place that should be free, it was made after the kill, and stays.
 */

async function forward(work: string, { made, place, existed }: Item): Promise<void> {
  const [from, to] = [join(work, made), join(work, place)];
  if (!exists(from)) return;
  if (existed && savedIn(work, made) === undefined) await setAside(work, made, to);
  if (exists(join(work, COPY + made))) await removeTree(to);
  if (!exists(to)) Deno.renameSync(from, to);
}

async function back(work: string, { made, place, existed }: Item): Promise<void> {
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

/**
 * Frees a place. On an overlay file system a directory of a lower layer cannot be renamed (EXDEV): its
 * files are linked into a new one.
 */
async function setAside(work: string, made: string, place: string): Promise<void> {
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

function exists(path: string): boolean {
  return ifPresentSync(() => Deno.lstatSync(path)) !== undefined;
}
