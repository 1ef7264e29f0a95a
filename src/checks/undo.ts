import { dirname, join, relative } from "@std/path";
import { ifPresent, moveFile, readFile, removeIfEmpty, removeTree } from "../files/mod.ts";
import { askGit, runGit, statusEntries, type StatusEntry } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";

/** A checkout as it was before a script ran. */
export interface Undo {
  /**
   * Puts back what has changed since. Nothing is lost: what the script left is moved to `aside`.
   *
   * @param aside Absolute; of an earlier run, it is replaced.
   */
  run(aside: string): Promise<Undone>;
}

/** What was put back. */
export interface Undone {
  /** Paths from the root, sorted. */
  readonly paths: readonly string[];
  /** Paths that stay as the script left them: it changed what git has staged of them. */
  readonly left: readonly string[];
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
    const size = (await ifPresent(Deno.lstat(join(root, path))))?.size ?? 0;
    if ((bytes += size) > MAX_BYTES) return undefined;
    const was = await lookAt(join(root, path));
    if (was === undefined) return undefined;
    before.set(path, { code, was });
  }
  return Object.freeze<Undo>({
    async run(aside) {
      const after = await statusOf(context) ?? [];
      await removeTree(aside);
      const paths: string[] = [];
      const left: string[] = [];
      const tracked: string[] = [];
      const codes = new Map(after.map(({ path, code }) => [path, code]));
      for (const path of new Set([...before.keys(), ...codes.keys()])) {
        const known = before.get(path);
        const code = codes.get(path) ?? "  ";
        if (known === undefined) {
          if (/^[AURC]/.test(code)) {
            left.push(path);
            continue;
          }
          await putAside(root, path, aside);
          paths.push(path);
          if (code === "??") await removeEmptyAbove(root, path);
          else tracked.push(path);
          continue;
        }
        if (same(known.was, await lookAt(join(root, path)))) continue;
        if (known.code[0] !== code[0] && code !== "  ") {
          left.push(path);
          continue;
        }
        await putAside(root, path, aside);
        await putBack(join(root, path), known.was);
        paths.push(path);
      }
      // They were as in HEAD, in the index, too.
      for (let at = 0; at < tracked.length; at += 500) {
        await runGit(context.shell, [
          ...["--work-tree", root, "checkout", "-q", "HEAD", "--", ...tracked.slice(at, at + 500)],
        ], { cwd: root, env: context.env });
      }
      return Object.freeze({
        paths: Object.freeze(paths.sort()),
        left: Object.freeze(left.sort()),
      });
    },
  });
}

async function statusOf(context: KubeContext): Promise<readonly StatusEntry[] | undefined> {
  const { text } = await askGit(context, ["status", "--porcelain", "-z", "--untracked-files=all"]);
  const outputs = `${relative(context.root, context.output).split("/")[0]}/`;
  return text === undefined
    ? undefined
    : statusEntries(text).filter(({ path }) => !path.startsWith(outputs));
}

/** undefined for what is neither a file nor a link: a repository inside. */
async function lookAt(path: string): Promise<Before | undefined> {
  const info = await ifPresent(Deno.lstat(path));
  if (info === undefined) return { kind: "nothing" };
  if (info.isSymlink) return { kind: "link", target: await Deno.readLink(path) };
  if (!info.isFile) return undefined;
  return { kind: "file", bytes: await readFile(path), mode: (info.mode ?? 0o644) & 0o777 };
}

function same(one: Before, other: Before | undefined): boolean {
  if (one.kind === "file" && other?.kind === "file") {
    return one.mode === other.mode && one.bytes.length === other.bytes.length &&
      one.bytes.every((byte, at) => byte === other.bytes[at]);
  }
  if (one.kind === "link") return other?.kind === "link" && one.target === other.target;
  return one.kind === other?.kind;
}

async function putAside(root: string, path: string, aside: string): Promise<void> {
  const from = join(root, path);
  const info = await ifPresent(Deno.lstat(from));
  if (info === undefined) return;
  const to = join(aside, path);
  await Deno.mkdir(dirname(to), { recursive: true });
  if (info.isFile) await moveFile(from, to);
  else if (info.isSymlink) {
    await Deno.symlink(await Deno.readLink(from), to);
    await removeTree(from);
  }
}

async function putBack(path: string, was: Before): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  if (was.kind === "link") await Deno.symlink(was.target, path);
  if (was.kind !== "file") return;
  await Deno.writeFile(path, was.bytes, { createNew: true });
  await Deno.chmod(path, was.mode);
}

/** Directories that were made for a file alone. */
async function removeEmptyAbove(root: string, path: string): Promise<void> {
  for (let at = dirname(path); at !== "."; at = dirname(at)) await removeIfEmpty(join(root, at));
}
