import type { Screen } from "../cli/mod.ts";
import {
  type Events,
  type RunEvent,
  type RunStage,
  RunState,
  type UnitKind,
} from "../events/mod.ts";
import { timestamp } from "../lib/logging.ts";
import { frame } from "./frame.ts";
import { HeldOutput } from "./held.ts";
import type { ProgressMode } from "./mode.ts";
import { STAGES } from "./stages.ts";
import type { Waits } from "./waits.ts";
import { age, doing, done, duration, howFar, oneLine } from "./words.ts";

/** What views of a run work with. */
export interface ViewOptions {
  /** Writes to standard error. */
  readonly write: (text: string) => void;
  /** Where lines are redrawn; needed for `tty` alone. */
  readonly screen?: Screen | undefined;
  /** Whether marks are coloured. */
  readonly color: boolean;
  /** What is waited for: shown where no unit is at work. */
  readonly waits?: Waits | undefined;
  /** Whether groups of lines are marked, as GitHub's service folds them (`GITHUB_ACTIONS`). */
  readonly groups: boolean;
}

/** Nothing is drawn before, so that what is quick leaves no trace. As cargo. */
const FIRST_MS = 500;
/** A program that is waited for as long is named where no unit is at work. */
const WAIT_MS = 200;
/** Milliseconds between two frames. */
const FRAME_MS = 100;
/** A unit that took as long has a line of its own when it ends. */
const LONG_MS = 1000;
/** A run that took as long has a summary. */
const SUMMARY_MS = 5000;
/** After so many milliseconds without a line, one tells what runs. */
const SILENCE_MS = 10_000;

/**
 * Shows a run until it ends.
 *
 * @returns Ends it at once: nothing is drawn after it.
 */
export function showRun(events: Events, mode: ProgressMode, options: ViewOptions): () => void {
  if (mode === "json") return events.listen((event) => options.write(eventLine(event)));
  if (mode === "quiet") return quietly(events, options);
  return mode === "tty" ? onTerminal(events, options) : inLines(events, options);
}

/** An event as one line of JSON, without the colours of texts. */
export function eventLine(event: RunEvent): string {
  // deno-lint-ignore no-control-regex
  const plain = (text: string) => text.replaceAll(/\x1b\[[0-9;]*m/g, "");
  const shown = event.event === "log" ? { ...event, text: plain(event.text) } : event;
  return `${JSON.stringify(shown)}\n`;
}

/** Warnings and errors alone; before an error, the output of programs. */
function quietly(events: Events, { write }: ViewOptions): () => void {
  const state = new RunState();
  const held = new HeldOutput();
  let output = "";
  return events.listen((event) => {
    state.add(event);
    const failed = held.take(event, state);
    if (event.event !== "log") return;
    if (event.level === "output" && event.id === undefined) {
      output = (output + event.text).slice(-MAX_OUTPUT);
    }
    if (event.level === "error") {
      if (output + failed !== "") write(output + failed);
      output = "";
    }
    if (event.level === "warning" || event.level === "error") write(event.text);
  });
}

/** Characters of output that a quiet run keeps for the case that it fails. */
const MAX_OUTPUT = 1 << 20;

/** The lines that both other views have: the log, output that was held until now, and long units. */
function linesOf(
  event: RunEvent,
  { state, held }: { state: RunState; held: HeldOutput },
  { color }: ViewOptions,
): string {
  const mark = color ? "\x1b[32m+++\x1b[0m" : "+++";
  const line = (text: string) => `${mark} ${timestamp(new Date())} ${text}\n`;
  const output = held.take(event, state);
  if (event.event === "log") return output + (event.id === undefined ? event.text : "");
  if (event.event === "unit.end") {
    const unit = state.units.get(event.id);
    const isLong = unit?.started !== undefined && event.ms - unit.started >= LONG_MS;
    const isSaid = isLong && event.result === "made" && unit.kind !== "push";
    return output + (isSaid ? line(done(unit)) : "");
  }
  return "";
}

/** What the stages of a run took of the clock and of the processors, a line each. */
export function stageLines(stages: readonly Omit<RunStage, "event">[]): readonly string[] {
  return stages.map(({ stage, wall, processor }) => {
    const used = processor === undefined ? "" : `, processors ${duration(processor)}`;
    return `${stage} ${duration(wall)}${used}`;
  });
}

/** What reused units took when they were last made, less what it took to find that out; 0 where nothing is known. */
function saved(state: RunState): number {
  return state.ended("reused").reduce((sum, { id, started, ended }) => {
    const took = started === undefined ? 0 : (ended ?? 0) - started;
    return sum + Math.max(0, (state.made[id] ?? 0) - took);
  }, 0);
}

/** What a run came to, in one line; undefined for a short one. */
export function summary(state: RunState): string | undefined {
  const units = state.ended();
  const ms = saved(state);
  if (units.length < 2 || (state.ms < SUMMARY_MS && ms < SUMMARY_MS)) return undefined;
  const longest = units.filter(({ started }) => started !== undefined)
    .map((unit) => ({ unit, ms: (unit.ended ?? 0) - (unit.started ?? 0) }))
    .sort((a, b) => b.ms - a.ms).slice(0, 3).filter(({ ms }) => ms >= LONG_MS)
    .map(({ unit, ms }) => `${oneLine(unit.name)} ${duration(ms)}`);
  const count = (result: "made" | "reused" | "failed" | "stopped") => {
    const { length } = state.ended(result);
    return length === 0 ? [] : [`${length} ${result}`];
  };
  const counts = [...count("made"), ...count("reused"), ...count("failed"), ...count("stopped")];
  const work = ms < LONG_MS ? "" : ` (about ${duration(ms)} of work saved)`;
  const most = longest.length === 0 ? "" : `; the longest: ${longest.join(", ")}`;
  return `${duration(state.ms)}: ${counts.join(", ")}${work}${most}`;
}

/** Lines that stay, for pipes and CI services. */
function inLines(events: Events, options: ViewOptions): () => void {
  const state = new RunState();
  const held = new HeldOutput();
  let group: string | undefined;
  let said = performance.now();
  const began = performance.now();
  const write = (text: string) => {
    if (text === "") return;
    said = performance.now();
    options.write(text);
  };
  const setGroup = (next: string | undefined) => {
    if (!options.groups || next === group) return;
    if (group !== undefined) write("::endgroup::\n");
    if (next !== undefined) write(`::group::${next}\n`);
    group = next;
  };
  const timer = setInterval(() => {
    const { running } = state;
    const now = performance.now() - began;
    if (performance.now() - said < SILENCE_MS) return;
    if (running.length === 0) {
      const what = options.waits?.longest(SILENCE_MS);
      if (what !== undefined) write(`+++ ${timestamp(new Date())} ${age(now)}: ${what}\n`);
      return;
    }
    const units = running.slice(0, 3).map((unit) => {
      const far = [age(now - (unit.started ?? now)), howFar(unit.progress)];
      return `${doing(unit)} (${far.filter((each) => each !== "").join(", ")})`;
    });
    const counts = `${state.ended().length} of ${state.units.size} done`;
    write(`+++ ${timestamp(new Date())} ${age(now)}, ${counts}; ${units.join(", ")}\n`);
  }, 1000);
  Deno.unrefTimer(timer);
  const end = events.listen((event) => {
    state.add(event);
    if (event.event === "unit.start") setGroup(groupOf(state.units.get(event.id)?.kind ?? "build"));
    // An error must not be folded away.
    const isError = event.event === "log" && event.level === "error";
    if (isError || event.event === "run.end") setGroup(undefined);
    write(linesOf(event, { state, held }, options));
    // Nor what comes after the last unit that is known: the summary, and results on standard output.
    const isAllDone = state.ended().length === state.units.size;
    if (group !== undefined && event.event === "unit.end" && isAllDone) setGroup(undefined);
    if (event.event === "run.end") stop();
  });
  const stop = () => {
    clearInterval(timer);
    end();
  };
  return stop;
}

/** The group that a CI service folds: "Build". */
function groupOf(kind: UnitKind): string {
  const stage = STAGES[kind];
  return stage.charAt(0).toUpperCase() + stage.slice(1);
}

/** The log, and below it lines that are redrawn. */
function onTerminal(events: Events, options: ViewOptions): () => void {
  const { screen } = options;
  if (screen === undefined) return inLines(events, options);
  const state = new RunState();
  const held = new HeldOutput();
  const began = performance.now();
  let isDrawn = false;
  const draw = () => {
    const now = performance.now() - began;
    if (now < FIRST_MS) return;
    const lines = frame(state, now, screen.size(), options.waits?.longest(WAIT_MS));
    isDrawn = lines.length > 0;
    screen.show(lines);
  };
  const timer = setInterval(draw, FRAME_MS);
  // What comes next may write to the terminal by itself.
  if (options.waits !== undefined) {
    options.waits.onEnd = () => isDrawn && state.running.length === 0 ? draw() : undefined;
  }
  Deno.unrefTimer(timer);
  const end = events.listen((event) => {
    state.add(event);
    if (event.event === "run.end") stop();
    const text = linesOf(event, { state, held }, options);
    if (text !== "") options.write(text);
  });
  const stop = () => {
    clearInterval(timer);
    end();
    isDrawn = false;
    screen.show([]);
  };
  return stop;
}
