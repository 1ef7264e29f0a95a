import {
  EVENTS_VERSION,
  type Happening,
  type LogText,
  type Progress,
  type RunEvent,
  type RunExpected,
  type RunSample,
  type RunStage,
  type UnitKind,
  type UnitResult,
} from "./types.ts";

/** Receives every event. */
export type Listener = (event: RunEvent) => void;

/** What a unit is. */
export interface UnitSpec {
  /** What the unit does. */
  readonly kind: UnitKind;
  /** What is made: `kube-proxy-amd64`. */
  readonly name: string;
}

/** A unit of work: what is shown, timed and counted as one. */
export interface Unit {
  /**
   * Does the work. The unit ends with it: made, or failed with what it throws.
   *
   * @param signal If it is aborted when the work fails, the unit was stopped.
   * @throws Whatever `work` throws.
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Says how far the work is; what comes faster than five times a second is left out. */
  progress(progress: Progress): void;
  /** Reports what a program of the unit wrote, as it comes. */
  output(chunk: Uint8Array): void;
  /** Within {@linkcode run} or instead of it: nothing had to be made. */
  reuse(reason: string): void;
}

/** The one stream of events of a run: views listen, units of work report. */
export interface Events {
  /**
   * Tells a listener of everything from now on.
   *
   * @param options.replay Begins with what has happened so far, but for texts and progress.
   * @returns Ends that.
   */
  listen(listener: Listener, options?: { readonly replay?: boolean }): () => void;
  /** Reports text for people. */
  log(level: LogText["level"], text: string): void;
  /**
   * Makes units known before the one who does them reports them with {@linkcode unit}, so that it can be
   * told from the beginning how many there are.
   */
  announce(specs: readonly UnitSpec[]): void;
  /** Makes a unit known, unless it was announced; it then waits. */
  unit(spec: UnitSpec): Unit;
  /** Reports how long units took before. */
  expect(expected: Omit<RunExpected, "event">): void;
  /** Reports what a stage came to. */
  stage(stage: Omit<RunStage, "event">): void;
  /** Reports what the machine does. */
  sample(sample: Omit<RunSample, "event">): void;
  /** Reports the beginning of a run. */
  begin(command: string): void;
  /** Reports its end. */
  end(code: number): void;
}

/** Options of {@linkcode createEvents}. */
export interface EventsOptions {
  /** A unit that fails when this is aborted was stopped. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, from any start; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Makes ids for units that are named in order: `build kubectl for linux/amd64`. Further units of one kind and
 * name have a number: `… #2`.
 */
export function idCounter(): (spec: UnitSpec) => string {
  const counts = new Map<string, number>();
  return ({ kind, name }) => {
    const base = `${kind} ${name}`;
    const count = (counts.get(base) ?? 0) + 1;
    counts.set(base, count);
    return count === 1 ? base : `${base} #${count}`;
  };
}

/** Milliseconds between two reports of how far a unit is. */
const PROGRESS_MS = 200;

/** Makes a stream of events. Without a listener, nothing becomes of them. */
export function createEvents(options: EventsOptions = {}): Events {
  const { signal, now = () => performance.now() } = options;
  const began = now();
  const listeners = new Set<Listener>();
  const idOf = idCounter();
  /** Ids of announced units that nobody does yet, by kind and name. */
  const announced = new Map<string, string[]>();
  const history: RunEvent[] = [];
  const emit = (happening: Happening) => {
    const event = Object.freeze({ ...happening, ms: Math.round(now() - began) });
    if (event.event !== "log" && event.event !== "unit.progress") history.push(event);
    for (const listener of listeners) listener(event);
  };

  function queue(spec: UnitSpec): string {
    const id = idOf(spec);
    emit({ event: "unit.queued", id, kind: spec.kind, name: spec.name });
    return id;
  }

  return Object.freeze<Events>({
    listen(listener, { replay = false } = {}) {
      if (replay) { for (const event of history) listener(event); }
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    log: (level, text) => emit({ event: "log", level, text }),
    expect: (expected) => emit({ event: "run.expected", ...expected }),
    stage: (stage) => emit({ event: "run.stage", ...stage }),
    sample: (sample) => emit({ event: "run.sample", ...sample }),
    begin: (command) =>
      emit({ event: "run.start", version: EVENTS_VERSION, at: new Date().toISOString(), command }),
    end: (code) => emit({ event: "run.end", code }),
    announce(specs) {
      for (const spec of specs) {
        const base = `${spec.kind} ${spec.name}`;
        announced.set(base, [...announced.get(base) ?? [], queue(spec)]);
      }
    },
    unit(spec) {
      const id = announced.get(`${spec.kind} ${spec.name}`)?.shift() ?? queue(spec);
      let ended = false;
      let said = -Infinity;
      const decoder = new TextDecoder();
      const end = (result: UnitResult, reason?: string) => {
        if (ended) return;
        ended = true;
        emit({ event: "unit.end", id, result, ...(reason === undefined ? {} : { reason }) });
      };
      return Object.freeze<Unit>({
        async run(work, given) {
          emit({ event: "unit.start", id });
          try {
            const result = await work();
            end("made");
            return result;
          } catch (error) {
            if (signal?.aborted === true || given?.aborted === true) end("stopped");
            else end("failed", error instanceof Error ? error.message : String(error));
            throw error;
          }
        },
        progress(progress) {
          const isLast = progress.done === progress.total;
          if (ended || (!isLast && now() - said < PROGRESS_MS)) return;
          said = now();
          emit({ event: "unit.progress", id, ...progress });
        },
        output(chunk) {
          const text = decoder.decode(chunk, { stream: true });
          if (text !== "") emit({ event: "log", level: "output", text, id });
        },
        reuse: (reason) => end("reused", reason),
      });
    },
  });
}
