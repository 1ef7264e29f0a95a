import { dirname, join, relative, resolve } from "@std/path";
import { ifPresent, readFile, readText } from "../files/mod.ts";

/**
 * Looks into the index of the repository around a directory, without git: for repositories that git cannot
 * read, and machines without git.
 *
 * @param directory Absolute.
 * @param name A file or directory in it.
 * @returns The tracked files at or below `name`, relative to the directory, as `git ls-files` lists them;
 * none outside of repositories. Undefined if the index is damaged, or of a format in which names are not
 * written out (version 4).
 */
export async function trackedByIndex(
  directory: string,
  name: string,
): Promise<readonly string[] | undefined> {
  const found = await findIndex(directory);
  if (found === undefined) return [];
  const bytes = await ifPresent(readFile(found.index));
  if (bytes === undefined) return [];
  // gitformat-index(5): "DIRC", then the version as four bytes.
  const text = new TextDecoder("latin1").decode(bytes);
  if (!text.startsWith("DIRC") || ![2, 3].includes(text.charCodeAt(7))) return undefined;
  const path = relative(found.root, join(directory, name));
  const start = new TextEncoder().encode(path);
  const latin = new TextDecoder("latin1").decode(start);
  const files: string[] = [];
  for (let at = text.indexOf(latin); at >= 0; at = text.indexOf(latin, at + 1)) {
    const after = text.charAt(at + latin.length);
    if (after !== "/" && after !== "\0") continue;
    const end = text.indexOf("\0", at);
    // An entry has the length of its name in the twelve bits before, or before two bytes of more flags.
    const lengthAt = (place: number) => ((bytes[place]! & 0xf) << 8) | bytes[place + 1]!;
    const length = Math.min(end - at, 0xfff);
    if (lengthAt(at - 2) !== length && lengthAt(at - 4) !== length) continue;
    files.push(name + new TextDecoder().decode(bytes.subarray(at + start.length, end)));
  }
  return files;
}

/** The working tree around a directory and its index; undefined outside of repositories. */
async function findIndex(directory: string): Promise<{ root: string; index: string } | undefined> {
  for (let root = directory;; root = dirname(root)) {
    const info = await ifPresent(Deno.stat(join(root, ".git")));
    if (info?.isDirectory === true) return { root, index: join(root, ".git", "index") };
    if (info?.isFile === true) {
      // Of a linked worktree or a submodule.
      const text = await readText(join(root, ".git"));
      const [, place] = /^gitdir: (.+)$/m.exec(text) ?? [];
      return place === undefined
        ? undefined
        : { root, index: resolve(root, place.trim(), "index") };
    }
    if (dirname(root) === root) return undefined;
  }
}
