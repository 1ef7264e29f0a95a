/** Runs a program and watches what it takes: time, and memory of all of its processes. */
import { KbuildError } from "../../src/errors.ts";
import type { Side } from "./bench.ts";

/** What one run took. */
export interface Watched {
  /** Wall time in milliseconds, from the start of the program to its end. */
  readonly ms: number;
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
 * @throws {KbuildError} It failed; with the end of what it said.
 */
export async function watch(
  { argv, cwd }: Side,
  env: Readonly<Record<string, string>>,
): Promise<Watched> {
  const [program = "", ...args] = argv;
  const command = new Deno.Command(program, {
    args,
    cwd,
    clearEnv: true,
    env: { ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const started = performance.now();
  const child = command.spawn();
  let peakBytes = 0;
  let mainPeakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(child.pid));
    mainPeakBytes = Math.max(mainPeakBytes, highWater(child.pid));
  }, INTERVAL_MS);
  const { success, stdout, stderr } = await child.output().finally(() => clearInterval(timer));
  const ms = performance.now() - started;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (success) return { ms, peakBytes, mainPeakBytes, stdout: text(stdout) };
  const output = text(stderr).trim().split("\n").slice(-20);
  throw new KbuildError(`Cannot measure "${argv.join(" ")}": it failed`, { output });
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
