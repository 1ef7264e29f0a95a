import type { TarEntry } from "./types.ts";
import { KbuildError } from "../errors.ts";
import { cannotRead, checkRegular } from "../files/mod.ts";
import { compareNames } from "./bytes.ts";

/** Inputs of {@linkcode fileEntry} and its siblings apart from the name. */
export interface EntryOptions {
  /** Seconds since 1970. */
  mtime: number;
  /** Permission bits; default 0755 for directories, 0644 for files. */
  mode?: number;
  /** Extended attributes, name to raw bytes. */
  xattrs?: Readonly<Record<string, Uint8Array>>;
}

/** A directory; a missing "/" at the end of the name is added. */
export function directoryEntry(name: string, options: EntryOptions): TarEntry {
  return Object.freeze({
    name: name.endsWith("/") ? name : `${name}/`,
    type: "directory",
    size: 0,
    mode: 0o755,
    ...options,
  });
}

/** A file with content from memory. */
export function bytesEntry(name: string, bytes: Uint8Array, options: EntryOptions): TarEntry {
  return Object.freeze({
    name,
    type: "file",
    size: bytes.length,
    content: { bytes },
    mode: 0o644,
    ...options,
  });
}

/**
 * A file with content from disk; its size is looked up now, and {@linkcode writeTar} holds the file
 * to it.
 *
 * @throws {KbuildError} The file cannot be read, or is not a regular file.
 */
export async function fileEntry(
  name: string,
  path: string,
  options: EntryOptions,
): Promise<TarEntry> {
  const info = await Deno.stat(path).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
  checkRegular(path, info, "archive");
  return Object.freeze({
    name,
    type: "file",
    size: info.size,
    content: { path },
    mode: 0o644,
    ...options,
  });
}

/** A symbolic link, mode 0777 as on Linux. */
export function symlinkEntry(name: string, linkName: string, options: EntryOptions): TarEntry {
  return Object.freeze({ name, type: "symlink", size: 0, linkName, mode: 0o777, ...options });
}

/**
 * The entries in the order in which kbuild writes them: sorted by name, bytewise; hard links behind
 * everything else, so that their targets come first. Directories that several lists bring with equal
 * fields become one.
 *
 * @throws {KbuildError} Two entries claim one name, or a file is where another entry needs a
 * directory.
 */
export function orderEntries(entries: readonly TarEntry[]): readonly TarEntry[] {
  const byPath = new Map<string, TarEntry>();
  for (const entry of entries) {
    const path = entry.name.replace(/\/$/, "");
    const other = byPath.get(path);
    if (other !== undefined && !sameDirectory(other, entry)) {
      throw new KbuildError(`Cannot pack "${path}": two different entries have this name`);
    }
    byPath.set(path, entry);
  }
  const seen = new Set<string>();
  for (const path of byPath.keys()) {
    // What is above a parent that was seen before was seen with it.
    for (
      let parent = parentOf(path);
      parent !== "" && !seen.has(parent);
      parent = parentOf(parent)
    ) {
      seen.add(parent);
      const type = byPath.get(parent)?.type ?? "directory";
      if (type !== "directory") {
        throw new KbuildError(`Cannot pack "${path}": "${parent}" is a ${type}, not a directory`);
      }
    }
  }
  const rank = (entry: TarEntry) => entry.type === "hardlink" ? 1 : 0;
  return Object.freeze(
    [...byPath.values()].sort((a, b) => rank(a) - rank(b) || compareNames(a.name, b.name)),
  );
}

/** The entries and a directory entry (mode 0755) for every parent that is not among them. */
export function withParents(
  entries: readonly TarEntry[],
  options: { mtime: number },
): readonly TarEntry[] {
  const names = new Set(entries.map((entry) => entry.name));
  const missing = new Set<string>();
  for (const entry of entries) {
    for (const parent of parentsOf(entry.name.replace(/\/$/, ""))) {
      if (!names.has(`${parent}/`)) missing.add(parent);
    }
  }
  const parents = [...missing].map((name) => directoryEntry(name, options));
  return Object.freeze([...parents, ...entries]);
}

/** "a/b/c" → "a/b"; "a" → "". */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

/** "a/b/c" → "a", "a/b". */
export function parentsOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"));
}

function sameDirectory(a: TarEntry, b: TarEntry): boolean {
  const key = ({ type, mode, mtime, uid = 0, gid = 0, uname = "root", gname = "root" }: TarEntry) =>
    JSON.stringify([type, mode, mtime, uid, gid, uname, gname]);
  return a.type === "directory" && a.xattrs === undefined && b.xattrs === undefined &&
    key(a) === key(b);
}
