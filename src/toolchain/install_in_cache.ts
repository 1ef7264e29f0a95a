import { dirname, join } from "@std/path";
import {
  entriesOf,
  ifPossible,
  ifPresent,
  moveNew,
  removeTree,
  TEMPORARY_PREFIX,
  temporaryName,
  writeFileAtomic,
} from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { ownershipContext } from "../lib/ownership.ts";
import { checkInCache, NetworkError, withLock } from "../net/mod.ts";
import { ORIGIN_FILE } from "./cache.ts";
import type { GoContext } from "./types.ts";

/** What is fetched into kbuild's cache as a whole: a Go, a release of etcd or protoc. */
export interface CachedRelease {
  /** kbuild's cache directory; absolute. */
  readonly cache: string;
  /** The release's own directory below it. */
  readonly directory: string;
}

/** Steps of {@linkcode installInCache}. */
export interface InstallSteps {
  /** Whether it is there by now: another kbuild may have fetched it. */
  isThere(): Promise<boolean>;
  /**
   * Fetches, checks and unpacks it.
   *
   * @param work An empty directory, which becomes the release's.
   * @returns Where it came from, for `origin.json`.
   */
  fill(work: string): Promise<object>;
  /** Names beside the release's directory that are of no use when it has ended: whole archives, which are unpacked. */
  readonly leftovers?: RegExp;
}

/**
 * Puts a release into the cache. It is made in a temporary directory and appears by rename: complete or not at
 * all. Two kbuilds wait for each other; what a killed one left is removed by the next. Parts of archives stay, for they
 * can be resumed.
 *
 * @throws {KbuildError} What `fill` throws; the place is not the cache's.
 */
export async function installInCache(
  context: GoContext,
  { cache, directory }: CachedRelease,
  { isThere, fill, leftovers }: InstallSteps,
): Promise<void> {
  const home = dirname(directory);
  const clear = async () => {
    for (const { name } of await entriesOf(home) ?? []) {
      if (!name.startsWith(TEMPORARY_PREFIX) && leftovers?.test(name) !== true) continue;
      // A program that outlived its kbuild may still write there; then the next run removes it.
      await ifPossible(removeTree(join(home, name)));
    }
  };
  await withLock(home, context, async () => {
    await clear();
    if (await isThere()) return;
    const work = temporaryName(directory);
    await Deno.mkdir(work);
    try {
      const origin = await fill(work);
      await writeFileAtomic(join(work, ORIGIN_FILE), `${JSON.stringify(origin, null, 2)}\n`);
      context.signal?.throwIfAborted();
      await checkInCache(directory, cache, ownershipContext(context));
      await removeTree(directory);
      // Its parent stays the same: a directory that moves to another one must be writable.
      await moveNew(work, directory);
    } finally {
      await clear();
    }
  });
}

/**
 * Removes a release from the cache.
 *
 * @returns False when it was not there.
 * @throws {KbuildError} It cannot be removed.
 */
export async function removeFromCache(
  context: GoContext,
  { cache, directory }: CachedRelease,
): Promise<boolean> {
  if (await ifPresent(Deno.lstat(directory)) === undefined) return false;
  await checkInCache(directory, cache, ownershipContext(context));
  await withLock(dirname(directory), context, () => removeTree(directory));
  return true;
}

/** What {@linkcode fetchError} adds to an error. */
export interface WaysOut {
  /** Of a file that the server does not have. */
  readonly missing: string;
  /** Always, at the end. */
  readonly ways: readonly string[];
}

/**
 * The error of an archive that cannot be fetched, with what can be done.
 *
 * @throws What is not a {@linkcode KbuildError}, and the reason of `signal`.
 */
export function fetchError(
  { signal }: Pick<GoContext, "signal">,
  error: unknown,
  { missing, ways }: WaysOut,
): KbuildError {
  if (!(error instanceof KbuildError)) throw error;
  signal?.throwIfAborted();
  const isMissing = error instanceof NetworkError && error.status === 404;
  return new KbuildError(error.message, {
    notes: [...isMissing ? [missing] : [], ...error.notes, ...ways],
    cause: error,
  });
}

/**
 * Refuses a program that was fetched and is not what it should be, or does not run here.
 *
 * @param ask Says what is wrong with it; undefined if nothing is.
 * @param options.what What it should be: "etcd 3.4.13".
 * @param options.from Where it came from.
 */
export async function checkFetched(
  { host, signal }: Pick<GoContext, "host" | "signal">,
  ask: () => Promise<string | undefined>,
  { what, from, notes }: { what: string; from: string; notes: readonly string[] },
): Promise<void> {
  const why = await ask().catch((error: unknown) => {
    if (error instanceof KbuildError) return error.message;
    throw error;
  });
  if (why === undefined) return;
  signal?.throwIfAborted();
  throw new KbuildError(`Cannot use "${from}" as ${what} on ${host}: ${why}`, { notes });
}
