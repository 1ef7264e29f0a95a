/** What was measured, and how it is shown. */
import { renderTable } from "../../src/cli/mod.ts";

/** What one run took, in milliseconds. */
export interface Cost {
  /** Wall time. */
  readonly ms: number;
  /** Processor time, user and system, of all of its processes; NaN where it is unknown. */
  readonly processorMs: number;
}

/** One thing that is measured on both sides. */
export interface Measure {
  readonly name: string;
  /** What the times are, in words: "at most 1/5 of make". */
  readonly goal: string;
  readonly make: readonly Cost[];
  readonly kbuild: readonly Cost[];
  /** Whether the goal is met; undefined where there is none. */
  readonly met: boolean | undefined;
}

export function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return (low + high) / 2;
}

/** Median of the wall times. */
export function wallOf(runs: readonly Cost[]): number {
  return median(runs.map(({ ms }) => ms));
}

export function milliseconds(time: number): string {
  return time < 1000 ? `${time.toFixed(0)} ms` : `${(time / 1000).toFixed(2)} s`;
}

/** "7.70 s (7.51 s - 7.92 s)", or "-" for what was not measured. */
export function summary(runs: readonly Cost[]): string {
  const times = runs.map(({ ms }) => ms);
  if (times.length === 0) return "-";
  if (times.length === 1) return milliseconds(median(times));
  const range = [Math.min(...times), Math.max(...times)].map(milliseconds);
  return `${milliseconds(median(times))} (${range.join(" - ")})`;
}

/** Median of the processor times. */
export function processorOf(runs: readonly Cost[]): number {
  return median(runs.map(({ processorMs }) => processorMs));
}

export function show(title: string, measures: readonly Measure[]): void {
  console.log(`${title}; ${navigator.hardwareConcurrency} processors, load ${load()}`);
  const rows = measures.map(({ name, goal, make, kbuild, met }) => [
    name,
    summary(make),
    summary(kbuild),
    make.length === 0 ? "-" : (wallOf(kbuild) / wallOf(make)).toFixed(3),
    make.length === 0 ? "-" : (processorOf(kbuild) / processorOf(make)).toFixed(3),
    met === undefined ? goal : `${goal}: ${met ? "met" : "MISSED"}`,
  ]);
  console.log(
    renderTable([["", "MAKE", "KBUILD", "RATIO", "PROCESSOR", "GOAL"], ...rows]).trimEnd(),
  );
}

export function load(): string {
  return Deno.loadavg().map((value) => value.toFixed(1)).join(" ");
}
