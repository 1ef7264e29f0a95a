import {
  type AskedBuild,
  chooseTargets,
  crossMatrix,
  planBuild,
  type PlannedBuild,
  plannedUnits,
  readStamp,
  runBuild,
  showBuild,
} from "./build_run.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { allPlatforms, groupPlatforms } from "./platform_choice.ts";
import { watchBuild } from "./watch_run.ts";
import { withOutput } from "./with_output.ts";
import { UsageError } from "../errors.ts";
import { watchedDirectories } from "../lib/golang/mod.ts";

/** Sorts out what a command is to build in a checkout. */
export type Ask = (open: OpenCheckout) => Promise<AskedBuild>;

/** `WHAT` and further words, or all targets, for the host or `KUBE_BUILD_PLATFORMS`. */
export function askAll(words: readonly string[], jobs: number | undefined): Ask {
  return async (open) => await targetsOf(open, [whatOf(open), ...words], jobs);
}

/** The targets of words alone: `WHAT` counts for nothing, as with a target of make's own. */
export function askOnly(words: readonly string[], jobs: number | undefined): Ask {
  return async (open) => {
    const asked = await targetsOf(open, words, jobs);
    const what = whatOf(open);
    if (what === "") return asked;
    const warning = `WHAT="${what}" has no effect here: only ${words.join(", ")} is built`;
    return { ...asked, warnings: [warning] };
  };
}

/** Every group for its platforms, as `make cross`. */
export function askCross(jobs: number | undefined): Ask {
  return async (open) => {
    const { targets, goflags, named } = await chooseTargets(open, [whatOf(open)]);
    const matrix = crossMatrix(open, groupPlatforms(open), named ? targets : undefined);
    return { matrix, goflags, jobs };
  };
}

function whatOf({ context }: OpenCheckout): string {
  return context.env["WHAT"] ?? "";
}

async function targetsOf(
  open: OpenCheckout,
  words: readonly string[],
  jobs: number | undefined,
): Promise<AskedBuild> {
  const { targets, goflags } = await chooseTargets(open, words);
  const { platforms, notes } = allPlatforms(open);
  return { matrix: platforms.map((platform) => ({ platform, targets })), goflags, jobs, notes };
}

/** The plan of a build, to be shown. */
export async function planAll(open: OpenCheckout, ask: Ask): Promise<CommandPlan> {
  const asked = await ask(open);
  const planned = await planBuild(open, asked, (tree) => readStamp(open, tree), { fetch: false });
  const units = async () => {
    const { unitsOf } = await import("./planned_units.ts");
    return await unitsOf(open, { build: planned });
  };
  return Object.freeze({ ...showBuild(open.context, planned), units });
}

/** Builds, and prints what was built. */
export async function buildAll(
  command: CommandContext,
  open: OpenCheckout,
  what: string,
  ask: Ask,
): Promise<void> {
  await buildOpen(command, open, { what, ask });
}

/** The same, and again whenever a source changes, until the run is stopped. */
export async function watchAll(
  command: CommandContext,
  open: OpenCheckout,
  what: string,
  ask: Ask,
): Promise<void> {
  if (command.globals.json) {
    throw new UsageError("Cannot use --json with --watch: there would be a value for each build", [
      "The events of all builds: --events FILE, or --progress=json on standard error",
    ]);
  }
  let last: PlannedBuild | undefined;
  // The summary is of the whole run: after the first build it would count what was built before, and the wait.
  const again: CommandContext = { ...command, logSummary() {} };
  await watchBuild(command, open.context.root, {
    async build() {
      open = await open.reread();
      const first = last === undefined;
      const onPlanned = (planned: PlannedBuild) => void (last = planned);
      await buildOpen(first ? command : again, open, { what, ask, onPlanned });
    },
    directories: async () => last === undefined ? [] : await watchedDirectories(open.context, last),
  });
}

async function buildOpen(
  command: CommandContext,
  open: OpenCheckout,
  { what, ask, onPlanned }: {
    what: string;
    ask: Ask;
    onPlanned?: (planned: PlannedBuild) => void;
  },
): Promise<void> {
  await withOutput(open, {
    what,
    check: async (open) => {
      const asked = await ask(open);
      return { asked, stamp: await readStamp(open) };
    },
    prepare: async (open) => {
      const asked = await ask(open);
      const planned = await planBuild(open, asked, (tree) => readStamp(open, tree), {
        fetch: true,
      });
      onPlanned?.(planned);
      return planned;
    },
    needs: () => undefined,
    fetch: () => Promise.resolve(),
    work: async (open, planned) => {
      open.context.log.events.announce(plannedUnits(planned));
      const { binaries, generateMs, buildMs } = await runBuild(open, planned);
      command.logSummary();
      const relative = (path: string) => path.slice(open.context.root.length + 1);
      if (command.globals.json) {
        command.printJson({
          version: planned.stamp.vars.gitVersion,
          binaries: binaries.map((binary) => ({ ...binary, path: relative(binary.path) })),
          seconds: { generate: generateMs / 1000, build: buildMs / 1000 },
        });
      } else {
        for (const binary of binaries) command.print(relative(binary.path));
      }
    },
  });
}
