/**
 * The result of a file operation; undefined if the file does not exist. Only "not found" counts as
 * missing: what exists and cannot be read is an error, because a decision would else be made as if it
 * did not exist.
 *
 * @throws The operation's error, unless it says that the path, or a directory on the way to it, does
 * not exist.
 */
export async function ifPresent<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** {@linkcode ifPresent} for a synchronous operation. */
export function ifPresentSync<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * The result of an operation; undefined if it fails, for whatever reason. For what only saves work or
 * tidies up: notes of earlier runs, caches, what is left to be removed. Nothing that decides what is
 * built may be read so.
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

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}
