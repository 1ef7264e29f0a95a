import type { RunState, UnitState } from "../events/mod.ts";
import type { ReadRun } from "./runs.ts";

/** What a run came to, for tables and pages. */
export interface Figures {
  readonly command: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly code: number | undefined;
  /** Milliseconds from the beginning to the end. */
  readonly ms: number;
  /** Units in the order of their starts; those that did not have to begin come first. */
  readonly units: readonly UnitFigures[];
  readonly counts: Readonly<
    Record<"made" | "reused" | "failed" | "stopped" | "unfinished", number>
  >;
  /** What the machine did, oldest first. */
  readonly samples: RunState["samples"];
}

/** What a unit came to. */
export interface UnitFigures {
  readonly id: string;
  readonly kind: UnitState["kind"];
  readonly name: string;
  readonly result: UnitState["result"];
  readonly reason: string | undefined;
  /** Milliseconds since the run began; undefined where it did not begin. */
  readonly started: number | undefined;
  /** Milliseconds; 0 where it did not begin. */
  readonly ms: number;
  /** What it took in the last successful run of this command; undefined where that did not have it. */
  readonly before: number | undefined;
  /** Whether the run would have been shorter if this unit had been. */
  readonly critical: boolean;
}

/** Computes the figures of a run. */
export function figuresOf({ command, at, code, state }: ReadRun): Figures {
  const chain = criticalPath(state);
  const units = [...state.units.values()].map((unit): UnitFigures => {
    const { id, kind, name, result, reason, started, ended } = unit;
    return Object.freeze({
      ...{ id, kind, name, result, reason, started },
      ms: started === undefined ? 0 : (ended ?? state.ms) - started,
      before: state.expected[id],
      critical: chain.has(id),
    });
  }).sort((a, b) => (a.started ?? -1) - (b.started ?? -1));
  const counts = { made: 0, reused: 0, failed: 0, stopped: 0, unfinished: 0 };
  for (const { result } of units) counts[result ?? "unfinished"] += 1;
  return Object.freeze({
    ...{ command, at, code, ms: state.ms, units, counts, samples: state.samples },
  });
}

/**
 * The chain of units that made the run as long as it was, found backwards from the one that ended last:
 * before each comes the one that ended last when it began. Events tell when units ran, not what they need,
 * so a unit that waited for a free place counts, too.
 */
export function criticalPath({ units }: RunState): ReadonlySet<string> {
  const ran = [...units.values()].flatMap(({ id, started, ended }) =>
    started === undefined || ended === undefined ? [] : [{ id, started, ended }]
  );
  const chain = new Set<string>();
  let next = ran.toSorted((a, b) => b.ended - a.ended)[0];
  while (next !== undefined) {
    chain.add(next.id);
    const { started } = next;
    next = ran.filter(({ id, ended }) => !chain.has(id) && ended <= started)
      .toSorted((a, b) => b.ended - a.ended)[0];
  }
  return chain;
}
