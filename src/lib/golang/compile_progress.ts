import type { Unit } from "../../events/mod.ts";
import { ifPossible } from "../../files/mod.ts";
import type { KubeContext } from "../init.ts";
import type { BuildStep } from "./plan.ts";

/** So many packages are compiled before it is worth asking how many there are. */
const WORTH = 8;

/** So many packages, those begun last, say how far a build is. */
const RECENT = 15;

/** Reports which packages a step compiles. */
export interface CompileProgress {
  /** Takes a line that `go -v` prints: the import path of a package that is about to be compiled. */
  compiles(goPackage: string): void;
  /** Ends it; to be awaited, since a `go` may still be at work. */
  end(): Promise<void>;
}

/**
 * How far a build is: the median place of the packages begun last. Go begins packages in about the order
 * of its list, but takes one from far down when everything before waits for a large package: the furthest
 * place would soon say that all is done.
 *
 * @param begun Import paths, in the order of their beginning.
 * @param order Import path -> place in the list, from 0. One that is not in it is a test's.
 * @returns The number of packages in the list before that place.
 */
export function packagesBehind(
  begun: readonly string[],
  order: ReadonlyMap<string, number>,
): number {
  const places: number[] = [];
  for (let at = begun.length - 1; at >= 0 && places.length < RECENT; at--) {
    const place = order.get(begun[at] ?? "");
    if (place !== undefined) places.push(place);
  }
  return places.sort((a, b) => a - b)[places.length >> 1] ?? 0;
}

/**
 * Reports the packages that a step compiles, by the lines of `go list -v`. Go begins packages in about the
 * order of their dependencies, which `go list -deps` prints: the places there say how far the step is,
 * whether or not others come from the build cache. That list is asked for when some packages have been
 * compiled already, so that a build with little to do does not pay for it.
 */
export function reportPackages(
  { builder: { shell } }: Pick<KubeContext, "builder">,
  step: BuildStep,
  { unit, signal }: { unit: Unit; signal: AbortSignal },
): CompileProgress {
  const begun: string[] = [];
  let order: ReadonlyMap<string, number> | undefined;
  let behind = 0;
  let asking: Promise<void> | undefined;
  const ended = new AbortController();
  const report = (at: string) => {
    if (order === undefined) return unit.progress({ done: begun.length, of: "packages", at });
    // It never goes back.
    behind = Math.max(behind, packagesBehind(begun, order));
    unit.progress({ done: behind, total: order.size, of: "packages", at });
  };
  const ask = async () => {
    const listed = await ifPossible(shell.run(orderArguments(step.buildIds ?? []), {
      cwd: step.cwd,
      env: step.env,
      allowed: "any",
      signal: AbortSignal.any([signal, ended.signal]),
    }));
    if (listed?.code !== 0) return;
    const names = listed.stdout.split("\n").filter((name) => name !== "");
    order = new Map(names.map((name, index) => [name, index]));
  };
  return Object.freeze<CompileProgress>({
    compiles(goPackage) {
      begun.push(goPackage);
      if (begun.length === WORTH) asking = ask();
      report(goPackage);
    },
    async end() {
      ended.abort();
      await asking;
      // What links comes next.
      if (order !== undefined) {
        unit.progress({ done: order.size, total: order.size, of: "packages" });
      }
    },
  });
}

/** `go list -export -deps -f … -v`: nothing is compiled, and only names are printed. */
function orderArguments(buildIds: readonly string[]): readonly string[] {
  const at = buildIds.indexOf("-f");
  return buildIds.filter((word, index) => word !== "-export" && index !== at && index !== at + 1);
}
