import type { Progress, RunEvent, RunSample, UnitKind, UnitResult } from "./types.ts";

/** What is known of a unit. */
export interface UnitState {
  /** As in the events. */
  readonly id: string;
  /** What the unit does. */
  readonly kind: UnitKind;
  /** What is made. */
  readonly name: string;
  /** Milliseconds since the run began; undefined while it waits, or where it did not have to begin. */
  readonly started?: number | undefined;
  /** The same for its end. */
  readonly ended?: number | undefined;
  /** How far it is, where it says so. */
  readonly progress?: Progress | undefined;
  /** What became of it; undefined while it has not ended. */
  readonly result?: UnitResult | undefined;
  /** Why it was reused, or failed. */
  readonly reason?: string | undefined;
}

/** What can be told from the events of a run so far: the only thing that views draw. */
export class RunState {
  /** In the order in which they became known. */
  readonly units: Map<string, UnitState> = new Map();
  /** Milliseconds that units took before, by id; empty where nothing is known. */
  expected: Readonly<Record<string, number>> = {};
  /** The same of the last time that each was made. */
  made: Readonly<Record<string, number>> = {};
  /** What the machine did, oldest first. */
  readonly samples: (RunSample & { readonly ms: number })[] = [];
  /** Milliseconds since the run began: the time of the newest event. */
  ms = 0;

  /** Takes an event in. Events without a unit change the time alone. */
  add(event: RunEvent): void {
    this.ms = event.ms;
    if (event.event === "unit.queued") {
      const { id, kind, name } = event;
      this.units.set(id, { id, kind, name });
    } else if (event.event === "run.expected") {
      this.expected = event.units;
      this.made = event.made ?? {};
    } else if (event.event === "run.sample") {
      this.samples.push(event);
    } else if (event.event === "unit.start") {
      this.#change(event.id, { started: event.ms });
    } else if (event.event === "unit.progress") {
      const { done, total, of, at } = event;
      this.#change(event.id, { progress: { done, total, of, at } });
    } else if (event.event === "unit.end") {
      const { result, reason } = event;
      this.#change(event.id, { ended: event.ms, result, reason });
    }
  }

  /** Units at work, the longest first. */
  get running(): readonly UnitState[] {
    return [...this.units.values()].filter(isRunning)
      .sort((a, b) => (a.started ?? 0) - (b.started ?? 0));
  }

  /** Units that have ended, of one result where one is given. */
  ended(result?: UnitResult): readonly UnitState[] {
    return [...this.units.values()].filter((unit) =>
      unit.ended !== undefined && (result === undefined || unit.result === result)
    );
  }

  #change(id: string, changes: Partial<UnitState>): void {
    const unit = this.units.get(id);
    if (unit !== undefined) this.units.set(id, Object.freeze({ ...unit, ...changes }));
  }
}

function isRunning({ started, ended }: UnitState): boolean {
  return started !== undefined && ended === undefined;
}
