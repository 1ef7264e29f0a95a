import { join } from "@std/path";
import { lockFile, reasonOf } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import type { Logger } from "../lib/logging.ts";

/**
 * Does something while no other kbuild changes the same directory, whose lock is the file `.lock` in it.
 *
 * @param directory Made if missing.
 * @throws {KbuildError} The directory cannot be written.
 * @throws The reason of `signal`.
 */
export async function withLock<T>(
  directory: string,
  { log, signal }: { log: Logger; signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  using _lock = await lockFile(join(directory, ".lock"), {
    signal,
    onWait: () => log.status("Waiting for another kbuild that fetches the same"),
    explain: (cause) =>
      new KbuildError(`Cannot write to the cache "${directory}": ${reasonOf(cause)}`, {
        notes: [
          "Make it writable for you, or choose another directory: KBUILD_CACHE=/absolute/path",
        ],
        cause,
      }),
  });
  return await work();
}
