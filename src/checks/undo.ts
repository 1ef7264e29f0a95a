import { dirname, join, relative } from "@std/path";
import { KbuildError, systemCode } from "../errors.ts";
import {
  equalBytes,
  ifPresent,
  moveFile,
  moveNew,
  readFile,
  reasonOf,
  removeIfEmpty,
  removeTree,
  writeFileAtomic,
} from "../files/mod.ts";
import { askGit, runGit, statusEntries, type StatusEntry } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { InterruptedError } from "../shell/mod.ts";

/** A checkout as it was before a script ran. */
export interface Undo {
  /**
   * Puts back what has changed since. Nothing is removed: what the script left is moved aside, and so is what cannot be
   * put back. It does not throw for a path that fails.
   *
   * @param wanted Where to move it; absolute. If it is there already, as of an earlier run, a number is added.
   */
  run(wanted: string): Promise<Undone>;
}

/** What was put back. */
export interface Undone {
  /** Paths from the root, sorted. */
  readonly paths: readonly string[];
  /** Paths that stay as the script left them: it changed what git has staged of them, or they cannot be put back. */
  readonly left: readonly string[];
  /** Why paths cannot be put back, and where their content of before is: one line each. */
  readonly problems: readonly string[];
  /** Where what the script left is; undefined: nothing was moved. */
  readonly aside: string | undefined;
}

/** What was at a path that git saw as changed before the script ran. */
type Before =
  | { readonly kind: "nothing" }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "file"; readonly bytes: Uint8Array; readonly mode: number };

/** Bytes of changed files that are kept in memory; with more of them nothing can be put back. */
const MAX_BYTES = 256e6;

/**
 * Remembers a checkout before a script changes it: what git has, and the content of what differs from it. Files that
 * git ignores do not count.
 *
 * @returns undefined where git cannot say, or too much differs.
 */
export async function openUndo(context: KubeContext): Promise<Undo | undefined> {
  const { root } = context;
  const entries = await statusOf(context);
  if (entries === undefined) return undefined;
  const before = new Map<string, { code: string; was: Before }>();
  let bytes = 0;
  for (const { path, code } of entries) {
    const size = (await infoOf(root, path))?.size ?? 0;
    if ((bytes += size) > MAX_BYTES) return undefined;
    const was = await lookAt(root, path);
    if (was === undefined) return undefined;
    before.set(path, { code, was });
  }
  return Object.freeze<Undo>({
    async run(wanted) {
      const after = await statusOf(context);
      const paths: string[] = [];
      const left: string[] = [];
      const problems: string[] = [];
      if (after === undefined) problems.push("git cannot say what has changed");
      let directory: string;
      try {
        directory = await newDirectory(wanted);
      } catch (error) {
        problems.push(`Nothing can be put back: ${reasonOf(error)}: ${wanted}`);
        return Object.freeze({ paths, left, problems, aside: undefined });
      }
      const aside = new Aside(root, directory);
      const codes = new Map(after?.map(({ path, code }) => [path, code]));
      /** What git has to put back, and where what was there is. */
      const tracked = new Map<string, string | undefined>();
      const fail = (path: string, error: unknown, more = "") => {
        left.push(path);
        problems.push(`Cannot put "${path}" back: ${reasonOf(error)}${more}`);
      };
      for (const path of new Set([...before.keys(), ...codes.keys()])) {
        const known = before.get(path);
        const code = codes.get(path) ?? "  ";
        try {
          if (known === undefined) {
            if (/^[AURC]/.test(code) || await isRepository(root, path, code)) {
              left.push(path);
            } else if (code === "??") {
              if (await isRestored(root, path)) continue;
              await aside.take(path);
              paths.push(path);
              await removeEmptyAbove(root, path);
            } else {
              await aside.takeAbove(path);
              tracked.set(path, await aside.take(path));
            }
            continue;
          }
          if (same(known.was, await lookAt(root, path))) continue;
          if (known.code[0] !== code[0] && code !== "  ") {
            left.push(path);
            continue;
          }
          if (known.was.kind !== "nothing") await aside.takeAbove(path);
          await aside.take(path);
          await putBack(join(root, path), known.was);
          paths.push(path);
        } catch (error) {
          fail(path, error, known === undefined ? "" : await aside.keep(path, known.was));
        }
      }
      // They were as in HEAD, in the index, too.
      const all = [...tracked.keys()];
      for (let at = 0; at < all.length; at += 500) {
        const some = all.slice(at, at + 500);
        try {
          await runGit(context.shell, [
            "--work-tree",
            root,
            "checkout",
            "-q",
            "HEAD",
            "--",
            ...some,
          ], {
            cwd: root,
            env: context.env,
          });
          paths.push(...some);
        } catch (error) {
          problems.push(`git cannot put files back: ${reasonOf(error)}${saidBy(error)}`);
          for (const path of some) {
            if (await infoOf(root, path) !== undefined) {
              paths.push(path);
              continue;
            }
            left.push(path);
            const from = tracked.get(path);
            if (from === undefined) continue;
            try {
              await moveFile(from, join(root, path));
            } catch (second) {
              problems.push(`"${path}" is in ${from}: ${reasonOf(second)}`);
            }
          }
          if (error instanceof InterruptedError) throw error;
        }
      }
      await removeIfEmpty(aside.directory);
      return Object.freeze({
        paths: Object.freeze(paths.sort()),
        left: Object.freeze(left.sort()),
        problems: Object.freeze(problems),
        aside: await ifPresent(Deno.lstat(aside.directory)) ? aside.directory : undefined,
      });
    },
  });
}

/** What git said when it failed. */
function saidBy(error: unknown): string {
  const output = error instanceof KbuildError ? error.output : [];
  return output.length === 0 ? "" : ` (${output.join(" ")})`;
}

async function statusOf(context: KubeContext): Promise<readonly StatusEntry[] | undefined> {
  const { text } = await askGit(context, ["status", "--porcelain", "-z", "--untracked-files=all"]);
  const outputs = `${relative(context.root, context.output).split("/")[0]}/`;
  return text === undefined
    ? undefined
    : statusEntries(text).filter(({ path }) => !path.startsWith(outputs));
}

/** Of a file, link or directory; undefined where there is none, or behind a link or a file only. */
async function infoOf(root: string, path: string): Promise<Deno.FileInfo | undefined> {
  const parts = path.split("/").filter((part) => part !== "");
  for (let at = 1; at < parts.length; at++) {
    const info = await ifPresent(Deno.lstat(join(root, ...parts.slice(0, at))));
    if (info?.isDirectory !== true) return undefined;
  }
  return await ifPresent(Deno.lstat(join(root, ...parts)));
}

/** undefined for what is neither a file nor a link: a repository inside. */
async function lookAt(root: string, path: string): Promise<Before | undefined> {
  const info = await infoOf(root, path);
  if (info === undefined) return { kind: "nothing" };
  const from = join(root, path);
  if (info.isSymlink) return { kind: "link", target: await Deno.readLink(from) };
  if (!info.isFile) return undefined;
  return { kind: "file", bytes: await readFile(from), mode: (info.mode ?? 0o644) & 0o777 };
}

/** Whether git has a repository there, of which only the commit has changed. */
async function isRepository(root: string, path: string, code: string): Promise<boolean> {
  return code[1] === "M" && (await infoOf(root, path))?.isDirectory === true;
}

/** Whether a file of the script is a directory by now, as it was before. */
async function isRestored(root: string, path: string): Promise<boolean> {
  return !path.endsWith("/") && (await infoOf(root, path))?.isDirectory === true;
}

function same(one: Before, other: Before | undefined): boolean {
  if (one.kind === "file" && other?.kind === "file") {
    return one.mode === other.mode && equalBytes(one.bytes, other.bytes);
  }
  if (one.kind === "link") return other?.kind === "link" && one.target === other.target;
  return one.kind === other?.kind;
}

/** Where things of the checkout are moved. */
class Aside {
  readonly directory: string;
  readonly #root: string;

  constructor(root: string, directory: string) {
    this.#root = root;
    this.directory = directory;
  }

  /**
   * Moves what is at a path, directories as they are.
   *
   * @returns Where it is; undefined: there was nothing.
   */
  async take(path: string): Promise<string | undefined> {
    const info = await infoOf(this.#root, path);
    if (info === undefined) return undefined;
    const from = join(this.#root, path);
    const to = await this.#freeName(path);
    if (info.isSymlink) {
      await Deno.symlink(await Deno.readLink(from), to);
      await removeTree(from);
    } else if (info.isFile) await moveFile(from, to);
    else await moveNew(from, to);
    return to;
  }

  /** Moves a file or link where a directory of a path has to be. */
  async takeAbove(path: string): Promise<void> {
    const parts = path.split("/");
    for (let at = 1; at < parts.length; at++) {
      const above = parts.slice(0, at).join("/");
      const info = await infoOf(this.#root, above);
      if (info?.isDirectory === true) continue;
      if (info !== undefined) await this.take(above);
      return;
    }
  }

  /**
   * Writes what was at a path.
   *
   * @returns In words where it is.
   */
  async keep(path: string, was: Before): Promise<string> {
    if (was.kind === "nothing") return "";
    if (was.kind === "link") return `; it was a link to "${was.target}"`;
    try {
      const to = await this.#freeName(`${path}.before`);
      await writeFileAtomic(to, was.bytes, { mode: was.mode });
      return `; what was there before: ${to}`;
    } catch (error) {
      return `; nor can what was there before be kept: ${reasonOf(error)}`;
    }
  }

  async #freeName(path: string): Promise<string> {
    const wanted = join(this.directory, path).replace(/\/$/, "");
    await Deno.mkdir(dirname(wanted), { recursive: true });
    let to = wanted;
    for (let count = 2; await ifPresent(Deno.lstat(to)) !== undefined; count++) {
      to = `${wanted}.${count}`;
    }
    return to;
  }
}

/** Makes a directory that was not there; with a number where the name is taken. */
async function newDirectory(wanted: string): Promise<string> {
  await Deno.mkdir(dirname(wanted), { recursive: true });
  for (let count = 1;; count++) {
    const path = count === 1 ? wanted : `${wanted}.${count}`;
    try {
      await Deno.mkdir(path);
      return path;
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
    }
  }
}

async function putBack(path: string, was: Before): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  if (was.kind === "link") await Deno.symlink(was.target, path);
  if (was.kind !== "file") return;
  // Whole or not at all: then its content is kept aside.
  await writeFileAtomic(path, was.bytes, { mode: was.mode });
  await Deno.chmod(path, was.mode);
}

/** Directories that were made for a file alone. */
async function removeEmptyAbove(root: string, path: string): Promise<void> {
  for (let at = dirname(path); at !== "."; at = dirname(at)) {
    // What was put back may be a file there.
    if ((await infoOf(root, at))?.isDirectory === true) await removeIfEmpty(join(root, at));
  }
}
