import { dirname, join, relative, resolve } from "@std/path";
import { ifPresent, readFile, readText } from "../files/mod.ts";

/** What the index of a repository says by itself, where git does not answer. */
export type IndexAnswer = "none" | "tracked" | "not tracked" | "unreadable";

/**
 * Looks into the index of the repository around a directory, without git: for repositories that git cannot
 * read, and machines without git. Only the names are looked for, so a path that ends alike counts, too.
 *
 * @param directory Absolute.
 * @param name A file or directory in it.
 * @returns "none" if there is no repository, or one that tracks nothing yet; "unreadable" if the index is
 * damaged, or of a format in which names are not written out (version 4).
 */
export async function askIndex(directory: string, name: string): Promise<IndexAnswer> {
  const found = await findIndex(directory);
  if (found === undefined) return "none";
  const bytes = await ifPresent(readFile(found.index));
  if (bytes === undefined) return "none";
  // gitformat-index(5): "DIRC", then the version as four bytes.
  const text = new TextDecoder("latin1").decode(bytes);
  if (!text.startsWith("DIRC") || ![2, 3].includes(text.charCodeAt(7))) return "unreadable";
  const path = relative(found.root, join(directory, name));
  const latin = new TextDecoder("latin1").decode(new TextEncoder().encode(path));
  const isNamed = text.includes(`${latin}/`) || text.includes(`${latin}\0`);
  return isNamed ? "tracked" : "not tracked";
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
