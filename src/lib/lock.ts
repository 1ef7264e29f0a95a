import { dirname, join } from "@std/path";
import {
  type FileLock,
  ifPossible,
  IrregularFileError,
  lockFile,
  lockFileNow,
  reasonOf,
} from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import type { KubeContext } from "./init.ts";

/** The file that is locked while a run writes to a checkout's outputs. */
export function lockPath({ root }: KubeContext): string {
  return join(root, "_output", ".kbuild.lock");
}

/**
 * Takes the lock of a checkout's outputs (`_output/.kbuild.lock`), waiting for another kbuild to
 * finish. What was read before it waited may have changed.
 *
 * @param what The command, for the message that another run shows while it waits.
 * @throws {KbuildError} The output directory cannot be written.
 * @throws The reason of `context.signal`.
 */
export async function lockOutput(context: KubeContext, what: string): Promise<FileLock> {
  const { log, signal } = context;
  const directory = dirname(lockPath(context));
  return await lockFile(lockPath(context), {
    signal,
    holder: holderOf(what),
    onWait: (holder) =>
      log.status(`Waiting for ${holder.trim() || "another kbuild"} to finish in this checkout`),
    explain: (cause) =>
      cause instanceof IrregularFileError ? cause : new KbuildError(
        `Cannot write to the output directory "${directory}": ${reasonOf(cause)}`,
        {
          notes: ["Make it writable for you, or remove it; kbuild writes nowhere else"],
          cause,
        },
      ),
  });
}

/**
 * Takes the same lock if an earlier run has left its file and nobody holds it now. Makes no file.
 *
 * @returns undefined if {@linkcode lockOutput} is to be asked, which also says what is in the way.
 */
export async function lockFreeOutput(
  context: KubeContext,
  what: string,
): Promise<FileLock | undefined> {
  const path = lockPath(context);
  if ((await ifPossible(Deno.lstat(path)))?.isFile !== true) return undefined;
  return await ifPossible(lockFileNow(path, { signal: context.signal, holder: holderOf(what) }));
}

function holderOf(what: string): string {
  return `"kbuild ${what}" (process ${Deno.pid})\n`;
}
