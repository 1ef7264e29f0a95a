/** A release from nothing, against the same on clean clones elsewhere that share a store with it. */
import { dirname, join } from "@std/path";
import { renderTable } from "../../src/cli/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { Bench } from "./bench.ts";
import { type Cost, load, summary, wallOf } from "./measure.ts";

/** The most that a release may take with a warm store, as a part of that from nothing. */
const GOAL = 0.1;

/** All runs. */
export interface StoreBench {
  /** Each with an empty store. */
  readonly cold: readonly Cost[];
  /** Each with what the cold one before it has stored. */
  readonly warm: readonly Cost[];
  /** Median of warm by median of cold. */
  readonly ratio: number;
}

/**
 * Measures both in turn, each run in a clone of its own on another path, with empty caches of Go.
 *
 * @param what `WHAT` of the release; "" for all targets.
 */
export async function measureStore(bench: Bench, what: string, runs: number): Promise<StoreBench> {
  const { env, tree } = bench;
  const top = dirname(tree);
  const shell = createShell({ cwd: top, env });
  const [cold, warm]: [Cost[], Cost[]] = [[], []];
  const release = async (place: string, store: string): Promise<Cost> => {
    const clone = join(top, place, "kubernetes");
    await shell.$`git clone --quiet --no-hardlinks ${tree} ${clone}`;
    const own = new Bench(clone, env);
    const words = what === "" ? [] : [`WHAT=${what}`];
    const cost = await own.time(own.kbuild("quick-release", "--store", store, ...words));
    await shell.$`chmod -R u+w ${join(top, place)} && rm -rf ${join(top, place)}`;
    return cost;
  };
  for (let at = 0; at < runs; at++) {
    const store = join(top, `store-${at}`);
    console.error("quick-release, empty store …");
    cold.push(await release(`cold-${at}`, store));
    console.error("quick-release, warm store …");
    warm.push(await release(`warm-${at}-on-another-path`, store));
    await shell.$`rm -rf ${store}`;
  }
  return { cold, warm, ratio: wallOf(warm) / wallOf(cold) };
}

/** Prints a table. */
export function showStore(title: string, { cold, warm, ratio }: StoreBench): void {
  console.log(`${title}; ${navigator.hardwareConcurrency} processors, load ${load()}`);
  const met = ratio <= GOAL ? "met" : "MISSED";
  console.log(
    renderTable([
      ["", "EMPTY STORE", "WARM STORE", "RATIO", "GOAL"],
      [
        ...["quick-release, clean clone", summary(cold), summary(warm), ratio.toFixed(3)],
        `at most ${GOAL}: ${met}`,
      ],
    ]).trimEnd(),
  );
}
