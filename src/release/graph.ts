/** One thing to make, which may need others. */
export interface Task<T> {
  readonly name: string;
  /** Names of the tasks whose results it needs. */
  readonly needs: readonly string[];
  /** @param results Of everything in `needs`, by name. */
  run(results: ReadonlyMap<string, T>, signal: AbortSignal): Promise<T>;
}

/**
 * Runs tasks as soon as what they need is there, in their order as far as that allows, and at most
 * `limit` at once. The first failure stops the others; it is thrown when all have ended.
 *
 * @returns The results by name.
 * @throws {RangeError} Tasks that wait for each other, or for one that is not there.
 */
export async function runGraph<T>(
  tasks: readonly Task<T>[],
  options: { limit: number; signal?: AbortSignal | undefined },
): Promise<ReadonlyMap<string, T>> {
  const stop = new AbortController();
  const { signal: outer, limit } = options;
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const results = new Map<string, T>();
  const waiting = [...tasks];
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];

  const startNext = (): boolean => {
    if (failures.length > 0 || running.size >= limit) return false;
    const index = waiting.findIndex(({ needs }) => needs.every((name) => results.has(name)));
    if (index < 0) return false;
    const [task] = waiting.splice(index, 1) as [Task<T>];
    const run = async () => {
      try {
        signal.throwIfAborted();
        results.set(task.name, await task.run(results, signal));
      } catch (error) {
        failures.push(error);
        stop.abort(error);
      }
    };
    const done = run().finally(() => running.delete(done));
    running.add(done);
    return true;
  };

  while (true) {
    while (startNext());
    if (running.size === 0) break;
    await Promise.race(running);
  }
  if (failures.length > 0) throw failures[0];
  if (waiting.length > 0) {
    throw new RangeError(`Cannot start "${waiting[0]?.name}": what it needs is never made`);
  }
  return results;
}
