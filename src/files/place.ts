import { systemCode } from "../errors.ts";
import { copyFile } from "./regular.ts";
import { dirname } from "@std/path";
import { temporaryName } from "./atomic.ts";
import { ifPossible, ifPresent } from "./if_present.ts";

/** Whether a file cannot be renamed or linked because the new name is on another file system. */
export function isCrossDevice(error: unknown): boolean {
  return systemCode(error) === "EXDEV";
}

/** Options of {@linkcode copyFileAtomic}. */
export interface CopyOptions {
  /** Permission bits; default: those of the source. */
  mode?: number;
  /** The modification time; default: now. */
  mtime?: Date;
}

/**
 * Copies a file; the copy appears complete or not at all, and replaces a file of that name. The
 * directory is made if missing.
 *
 * @throws The system's error.
 */
export async function copyFileAtomic(
  from: string,
  to: string,
  { mode, mtime }: CopyOptions = {},
): Promise<void> {
  await appear(to, async (temporary) => {
    await copyFile(from, temporary);
    if (mtime !== undefined) await Deno.utime(temporary, mtime, mtime);
    if (mode !== undefined) await Deno.chmod(temporary, mode);
  });
}

/**
 * Moves a file, which replaces one of that name: a rename, or a copy where the new name is on another
 * file system. The directory is made if missing.
 *
 * @throws The system's error.
 */
export async function moveFile(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (!isCrossDevice(error)) throw error;
    await copyFileAtomic(from, to);
    await Deno.remove(from);
  }
}

/**
 * Renames a finished file or directory to a name that is free, or that of an empty directory. Nothing
 * is replaced.
 *
 * @throws The system's error.
 */
export async function moveNew(from: string, to: string): Promise<void> {
  const info = await ifPresent(Deno.lstat(to));
  if (info !== undefined && !info.isDirectory) {
    throw new Deno.errors.AlreadyExists(`"${to}" exists`);
  }
  // The system refuses to rename over a directory that is not empty.
  await Deno.rename(from, to);
}

/**
 * Makes a symbolic link, which replaces a file or link of that name: nobody ever sees it missing. The
 * directory is made if missing.
 *
 * @throws The system's error.
 */
export async function replaceLink(target: string, path: string): Promise<void> {
  await appear(path, (temporary) => Deno.symlink(target, temporary));
}

async function appear(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  try {
    await make(temporary);
    await Deno.rename(temporary, path);
  } catch (error) {
    await ifPossible(Deno.remove(temporary));
    throw error;
  }
}
