/** Generated files: `make generated_files` and `kbuild generated_files`. */
import { join } from "@std/path";
import { createShell } from "../../src/shell/mod.ts";
import type { Bench, Side } from "./bench.ts";
import { type Cost, type Measure, wallOf } from "./measure.ts";
import type { Subject } from "./subject.ts";

/** A file of types with generators of every kind. */
const TYPES = "staging/src/k8s.io/api/batch/v1/types.go";
/** Files younger than this are not taken as known by either side (`TICK_MS` of golang/sources.ts). */
const YOUNG_MS = 4000;

/** Brings the checkout into the state that is measured; gets the number of the run. */
type Before = (run: number) => Promise<void>;

/** Nothing to do, everything from nothing with built generators, and one type more, each side by itself. */
export async function measureGenerated(
  { bench, scripts, real }: Subject,
  runs: number,
): Promise<readonly Measure[]> {
  const shell = createShell({ cwd: bench.tree, env: bench.env });
  const types = await Deno.readTextFile(join(bench.tree, TYPES)).catch(() => undefined);
  const cases: readonly { what: string; least: number; before: Before }[] = [
    { what: "nothing to do", least: 10, before: () => Promise.resolve() },
    {
      what: "everything from nothing",
      least: 1.5,
      before: async () => {
        await shell.run([
          ...["find", ".", "-path", "./vendor", "-prune", "-o", "-name", "zz_generated.*"],
          ...["!", "-path", "*/testdata/*", "-exec", "rm", "{}", "+"],
        ]);
      },
    },
    ...types === undefined ? [] : [{
      what: "one type more",
      least: 4,
      before: async (run: number) => {
        const more = `\n// Measured${run} is a type.\ntype Measured${run} struct {\n` +
          '\t// Name is a name.\n\tName string `json:"name" protobuf:"bytes,1,opt,name=name"`\n}\n';
        await Deno.writeTextFile(join(bench.tree, TYPES), types + more);
      },
    }],
  ];
  const measures: Measure[] = [];
  for (const { what, least, before } of cases) {
    console.error(`generated_files, ${what} …`);
    const make = scripts ? await repeat(bench, bench.make("generated_files"), before, runs) : [];
    const kbuild = await repeat(bench, bench.kbuild("generated_files"), before, runs);
    await shell.$`git checkout --quiet -- .`;
    measures.push({
      name: `generated_files, ${what}`,
      goal: `at most 1/${least} of make`,
      make,
      kbuild,
      met: scripts && real ? wallOf(kbuild) <= wallOf(make) / least : undefined,
    });
  }
  return measures;
}

/** Times of a side, after a run that builds the generators and makes everything. */
async function repeat(bench: Bench, side: Side, before: Before, runs: number): Promise<Cost[]> {
  await bench.time(side);
  const times: Cost[] = [];
  for (let run = 0; run < runs; run++) {
    await before(run);
    await new Promise((resolve) => setTimeout(resolve, YOUNG_MS));
    times.push(await bench.time(side));
  }
  return times;
}
