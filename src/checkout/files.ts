import { join } from "@std/path";
import { KbuildError, systemCode } from "../errors.ts";
import {
  ifPresent,
  ifPresentSync,
  IrregularFileError,
  readText,
  readTextSync,
  reasonOf,
} from "../files/mod.ts";
import { quote } from "../shell/mod.ts";
import { isLfsPointer } from "./lfs.ts";

/** A file of a checkout, or why there is none. */
export interface CheckoutFile {
  /** Path from the root. */
  readonly path: string;
  /** What it says; undefined if there is no such text. */
  readonly text: string | undefined;
  /** Why there is no text: "Missing", "A Git LFS pointer …". */
  readonly why: string;
  /** Whether there is only a Git LFS pointer. */
  readonly pointer?: boolean;
  /** Whether lines end in CRLF on disk, as with `core.autocrlf`; `text` has plain ends. */
  readonly crlf?: boolean;
}

/**
 * Reads a text file of a checkout.
 *
 * @throws {KbuildError} The file exists and cannot be read: the era's table in its place would build
 * something else without a word.
 */
export async function readCheckoutFile(root: string, path: string): Promise<CheckoutFile> {
  try {
    return checked(path, await ifPresent(readText(join(root, path))));
  } catch (cause) {
    throw cannotRead(root, path, cause);
  }
}

/** As {@linkcode readCheckoutFile}, for the places where reading cannot wait. */
export function readCheckoutFileSync(root: string, path: string): CheckoutFile {
  try {
    return checked(path, ifPresentSync(() => readTextSync(join(root, path))));
  } catch (cause) {
    throw cannotRead(root, path, cause);
  }
}

/** Whether a path exists, of whatever kind; links are followed. */
export async function isThere(root: string, path: string): Promise<boolean> {
  return await ifPresent(Deno.stat(join(root, path))) !== undefined;
}

function checked(path: string, text: string | undefined): CheckoutFile {
  if (text === undefined) return { path, text, why: "Missing" };
  if (isLfsPointer(text)) {
    const why = 'A Git LFS pointer: run "git lfs pull" to get the file';
    return { path, text: undefined, why, pointer: true };
  }
  // Scripts are read, not run: what git did to their line ends does not change what they say.
  return text.includes("\r\n")
    ? { path, text: text.replaceAll("\r\n", "\n"), why: "", crlf: true }
    : { path, text, why: "" };
}

function cannotRead(root: string, path: string, cause: unknown): KbuildError {
  const isOther = cause instanceof IrregularFileError ||
    ["EISDIR", "ELOOP", "ENOTDIR"].includes(systemCode(cause) ?? "");
  return new KbuildError(`Cannot read "${path}" of the checkout: ${reasonOf(cause)}`, {
    notes: [
      isOther
        ? `Restore it: git checkout -- ${quote(path)}`
        : `Check who owns it and what its mode is: ls -ld ${quote(join(root, path))}`,
    ],
    cause,
  });
}
