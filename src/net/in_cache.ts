import { KbuildError } from "../errors.ts";
import { isDiskFull, reasonOf } from "../files/mod.ts";
import { quote } from "../shell/mod.ts";

/**
 * Does something that writes into the cache. A full disk there has its own advice: `kbuild clean`, which
 * helps elsewhere, leaves the cache alone.
 *
 * @param cache kbuild's cache directory.
 * @throws What `work` throws; for a full disk or quota with notes about the cache.
 */
export async function inCache<T>(cache: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    const message = error instanceof KbuildError
      ? error.message
      : `Cannot write to the cache "${cache}": ${reasonOf(error)}`;
    throw new KbuildError(message, {
      notes: [
        `The disk or the quota of kbuild's cache is full: "${cache}"`,
        `Remove what can be fetched again: rm -rf ${quote(`${cache}/blobs`)}, or single releases ` +
        "of Go: kbuild toolchain remove VERSION",
        "Or choose a cache on another disk: KBUILD_CACHE=/absolute/path",
      ],
      cause: error,
    });
  }
}
