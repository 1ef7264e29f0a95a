import { runsReleaseTests } from "../checkout/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import type { CommandContext } from "./context.ts";
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

/** What the tests before a release would start. */
export async function planReleaseTests(command: CommandContext): Promise<readonly PlanStep[]> {
  return await orWithout(async () => {
    const steps: PlanStep[] = [];
    for (const asked of ASKED) steps.push(...(await planTestSteps(command, asked)).steps);
    return steps;
  });
}

/** Runs the tests before a release; without etcd, not even the first ones. */
export async function runReleaseTests(command: CommandContext): Promise<void> {
  await planReleaseTests(command);
  await orWithout(async () => {
    for (const asked of ASKED) await runTestCommand(command, asked);
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
