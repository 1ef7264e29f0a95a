import { join } from "@std/path";
import { compareNames, digestOfFile } from "../archive/mod.ts";
import type { StoredFile } from "./types.ts";

/**
 * Describes files as a result lists them: by path, with their digests.
 *
 * @param directory The paths are relative to it.
 * @throws {KbuildError} A file cannot be read, or is not a regular one.
 */
export async function describeFiles(
  directory: string,
  paths: Iterable<string>,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<readonly StoredFile[]> {
  const files: StoredFile[] = [];
  for (const path of [...new Set(paths)].sort(compareNames)) {
    const on = join(directory, path);
    const digest = `sha256:${await digestOfFile(on, "sha256", { signal })}`;
    const { size, mode } = await Deno.stat(on);
    files.push(Object.freeze({ path, digest, size, mode: modeOf(mode) }));
  }
  return Object.freeze(files);
}

/** A file's mode as results have it. */
function modeOf(mode: number | null): number {
  return ((mode ?? 0) & 0o111) === 0 ? 0o644 : 0o755;
}
