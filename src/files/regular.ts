import { KbuildError } from "../errors.ts";

/** Something that is not a regular file, where only those can be read. */
export class IrregularFileError extends KbuildError {
  /** The end of the message: "it is a named pipe". */
  readonly reason: string;

  /**
   * Makes the error.
   *
   * @param action The verb of the message: "read", "archive".
   * @param kind "a named pipe".
   */
  constructor(action: string, path: string, kind: string) {
    const notes = ["Remove it, or put a regular file in its place"];
    super(`Cannot ${action} "${path}": it is ${kind}`, { notes });
    this.reason = `it is ${kind}`;
  }
}

/**
 * What a path names, if it is not a regular file: "a named pipe". Links are for the caller to follow.
 *
 * @returns Undefined for a regular file.
 */
export function irregularKind(info: Deno.FileInfo): string | undefined {
  if (info.isFile) return undefined;
  if (info.isDirectory) return "a directory";
  if (info.isSymlink) return "a symbolic link";
  if (info.isFifo === true) return "a named pipe";
  return info.isSocket === true ? "a socket" : "a device";
}

/**
 * Refuses what is not a regular file. A named pipe would be waited for, without an end and deaf to
 * Ctrl-C, until somebody writes to it; a device may never end.
 *
 * @param action The verb of the message: "read", "archive".
 * @throws {IrregularFileError} `Cannot read "/x": it is a named pipe`.
 */
export function checkRegular(path: string, info: Deno.FileInfo, action = "read"): void {
  const kind = irregularKind(info);
  if (kind !== undefined) throw new IrregularFileError(action, path, kind);
}

/**
 * Opens a regular file to read it; a link is followed. Only this module reads files by name: a lint
 * rule says so.
 *
 * @throws {IrregularFileError} It is not a regular file.
 * @throws The system's error.
 */
export async function openFile(path: string): Promise<Deno.FsFile> {
  check(path, await Deno.stat(path));
  return await Deno.open(path);
}

/**
 * Reads a regular file; a link is followed.
 *
 * @throws As {@linkcode openFile}.
 */
export async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  check(path, await Deno.stat(path));
  return await Deno.readFile(path);
}

/** Bytes of a file that is read as text at most: the largest script of Kubernetes has 0.1 MiB. */
export const MAX_TEXT: number = 8 * 2 ** 20;

/**
 * Reads a regular file of at most {@linkcode MAX_TEXT} as text; a link is followed.
 *
 * @throws As {@linkcode openFile}; {@linkcode IrregularFileError} also for a file that is too large.
 */
export async function readText(path: string): Promise<string> {
  checkText(path, await Deno.stat(path));
  return await Deno.readTextFile(path);
}

/** {@linkcode readText}, synchronous. */
export function readTextSync(path: string): string {
  checkText(path, Deno.statSync(path));
  return Deno.readTextFileSync(path);
}

/**
 * Copies a regular file; a link is followed.
 *
 * @throws As {@linkcode openFile}.
 */
export async function copyFile(from: string, to: string): Promise<void> {
  check(from, await Deno.stat(from));
  await Deno.copyFile(from, to);
}

function check(path: string, info: Deno.FileInfo): void {
  // The system says of a directory that it is one.
  if (info.isDirectory || isNull(path, info)) return;
  checkRegular(path, info);
}

function checkText(path: string, info: Deno.FileInfo): void {
  check(path, info);
  if (info.size <= MAX_TEXT) return;
  const size = `${Math.round(info.size / 2 ** 20)} MiB`;
  throw new IrregularFileError(
    "read",
    path,
    `${size} long; text may have ${MAX_TEXT / 2 ** 20} MiB`,
  );
}

/** People name it where they mean an empty file, and it ends at once. */
function isNull(path: string, info: Deno.FileInfo): boolean {
  return info.isCharDevice === true && Deno.realPathSync(path) === "/dev/null";
}
