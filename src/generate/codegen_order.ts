import { dirname } from "@std/path";
import { startsGo } from "./codecgen.ts";
import type { GoGraph } from "./go_graph.ts";
import type { StaleTask } from "./stale_task.ts";
import { callsOf } from "./step_calls.ts";

/** Directories that a task reads, and those that it may write to. */
interface Places {
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
  /** Written to with all below them. */
  readonly trees: readonly string[];
  readonly tools: ReadonlySet<string>;
}

/**
 * For each start of a generator, the earlier ones that it waits for: those that write what it reads, or read what it
 * writes, and those that build a program that it starts. All work in one copy of the sources, so the result is that of
 * the script's order.
 */
export function codegenOrder(
  stale: readonly StaleTask[],
  graph: GoGraph,
): readonly (readonly number[])[] {
  const places = stale.map((each) => placesOf(each, graph));
  return Object.freeze(
    stale.map((task, at) =>
      Object.freeze(
        [...places.slice(0, at).keys()].filter((before) =>
          touches(places[before]!, places[at]!) || touches(places[at]!, places[before]!) ||
          sharesBuild([stale[before]!, places[before]!], [task, places[at]!])
        ),
      )
    ),
  );
}

function placesOf({ task, outputs, removes, installs }: StaleTask, graph: GoGraph): Places {
  const { step, inputs, trees, names } = task;
  const tools = new Set(Object.values(task.tools));
  const calls = callsOf([step]);
  const printers = calls.flatMap(({ reads }) => reads.map(({ call }) => task.tools[call.program]));
  const compiled = installs.length === 0 ? printers : [...tools, ...printers];
  const packages = inputs.flatMap((place) => [place, ...graph.taggedPackages(place)]);
  // What is compiled has generated files in it, too.
  const part = calls.some(startsGo) ? "content" : "sources";
  const programs = compiled.filter((path) => path !== undefined).map((path) =>
    path.startsWith("./") ? path.slice(2) : graph.resolve(path) ?? path
  );
  // What is removed before a step may be the file of another one.
  const made = [...step.kind === "write" ? [step.path] : outputs, ...removes];
  const own = new Set(made.map((path) => dirname(path)));
  // A generator with an output directory may write to its packages, too, unless it has made files elsewhere alone.
  const isElsewhere = step.kind === "write" ||
    (trees.length > 0 && names === undefined && own.size > 0 &&
      !inputs.some((place) => own.has(place)));
  return {
    reads: new Set([
      ...packages.flatMap((place) => [...graph.closure(place, part)]),
      ...programs.flatMap((place) => [...graph.closure(place, "content")]),
      ...task.files.map((path) => dirname(path)),
    ]),
    writes: new Set(isElsewhere ? own : [...own, ...inputs]),
    trees: step.kind === "write" ? [] : trees,
    tools,
  };
}

/** Whether one writes where the other reads or writes. */
function touches(one: Places, other: Places): boolean {
  const isIn = (path: string, tree: string) => path === tree || path.startsWith(`${tree}/`);
  for (const place of one.writes) {
    if (other.reads.has(place) || other.writes.has(place)) return true;
  }
  return one.trees.some((tree) =>
    [other.reads, other.writes, other.trees].some((places) =>
      [...places].some((place) => isIn(place, tree))
    )
  );
}

/** Whether one builds a program that the other starts. */
function sharesBuild(
  [one, { tools }]: readonly [StaleTask, Places],
  [other, { tools: others }]: readonly [StaleTask, Places],
): boolean {
  if (one.installs.length + other.installs.length === 0) return false;
  return [...tools].some((tool) => others.has(tool));
}

/**
 * Does work in an order, several at once. After a failure nothing more begins; the first error is thrown when what runs
 * has ended.
 *
 * @param order For each index, the earlier ones that it waits for.
 */
export async function runInOrder(
  order: readonly (readonly number[])[],
  concurrency: number,
  work: (index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const done = new Set<number>();
  const running = new Map<number, Promise<void>>();
  let waiting: readonly number[] = [...order.keys()];
  const begin = async (index: number) => {
    try {
      await work(index, failure.signal);
    } catch (error) {
      failure.abort(error);
    }
    done.add(index);
    running.delete(index);
  };
  while (waiting.length > 0 && !failure.signal.aborted) {
    const free = Math.max(concurrency, 1) - running.size;
    const ready = waiting.filter((index) => order[index]!.every((each) => done.has(each)))
      .slice(0, free);
    waiting = waiting.filter((index) => !ready.includes(index));
    for (const index of ready) running.set(index, begin(index));
    await Promise.race(running.values());
  }
  await Promise.all(running.values());
  failure.signal.throwIfAborted();
}
