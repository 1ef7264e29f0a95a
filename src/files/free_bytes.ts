import { dirname } from "@std/path";
import { ifPresent } from "./if_present.ts";

/** Bytes that this user can still write at a place, which need not exist, and the directory that was asked. */
export async function freeBytes(path: string): Promise<{ directory: string; bytes: number }> {
  if (await ifPresent(Deno.stat(path)) === undefined && dirname(path) !== path) {
    return await freeBytes(dirname(path));
  }
  // Late: few commands ask.
  const { statfs } = await import("node:fs/promises");
  const { bavail, bsize } = await statfs(path);
  return { directory: path, bytes: bavail * bsize };
}
