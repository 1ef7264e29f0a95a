/** Builds of one program, and commands that only look. */
import type { Bench, Side } from "./bench.ts";
import { type Cost, type Measure, wallOf } from "./measure.ts";
import type { Subject } from "./subject.ts";

const TARGET = "WHAT=cmd/kubectl";
/** Files younger than this are not taken as known by either side (`TICK_MS` of golang/sources.ts). */
const YOUNG_MS = 4000;

/** From nothing: every package is compiled, every missing file generated. */
export async function measureCold({ bench, scripts, real }: Subject): Promise<Measure> {
  const make: Cost[] = [];
  if (scripts) {
    await bench.reset();
    console.error(`make all ${TARGET}, from nothing …`);
    make.push(await bench.time(bench.make("all", TARGET)));
  }
  await bench.reset();
  console.error(`kbuild all ${TARGET}, from nothing …`);
  const kbuild = [await bench.time(bench.kbuild("all", TARGET))];
  return {
    name: `all ${TARGET}, from nothing`,
    goal: "not slower than make",
    make,
    kbuild,
    met: scripts && real ? wallOf(kbuild) <= wallOf(make) : undefined,
  };
}

/**
 * Nothing to do, each side by itself: make gives files new times, after which kbuild rightly asks Go.
 * Nobody uses both in turn.
 */
export async function measureNothingToDo(
  { bench, scripts, real }: Subject,
  runs: number,
): Promise<Measure> {
  console.error(`all ${TARGET}, nothing to do …`);
  const make = scripts ? await repeat(bench, bench.make("all", TARGET), runs) : [];
  const kbuild = await repeat(bench, bench.kbuild("all", TARGET), runs);
  return {
    name: `all ${TARGET}, nothing to do`,
    goal: "at most 1/5 of make",
    make,
    kbuild,
    met: scripts && real ? wallOf(kbuild) <= wallOf(make) / 5 : undefined,
  };
}

/** Times of a side that has nothing to do, after two runs that bring it there. */
async function repeat(bench: Bench, side: Side, runs: number): Promise<Cost[]> {
  for (let run = 0; run < 2; run++) {
    await bench.time(side);
    await new Promise((resolve) => setTimeout(resolve, YOUNG_MS));
  }
  const times: Cost[] = [];
  for (let run = 0; run < runs; run++) times.push(await bench.time(side));
  return times;
}

/** A command that only looks, and the milliseconds that it may take. */
export async function measureLook(
  bench: Bench,
  command: string,
  options: { where: string; limit: number; runs: number },
): Promise<Measure> {
  const { where, limit, runs } = options;
  console.error(`${command}, ${where} …`);
  const [kbuild = []] = await bench.alternate(runs, [bench.kbuild(command)]);
  return {
    name: `${command}, ${where}`,
    goal: `at most ${limit} ms`,
    make: [],
    kbuild,
    met: wallOf(kbuild) <= limit,
  };
}
