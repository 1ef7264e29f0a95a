import type { RunState } from "../events/mod.ts";

/** Nothing is estimated before so many milliseconds. */
const LEAST_MS = 5000;
/** Of the known units, this part must have a duration from before. */
const LEAST_KNOWN = 0.8;
/** A run is that much faster or slower than the one before, without a reason that could be told. */
const SPREAD = [0.8, 1.3] as const;

/**
 * How long the run will still take, as a range in milliseconds: what the units that have not ended took in
 * the last run of this command, divided by how many run side by side. Undefined where that would say
 * nothing: too early, or for work that was not done before.
 *
 * @param now Milliseconds since the run began.
 */
export function estimate(
  state: RunState,
  now: number,
): readonly [least: number, most: number] | undefined {
  const { expected, units, running } = state;
  const known = [...units.keys()].filter((id) => expected[id] !== undefined).length;
  if (now < LEAST_MS || units.size === 0 || known / units.size < LEAST_KNOWN) return undefined;
  let left = 0;
  for (const [id, ms] of Object.entries(expected)) {
    const unit = units.get(id);
    if (unit?.ended !== undefined) continue;
    const age = unit?.started === undefined ? 0 : now - unit.started;
    left += Math.max(0, ms - age);
  }
  const each = left / Math.max(1, running.length);
  return [each * SPREAD[0], each * SPREAD[1]];
}

/** A range as people say it: `2 to 3 min left`; "" for less than five seconds. */
export function timeLeft([least, most]: readonly [number, number]): string {
  if (most < 5000) return "";
  const [unit, size] = most < 90_000 ? ["s", 5000] : ["min", 60_000];
  const [from, to] = [Math.floor(least / size), Math.ceil(most / size)];
  const scale = unit === "s" ? 5 : 1;
  return from === to || from === 0
    ? `less than ${to * scale} ${unit} left`
    : `${from * scale} to ${to * scale} ${unit} left`;
}
