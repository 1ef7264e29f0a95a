import { basename, dirname, join } from "@std/path";
import { KbuildError, systemCode } from "../errors.ts";
import { FREE_SPACE, isDiskFull } from "./disk_full.ts";
import { reasonOf } from "./reason.ts";
import { ifPossible } from "./if_present.ts";

/** Names that start so are files which kbuild is writing, or was when it was killed. */
export const TEMPORARY_PREFIX = ".kbuild-tmp-";

/**
 * A new name in the directory of `path`, on the same file system: `.kbuild-tmp-<pid>-<random>`. The
 * name of `path` is not part of it, since that may already be as long as a name can be.
 */
export function temporaryName(path: string): string {
  const random = crypto.randomUUID().slice(0, 8);
  return join(dirname(path), `${TEMPORARY_PREFIX}${Deno.pid}-${random}`);
}

/** Whether a name is one that kbuild gives to what it is writing, and nobody else is likely to choose. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(TEMPORARY_PREFIX) &&
    /^(\d+-[0-9a-f]{8}|generate)$/.test(name.slice(TEMPORARY_PREFIX.length));
}

/** Options of {@linkcode writeFileAtomic}. */
export interface WriteFileAtomicOptions {
  /** Permission bits of the new file; default 0666 less the umask. */
  mode?: number;
  /** Checked before the file gets its name. */
  signal?: AbortSignal;
  /** Whether the content must be on the disk before the file gets its name; default false. */
  sync?: boolean;
}

/**
 * Writes a file that appears complete or not at all: to a temporary file in the same directory, which
 * is renamed when all is written, and removed when anything fails. The directory must exist.
 *
 * @param data The content, or a function that writes it to the open file, which has a temporary name.
 * @returns What the function returned; undefined for plain content.
 * @throws {KbuildError} The file cannot be made or renamed. Errors of the function come through.
 */
export async function writeFileAtomic<T = void>(
  path: string,
  data: string | Uint8Array | ((file: Deno.FsFile, temporary: string) => Promise<T>),
  options: WriteFileAtomicOptions = {},
): Promise<T> {
  const { mode, signal, sync = false } = options;
  signal?.throwIfAborted();
  const temporary = temporaryName(path);
  const file = await Deno.open(temporary, {
    write: true,
    createNew: true,
    ...(mode === undefined ? {} : { mode }),
  }).catch((cause: unknown) => {
    throw cannotWrite(path, cause);
  });
  try {
    let result: T;
    try {
      if (typeof data === "function") result = await data(file, temporary);
      else result = writeAll(path, file, data) as T;
      if (mode !== undefined) await Deno.chmod(temporary, mode);
      if (sync) {
        await file.sync().catch((cause: unknown) => {
          throw cannotWrite(path, cause);
        });
      }
    } finally {
      file.close();
    }
    signal?.throwIfAborted();
    await Deno.rename(temporary, path).catch((cause: unknown) => {
      throw cannotWrite(path, cause);
    });
    return result;
  } catch (error) {
    await ifPossible(Deno.remove(temporary));
    throw error;
  }
}

/**
 * Writes all of `data` at the file's position.
 *
 * @param path What the user knows the file by.
 * @throws {KbuildError} The write failed: a full disk, mostly.
 */
export function writeAll(
  path: string,
  file: Deno.FsFile,
  data: string | Uint8Array,
): void {
  let bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  try {
    while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

/** The error of a file that the user knows by `path`. */
export function cannotWrite(path: string, cause: unknown): KbuildError {
  const notes = systemCode(cause) === "ENOENT"
    ? [`Make the directory "${dirname(path)}" first`]
    : isDiskFull(cause)
    ? [FREE_SPACE]
    : [];
  return new KbuildError(
    `Cannot write "${basename(path)}" in "${dirname(path)}": ${reasonOf(cause)}`,
    {
      cause,
      notes,
    },
  );
}
