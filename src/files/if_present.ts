import { systemCode } from "../errors.ts";

/**
 * The result of a file operation; undefined if the file does not exist. Only "not found" (`ENOENT`)
 * counts as missing. Anything else is an error, because a decision would else be made as if the file did
 * not exist: it may not be read, a link leads in a circle, a file is where a directory should be.
 *
 * @throws The operation's error, which names the path.
 */
export async function ifPresent<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** {@linkcode ifPresent} for a synchronous operation. */
export function ifPresentSync<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * The result of an operation; undefined if it fails, for whatever reason. For what only saves work or
 * tidies up (notes of earlier runs, caches, what is left to be removed), for what only adds to an error
 * that is reported anyway, and for a conversion that fails in one way alone. Nothing that decides what is built
 * may be read so.
 */
export async function ifPossible<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch {
    return undefined;
  }
}

/** {@linkcode ifPossible} for a synchronous operation. */
export function ifPossibleSync<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch {
    return undefined;
  }
}
