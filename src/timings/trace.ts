import type { Figures } from "./figures.ts";

/** Microseconds in a millisecond: the unit of traces. */
const MICROSECONDS = 1000;

/**
 * A run in Chrome's trace event format (complete events, `ph: "X"`, and counters, `ph: "C"`), which
 * Chrome's and Perfetto's viewers open. Units that overlap are on different lines.
 */
export function traceOf({ command, units, samples }: Figures): string {
  const ends: number[] = [];
  const rows = units.flatMap(({ name, kind, result, reason, started, ms }) => {
    if (started === undefined) return [];
    let line = ends.findIndex((end) => end <= started);
    if (line === -1) line = ends.length;
    ends[line] = started + ms;
    return [{
      ...{ name, cat: kind, ph: "X", pid: 1, tid: line + 1 },
      ts: started * MICROSECONDS,
      dur: ms * MICROSECONDS,
      args: { result: result ?? "unfinished", ...(reason === undefined ? {} : { reason }) },
    }];
  });
  const counters = samples.flatMap(({ ms, processors, memory }) => [
    { name: "processors", ph: "C", pid: 1, ts: ms * MICROSECONDS, args: { busy: processors } },
    { name: "memory", ph: "C", pid: 1, ts: ms * MICROSECONDS, args: { bytes: memory } },
  ]);
  const title = { name: "process_name", ph: "M", pid: 1, args: { name: `kbuild ${command}` } };
  return `${JSON.stringify({ traceEvents: [title, ...rows, ...counters] })}\n`;
}
