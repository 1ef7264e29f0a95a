import type { Unit } from "../../events/mod.ts";
import { ifPossible } from "../../files/mod.ts";
import type { KubeContext } from "../init.ts";
import type { BuildStep } from "./plan.ts";

/** So many packages are compiled before it is worth asking how many there are. */
const WORTH = 8;

/** Reports which packages a step compiles. */
export interface CompileProgress {
  /** Takes a line that `go -v` prints: the import path of a package that is about to be compiled. */
  compiles(goPackage: string): void;
  /** Ends it; to be awaited, since a `go` may still be at work. */
  end(): Promise<void>;
}

/**
 * Reports the packages that a step compiles, by the lines of `go list -v`. Go begins packages in the order
 * of their dependencies, which `go list -deps` prints: the place of the latest one there is how far the step
 * is, whether or not those before it come from the build cache. That list is asked for when some packages
 * have been compiled already, so that a build with little to do does not pay for it.
 */
export function reportPackages(
  { builder: { shell } }: Pick<KubeContext, "builder">,
  step: BuildStep,
  { unit, signal }: { unit: Unit; signal: AbortSignal },
): CompileProgress {
  const begun: string[] = [];
  let order: ReadonlyMap<string, number> | undefined;
  let asking: Promise<void> | undefined;
  const ended = new AbortController();
  const report = (at: string) => {
    if (order === undefined) return unit.progress({ done: begun.length, of: "packages", at });
    // The packages of this build; one that is not in the list is a test's.
    const done = Math.max(...begun.map((name) => order?.get(name) ?? 0));
    unit.progress({ done, total: order.size, of: "packages", at });
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
