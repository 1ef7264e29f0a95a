import { cutTo, pad, type Size, widthOf } from "../cli/mod.ts";
import type { RunState } from "../events/mod.ts";
import { estimate, timeLeft } from "./estimate.ts";
import { age, doing, doingNow, howFar } from "./words.ts";

/** Lines of units at most: a third of the terminal, as BuildKit has it. */
const SHARE_OF_ROWS = 3;

/**
 * What is drawn below the log: a line about the run, then the units at work, the longest first. No line
 * is as wide as the terminal, so none wraps; the last row of the terminal is the cursor's, so none scrolls.
 *
 * @param now Milliseconds since the run began.
 * @param waitedFor What is shown where no unit is at work: "git status".
 */
export function frame(
  state: RunState,
  now: number,
  { columns, rows }: Size,
  waitedFor?: string,
): readonly string[] {
  return Object.freeze(
    allLines(state, now, { columns, rows }, waitedFor).slice(0, Math.max(0, rows - 1)),
  );
}

function allLines(
  state: RunState,
  now: number,
  { columns, rows }: Size,
  waitedFor: string | undefined,
): readonly string[] {
  const { running } = state;
  const width = Math.max(1, columns - 1);
  if (running.length === 0) {
    return waitedFor === undefined ? [] : [cutTo(`[${age(now)}] ${waitedFor}`, width)];
  }
  const most = Math.max(1, Math.floor(rows / SHARE_OF_ROWS) - 1);
  // A unit whose place is needed is still counted.
  const shown = running.slice(0, running.length > most ? Math.max(1, most - 1) : most);
  const hidden = running.length - shown.length;
  const reused = state.ended("reused").length;
  const range = estimate(state, now);
  const left = range === undefined ? "" : timeLeft(range);
  const counts = [
    `${state.ended().length} of ${state.units.size} done`,
    ...reused > 0 ? [`${reused} reused`] : [],
    ...running.length > 1 ? [`${running.length} running`] : [],
    ...left === "" ? [] : [left],
  ].join(", ");
  const lines = shown.map((unit) => {
    const right = [howFar(unit.progress), age(now - (unit.started ?? now))].filter((each) => each)
      .join("  ");
    const room = width - widthOf(right) - 6;
    // Where there is no room for both, the name says more.
    if (room < 12) return cutTo(`    ${doing(unit)}`, width);
    return `    ${pad(doingNow(unit, room), room)}  ${right}`;
  });
  return [
    cutTo(`[${age(now)}] ${counts}`, width),
    ...lines,
    ...hidden > 0 ? [cutTo(`    and ${hidden} more`, width)] : [],
  ];
}
