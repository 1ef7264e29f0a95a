import { join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { ifPossible, removeTree } from "../files/mod.ts";
import { askGit } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { WORK } from "./generation_steps.ts";
import { contentOf, type ItemRecord, seenFile, writeItemState } from "./item_state.ts";
import { addsBuildLines, compareMade, type GeneratorsPlan, makeAside } from "./run_generators.ts";
import { checkViolations } from "./tool_command.ts";

/** A generated file that is not what its generator makes. */
export interface GeneratedDifference {
  /** Below the root. */
  readonly path: string;
  /** Name of the generator. */
  readonly generator: string;
  /** For people: "it is missing", "it differs". */
  readonly why: string;
  /** What is there; undefined if nothing is. */
  readonly existing: string | undefined;
  /** What the generator makes; undefined if it makes none. */
  readonly made: string | undefined;
}

/** Violations of API rules that are not the known ones. */
export interface GeneratedViolations {
  /** `The API rule violations of KUBE differ …`. */
  readonly message: string;
  /** New ones, a line each. */
  readonly added: readonly string[];
  /** What to do. */
  readonly notes: readonly string[];
}

/** What {@linkcode verifyGenerators} found. */
export interface GeneratorsVerdict {
  /** Files that are not what their generators make. */
  readonly differences: readonly GeneratedDifference[];
  /** Violations of API rules. */
  readonly violations: readonly GeneratedViolations[];
  /** Files that differ only in what a newer Go adds; below the root. */
  readonly newerGo: readonly string[];
}

/**
 * Generates what is not known to be up to date, aside, and compares it with the files of the checkout. Nothing in
 * the checkout changes. Files that git ignores are generated, but not compared: builds make them.
 *
 * @throws {KbuildError} A generator failed.
 */
export async function verifyGenerators(
  context: KubeContext,
  checkout: Checkout,
  plan: GeneratorsPlan,
): Promise<GeneratorsVerdict> {
  const { tasks, found, orphans } = plan;
  const violations: GeneratedViolations[] = [];
  const differences: GeneratedDifference[] = [];
  const newerGo: string[] = [];
  const records: Record<string, ItemRecord> = {};
  try {
    const tolerant = addsBuildLines(checkout, found.go);
    const broken = new Set<string>();
    await makeAside(context, checkout, plan, async ({ file, work, makes }) => {
      if (file?.kind !== "openapi") return;
      try {
        await checkViolations(context, file, work);
      } catch (error) {
        if (!(error instanceof KbuildError)) throw error;
        const { message, output = [], notes } = error;
        violations.push({ message, added: output, notes });
        for (const { item } of makes) broken.add(item.output);
      }
    });
    const ignored = await ignoredFiles(
      context,
      tasks.flatMap(({ makes }) => makes.map(({ item }) => item.output)),
    );
    for (const each of tasks.flatMap(({ makes }) => makes)) {
      const { item: { output, generator }, inputs } = each;
      const path = join(context.root, output);
      const made = await compareMade(each, tolerant);
      if (made.result === "newer Go") newerGo.push(output);
      if (made.result !== "differs") {
        if (inputs === "" || broken.has(output)) continue;
        records[output] = {
          ...{ generator, inputs },
          isMade: made.result !== "none",
          output: await contentOf(path),
          seen: seenFile(path),
        };
      } else if (!ignored.has(output)) {
        differences.push({
          path: output,
          generator,
          why: made.existing === undefined ? "it is missing" : "it is not what its generator makes",
          existing: made.existing === undefined ? undefined : textOf(made.existing),
          made: textOf(made.wanted),
        });
      }
    }
  } finally {
    await ifPossible(removeTree(join(context.output, WORK)));
  }
  for (const path of orphans) {
    const why = "no generator makes it any more";
    differences.push({ path, generator: "", why, existing: undefined, made: undefined });
  }
  await found.sources?.save();
  if (found.isNew) {
    const { state } = found;
    await writeItemState(context, { ...state, items: { ...state.items, ...records } });
  }
  const byPath = (a: GeneratedDifference, b: GeneratedDifference) => a.path < b.path ? -1 : 1;
  return Object.freeze({
    differences: Object.freeze(differences.toSorted(byPath)),
    violations: Object.freeze(violations),
    newerGo: Object.freeze(newerGo.sort()),
  });
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Which files git ignores; none where git cannot say. */
async function ignoredFiles(
  context: KubeContext,
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  if (paths.length === 0) return new Set();
  // This command of git knows no literal paths.
  const args = ["--no-literal-pathspecs", "check-ignore", "--", ...paths];
  const { text = "" } = await askGit(context, args);
  return new Set(text.split("\n"));
}
