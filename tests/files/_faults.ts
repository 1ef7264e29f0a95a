/**
 * Faults of the file system, injected into a program by a small preloaded library (`_faults.c`): the
 * n-th change of files below a directory fails with an error, or the program is killed there.
 */
import { fromFileUrl, join } from "@std/path";

/** Kinds of changes, as the library names them. */
export const CHANGES = [
  ...["create", "write", "truncate", "sync", "set", "mkdir", "link", "symlink"],
  ...["rename", "remove"],
] as const;

/** A kind of change. */
export type Change = typeof CHANGES[number];

/** Error numbers of Linux. */
export const ERRORS = { EIO: 5, EACCES: 13, EXDEV: 18, ENOSPC: 28 } as const;

/** What is to happen. */
export interface Fault {
  /** SIGKILL, or the error that the change fails with. */
  readonly how: "kill" | keyof typeof ERRORS;
  /** Which change it is, from 1 on; 0 only counts. */
  readonly at: number;
  /** Which kinds count; default all. */
  readonly changes?: readonly Change[];
  /** Whether all later changes fail as well, as on a full disk; default: this one alone. */
  readonly always?: boolean;
}

/** Where a fault is injected. */
export interface FaultTarget {
  /** The library, from {@linkcode buildFaultLibrary}. */
  readonly library: string;
  /** The executable file; programs that it starts are left alone. */
  readonly program: string;
  /** Only changes at or below this path count. */
  readonly below: string;
  /** A file that gets a line per change: "saw rename /a", "hit rename /b". */
  readonly log: string;
}

/** Why faults cannot be injected here; undefined where they can. */
export const cannotInject: string | undefined = (() => {
  if (Deno.build.os !== "linux") return "needs Linux";
  try {
    const { success } = new Deno.Command("cc", { args: ["--version"] }).outputSync();
    return success ? undefined : "needs a C compiler";
  } catch {
    return "needs a C compiler";
  }
})();

/** Compiles the library into a directory. */
export async function buildFaultLibrary(dir: string): Promise<string> {
  const source = fromFileUrl(new URL("_faults.c", import.meta.url));
  const library = join(dir, "faults.so");
  const args = ["-shared", "-fPIC", "-Wall", "-Werror", "-O1", "-o", library, source, "-ldl"];
  const { success, stderr } = await new Deno.Command("cc", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return library;
}

/** The variables that a program is started with. */
export function faultVariables(fault: Fault, place: FaultTarget): Record<string, string> {
  const { how, at, changes = CHANGES, always = false } = fault;
  return {
    LD_PRELOAD: place.library,
    KBUILD_FAULT_PROGRAM: place.program,
    KBUILD_FAULT_BELOW: place.below,
    KBUILD_FAULT_LOG: place.log,
    KBUILD_FAULT_OPS: changes.join(","),
    KBUILD_FAULT_AT: `${at}`,
    KBUILD_FAULT_TIMES: always ? "-1" : "1",
    KBUILD_FAULT_ERROR: `${how === "kill" ? 0 : ERRORS[how]}`,
  };
}

/** What the log holds. */
export interface FaultLog {
  /** How many changes of each kind counted. */
  readonly seen: Readonly<Partial<Record<Change, number>>>;
  /** Those that failed: "rename /b". */
  readonly hit: readonly string[];
}

/** Reads the log, and removes it. */
export function readFaultLog(log: string): FaultLog {
  let lines: string[];
  try {
    lines = Deno.readTextFileSync(log).trimEnd().split("\n");
    Deno.removeSync(log);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    lines = [];
  }
  const seen: Partial<Record<Change, number>> = {};
  for (const line of lines) {
    const [, kind] = /^saw (\S+) /.exec(line) as [string, Change] | null ?? [];
    if (kind !== undefined) seen[kind] = (seen[kind] ?? 0) + 1;
  }
  return {
    seen,
    hit: lines.filter((line) => line.startsWith("hit ")).map((line) => line.slice(4)),
  };
}
