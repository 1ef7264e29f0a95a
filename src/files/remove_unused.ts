import { systemCode } from "../errors.ts";
import { temporaryName } from "./atomic.ts";
import { ifPossible, ifPresent } from "./if_present.ts";

/**
 * Removes a file that others may be using at the same moment. Whoever uses it sets its modification time, and
 * looks afterwards whether it is still there; a file whose time has changed is put back.
 *
 * @param seen The modification time by which it was decided, in milliseconds since 1970.
 * @returns Whether it is gone.
 * @throws The system's error.
 */
export async function removeUnused(path: string, seen: number): Promise<boolean> {
  const aside = temporaryName(path);
  try {
    await Deno.rename(path, aside);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return true;
    throw error;
  }
  const { mtime } = await Deno.lstat(aside);
  const isUsed = mtime?.getTime() !== seen;
  // Another of that name may have been written since: that one counts.
  if (isUsed) await ifPossible(Deno.link(aside, path));
  await ifPresent(Deno.remove(aside));
  return !isUsed;
}
