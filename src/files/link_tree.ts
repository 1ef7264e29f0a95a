import { join } from "@std/path";
import { systemCode } from "../errors.ts";
import { copyFile } from "./regular.ts";

/**
 * Gives a file a second name, or copies it with its time where the file system cannot link.
 *
 * @throws The system's error.
 */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await Deno.link(from, to);
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "EEXIST") throw error;
    const { atime, mtime } = await Deno.stat(from);
    await copyFile(from, to);
    if (mtime !== null) await Deno.utime(to, atime ?? mtime, mtime);
  }
}

/**
 * Makes a tree with the same content: new directories and symbolic links, and for each file a second
 * name or a copy.
 *
 * @param to Must not exist.
 * @throws The system's error.
 */
export async function linkTree(from: string, to: string): Promise<void> {
  const info = await Deno.lstat(from);
  if (info.isSymlink) return await Deno.symlink(await Deno.readLink(from), to);
  if (!info.isDirectory) return await linkOrCopy(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await linkTree(join(from, name), join(to, name));
  if (info.mode !== null) await Deno.chmod(to, info.mode & 0o7777);
}
