/** Builds of one program, and commands that only look. */
import type { Bench } from "./bench.ts";
import { type Measure, median } from "./measure.ts";
import type { Subject } from "./subject.ts";

const TARGET = "WHAT=cmd/kubectl";

/** From nothing: every package is compiled, every missing file generated. */
export async function measureCold({ bench, scripts, real }: Subject): Promise<Measure> {
  const make: number[] = [];
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
    met: scripts && real ? median(kbuild) <= median(make) : undefined,
  };
}

export async function measureNothingToDo(
  { bench, scripts, real }: Subject,
  runs: number,
): Promise<Measure> {
  const sides = [bench.kbuild("all", TARGET), ...(scripts ? [bench.make("all", TARGET)] : [])];
  console.error(`all ${TARGET}, nothing to do …`);
  // What one side compiles or generates and the other does not.
  for (const side of [...sides].reverse()) await bench.time(side);
  const [kbuild = [], make = []] = await bench.alternate(runs, sides);
  return {
    name: `all ${TARGET}, nothing to do`,
    goal: "at most 1/5 of make",
    make,
    kbuild,
    met: scripts && real ? median(kbuild) <= median(make) / 5 : undefined,
  };
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
    met: median(kbuild) <= limit,
  };
}
