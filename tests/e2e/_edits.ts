/** Random edits of a checkout. */
import { dirname } from "@std/path";

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Files of a checkout, as an edit changes them. */
export interface Tree {
  read(path: string): string | undefined;
  /** Undefined removes. */
  write(path: string, text: string | undefined): void;
  move(from: string, to: string): void;
  git(...args: string[]): Promise<void>;
}

/** An edit; returns what it did, the same in every tree. */
export type Edit = (tree: Tree, random: () => number) => Promise<string> | string;

/** One of a list. */
export const pick = <T>(list: readonly T[], random: () => number): T =>
  list[Math.floor(random() * list.length)]!;

/** The files of a checkout, for edits. */
export function treeOf(root: string, git: (args: string[]) => Promise<void>): Tree {
  const read = (path: string) => {
    try {
      return Deno.readTextFileSync(`${root}/${path}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
  return {
    read,
    write(path, text) {
      if (text === undefined) {
        if (read(path) !== undefined) Deno.removeSync(`${root}/${path}`);
        return;
      }
      Deno.mkdirSync(dirname(`${root}/${path}`), { recursive: true });
      Deno.writeTextFileSync(`${root}/${path}`, text);
    },
    move(from, to) {
      const [old, place] = [`${root}/${from}`, `${root}/${to}`];
      const isThere = [...Deno.readDirSync(dirname(dirname(old)))].some(({ name }) =>
        dirname(old).endsWith(`/${name}`)
      );
      if (from === to || !isThere) return;
      try {
        Deno.mkdirSync(dirname(place), { recursive: true });
        Deno.renameSync(old, place);
      } catch (error) {
        // The other package is there, or this one was moved before.
        if (!(error instanceof Error)) throw error;
      }
    },
    git: (...args) => git(args),
  };
}

/** Commits what was edited: sources of both branches are kept, generated files come from the other one's past. */
export async function commit(tree: Tree): Promise<string> {
  await tree.git("add", "-A");
  await tree.git("commit", "-q", "--allow-empty", "-m", "edits");
  return "committed";
}

/** Commits, and goes back to an older commit. */
export async function goBack(tree: Tree, random: () => number): Promise<string> {
  await commit(tree);
  const back = 1 + Math.floor(random() * 3);
  await tree.git("checkout", "-q", "--detach", `HEAD~${back}`).catch(() => {});
  return `went back ${back} commits`;
}
