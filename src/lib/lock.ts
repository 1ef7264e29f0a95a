import { dirname, join } from "@std/path";
import { type FileLock, lockFile, reasonOf } from "../files/mod.ts";
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
  const folder = dirname(lockPath(context));
  return await lockFile(lockPath(context), {
    signal,
    holder: `"kbuild ${what}" (process ${Deno.pid})\n`,
    onWait: (holder) =>
      log.status(`Waiting for ${holder.trim() || "another kbuild"} to finish in this checkout`),
    explain: (cause) =>
      new KbuildError(`Cannot write to the output directory "${folder}": ${reasonOf(cause)}`, {
        notes: ["Make it writable for you, or remove it; kbuild writes nowhere else"],
        cause,
      }),
  });
}
