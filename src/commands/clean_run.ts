import { join } from "@std/path";
import { TEMPORARY_PREFIX } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { type KubeContext, outputFolders } from "../lib/init.ts";
import { lockOutput } from "../lib/lock.ts";
import type { CommandContext } from "./context.ts";

/** Removes the output folders and `.make`, or prints what would be removed. */
export async function removeOutput(command: CommandContext, dryRun: boolean): Promise<void> {
  const { context } = await command.open();
  const folders = [...outputFolders(context), join(context.root, ".make")];
  const present: string[] = [];
  for (const folder of folders) {
    if (await Deno.lstat(folder).catch(() => undefined) !== undefined) present.push(folder);
  }
  if (dryRun) {
    for (const folder of present) command.print(`# remove ${folder}`);
    return;
  }
  if (present.length === 0) return;
  const lock = await lockOutput(context, "clean");
  try {
    for (const folder of present) {
      context.log.status(`Removing ${folder}`);
      await removeTree(folder);
    }
  } finally {
    lock.release();
  }
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

/** `rm -rf` that also gets through folders without write permission; never follows a link. */
async function removeTree(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
    return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof Deno.errors.PermissionDenied)) throw cannotRemove(path, error);
  }
  await makeWritable(path);
  await Deno.remove(path, { recursive: true }).catch((error: unknown) => {
    throw cannotRemove(path, error);
  });
}

async function makeWritable(folder: string): Promise<void> {
  const info = await Deno.lstat(folder);
  if (!info.isDirectory) return;
  await Deno.chmod(folder, 0o755).catch((error: unknown) => {
    throw cannotRemove(folder, error);
  });
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) await makeWritable(join(folder, entry.name));
  }
}

function cannotRemove(path: string, cause: unknown): KbuildError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new KbuildError(`Cannot remove "${path}": ${reason}`, {
    notes: ["Someone else may own it: an older build in a container runs as root"],
    cause,
  });
}
