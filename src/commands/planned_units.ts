import { relative } from "@std/path";
import { idCounter, type UnitSpec } from "../events/mod.ts";
import { ifPossible } from "../files/mod.ts";
import { plannedKeys, type PreparedBuild, unitOfStep } from "../lib/golang/mod.ts";
import { artifactKeys, type PackagePlan } from "../release/mod.ts";
import { keptRuns, readRun } from "../timings/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { PlannedBuild } from "./build_run.ts";
import type { OpenCheckout } from "./context.ts";
import type { PlannedUnit } from "./plan_steps.ts";

/** A package of a distribution that is planned, with its key. */
export interface KeyedPackage {
  readonly unit: UnitSpec;
  /** Absolute. */
  readonly path: string;
  /** In Go's spelling. */
  readonly platform: string;
  readonly key: string | undefined;
  readonly why: string | undefined;
}

/** What a command makes. */
interface PlannedWork {
  readonly build?: PlannedBuild | undefined;
  /** Made of the build, or of binaries that are there. */
  readonly release?: PackagePlan;
  /** Made of binaries that are there. */
  readonly packages?: readonly KeyedPackage[];
}

/**
 * The units of a build, of the release that is made of it, and packages. Go is asked what programs are made of;
 * nothing is built or written.
 */
export async function unitsOf(
  open: OpenCheckout,
  { build, release, packages = [] }: PlannedWork,
): Promise<readonly PlannedUnit[]> {
  const { context } = open;
  const times = await recordedTimes(context);
  const idOf = idCounter();
  const units: PlannedUnit[] = [];
  const add = (
    { kind, name }: UnitSpec,
    { leaves, ...rest }: Omit<PlannedUnit, "id" | "kind" | "name" | "seconds">,
  ): string => {
    const id = idOf({ kind, name });
    const below = leaves.map((path) => relative(context.root, path));
    const took = times[id];
    units.push(Object.freeze({
      ...{ id, kind, name, ...rest, leaves: below },
      seconds: took === undefined ? null : took / 1000,
    }));
    return id;
  };

  const generated: string[] = [];
  const programs = new Map<string, { readonly key: string | undefined; readonly id: string }>();
  const addSteps = async (
    prepared: (PreparedBuild & Partial<Pick<PlannedBuild, "elsewhere">>) | undefined,
    needs: readonly string[],
  ) => {
    if (prepared === undefined) return [];
    const keys = await plannedKeys(context, open.checkout, prepared);
    return prepared.plan.platforms.flatMap(({ steps }) =>
      steps.map((step) => {
        const { key, why } = keys.get(step)!;
        const isLate = needs.length > 0;
        const id = add(unitOfStep(step), {
          platform: step.platform,
          // The generated files that it is made of may change.
          key: isLate ? null : key ?? null,
          why: isLate ? "files are generated before" : why ?? null,
          needs,
          leaves: step.outputs.map(({ placed }) => placed),
        });
        for (const { placed } of step.outputs) {
          programs.set(placed, { key: isLate ? undefined : key, id });
        }
        return id;
      })
    );
  };
  if (build !== undefined) {
    const { tools, files } = build.generation;
    const makers = await addSteps(tools, []);
    for (const { file, output } of files) {
      generated.push(add({ kind: "generate", name: file.output }, {
        ...{ platform: null, key: null, why: "its key is not planned", needs: makers },
        leaves: [output],
      }));
    }
    await addSteps(build, generated);
  }
  for (const { unit, path, platform, key, why } of packages) {
    add(unit, { platform, key: key ?? null, why: why ?? null, needs: [], leaves: [path] });
  }
  if (release === undefined) return Object.freeze(units);
  const artifacts = new Map<string, string>();
  const keyed = await artifactKeys(context, release, (placed) => programs.get(placed)?.key);
  for (const { unit, path, key, why, programs: inside, artifacts: above } of keyed) {
    const needs = [
      ...inside.flatMap((placed) => programs.get(placed)?.id ?? []),
      ...above.flatMap((each) => artifacts.get(each) ?? []),
    ];
    const platform = / for (\S+)$/.exec(unit.name)?.[1] ?? null;
    artifacts.set(
      path,
      add(unit, {
        ...{ platform, key: key ?? null, why: why ?? null },
        needs: [...new Set(needs)],
        leaves: [`${context.outputRoot}/${path}`],
      }),
    );
  }
  return Object.freeze(units);
}

/** Milliseconds that each unit took when it was last made, by its id. */
async function recordedTimes(context: KubeContext): Promise<Record<string, number>> {
  const took: Record<string, number> = {};
  for (const { path } of (await keptRuns(context)).toReversed()) {
    const run = await ifPossible(readRun(path));
    for (const { id, started, ended, result } of run?.state.units.values() ?? []) {
      if (result === "made" && started !== undefined && ended !== undefined) {
        took[id] = ended - started;
      }
    }
  }
  return took;
}
