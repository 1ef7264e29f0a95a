/** Runs a program and watches what it takes: time, and memory of all of its processes. */
import { createShell } from "../../src/shell/mod.ts";
import type { Side } from "./bench.ts";
import { processorTime } from "../../src/progress/mod.ts";

/** What one run took. */
export interface Watched {
  /** Wall time in milliseconds, from the start of the program to its end. */
  readonly ms: number;
  /** Processor time of all of its processes in milliseconds; NaN where it is unknown. */
  readonly processorMs: number;
  /** Most bytes resident in all processes together at one of the moments looked at. */
  readonly peakBytes: number;
  /** Most bytes that the program itself ever had resident, by the kernel's count. */
  readonly mainPeakBytes: number;
  readonly stdout: string;
}

const INTERVAL_MS = 200;
const PAGE = 4096;

/**
 * Runs a side to its end and looks at its processes five times a second; more often would take time from them.
 *
 * @throws {CommandError} It failed; with the end of what it said.
 */
export async function watch(
  { argv, cwd }: Side,
  env: Readonly<Record<string, string>>,
): Promise<Watched> {
  let peakBytes = 0;
  let mainPeakBytes = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const onSpawn = (pid: number) => {
    timer = setInterval(() => {
      peakBytes = Math.max(peakBytes, residentBytes(pid));
      mainPeakBytes = Math.max(mainPeakBytes, highWater(pid));
    }, INTERVAL_MS);
  };
  const before = processorTime("programs") ?? NaN;
  const { durationMs: ms, stdout } = await createShell({ cwd, env }).run(argv, { onSpawn })
    .finally(() => clearInterval(timer));
  const processor = (processorTime("programs") ?? NaN) - before;
  return { ms, processorMs: processor, peakBytes, mainPeakBytes, stdout };
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // No /proc here, or ended meanwhile.
    return "";
  }
}

/** Bytes resident in a process and all below it; 0 without `/proc`. */
function residentBytes(pid: number): number {
  const parents = new Map<number, number>();
  for (const name of processes()) {
    // The name of the program is in parentheses, and may contain any character.
    const fields = read(`/proc/${name}/stat`).replace(/^.*\) /s, "").split(" ");
    parents.set(Number(name), Number(fields[1] ?? 0));
  }
  const isBelow = (each: number): boolean => {
    for (let at = each; at > 1; at = parents.get(at) ?? 0) if (at === pid) return true;
    return false;
  };
  return [...parents.keys()].filter(isBelow)
    .map((each) => Number(read(`/proc/${each}/statm`).split(" ")[1] ?? 0) * PAGE)
    .reduce((sum, bytes) => sum + bytes, 0);
}

function processes(): string[] {
  try {
    return [...Deno.readDirSync("/proc")].map(({ name }) => name)
      .filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function highWater(pid: number): number {
  const [, kilobytes = "0"] = /^VmHWM:\s*(\d+) kB$/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return Number(kilobytes) * 1024;
}
