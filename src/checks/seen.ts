import { dirname, join } from "@std/path";
import { changeTime, fingerprint, isSettled, readNote, writeFileAtomic } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";

/** Files that passed a check: those that have not changed since pass again. */
export interface SeenFiles {
  /** Whether it is the file that passed. */
  has(path: string, info: Deno.FileInfo): boolean;
  /** Notes that it passed, as it was when `info` was taken. */
  add(path: string, info: Deno.FileInfo): void;
  /** Writes the note; files that were neither seen nor added are forgotten. */
  save(): Promise<void>;
}

/** The form of the note; another one is not read. */
const FORM = 1;

/**
 * Opens the note of a check, `_output/local/.kbuild/checks/NAME.json`.
 *
 * @param options.key What the verdict depends on beside the file; after a change of it no file counts as seen.
 */
export async function openSeen(
  { output }: Pick<KubeContext, "output">,
  { name, key }: { name: string; key: string },
): Promise<SeenFiles> {
  const path = join(output, ".kbuild", "checks", `${name}.json`);
  const note = await readNote(path);
  const isOwn = note?.["form"] === FORM && note["key"] === key;
  const before = isOwn && typeof note["files"] === "object" && note["files"] !== null
    ? note["files"] as Readonly<Record<string, unknown>>
    : {};
  const now = new Map<string, string>();
  const started = Date.now();
  return Object.freeze<SeenFiles>({
    has(file, info) {
      const print = fingerprint(info);
      if (!Object.hasOwn(before, file) || before[file] !== print) return false;
      now.set(file, print);
      return true;
    },
    add(file, info) {
      if (isSettled(changeTime(info), started)) now.set(file, fingerprint(info));
    },
    async save() {
      await Deno.mkdir(dirname(path), { recursive: true });
      const files = Object.fromEntries(now);
      await writeFileAtomic(path, JSON.stringify({ form: FORM, key, files }));
    },
  });
}
