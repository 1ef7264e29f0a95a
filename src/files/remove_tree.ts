import { join } from "@std/path";
import { entriesOf } from "./entries.ts";
import { isDenied, KbuildError } from "../errors.ts";
import { ifPresent } from "./if_present.ts";
import { reasonOf } from "./reason.ts";

/**
 * Removes a file or directory, read-only directories included (Go's module cache has such); never follows
 * a link. What is not there is no error.
 *
 * @throws {KbuildError} Something in it belongs to somebody else.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await removeOnce(path);
  } catch (error) {
    if (!isDenied(error)) throw cannotRemove(path, error);
    try {
      await makeWritable(path);
      await removeOnce(path);
    } catch (second) {
      throw cannotRemove(path, second);
    }
  }
}

/**
 * Removes a directory if there is nothing in it, not even what another process has just made. Files and
 * links stay.
 *
 * @throws {KbuildError} It is empty and cannot be removed.
 */
export async function removeIfEmpty(directory: string): Promise<void> {
  if ((await ifPresent(Deno.lstat(directory)))?.isDirectory !== true) return;
  try {
    await Deno.remove(directory);
  } catch (error) {
    const entries = await entriesOf(directory);
    if (entries?.length === 0) throw cannotRemove(directory, error);
  }
}

async function removeOnce(path: string): Promise<void> {
  await ifPresent(Deno.remove(path, { recursive: true }));
}

async function makeWritable(directory: string): Promise<void> {
  if (!(await Deno.lstat(directory)).isDirectory) return;
  await Deno.chmod(directory, 0o755);
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) await makeWritable(join(directory, name));
  }
}

function cannotRemove(path: string, cause: unknown): KbuildError {
  return new KbuildError(`Cannot remove "${path}": ${reasonOf(cause)}`, {
    notes: ["Someone else may own it: an older build in a container runs as root"],
    cause,
  });
}
