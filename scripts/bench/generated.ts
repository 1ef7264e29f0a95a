/** Generated files: `make generated_files` and `kbuild generated_files`. */
import { join } from "@std/path";
import { createShell } from "../../src/shell/mod.ts";
import { Bench } from "./bench.ts";
import { type Cost, type Measure, wallOf } from "./measure.ts";
import type { Subject } from "./subject.ts";

/** A file of types with generators of every kind. */
const TYPES = "staging/src/k8s.io/api/batch/v1/types.go";
/** Files younger than this are not taken as known by either side (`TICK_MS` of golang/sources.ts). */
const YOUNG_MS = 4000;

/** Brings a checkout into the state that is measured; gets the number of the run. */
type Before = (tree: string, run: number) => Promise<void>;

/**
 * Nothing to do, everything from nothing with built generators, and one type more. Each side has a copy of its own,
 * so that neither finds what the other one has written, and both are measured in turn.
 */
export async function measureGenerated(
  { bench, scripts, real }: Subject,
  runs: number,
): Promise<readonly Measure[]> {
  const other = new Bench(join(bench.env["TMPDIR"] ?? bench.tree, "by-make"), bench.env);
  const shell = createShell({ cwd: bench.tree, env: bench.env });
  const types = await Deno.readTextFile(join(bench.tree, TYPES)).catch(() => undefined);
  const cases: readonly { what: string; least: number; before: Before }[] = [
    { what: "nothing to do", least: 10, before: () => Promise.resolve() },
    {
      what: "everything from nothing",
      least: 1.5,
      before: async (cwd) => {
        await shell.run([
          ...["find", ".", "(", "-path", "./vendor", "-o", "-path", "./_output", ")", "-prune"],
          ...[
            "-o",
            "-name",
            "zz_generated.*",
            "!",
            "-path",
            "*/testdata/*",
            "-exec",
            "rm",
            "{}",
            "+",
          ],
        ], { cwd });
      },
    },
    ...types === undefined ? [] : [{
      what: "one type more",
      least: 4,
      before: async (tree: string, run: number) => {
        const more = `\n// Measured${run} is a type.\ntype Measured${run} struct {\n` +
          '\t// Name is a name.\n\tName string `json:"name" protobuf:"bytes,1,opt,name=name"`\n}\n';
        await Deno.writeTextFile(join(tree, TYPES), types + more);
      },
    }],
  ];
  const sides = [
    ...scripts ? [{ tree: other.tree, time: () => other.time(other.make("generated_files")) }] : [],
    { tree: bench.tree, time: () => bench.time(bench.kbuild("generated_files")) },
  ];
  if (scripts) {
    await shell.run(["git", "clone", "--quiet", "--no-hardlinks", bench.tree, other.tree]);
  }
  console.error("generated_files, building generators …");
  // The first run builds the generators and makes everything, the second settles what the first one has made.
  for (const { time } of [...sides, ...sides]) await time();
  const measures: Measure[] = [];
  for (const { what, least, before } of cases) {
    console.error(`generated_files, ${what} …`);
    const times: Cost[][] = sides.map(() => []);
    for (let run = 0; run < runs; run++) {
      for (const [index, { tree, time }] of sides.entries()) {
        await before(tree, run);
        await new Promise((resolve) => setTimeout(resolve, YOUNG_MS));
        times[index]?.push(await time());
      }
    }
    const [kbuild = [], make = []] = times.toReversed();
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
