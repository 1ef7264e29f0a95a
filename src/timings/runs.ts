import { join } from "@std/path";
import { type Events, RunState } from "../events/mod.ts";
import { KbuildError } from "../errors.ts";
import { entriesOf, ifPossible, readText, removeTree } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { recordEvents } from "../progress/mod.ts";
import { quote } from "../shell/mod.ts";
import { eventIn } from "./event_in.ts";

/** Runs that are kept, in addition to the newest successful one of each command. */
const KEPT = 10;
/** Bytes of a file of a run: a sample every second for four days takes half of it. */
const MAX_BYTES = 2 ** 26;
/** A time and the command: `20260131T120000.000Z-quick-release.jsonl`. */
const NAME = /^\d{8}T\d{6}\.\d{3}Z-([a-z-]+)\.jsonl$/;

/** A run that was kept, or is being made. */
export interface KeptRun {
  /** Its file; absolute. */
  readonly path: string;
  /** `quick-release`. */
  readonly command: string;
}

/** A run as its events tell it. */
export interface ReadRun {
  /** `quick-release`. */
  readonly command: string;
  /** When it began, ISO 8601, UTC. */
  readonly at: string;
  /** Exit status; undefined for a run that was killed. */
  readonly code: number | undefined;
  /** What happened. */
  readonly state: RunState;
}

/** Runs whose events are being kept already: one run can build many times. */
const BEING_KEPT = new WeakSet<Events>();

function directoryOf({ output }: KubeContext): string {
  return join(output, ".kbuild", "runs");
}

/** A time as names of files begin with it: `20260131T120000.000Z`. */
function stampOf(at: string): string {
  return at.replace(/[-:]/g, "");
}

/**
 * The runs that were kept in the output directory, newest first. Those of the future, from before the clock
 * was set back, come last.
 */
export async function keptRuns(context: KubeContext): Promise<readonly KeptRun[]> {
  const directory = directoryOf(context);
  const now = stampOf(new Date().toISOString());
  const isPast = (name: string) => name.slice(0, now.length) <= now;
  const names = (await entriesOf(directory) ?? []).filter(({ isFile }) => isFile)
    .map(({ name }) => name).filter((name) => NAME.test(name)).sort().reverse();
  const ordered = [...names.filter(isPast), ...names.filter((name) => !isPast(name))];
  return Object.freeze(ordered.map((name) => (
    { path: join(directory, name), command: NAME.exec(name)?.[1] ?? "" }
  )));
}

/**
 * Reads a run. A line that is not an event, such as the cut-off last one of a killed run, is left out.
 *
 * @throws {KbuildError} The file is larger than any run makes it.
 */
export async function readRun(path: string): Promise<ReadRun> {
  const { size } = await Deno.stat(path);
  if (size > MAX_BYTES) {
    throw new KbuildError(
      `Cannot read the run "${path}": it has ${size} bytes, and no run more than ${MAX_BYTES}`,
      { notes: [`Remove it: rm ${quote(path)}`] },
    );
  }
  const state = new RunState();
  let [command, at, code]: [string, string, number | undefined] = ["", "", undefined];
  for (const line of (await readText(path)).split("\n")) {
    const event = eventIn(line);
    if (event === undefined) continue;
    if (event.event === "run.start") ({ command, at } = event);
    if (event.event === "run.end") code = event.code;
    state.add(event);
  }
  return Object.freeze({ command, at, code, state });
}

/**
 * Keeps the events of this run in the output directory, beside those of earlier runs, and tells the run
 * how long its units took before. Only the holder of the output's lock may call this. What cannot be
 * written is not kept: that stops no build.
 */
export async function keepRun(context: KubeContext): Promise<void> {
  const { events } = context.log;
  if (BEING_KEPT.has(events)) return;
  BEING_KEPT.add(events);
  let command = "";
  let at = "";
  const leave = events.listen((event) => {
    if (event.event === "run.start") ({ command, at } = event);
  }, { replay: true });
  leave();
  if (command === "") return;
  const kept = await keptRuns(context);
  const runs = await Promise.all(
    kept.map(async (run) => ({ ...run, read: await ifPossible(readRun(run.path)) })),
  );
  const last = runs.filter((run) => run.command === command).slice(0, 3)
    .find(({ read }) => read?.code === 0)?.read;
  // Of several, the newest counts.
  const made = Object.assign({}, ...runs.toReversed().map(({ read }) => madeIn(read?.state)));
  if (last !== undefined || Object.keys(made).length > 0) {
    events.expect({ units: last === undefined ? {} : durationsOf(last.state), made });
  }
  const stamp = stampOf(at);
  const directory = directoryOf(context);
  await ifPossible((async () => {
    await Deno.mkdir(directory, { recursive: true });
    recordEvents(events, join(directory, `${stamp}-${command}.jsonl`), { facts: true });
    const spared = newestOfEach(runs.filter(({ read }) => read?.code === 0));
    for (const { path } of kept.slice(KEPT - 1)) if (!spared.has(path)) await removeTree(path);
  })());
}

/** The newest run of each command: many builds of one program must not push out the figures of a release. */
function newestOfEach(runs: readonly KeptRun[]): ReadonlySet<string> {
  return new Set(new Map(runs.toReversed().map(({ command, path }) => [command, path])).values());
}

/** Milliseconds of each unit that was made. */
function madeIn(state: RunState | undefined): Record<string, number> {
  if (state === undefined) return {};
  const durations = durationsOf(state);
  const ids = Object.keys(durations).filter((id) => state.units.get(id)?.result === "made");
  return Object.fromEntries(ids.map((id) => [id, durations[id]!]));
}

/** Milliseconds of each unit that was at work. */
function durationsOf({ units }: RunState): Record<string, number> {
  const known: Record<string, number> = {};
  for (const { id, started, ended } of units.values()) {
    if (started !== undefined && ended !== undefined) known[id] = ended - started;
  }
  return known;
}
