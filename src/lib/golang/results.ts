import { dirname } from "@std/path";
import type { Unit } from "../../events/mod.ts";
import { describeFiles, type Store, type StoredResult } from "../../store/mod.ts";
import type { KubeContext } from "../init.ts";
import { placeBins } from "./place.ts";
import type { BuildStep } from "./plan.ts";
import type { Share } from "./share.ts";
import type { StepKey, StepKeys } from "./step_key.ts";
import {
  type BuildRecords,
  isMade,
  isUntouched,
  recordSources,
  recordStep,
  storedKey,
} from "./up_to_date.ts";

/** Results that machines share, and what a build does with them. */
export interface SharedResults {
  /** Where they are. */
  readonly store: Store;
  /**
   * `make`: what the store lacks is made and saved. `share`: only a part of all units is, and what the store
   * has is left there. `gather`: nothing is made; what the store lacks is an error at the end.
   */
  readonly mode: "make" | "share" | "gather";
  /** The part of `share`. */
  readonly share?: Share | undefined;
  /** Seconds that units took, by id, for whoever divides them. */
  readonly durations?: Readonly<Record<string, number>> | undefined;
}

/** A unit that the store lacks after all. */
export interface MissingUnit {
  /** Its id: `build kubectl for linux/amd64`. */
  readonly id: string;
  /** Why, as the end of a sentence. */
  readonly why: string;
}

/** What became of a step before Go builds. */
export type Taken =
  /** Nothing is left to do. `isPlaced`: its programs are in their places. */
  | { readonly isDone: true; readonly isPlaced: boolean }
  /** It has to be made. */
  | {
    readonly isDone: false;
    /** undefined: nobody asked. */
    readonly key?: StepKey | undefined;
    /** Whether the store lacks it. */
    readonly isMissing: boolean;
  };

type StepKeyFound = Extract<StepKey, { readonly key: string }>;

/** What the steps of one build share with other machines. */
export interface StepResults {
  /** What is done with them. */
  readonly mode: SharedResults["mode"];
  /** Whether the store still takes results. */
  readonly isWritable: boolean;
  /** Steps whose results were here, so that nobody looked for them in the store. */
  readonly notSought: number;
  /** Takes the results of a step from the store, or sees that they are here. */
  take(step: BuildStep, options: TakeOptions): Promise<Taken>;
  /**
   * Saves the results of a step that was made, unless a source or the commit has changed since its key was
   * computed.
   *
   * @returns Why the store does not have it, as the end of a sentence.
   */
  keep(step: BuildStep, taken: Taken, seconds?: number): Promise<string | undefined>;
  /**
   * Remembers that the outputs of a step are what its key stands for, though no Go of this machine made them. Without
   * a key, or with one of what is no longer there, nothing is remembered.
   */
  remember(step: BuildStep, taken: Taken, records: BuildRecords): Promise<void>;
}

/** Options of {@linkcode StepResults.take}. */
export interface TakeOptions {
  readonly records: BuildRecords;
  readonly unit: Unit;
  readonly signal: AbortSignal;
}

/** Opens the results of the steps of one build. */
export function openStepResults(
  context: KubeContext,
  keys: StepKeys,
  { store, mode }: Pick<SharedResults, "store" | "mode">,
): StepResults {
  let notSought = 0;
  async function take(
    step: BuildStep,
    { records, unit, signal }: TakeOptions,
  ): Promise<Taken> {
    // Nothing has to be asked, of Go or of the store.
    if (mode === "make" && await isUntouched(records, step)) {
      notSought++;
      return { isDone: false, isMissing: false };
    }
    const key = await keys.keyOf(step, { signal });
    if (key.key === undefined) {
      context.log.status(`Without a key: ${unitNames(step)}: ${key.why}`, [], { v: 2 });
      return { isDone: false, key, isMissing: false };
    }
    const isHere = await isMade(records, step, storedKey(key.key));
    if (isHere && mode !== "share") {
      notSought++;
      unit.reuse("its sources are as they were");
      await placeBins(context, step.outputs);
      return { isDone: true, isPlaced: true };
    }
    const stored = await store.result(key.key);
    const files = stored === undefined ? undefined : filesOf(step, stored);
    if (files === undefined) return { isDone: false, key, isMissing: true };
    if (mode === "share") {
      // Whoever gathers would else look for them in vain, however often shards run again.
      if (!await store.holds(files)) return { isDone: false, key, isMissing: true };
      unit.reuse("the store has it");
      return { isDone: true, isPlaced: false };
    }
    for (const [at, file] of files.entries()) {
      const { built } = step.outputs[at]!;
      if (!await store.fetch(file, built)) return { isDone: false, key, isMissing: true };
    }
    // Fetching takes its time: this would be recorded as made of what is there now.
    if (!key.areSourcesCurrent()) {
      const why = "a source was changed while it was fetched";
      return { isDone: false, key: { why }, isMissing: false };
    }
    unit.reuse("the store has it");
    await record(records, step, key);
    await placeBins(context, step.outputs);
    return { isDone: true, isPlaced: true };
  }
  async function record(
    records: BuildRecords,
    step: BuildStep,
    { key, listed, at, isOfThisMachine }: StepKeyFound,
  ): Promise<void> {
    const made = storedKey(key);
    await recordStep(records, step, made);
    // Whoever builds here next would take it for what this machine makes.
    if (!isOfThisMachine) return;
    await recordSources(context, records, step, {
      ...{ key: made, upToDate: true },
      asked: { listed, at },
    });
  }
  async function keep(
    step: BuildStep,
    taken: Taken,
    seconds?: number,
  ): Promise<string | undefined> {
    if (taken.isDone || !taken.isMissing || taken.key?.key === undefined || store.readOnly) return;
    const { key, isCurrent } = taken.key;
    const [first] = step.outputs;
    if (first === undefined) return;
    if (!await isCurrent()) {
      const why = "a source or the commit was changed while it was made";
      context.log.status(`Not saved: ${unitNames(step)}: ${why}`);
      return why;
    }
    const directory = dirname(first.built);
    const { signal } = context;
    const files = await describeFiles(directory, step.outputs.map(({ name }) => name), { signal });
    const result = { key, files, ...seconds === undefined ? {} : { seconds } };
    const isSaved = await store.save(result, ({ path }) => `${directory}/${path}`);
    return isSaved ? undefined : "the store did not take it";
  }
  async function remember(step: BuildStep, taken: Taken, records: BuildRecords): Promise<void> {
    if (taken.isDone || taken.key?.key === undefined || !await taken.key.isCurrent()) return;
    await record(records, step, taken.key);
  }
  return Object.freeze<StepResults>({
    ...{ mode, take, keep, remember },
    get isWritable() {
      return store.isWritable;
    },
    get notSought() {
      return notSought;
    },
  });
}

function unitNames({ outputs, platform }: BuildStep): string {
  return `${outputs.map(({ name }) => name).join(", ")} for ${platform}`;
}

/** The files of a result in the order of the outputs; undefined if it is not one of the step. */
function filesOf({ outputs }: BuildStep, { files }: StoredResult) {
  const found = outputs.flatMap(({ name }) =>
    files.filter(({ path, mode }) => path === name && mode === 0o755)
  );
  return found.length === outputs.length && files.length === outputs.length ? found : undefined;
}
