import { systemCode } from "../errors.ts";
import { join } from "@std/path";
import { ifPresent } from "./if_present.ts";

/**
 * Entries of a directory; undefined if nothing is there, or something that is not a directory.
 *
 * @throws The system's error: the directory exists and cannot be read.
 */
export async function entriesOf(path: string): Promise<readonly Deno.DirEntry[] | undefined> {
  return await unlessThroughFile(ifPresent(Array.fromAsync(Deno.readDir(path))));
}

/**
 * Whether a directory is at a path; links are followed.
 *
 * @throws The system's error: what is there cannot be looked at.
 */
export async function isDirectory(path: string): Promise<boolean> {
  return (await unlessThroughFile(ifPresent(Deno.stat(path))))?.isDirectory === true;
}

/** Of a file, and of a path that goes on below one, the system reports `ENOTDIR`: that answers the question. */
async function unlessThroughFile<T>(operation: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (systemCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/**
 * Paths of all files below a directory, from there, sorted; links and other things are left out.
 *
 * @returns None if there is no such directory.
 */
export async function filesBelow(directory: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const { name, isDirectory, isFile } of await entriesOf(directory) ?? []) {
    if (isFile) files.push(name);
    if (!isDirectory) continue;
    for (const path of await filesBelow(join(directory, name))) files.push(`${name}/${path}`);
  }
  return files.sort();
}

/** Bytes of all files below a directory. */
export async function sizeOfTree(directory: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    bytes += isDirectory ? await sizeOfTree(path) : (await Deno.lstat(path)).size;
  }
  return bytes;
}
