import { join } from "@std/path";
import { ifPossible, reasonOf } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import type { KubeContext } from "./init.ts";
import { tryFileLock } from "./util.ts";

/** A held lock; `release` may be called more than once. */
export interface Lock {
  release(): void;
}

/**
 * Takes the lock of a checkout's outputs (`_output/.kbuild.lock`), waiting for another kbuild to
 * finish. The lock belongs to the process (flock), so a killed run leaves none behind.
 *
 * @param what The command, for the message that another run shows while it waits.
 * @throws {KbuildError} The output folder cannot be written, or `context.signal` was aborted.
 */
export async function lockOutput(context: KubeContext, what: string): Promise<Lock> {
  const folder = join(context.root, "_output");
  const path = join(folder, ".kbuild.lock");
  const file = await openLock(folder, path);
  try {
    if (!await tryFileLock(file)) {
      const holder = (await ifPossible(Deno.readTextFile(path)) ?? "").trim() || "another kbuild";
      context.log.status(`Waiting for ${holder} to finish in this checkout`);
      await waitForLock(file, context.signal);
    }
    await file.truncate(0);
    await file.write(new TextEncoder().encode(`"kbuild ${what}" (process ${Deno.pid})\n`));
  } catch (error) {
    file.close();
    throw error;
  }
  let held = true;
  return Object.freeze({
    release(): void {
      if (!held) return;
      held = false;
      file.close();
    },
  });
}

async function openLock(folder: string, path: string): Promise<Deno.FsFile> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    return await Deno.open(path, { read: true, write: true, create: true });
  } catch (error) {
    throw new KbuildError(`Cannot write to the output folder "${folder}": ${reasonOf(error)}`, {
      notes: ["Make it writable for you, or remove it; kbuild writes nowhere else"],
      cause: error,
    });
  }
}

/** A blocking flock cannot be interrupted, so the lock is asked for again and again. */
async function waitForLock(file: Deno.FsFile, signal: AbortSignal | undefined): Promise<void> {
  while (!await tryFileLock(file)) {
    if (signal?.aborted === true) {
      throw new KbuildError("Stopped waiting for the other kbuild", { exitCode: 130 });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
