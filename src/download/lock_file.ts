import { resolve } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPresent, readText, writeFileAtomic } from "../files/mod.ts";
import type { FileDigest } from "../net/mod.ts";

/** Usual name of a lock file, in the current directory. */
export const LOCK_FILE = "kbuild.lock";

/** Digests by the URL of publication. */
export type LockedFiles = ReadonlyMap<string, FileDigest>;

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
  const files = new Map<string, FileDigest>();
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
    files.set(url, Object.freeze({ algorithm: algorithm as FileDigest["algorithm"], hex }));
  }
  return files;
}

function wrongLine(path: string, line: number, why: string): KbuildError {
  return new KbuildError(`Cannot use "${path}": line ${line}: ${why}`, {
    notes: ["Lines are sorted by URL; of two branches, keep the lines of both"],
  });
}

/** The text of a lock file, sorted. */
export function formatLockFile(files: LockedFiles): string {
  const lines = [...files].map(([url, { algorithm, hex }]) => [url, `${algorithm}:${hex} ${url}`]);
  lines.sort(([a = ""], [b = ""]) => a < b ? -1 : a > b ? 1 : 0);
  return [HEAD, ...lines.map(([, line]) => line), ""].join("\n");
}

/**
 * Adds digests to a lock file, which is made if missing.
 *
 * @throws {KbuildError} It cannot be read or written.
 */
export async function addToLockFile(path: string, files: LockedFiles): Promise<void> {
  const before = await ifPresent(readText(path));
  const known = before === undefined ? [] : parseLockFile(before, path);
  const text = formatLockFile(new Map([...known, ...files]));
  if (text !== before) await writeFileAtomic(path, text);
}
