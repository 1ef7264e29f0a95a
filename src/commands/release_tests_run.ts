import { readEtcdWanted, runsReleaseTests } from "../checkout/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import type { Input } from "../cli/mod.ts";
import { buildInContainer, planInContainer } from "./container_build.ts";
import { planRun, runInContainer } from "./container_run.ts";
import type { CommandContext, OpenCheckout } from "./context.ts";
import { findEtcd, installEtcd } from "../testing/mod.ts";
import { CONTAINER } from "./flags.ts";
import type { PlanStep } from "./plan_steps.ts";
import { type AskedTests, planTestSteps, runTestCommand } from "./test_run.ts";

const NAME = "KUBE_RELEASE_RUN_TESTS";
const WITHOUT = `Release without tests: ${NAME}=n`;

/** All unit tests, then all integration tests, as `build/release.sh`. */
const ASKED: readonly AskedTests[] = (["test", "test-integration"] as const).map((command) => ({
  command,
  words: [],
  run: undefined,
  jobs: undefined,
  since: undefined,
  shard: undefined,
  rerun: false,
  isPartOfRelease: true,
}));

/**
 * Whether a release is made after tests: what `KUBE_RELEASE_RUN_TESTS` says, or the checkout's own scripts.
 *
 * @param isQuick As `quick-release` in the Makefile, which the variable changes only as an argument.
 */
export async function runsTestsBefore(
  command: CommandContext,
  isQuick: boolean,
): Promise<boolean> {
  const given = command.globals.variables[NAME] || (isQuick ? "n" : command.env[NAME]);
  if (given) return /^[yY]$/.test(given);
  return await runsReleaseTests((await command.open()).checkout);
}

/** Whether tests run on this machine; not every release has the flag. */
function isHere(input: Input): boolean {
  return !input.isGiven(CONTAINER.name);
}

/** The checkout's own integration tests, with the etcd of the build image, as `build/release.sh` runs them. */
const IN_CONTAINER: readonly string[] = ["make", "test-integration"];

/** What the tests before a release would start. */
export async function planReleaseTests(
  command: CommandContext,
  input: Input,
): Promise<readonly PlanStep[]> {
  const planOf = async (asked: AskedTests) => {
    if (isHere(input)) {
      return await planTestSteps(command, await command.open(), asked);
    }
    if (asked.command !== "test") {
      return await planRun(command, input, IN_CONTAINER, { isPart: true });
    }
    return await planInContainer(command, input, (open) => planTestSteps(command, open, asked));
  };
  return await orWithout(async () => {
    const steps: PlanStep[] = [];
    for (const asked of ASKED) steps.push(...(await planOf(asked)).steps);
    return steps;
  });
}

/** Fetches the etcd of the integration tests: the unit tests before them may take an hour. */
async function fetchEtcd({ context, checkout }: OpenCheckout): Promise<void> {
  const { release } = await findEtcd(context, await readEtcdWanted(checkout, context.env));
  if (release !== undefined) await installEtcd(context, release);
}

/** Runs the tests before a release; without an etcd that is needed here, not even the first ones. */
export async function runReleaseTests(command: CommandContext, input: Input): Promise<void> {
  const here = isHere(input);
  const run = async (asked: AskedTests) => {
    if (here) return await runTestCommand(command, await command.open(), asked);
    if (asked.command !== "test") {
      return await runInContainer(command, input, IN_CONTAINER, { isPart: true });
    }
    await buildInContainer(command, input, (open) => runTestCommand(command, open, asked));
  };
  if (here) await planReleaseTests(command, input);
  await orWithout(async () => {
    if (here) await fetchEtcd(await command.open());
    for (const asked of ASKED) await run(asked);
  });
}

async function orWithout<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isOurs = error instanceof KbuildError && error.exitCode === 1 &&
      !(error instanceof UsageError);
    if (!isOurs) throw error;
    const { message, notes, output } = error;
    throw new KbuildError(message, { notes: [...notes, WITHOUT], output, cause: error });
  }
}
