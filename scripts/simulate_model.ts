/**
 * A model of a release on several machines: units of work with the seconds that each takes, workers that take the next
 * unit whose inputs are there.
 */

/** A unit of work, as `kbuild plan --units --json` has it. */
export interface SimulatedUnit {
  readonly id: string;
  /** Ids of units that must be made before. */
  readonly needs: readonly string[];
  /** On one worker that does nothing else and has compiled nothing of it. */
  readonly seconds: number;
  /** Units of one name share compiled packages on a worker. */
  readonly cache?: string;
  /** Seconds on a worker that has made another unit of that name; default: {@linkcode seconds}. */
  readonly warmSeconds?: number;
}

/** What a number of workers comes to. */
export interface Simulated {
  readonly workers: number;
  /** Until the last unit is made. */
  readonly seconds: number;
  /** How many times less than the time of one worker. */
  readonly speedup: number;
}

/** Options of {@linkcode simulate}. */
export interface SimulateOptions {
  /** Seconds that a unit takes more where others made its inputs: the store is asked, files are fetched. */
  readonly fetchSeconds: number;
}

/**
 * Has workers make units: one that is free takes, of those whose needs are made, the one with the longest way to the end
 * (list scheduling by critical path). Pure.
 *
 * @throws {Error} A unit needs one that does not exist, or itself.
 */
export function simulate(
  units: readonly SimulatedUnit[],
  workers: number,
  { fetchSeconds }: SimulateOptions,
): number {
  const ways = waysToEnd(units);
  const waiting = new Map(units.map((unit) => [unit.id, new Set(unit.needs)]));
  const ready = units.filter(({ needs }) => needs.length === 0);
  const madeBy = new Map<string, number>();
  const compiled = Array.from({ length: workers }, () => new Set<string>());
  const free = Array.from({ length: workers }, (_, index) => index);
  const running: { unit: SimulatedUnit; worker: number; end: number }[] = [];
  const rest = new Map(units.map((unit) => [unit.id, unit]));
  let now = 0;
  while (ready.length > 0 || running.length > 0) {
    ready.sort((a, b) => ways.get(b.id)! - ways.get(a.id)!);
    while (ready.length > 0 && free.length > 0) {
      const unit = ready.shift()!;
      const { cache, seconds, warmSeconds = seconds } = unit;
      const isWarm = (worker: number) => cache !== undefined && compiled[worker]!.has(cache);
      const made = (worker: number) => unit.needs.some((id) => madeBy.get(id) === worker);
      const worker = free.find(isWarm) ?? free.find(made) ?? free[0]!;
      const own = isWarm(worker) ? warmSeconds : seconds;
      if (cache !== undefined) compiled[worker]!.add(cache);
      free.splice(free.indexOf(worker), 1);
      const isForeign = unit.needs.some((id) => madeBy.get(id) !== worker);
      running.push({ unit, worker, end: now + own + (isForeign ? fetchSeconds : 0) });
    }
    running.sort((a, b) => a.end - b.end);
    const { unit, worker, end } = running.shift()!;
    now = end;
    madeBy.set(unit.id, worker);
    free.push(worker);
    rest.delete(unit.id);
    for (const [id, needs] of waiting) {
      if (needs.delete(unit.id) && needs.size === 0) ready.push(rest.get(id)!);
    }
  }
  return now;
}

/** Simulates each number of workers. One worker makes the units in the order of the list, which keeps platforms together. */
export function simulateAll(
  units: readonly SimulatedUnit[],
  counts: readonly number[],
  options: SimulateOptions,
): readonly Simulated[] {
  const compiled = new Set<string>();
  let one = 0;
  for (const { cache, seconds, warmSeconds = seconds } of units) {
    one += cache !== undefined && compiled.has(cache) ? warmSeconds : seconds;
    if (cache !== undefined) compiled.add(cache);
  }
  return counts.map((workers) => {
    const seconds = workers === 1 ? one : simulate(units, workers, options);
    return Object.freeze({ workers, seconds, speedup: one / seconds });
  });
}

/** The units that no number of workers makes faster: the longest way from the first to the last. */
export function criticalPath(units: readonly SimulatedUnit[]): readonly SimulatedUnit[] {
  const ways = waysToEnd(units);
  const longest = (candidates: readonly SimulatedUnit[]) =>
    candidates.toSorted((a, b) => ways.get(b.id)! - ways.get(a.id)!)[0];
  const path: SimulatedUnit[] = [];
  for (
    let unit = longest(units.filter(({ needs }) => needs.length === 0));
    unit !== undefined;
    unit = longest(units.filter(({ needs }) => needs.includes(path.at(-1)!.id)))
  ) path.push(unit);
  return Object.freeze(path);
}

/** Seconds from the beginning of each unit to the end of everything that needs it. */
function waysToEnd(units: readonly SimulatedUnit[]): ReadonlyMap<string, number> {
  const byId = new Map(units.map((unit) => [unit.id, unit]));
  const after = new Map<string, SimulatedUnit[]>();
  for (const unit of units) {
    for (const id of unit.needs) {
      if (!byId.has(id)) throw new Error(`"${unit.id}" needs "${id}", which is not a unit`);
      after.set(id, [...after.get(id) ?? [], unit]);
    }
  }
  const ways = new Map<string, number>();
  const visiting = new Set<string>();
  const visit = (unit: SimulatedUnit): number => {
    const known = ways.get(unit.id);
    if (known !== undefined) return known;
    if (visiting.has(unit.id)) throw new Error(`"${unit.id}" needs itself`);
    visiting.add(unit.id);
    const way = unit.seconds + Math.max(0, ...(after.get(unit.id) ?? []).map(visit));
    visiting.delete(unit.id);
    ways.set(unit.id, way);
    return way;
  };
  for (const unit of units) visit(unit);
  return ways;
}
