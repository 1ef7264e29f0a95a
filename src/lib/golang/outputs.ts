import { dirname } from "@std/path";
import {
  hex,
  ifPresent,
  openFile,
  readText,
  removeTree,
  writeFileAtomic,
} from "../../files/mod.ts";
import type { BinaryOutput, BuildPlan } from "./plan.ts";

/** Writes files that steps need, by rename, unless they are there already. */
export async function writeStepFiles(plan: BuildPlan): Promise<void> {
  const steps = plan.platforms.flatMap(({ steps }) => steps);
  const files = new Map(steps.flatMap(({ files }) => files.map(({ path, text }) => [path, text])));
  for (const [path, text] of files) await writeIfDifferent(path, text);
}

async function writeIfDifferent(path: string, text: string): Promise<void> {
  if (await ifPresent(readText(path)) === text) return;
  await Deno.mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, text);
}

/** What is known of the files that `go` writes; undefined for those that are not there. */
export async function statBuilt(
  outputs: readonly BinaryOutput[],
): Promise<readonly (Deno.FileInfo | undefined)[]> {
  return await Promise.all(outputs.map(({ built }) => ifPresent(Deno.stat(built))));
}

/**
 * Puts the time of binaries back that `go install` found up to date: it sets their time to now, and
 * they would be placed anew each time. What was linked anew is another file, made later.
 */
export async function undoTouch(
  outputs: readonly BinaryOutput[],
  before: readonly (Deno.FileInfo | undefined)[],
): Promise<void> {
  const after = await statBuilt(outputs);
  for (const [index, { built }] of outputs.entries()) {
    const [old, now] = [before[index], after[index]];
    const same = old !== undefined && now !== undefined && old.ino === now.ino &&
      old.size === now.size && old.birthtime !== null &&
      old.birthtime.getTime() === now.birthtime?.getTime();
    if (same && old.mtime !== null) await Deno.utime(built, old.mtime, old.mtime);
  }
}

/** First bytes of programs: ELF, Mach-O (64 bit, both byte orders), PE. */
const PROGRAM_MARKS = ["7f454c46", "cffaedfe", "feedfacf", "4d5a"];

/**
 * Removes outputs that are not programs, such as a file of zeros after a power failure: `go` refuses
 * to overwrite what it does not know.
 */
export async function removeDamaged(outputs: readonly BinaryOutput[]): Promise<void> {
  for (const { built } of outputs) {
    const file = await ifPresent(openFile(built));
    if (file === undefined) continue;
    const start = new Uint8Array(4);
    const length = await file.read(start).finally(() => file.close()) ?? 0;
    if (!PROGRAM_MARKS.some((mark) => hex(start.subarray(0, length)).startsWith(mark))) {
      await removeTree(built);
    }
  }
}
