import { basename, dirname } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { ifPresent, removeTree } from "../files/mod.ts";
import { openStepKeys, type SharedResults } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { describeFiles } from "../store/mod.ts";
import type { GoTool } from "../toolchain/mod.ts";
import { generatedKey, sourcesDigest } from "./generated_key.ts";
import type { GenerationSteps } from "./generation_steps.ts";

/** A file that was made, and how long that took. */
export interface MadeFile {
  readonly steps: GenerationSteps;
  readonly seconds: number;
}

/** Generated files that machines share. */
export interface GeneratedResults {
  /** Brings a file to where its programs would leave it. Returns whether the store has it. */
  take(steps: GenerationSteps): Promise<boolean>;
  /** Saves files that were made, if the sources are as they were. */
  keep(made: readonly MadeFile[]): Promise<void>;
}

/**
 * Opens the generated files of a store.
 *
 * @returns undefined where git cannot say what the sources are.
 */
export async function openGeneratedResults(
  context: KubeContext,
  checkout: Checkout,
  { go, results: { store } }: { go: GoTool; results: SharedResults },
): Promise<GeneratedResults | undefined> {
  const sources = await sourcesDigest(context);
  if (sources === undefined) return undefined;
  const goKey = await openStepKeys(context, checkout, go).goKey();
  const keyOf = (steps: GenerationSteps) => generatedKey(context, steps, { sources, goKey });
  return Object.freeze<GeneratedResults>({
    async take(steps) {
      const [file, ...others] = (await store.result(keyOf(steps)))?.files ?? [];
      if (file === undefined || others.length > 0) return false;
      if (file.path !== basename(steps.output)) return false;
      await removeTree(steps.work);
      await Deno.mkdir(dirname(steps.made), { recursive: true });
      return await store.fetch(file, steps.made);
    },
    async keep(made) {
      if (store.readOnly || made.length === 0) return;
      if (await sourcesDigest(context) !== sources) return;
      for (const { steps, seconds } of made) {
        if (await ifPresent(Deno.stat(steps.output)) === undefined) continue;
        const files = await describeFiles(dirname(steps.output), [basename(steps.output)]);
        await store.save({ key: keyOf(steps), files, seconds }, () => steps.output);
      }
    },
  });
}
