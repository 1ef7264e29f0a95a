import { dirname, join } from "@std/path";
import * as files from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import type { Checkout } from "../checkout/mod.ts";
import { gopathLink } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { lockOutput, lockPath } from "../lib/lock.ts";
import { leadsOut, outputDirectories, PACKAGES_DIRECTORY, planDisposal } from "../lib/outputs.ts";
import { ownershipContext } from "../lib/ownership.ts";
import type { CommandPlan, OpenCheckout } from "./context.ts";

/** What {@linkcode removeOutput} would remove. */
export async function planClean({ context }: OpenCheckout): Promise<CommandPlan> {
  const { remove } = await planDisposal(context);
  return { steps: remove.map((path) => ({ group: "", kind: "remove", path })) };
}

/**
 * Removes what kbuild and make made: the output directories and `.make`. Nothing is removed when a part
 * of it may not be.
 *
 * @returns Absolute paths of what was removed.
 * @throws {KbuildError} Something in an output directory must stay.
 */
export async function removeOutput({ context }: OpenCheckout): Promise<readonly string[]> {
  const { log } = context;
  const found = await planDisposal(context);
  if (found.left.length > 0) {
    log.warn("Left in place, because kbuild did not make it:", found.left);
  }
  if (found.remove.length === 0) return [];
  await refuseInUse(context);
  using _lock = await lockOutput(context, "clean");
  // Planned again: another run may have ended while this one waited.
  const { remove } = await planDisposal(context);
  const lock = lockPath(context);
  const removed: string[] = [];
  for (const path of remove.filter((path) => path !== lock)) {
    const parts = path === dirname(lock)
      ? (await pathsIn(path)).filter((part) => part !== lock)
      : [path];
    if (parts.length === 0) continue;
    log.status(`Removing ${path}`);
    for (const part of parts) await files.removeTree(part);
    removed.push(path);
  }
  // The lock last: once its file is gone, a waiting run begins to write there.
  await files.removeTree(lock);
  if (remove.includes(dirname(lock))) await files.removeIfEmpty(dirname(lock));
  return removed;
}

/** @throws {KbuildError} A command in a container writes to the outputs. */
async function refuseInUse(context: KubeContext): Promise<void> {
  // Late: builds load this file, too.
  const { containersInUse } = await import("../container/mod.ts");
  const used = await containersInUse(context);
  if (used.length === 0) return;
  throw new KbuildError(`Cannot remove the outputs: a command runs in the container ${used[0]}`, {
    notes: ["End it first: leave its shell, or stop its kbuild run"],
  });
}

/**
 * Removes what killed runs left in every directory that kbuild writes temporary names to, and finishes the
 * replacement of a release that had begun. Only the holder of the lock may call this.
 */
export async function clearLeftovers(context: KubeContext, checkout?: Checkout): Promise<void> {
  const link = checkout === undefined ? undefined : gopathLink(context, checkout);
  const directories = new Set([
    ...outputDirectories(context).map(({ path }) => path),
    join(context.outputRoot, ".kbuild-cache"),
    join(context.outputRoot, PACKAGES_DIRECTORY),
    join(context.outputRoot, PACKAGES_DIRECTORY, "rpm"),
    join(context.output, ".kbuild"),
    join(context.output, ".kbuild", "overlay"),
    ...link === undefined ? [] : [dirname(link.path)],
    ...await platformDirectories(context.binPath),
    ...await platformDirectories(context.releaseBinPath),
  ]);
  const keep = files.keepsTracked(ownershipContext(context));
  for (const directory of directories) {
    if (await leadsOut(context, directory) !== undefined) continue;
    const replaced = await files.clearLeftovers(directory, keep);
    if (replaced.length === 0) continue;
    context.log.status("An interrupted run had finished these; they are in place now:", replaced);
  }
}

/** `<bin>/<os>/<arch>` for every platform that has a directory. */
async function platformDirectories(binPath: string): Promise<readonly string[]> {
  return (await Promise.all((await pathsIn(binPath)).map(pathsIn))).flat();
}

/** Paths of what is in a directory; none where there is no such directory. */
async function pathsIn(directory: string): Promise<readonly string[]> {
  return (await files.entriesOf(directory) ?? []).map(({ name }) => join(directory, name));
}
