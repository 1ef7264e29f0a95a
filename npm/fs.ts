/**
 * `@std/fs` where only npm is reachable: what kbuild uses, under the same names and with the same
 * behaviour as `jsr:@std/fs@1`. What works here must work with the original too, so nothing is more
 * generous; `tests/npm/fs_contract_test.ts` holds both to one contract.
 *
 * @module
 */

import { basename, join, normalize } from "node:path";

/** Options of {@linkcode walk}. */
export interface WalkOptions {
  /** Default true; the root counts as one. */
  includeDirs?: boolean;
  /** Default true; links are not followed. */
  includeSymlinks?: boolean;
}

/** One thing that {@linkcode walk} met. */
export interface WalkEntry extends Deno.DirEntry {
  /** The root as it was given, joined with the names below it. */
  path: string;
}

/**
 * A directory and everything below it, a directory before what is in it, siblings in the order of the
 * file system (sort when the order matters).
 */
export async function* walk(
  root: string,
  options: WalkOptions = {},
): AsyncIterableIterator<WalkEntry> {
  const { includeDirs = true, includeSymlinks = true } = options;
  if (includeDirs) {
    const path = normalize(root);
    const { isFile, isDirectory, isSymlink } = await Deno.stat(path);
    yield { path, name: basename(path), isFile, isDirectory, isSymlink };
  }
  for await (const entry of Deno.readDir(root)) {
    const path = join(root, entry.name);
    if (entry.isDirectory) yield* walk(path, options);
    else if (includeSymlinks || !entry.isSymlink) yield { path, ...entry };
  }
}
