import { join } from "@std/path";

/** A file of a checkout, or why there is none. */
export interface CheckoutFile {
  /** Path from the root. */
  readonly path: string;
  readonly text: string | undefined;
  /** Why there is no text: "Missing", "A Git LFS pointer …". */
  readonly why: string;
}

/** Reads a text file of a checkout; never throws. */
export async function readCheckoutFile(root: string, path: string): Promise<CheckoutFile> {
  try {
    return checked(path, await Deno.readTextFile(join(root, path)));
  } catch (error) {
    return { path, text: undefined, why: reason(error) };
  }
}

/** As {@linkcode readCheckoutFile}, for the places where reading cannot wait. */
export function readCheckoutFileSync(root: string, path: string): CheckoutFile {
  try {
    return checked(path, Deno.readTextFileSync(join(root, path)));
  } catch (error) {
    return { path, text: undefined, why: reason(error) };
  }
}

/** Whether something is there, of whatever kind; links are followed. */
export async function isThere(root: string, path: string): Promise<boolean> {
  try {
    await Deno.stat(join(root, path));
    return true;
  } catch {
    return false;
  }
}

function checked(path: string, text: string): CheckoutFile {
  if (text.startsWith("version https://git-lfs.github.com/spec/")) {
    return { path, text: undefined, why: 'A Git LFS pointer: run "git lfs pull" to get the file' };
  }
  return { path, text, why: "" };
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "Missing";
  return `Cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
