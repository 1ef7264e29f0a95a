import { join } from "@std/path";
import { reasonOf } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import type { Logger } from "../lib/logging.ts";
import { tryFileLock } from "../lib/util.ts";

/**
 * Does something while no other kbuild changes the same folder. The lock (`.lock`, flock) goes with
 * its process, so a killed run leaves none behind.
 *
 * @param folder Made when it is not there.
 * @throws {KbuildError} The folder cannot be written, or `signal` was aborted while waiting.
 */
export async function withLock<T>(
  folder: string,
  { log, signal }: { log: Logger; signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const path = join(folder, ".lock");
  const open = async () => {
    await Deno.mkdir(folder, { recursive: true });
    return await Deno.open(path, { read: true, write: true, create: true });
  };
  using file = await open().catch((error: unknown) => {
    throw new KbuildError(`Cannot write to the cache "${folder}": ${reasonOf(error)}`, {
      notes: ["Make it writable for you, or choose another folder: KBUILD_CACHE=/absolute/path"],
      cause: error,
    });
  });
  let told = false;
  // A blocking flock cannot be interrupted, so the lock is asked for again and again.
  while (!await tryFileLock(file)) {
    if (!told) log.status("Waiting for another kbuild that fetches the same");
    told = true;
    if (signal?.aborted === true) throw signal.reason;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return await work();
}
