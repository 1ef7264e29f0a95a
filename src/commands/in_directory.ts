import { KbuildError } from "../errors.ts";
import { FREE_SPACE, ifPossible, isDiskFull } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";

/** A directory that a command writes results to. */
export interface ResultDirectory {
  /** Absolute. */
  readonly path: string;
  /** Where results are made before they are moved there; absolute. */
  readonly staged?: string;
}

/**
 * Does what writes to a directory that the user may have named. Errors name that directory, and where it is full, they
 * say what frees space there.
 */
export async function inDirectory<T>(
  { outputRoot }: Pick<KubeContext, "outputRoot">,
  { path, staged }: ResultDirectory,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KbuildError)) throw error;
    const message = staged === undefined ? error.message : error.message.replaceAll(staged, path);
    const isElsewhere = isDiskFull(error) && !await isSameDisk(path, outputRoot);
    if (message === error.message && !isElsewhere) throw error;
    const notes = error.notes.map((note) =>
      isElsewhere && note === FREE_SPACE
        ? `Free some space on the file system of "${path}", or name another directory: --to DIR`
        : note
    );
    const { output, exitCode, subject } = error;
    throw new KbuildError(message, { notes, output, exitCode, subject, cause: error });
  }
}

async function isSameDisk(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => ifPossible(Deno.stat(path))));
  return one !== undefined && other !== undefined && one.dev === other.dev;
}
