import { join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { cannotRead, checkRegular } from "../files/mod.ts";
import { compareNames } from "./bytes.ts";
import { directoryEntry, symlinkEntry } from "./entry.ts";
import type { TarEntry } from "./types.ts";

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
  const { exclude = () => false } = options;
  const fields = (found: Deno.FileInfo, mode: number): Fields =>
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

  // Synchronous: there are thousands of small directories, and this takes a third of the processor time.
  function visit(directory: string, relative: string): void {
    for (const { name } of reading(directory, () => [...Deno.readDirSync(directory)])) {
      const path = join(directory, name);
      const inside = relative === "" ? name : `${relative}/${name}`;
      if (exclude(inside)) continue;
      checkText(path, name);
      const inArchive = prefix === "" ? inside : `${prefix}/${inside}`;
      const found = reading(path, () => Deno.lstatSync(path));
      if (found.isDirectory) {
        entries.push(directoryEntry(inArchive, fields(found, 0o755)));
        visit(path, inside);
      } else {
        entries.push(leaf(path, inArchive, found, fields));
      }
    }
  }
  visit(dir, "");
  if (!options.asOnDisk) entries.sort((a, b) => compareNames(a.name, b.name));
  return Object.freeze(entries);
}

type Fields = Pick<TarEntry, "mtime" | "mode">;

function leaf(
  path: string,
  name: string,
  info: Deno.FileInfo,
  fields: (info: Deno.FileInfo, mode: number) => Fields,
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
