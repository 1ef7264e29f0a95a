import { resolve } from "@std/path";
import { KbuildError, UsageError } from "../errors.ts";
import { objectIn, readText, reasonOf } from "../files/mod.ts";
import { type Share, type SharedResults, unusableStore } from "../lib/golang/mod.ts";
import type { Environment, KubeContext } from "../lib/init.ts";
import { isSet } from "../lib/util.ts";
import { parseStoreAddress, probeStore, type Store } from "../store/mod.ts";
import { DURATIONS, GATHER, GO_CACHE, SHARD, STORE } from "./flags.ts";
import { checkStorePlace, isStoreReadOnly } from "./open_store.ts";

/** Variables in which schedulers say which part of a work a machine has: its number, the first one, of how many. */
const SCHEDULERS = [
  // Kubernetes' Indexed Jobs do not say how many there are.
  { index: "JOB_COMPLETION_INDEX", first: 0, of: undefined },
  { index: "CI_NODE_INDEX", first: 1, of: "CI_NODE_TOTAL" },
  { index: "CIRCLE_NODE_INDEX", first: 0, of: "CIRCLE_NODE_TOTAL" },
  { index: "BUILDKITE_PARALLEL_JOB", first: 0, of: "BUILDKITE_PARALLEL_JOB_COUNT" },
  { index: "SYSTEM_JOBPOSITIONINPHASE", first: 1, of: "SYSTEM_TOTALJOBSINPHASE" },
] as const;

/**
 * Reads `--shard`: `2/8`, or `auto` and `auto/8`, where the scheduler's variables say which.
 *
 * @throws {UsageError} It is neither, or no variable says it.
 */
export function shareIn(env: Environment): Share | undefined {
  const text = env[SHARD.variable] ?? "";
  if (text === "") return undefined;
  const refuse = (why: string) =>
    new UsageError(`Cannot use --shard "${text}": ${why}`, [
      "A part of all: 2/8; or auto or auto/8, with the number in a variable of the scheduler:",
      SCHEDULERS.map(({ index }) => index).join(", "),
    ]);
  const [, word = "", total] = /^(auto|[1-9]\d{0,3})(?:\/([1-9]\d{0,3}))?$/.exec(text) ?? [];
  if (word === "" || (word !== "auto" && total === undefined)) {
    throw refuse("a part of all is meant, such as 2/8");
  }
  let index = Number(word);
  let of = Number(total);
  if (word === "auto") {
    const found = SCHEDULERS.find((each) => /^\d+$/.test(env[each.index] ?? ""));
    if (found === undefined) throw refuse("no scheduler says which part this is");
    index = Number(env[found.index]) - found.first + 1;
    const count = total ?? (found.of === undefined ? undefined : env[found.of]);
    if (count === undefined) throw refuse(`${found.index} does not say of how many: auto/8`);
    of = Number(count);
  }
  if (!(index >= 1 && index <= of)) throw refuse(`there is no part ${index} of ${of}`);
  return Object.freeze({ index, of });
}

/**
 * Whether a run makes only a part of all units, or none.
 *
 * @throws {UsageError} Flags contradict each other, or need a store.
 */
export function sharedMode(
  env: Environment,
): { readonly mode: SharedResults["mode"]; readonly share: Share | undefined } {
  const share = shareIn(env);
  const gathers = isSet(env[GATHER.variable]);
  if (share !== undefined && gathers) throw new UsageError("Cannot use --shard with --gather");
  const mode = gathers ? "gather" : share === undefined ? "make" : "share";
  if (mode !== "make" && !env[STORE.variable]) {
    throw new UsageError(`Cannot use --${gathers ? "gather" : "shard"} without --store`, [
      "The machines meet in a store: --store DIRECTORY-OR-URL, or KBUILD_STORE",
    ]);
  }
  if (mode === "share" && isStoreReadOnly(env)) {
    throw new UsageError("Cannot use --shard with --store-read-only: nobody would get its results");
  }
  return Object.freeze({ mode, share });
}

/**
 * The results that a run shares with others; undefined without a store.
 *
 * @throws {UsageError} `--go-cache` is not the address of a store, or is a directory among the sources.
 * @throws {KbuildError} A share or what is to be gathered needs a store that cannot be used, or the file of
 * durations cannot be read.
 */
export async function sharedResults(
  context: KubeContext,
  store: Store | undefined,
): Promise<SharedResults | undefined> {
  const { mode, share } = sharedMode(context.env);
  // Before Go starts what would refuse it, or does not know where the sources are.
  await checkStorePlace(context, context.env[GO_CACHE.variable] ?? "");
  if (store === undefined && mode === "make") return undefined;
  // Before anything is compiled.
  const isUsed = store !== undefined &&
    (mode === "make" || await probeStore(store, mode === "share" ? "write" : "read"));
  if (!isUsed) {
    const { shown } = parseStoreAddress(context.env[STORE.variable] ?? "", context.cwd);
    throw mode === "gather"
      ? unusableStore(shown)
      : new KbuildError(`Cannot use the store "${shown}"`, {
        notes: ["Nobody would get the results"],
      });
  }
  return Object.freeze({ store, mode, share, durations: await durationsIn(context) });
}

/** Reads `--durations`: what `kbuild plan --units --json` printed, or an object of seconds by id. */
async function durationsIn(
  { env, cwd }: KubeContext,
): Promise<Readonly<Record<string, number>> | undefined> {
  const name = env[DURATIONS.variable] ?? "";
  if (name === "") return undefined;
  const path = resolve(cwd, name);
  const text = await readText(path).catch((error: unknown) => {
    throw new KbuildError(`Cannot read the durations "${name}": ${reasonOf(error)}`, {
      cause: error,
    });
  });
  const found = objectIn(text);
  const rows = Array.isArray(found?.["units"])
    ? (found["units"] as readonly unknown[]).map((unit): [unknown, unknown] => {
      const { id, seconds } = (unit ?? {}) as Record<string, unknown>;
      return [id, seconds];
    })
    : Object.entries(found ?? {});
  const durations = rows.filter((row): row is [string, number] =>
    typeof row[0] === "string" && typeof row[1] === "number" && row[1] >= 0
  );
  if (durations.length === 0) {
    throw new KbuildError(`Cannot read the durations "${name}": no unit in it has seconds`, {
      notes: ["A file as kbuild plan --units --json prints it is meant"],
    });
  }
  return Object.freeze(Object.fromEntries(durations));
}
