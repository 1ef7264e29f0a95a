import type { Input } from "../cli/mod.ts";
import {
  engineNamed,
  executeRun,
  type PreparedRun,
  prepareRun,
  startsOf,
} from "../container/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { quoteCommand } from "../shell/mod.ts";
import { BUILD_IMAGE, ENGINE } from "./flags.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import type { PlanStep } from "./plan_steps.ts";

/** What `run` and `shell` would start. */
export async function planRun(
  command: CommandContext,
  input: Input,
  words: readonly string[],
): Promise<CommandPlan> {
  const open = await command.open();
  const prepared = await prepare(command, open, input, words);
  return { steps: stepsOf(open, prepared) };
}

function stepsOf({ context }: OpenCheckout, prepared: PreparedRun): readonly PlanStep[] {
  const { engine: { kind }, image, version } = prepared;
  return Object.freeze<PlanStep[]>([
    ...image.fetches.map((fetch) => ({ group: kind, kind: "fetch", ...fetch }) as const),
    ...version === undefined
      ? []
      : [{ group: "version", kind: "version", path: version.path, text: version.text } as const],
    ...startsOf(context, prepared).map(({ argv, cwd }) => (
      { group: kind, kind: "process", argv, cwd, env: {} } as const
    )),
  ]);
}

/** Runs a command in the build container. */
export async function runCommand(
  command: CommandContext,
  input: Input,
  words: readonly string[],
): Promise<void> {
  if (command.globals.json) {
    throw new UsageError(
      `Cannot use --json with "kbuild ${command.name}": standard output is the command's`,
      [
        `kbuild plan --json ${command.name} … shows what it starts`,
      ],
    );
  }
  const open = await command.open();
  const prepared = await prepare(command, open, input, words);
  const code = await executeRun(open.context, prepared);
  if (code === 0) return;
  const { kind } = prepared.engine;
  const why: Readonly<Record<number, string>> = {
    125: `${kind} could not start the container (status 125)`,
    126: "it cannot be executed (status 126)",
    127: "the image does not have it (status 127)",
  };
  throw new KbuildError(
    `Command ${quoteCommand(words)} failed in the container: ${why[code] ?? `status ${code}`}`,
    { exitCode: code },
  );
}

async function prepare(
  { env, globals }: CommandContext,
  { context, checkout }: OpenCheckout,
  input: Input,
  words: readonly string[],
): Promise<PreparedRun> {
  return await prepareRun(context, checkout, {
    command: words,
    terminal: globals.stdin.terminal,
    verbosity: globals.verbosity,
    engine: engineNamed(input.string(ENGINE.name) ?? env[ENGINE.variable]),
    buildImage: input.string(BUILD_IMAGE.name) ?? env[BUILD_IMAGE.variable],
  });
}
