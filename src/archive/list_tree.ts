import { setImmediate } from "node:timers";
import { join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { cannotRead, checkRegular, type FileKind, ifPresentSync } from "../files/mod.ts";
import { compareNames } from "./bytes.ts";
import { directoryEntry, symlinkEntry } from "./entry.ts";
import type { TarEntry } from "./types.ts";

/** A file, link or directory below a directory. */
export interface TreeMember {
  /** Below the directory as it was given. */
  readonly path: string;
  /** Path below the directory, "/" between parts. */
  readonly inside: string;
  /** What was seen of it; of a link, not of what it leads to. */
  readonly info: TreeMemberInfo;
}

/** The part of Deno's information that says what a file is, and whether it is still the same. */
export type TreeMemberInfo =
  & FileKind
  & Pick<Deno.FileInfo, "mode" | "size" | "mtime" | "ctime" | "dev" | "ino">;

/** Options of {@linkcode listTree}. */
export type ListTreeOptions =
  & ListOptions
  & ({
    /** The time of every entry, in seconds since 1970. */
    mtime: number;
    asOnDisk?: false;
  } | {
    /**
     * Whether to list as GNU tar does: in the order of the directory, a directory before what is in it,
     * with the times and modes of the files.
     */
    asOnDisk: true;
  });

/** What both ways of listing have in common. */
export interface ListOptions {
  /** Path in the archive that `dir` gets: "kubernetes/server". Empty (default): no entry for `dir`. */
  prefix?: string;
  /** Whether to leave out a path (relative to `dir`, "/" between parts) and all below it. */
  exclude?: (path: string) => boolean;
  /** What {@linkcode readTree} has just read of `dir`, with the same exclusions; default: it is read. */
  members?: readonly TreeMember[] | undefined;
}

/** So many members are looked at in one go; then others have a turn. A timer would wait for a millisecond each time. */
const BREATH = 200;

/**
 * Reads all that is below a directory, in the order of the directories, each before what is in it. Links are not
 * followed. What vanishes meanwhile is left out.
 *
 * @param exclude As in {@linkcode ListOptions}.
 * @throws {KbuildError} A directory cannot be read, or a name is not UTF-8.
 */
export async function readTree(
  dir: string,
  exclude: (path: string) => boolean = () => false,
): Promise<readonly TreeMember[]> {
  const members: TreeMember[] = [];
  // Synchronous: there are thousands of small directories, and this takes a third of the processor time.
  function* visit(directory: string, relative: string): Generator<TreeMember> {
    const found = reading(directory, () => ifPresentSync(() => [...Deno.readDirSync(directory)]));
    for (const { name } of found ?? []) {
      const path = join(directory, name);
      const inside = relative === "" ? name : `${relative}/${name}`;
      if (exclude(inside)) continue;
      checkText(path, name);
      const info = reading(path, () => ifPresentSync(() => Deno.lstatSync(path)));
      if (info === undefined) continue;
      yield { path, inside, info: partOf(info) };
      if (info.isDirectory) yield* visit(path, inside);
    }
  }
  for (const member of visit(dir, "")) {
    members.push(member);
    if (members.length % BREATH === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return Object.freeze(members);
}

/**
 * Lists a directory as archive entries that, unless `asOnDisk`, depend on names and contents alone:
 * sorted by name (bytewise), directories 0755, files 0755 if anyone may execute them and else 0644,
 * symbolic links 0777 and never followed, one time, owner root. Hard-linked files are listed as
 * files of their own.
 *
 * @param dir The directory; a link to one is followed.
 * @throws {KbuildError} `dir` is not a directory or cannot be read; or the tree holds a socket, device or
 * pipe, or a name that is not UTF-8.
 */
export async function listTree(
  dir: string,
  options: ListTreeOptions,
): Promise<readonly TarEntry[]> {
  const { exclude } = options;
  const fields = (found: Pick<Deno.FileInfo, "mtime" | "mode">, mode: number): Fields =>
    options.asOnDisk
      ? {
        mtime: Math.floor((found.mtime?.getTime() ?? 0) / 1000),
        mode: (found.mode ?? mode) & 0o7777,
      }
      : { mtime: options.mtime, mode };
  const prefix = (options.prefix ?? "").replace(/\/+$/, "");
  const info = await Deno.stat(dir).catch((cause: unknown) => {
    throw cannotRead(dir, cause);
  });
  if (!info.isDirectory) throw new KbuildError(`Cannot list "${dir}": it is not a directory`);
  const entries: TarEntry[] = prefix === "" ? [] : [directoryEntry(prefix, fields(info, 0o755))];

  for (const { path, inside, info: found } of options.members ?? await readTree(dir, exclude)) {
    const name = prefix === "" ? inside : `${prefix}/${inside}`;
    entries.push(
      found.isDirectory
        ? directoryEntry(name, fields(found, 0o755))
        : leaf(path, name, found, fields),
    );
  }
  if (!options.asOnDisk) entries.sort((a, b) => compareNames(a.name, b.name));
  return Object.freeze(entries);
}

type Fields = Pick<TarEntry, "mtime" | "mode">;

function leaf(
  path: string,
  name: string,
  info: TreeMemberInfo,
  fields: (info: TreeMemberInfo, mode: number) => Fields,
): TarEntry {
  if (info.isSymlink) {
    const target = reading(path, () => Deno.readLinkSync(path));
    checkText(path, target);
    return symlinkEntry(name, target, fields(info, 0o777));
  }
  checkRegular(path, info, "archive");
  const mode = ((info.mode ?? 0) & 0o111) === 0 ? 0o644 : 0o755;
  const { size } = info;
  return Object.freeze({ name, type: "file", size, content: { path }, ...fields(info, mode) });
}

/** Tens of thousands of them are held: a third of the memory. Of sockets and the like, errors show all. */
function partOf(info: Deno.FileInfo): TreeMemberInfo {
  const { isFile, isDirectory, isSymlink, mode, size, mtime, ctime, dev, ino } = info;
  return isFile || isDirectory || isSymlink
    ? { isFile, isDirectory, isSymlink, mode, size, mtime, ctime, dev, ino }
    : info;
}

/** Deno shows bytes that are not UTF-8 as U+FFFD: such a file can be listed, but not opened. */
function checkText(path: string, text: string): void {
  if (!text.includes("\ufffd")) return;
  throw new KbuildError(`Cannot archive "${path}": its name or link target is not valid UTF-8`, {
    notes: ["Rename it; the place of the invalid bytes is shown as \ufffd"],
  });
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}
