import { resolve } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPresent, readText, whereWritten, writeFileAtomic } from "../files/mod.ts";
import type { FileDigest } from "../net/mod.ts";
import type { KnownDigest } from "./types.ts";

/** Usual name of a lock file, in the current directory. */
export const LOCK_FILE = "kbuild.lock";

/** A digest of a lock file. */
export interface LockedDigest extends FileDigest {
  /** Number of its line, from 1 on. */
  readonly line: number;
}

/** Digests by the URL of publication. */
export type LockedFiles = ReadonlyMap<string, LockedDigest>;

const HEAD =
  "# Digests of files that kbuild download fetches, by the URL of publication. Commit this file.";

/** One line: `sha512:<hex> https://dl.k8s.io/release/v1.30.2/kubernetes.tar.gz`. */
const LINE =
  /^(?:(sha512):([0-9a-f]{128})|(sha256):([0-9a-f]{64})|(sha1):([0-9a-f]{40})) (https?:\S+)$/;

/**
 * Reads a lock file.
 *
 * @returns undefined if there is none.
 * @throws {KbuildError} It cannot be read, or a line is not one of a lock file.
 */
export async function readLockFile(path: string): Promise<LockedFiles | undefined> {
  const text = await ifPresent(readText(path));
  return text === undefined ? undefined : parseLockFile(text, path);
}

/**
 * Reads the lock file that a run uses: the one that is named, which must be there, else the one in a directory.
 *
 * @param named Path of the one that is named.
 * @param directory Absolute.
 * @returns Its absolute path, and digests; undefined if none is there.
 * @throws {KbuildError} As {@linkcode readLockFile}; or the one that is named does not exist.
 */
export async function findLockFile(
  named: string | undefined,
  directory: string,
): Promise<{ readonly path: string; readonly files: LockedFiles | undefined }> {
  const path = resolve(directory, named || LOCK_FILE);
  const files = await readLockFile(path);
  if (files !== undefined || !named) return { path, files };
  throw new KbuildError(`Cannot read the lock file "${path}": it does not exist`, {
    notes: ["Make it: kbuild download VERSION --lock"],
  });
}

/** {@linkcode readLockFile} of its text. */
export function parseLockFile(text: string, path: string): LockedFiles {
  const files = new Map<string, LockedDigest>();
  for (const [i, line] of text.split("\n").map((each) => each.replace(/\r$/, "")).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const words = (LINE.exec(line) ?? []).slice(1).filter((word) => word !== undefined);
    const [algorithm, hex, url] = words;
    if (algorithm === undefined || hex === undefined || url === undefined) {
      throw wrongLine(path, i + 1, "it is not ALGORITHM:DIGEST URL");
    }
    const known = files.get(url);
    if (known !== undefined && (known.algorithm !== algorithm || known.hex !== hex)) {
      throw wrongLine(path, i + 1, `there is another digest of "${url}"`);
    }
    if (known !== undefined) continue;
    const digest = { algorithm: algorithm as FileDigest["algorithm"], hex, line: i + 1 };
    files.set(url, Object.freeze(digest));
  }
  return files;
}

function wrongLine(path: string, line: number, why: string): KbuildError {
  return new KbuildError(`Cannot use "${path}": line ${line}: ${why}`, {
    notes: ["Lines are sorted by URL; of two branches, keep the lines of both"],
  });
}

/**
 * What a lock file knows of a file.
 *
 * @param lock Path and content of the lock file.
 * @param renew What the user does to have a new digest, as the end of a sentence.
 * @returns Undefined if there is no such file in it.
 */
export function lockedDigest(
  { path, files }: { readonly path: string; readonly files: LockedFiles | undefined },
  url: string,
  renew = "lock it again with kbuild download --lock",
): KnownDigest | undefined {
  const found = files?.get(url);
  if (found === undefined) return undefined;
  const { algorithm, hex, line } = found;
  return Object.freeze({
    ...{ algorithm, hex, digestFrom: "lock", source: `line ${line} of "${path}"` },
    advice: `If the file was published again, and you trust it: remove that line, and ${renew}`,
  });
}

/** The text of a lock file, sorted. */
export function formatLockFile(files: ReadonlyMap<string, FileDigest>): string {
  return addToLockText("", files, LOCK_FILE);
}

/** A line with a digest, and the comments above it. */
interface Entry {
  readonly url: string;
  readonly lines: readonly string[];
}

/**
 * A text of a lock file with more digests. Lines are sorted by URL; the comments above a line stay there, those at the
 * beginning and at the end of the text, too.
 *
 * @param path The file, for messages.
 * @throws {KbuildError} A line is not one of a lock file.
 */
export function addToLockText(
  text: string,
  files: ReadonlyMap<string, FileDigest>,
  path: string,
): string {
  const known = parseLockFile(text, path);
  const added = [...files].filter(([url, { algorithm, hex }]) => {
    const old = known.get(url);
    return old === undefined || old.algorithm !== algorithm || old.hex !== hex;
  });
  if (added.length === 0 && text !== "") return text;
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const { head, entries, tail } = entriesIn(text === "" ? `${HEAD}\n` : text);
  const byUrl = new Map(entries.map((entry) => [entry.url, entry]));
  for (const [url, { algorithm, hex }] of added) {
    const above = byUrl.get(url)?.lines.slice(0, -1) ?? [];
    byUrl.set(url, { url, lines: [...above, `${algorithm}:${hex} ${url}`] });
  }
  const sorted = [...byUrl.values()].sort((a, b) => a.url < b.url ? -1 : a.url > b.url ? 1 : 0);
  return [...head, ...sorted.flatMap(({ lines }) => lines), ...tail, ""].join(end);
}

/** Lines at the beginning of a text, those with digests, and those behind them; a URL that comes twice is there once. */
function entriesIn(
  text: string,
): {
  readonly head: readonly string[];
  readonly entries: readonly Entry[];
  readonly tail: readonly string[];
} {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  const isEntry = (line: string) => line !== "" && !line.startsWith("#");
  const first = lines.findIndex(isEntry);
  // A comment belongs to the line below it, but for the first ones: up to kbuild's own, or to an empty line.
  const before = first < 0 ? lines : lines.slice(0, first);
  const blank = Math.max(before.lastIndexOf(""), before.lastIndexOf(HEAD));
  const start = blank < 0 ? before.length : blank + 1;
  const entries: { readonly url: string; readonly lines: string[] }[] = [];
  let above: string[] = [];
  for (const line of lines.slice(start)) {
    above.push(line);
    if (!isEntry(line)) continue;
    const url = line.slice(line.indexOf(" ") + 1);
    const twin = entries.find((entry) => entry.url === url);
    // Of the same line twice, comments stay.
    if (twin !== undefined) twin.lines.unshift(...above.slice(0, -1));
    else entries.push({ url, lines: above });
    above = [];
  }
  return { head: lines.slice(0, start), entries, tail: above };
}

/**
 * Adds digests to a lock file, which is made if missing. A link to one stays.
 *
 * @throws {KbuildError} It cannot be read or written.
 */
export async function addToLockFile(
  path: string,
  files: ReadonlyMap<string, FileDigest>,
): Promise<void> {
  const before = await ifPresent(readText(path));
  const text = addToLockText(before ?? "", files, path);
  if (text !== before) await writeFileAtomic(await whereWritten(path), text);
}
