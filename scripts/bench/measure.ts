/** What was measured, and how it is shown. */
import { renderTable } from "../../src/cli/mod.ts";

/** One thing that is measured: the times of both sides in milliseconds. */
export interface Measure {
  readonly name: string;
  /** What the times are, in words: "at most 1/5 of make". */
  readonly goal: string;
  readonly make: readonly number[];
  readonly kbuild: readonly number[];
  /** Whether the goal is met; undefined where there is none. */
  readonly met: boolean | undefined;
}

export function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return (low + high) / 2;
}

export function milliseconds(time: number): string {
  return time < 1000 ? `${time.toFixed(0)} ms` : `${(time / 1000).toFixed(2)} s`;
}

/** "7.70 s (7.51 s - 7.92 s)", or "-" for what was not measured. */
export function summary(times: readonly number[]): string {
  if (times.length === 0) return "-";
  if (times.length === 1) return milliseconds(median(times));
  const range = [Math.min(...times), Math.max(...times)].map(milliseconds);
  return `${milliseconds(median(times))} (${range.join(" - ")})`;
}

export function show(title: string, measures: readonly Measure[]): void {
  console.log(`${title}; ${navigator.hardwareConcurrency} processors, load ${load()}`);
  const rows = measures.map(({ name, goal, make, kbuild, met }) => [
    name,
    summary(make),
    summary(kbuild),
    make.length === 0 ? "-" : (median(kbuild) / median(make)).toFixed(3),
    met === undefined ? goal : `${goal}: ${met ? "met" : "MISSED"}`,
  ]);
  console.log(renderTable([["", "MAKE", "KBUILD", "RATIO", "GOAL"], ...rows]).trimEnd());
}

export function load(): string {
  return Deno.loadavg().map((value) => value.toFixed(1)).join(" ");
}
