/**
 * Simulates a release on 1, 4, 16 and 64 workers (docs/simulation.md).
 *
 * Usage: simulate.ts [UNITS.json] [WORKERS…]
 *
 * UNITS.json is what `kbuild plan --units --json` prints; units without a recorded time are left out of the sum and count
 * as 0. Without one, it is the table of a full release of 1.28.
 */
import { criticalPath, simulateAll, type SimulatedUnit } from "./simulate_model.ts";
import { release128 } from "./simulate_release.ts";

const files = Deno.args.filter((word) => !/^\d+$/.test(word));
const counts = Deno.args.filter((word) => /^\d+$/.test(word)).map(Number);
const [file] = files;
const units = file === undefined ? release128() : readUnits(await Deno.readTextFile(file));
const options = { fetchSeconds: 2 };
console.log("workers  time        speed-up");
for (
  const { seconds, speedup, workers } of simulateAll(
    units,
    counts.length === 0 ? [1, 4, 16, 64] : counts,
    options,
  )
) {
  const time = `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  console.log(`${String(workers).padEnd(8)} ${time.padEnd(11)} ${speedup.toFixed(1)}`);
}
console.log("critical path:");
for (const { id, seconds } of criticalPath(units)) console.log(`  ${id} ${Math.round(seconds)} s`);

function readUnits(text: string): readonly SimulatedUnit[] {
  const { units } = JSON.parse(text) as {
    units: readonly { id: string; needs: readonly string[]; seconds: number | null }[];
  };
  const unknown = units.filter(({ seconds }) => seconds === null).length;
  if (unknown > 0) {
    console.log(`${unknown} of ${units.length} units have no time, and count as 0 s`);
  }
  return units.map(({ id, needs, seconds }) => ({ id, needs, seconds: seconds ?? 0 }));
}
