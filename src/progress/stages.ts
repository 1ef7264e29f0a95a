import type { RunEvent, RunStage, RunState, StageName, UnitKind } from "../events/mod.ts";
import { ifPossibleSync, readTextSync } from "../files/mod.ts";

/** The stage of each kind of unit. */
export const STAGES: Readonly<Record<UnitKind, StageName>> = Object.freeze({
  fetch: "fetch",
  unpack: "fetch",
  generate: "generate",
  build: "build",
  image: "package",
  tarball: "package",
  package: "package",
  sbom: "package",
  compress: "push",
  push: "push",
  load: "load",
  test: "test",
});

/** Milliseconds of a tick of `/proc/self/stat`: Linux counts 100 a second for programs. */
const TICK_MS = 10;

/**
 * Milliseconds of processors that this process and the programs that it has waited for have used, or those
 * programs alone; undefined where the system does not say, as on macOS.
 */
export function processorTime(whose: "all" | "programs" = "all"): number | undefined {
  const text = ifPossibleSync(() => readTextSync("/proc/self/stat"));
  // proc(5): the name in parentheses may hold anything; utime, stime, cutime and cstime are fields 14 to 17.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ").slice(11, 15).map(Number);
  if (fields?.length !== 4 || fields.some(Number.isNaN)) return undefined;
  const counted = whose === "all" ? fields : fields.slice(2);
  return counted.reduce((sum, ticks) => sum + ticks, 0) * TICK_MS;
}

/** Measures what each stage takes of the processors, by the events of its units. */
export class StageMeter {
  readonly #read: () => number | undefined;
  readonly #processor = new Map<StageName, number>();
  #stage: StageName | undefined;
  #last: number | undefined;

  /** @param read Gives milliseconds of processors so far. */
  constructor(read: () => number | undefined = () => processorTime()) {
    this.#read = read;
  }

  /** Takes an event. Between two stages, what is used counts for the one before. */
  add(event: RunEvent, { units }: RunState): void {
    if (event.event !== "unit.start" && event.event !== "unit.end") return;
    const stage = STAGES[units.get(event.id)?.kind ?? "build"];
    if (event.event === "unit.start" && stage === this.#stage) return;
    this.#settle();
    this.#stage = stage;
  }

  #settle(): void {
    const now = this.#read();
    const { [0]: stage, [1]: last } = [this.#stage, this.#last];
    this.#last = now;
    if (now === undefined || last === undefined || stage === undefined) return;
    this.#processor.set(stage, (this.#processor.get(stage) ?? 0) + now - last);
  }

  /** What the stages came to so far, in the order in which they began. */
  stages({ units }: RunState): readonly Omit<RunStage, "event">[] {
    this.#settle();
    const spans = new Map<StageName, (readonly [from: number, to: number])[]>();
    for (const { kind, started, ended } of units.values()) {
      if (started === undefined || ended === undefined) continue;
      const stage = STAGES[kind];
      spans.set(stage, [...spans.get(stage) ?? [], [started, ended]]);
    }
    return [...spans].map(([stage, times]) => {
      const processor = this.#processor.get(stage);
      const wall = covered(times);
      return Object.freeze({ stage, wall, ...processor === undefined ? {} : { processor } });
    });
  }
}

/** Milliseconds that spans cover together. */
function covered(spans: readonly (readonly [from: number, to: number])[]): number {
  let [sum, end] = [0, -Infinity];
  for (const [from, to] of spans.toSorted(([a], [b]) => a - b)) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}
