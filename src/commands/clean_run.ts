import { basename, dirname, join } from "@std/path";
import { ifPresent, removeTree, TEMPORARY_PREFIX } from "../files/mod.ts";
import { type KubeContext, outputFolders } from "../lib/init.ts";
import { lockOutput, lockPath } from "../lib/lock.ts";
import type { OpenCheckout } from "./context.ts";
import type { PlanStep } from "./plan_steps.ts";

/** The output folders and `.make`, as far as they are there. */
async function outputsOf(context: KubeContext): Promise<readonly string[]> {
  const present: string[] = [];
  for (const folder of [...outputFolders(context), join(context.root, ".make")]) {
    if (await ifPresent(Deno.lstat(folder)) !== undefined) present.push(folder);
  }
  return present;
}

/** What {@linkcode removeOutput} would remove. */
export async function planClean({ context }: OpenCheckout): Promise<readonly PlanStep[]> {
  return (await outputsOf(context)).map((path) => ({ group: "", kind: "remove", path }));
}

/**
 * Removes the output folders and `.make`.
 *
 * @returns Absolute paths of what was removed.
 */
export async function removeOutput({ context }: OpenCheckout): Promise<readonly string[]> {
  if ((await outputsOf(context)).length === 0) return [];
  using _lock = await lockOutput(context, "clean");
  const locked = dirname(lockPath(context));
  const removed = (await outputsOf(context)).filter((folder) => folder !== locked);
  for (const folder of removed) await remove(context, folder);
  // The folder of the lock last: once that file is gone, a waiting run begins to write there.
  return await removeLocked(context, locked) ? [locked, ...removed] : removed;
}

async function remove({ log }: KubeContext, folder: string): Promise<void> {
  log.status(`Removing ${folder}`);
  await removeTree(folder);
}

/**
 * Removes all but the lock's file, then that, then the folder unless the next run is in it.
 *
 * @returns Whether there was more than the lock.
 */
async function removeLocked(context: KubeContext, folder: string): Promise<boolean> {
  if ((await Deno.lstat(folder)).isSymlink) {
    await remove(context, folder);
    return true;
  }
  const lock = basename(lockPath(context));
  const others = (await namesIn(folder)).filter((name) => name !== lock);
  if (others.length > 0) context.log.status(`Removing ${folder}`);
  for (const name of others) await removeTree(join(folder, name));
  await Deno.remove(join(folder, lock));
  try {
    await Deno.remove(folder);
  } catch (error) {
    if ((await namesIn(folder)).length === 0) throw error;
  }
  return others.length > 0;
}

/**
 * Removes what killed runs left: files and folders that start with `.kbuild-tmp-`, in every folder
 * that kbuild writes such names to. Only the holder of the lock may call this.
 */
export async function clearLeftovers(context: KubeContext): Promise<void> {
  const folders = new Set([
    ...outputFolders(context),
    context.output,
    join(context.output, ".kbuild"),
    ...await platformFolders(context.binPath),
    ...await platformFolders(context.releaseBinPath),
  ]);
  for (const folder of folders) {
    for (const name of await namesIn(folder)) {
      if (name.startsWith(TEMPORARY_PREFIX)) await removeTree(join(folder, name));
    }
  }
}

/** `<bin>/<os>/<arch>` for every platform that has a folder. */
async function platformFolders(binPath: string): Promise<readonly string[]> {
  const systems = (await namesIn(binPath)).map((name) => join(binPath, name));
  const folders = await Promise.all(
    systems.map(async (system) => (await namesIn(system)).map((arch) => join(system, arch))),
  );
  return folders.flat();
}

/** Names in a folder; none where there is no such folder. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}
