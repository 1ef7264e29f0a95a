import type { Input } from "../cli/mod.ts";
import {
  chooseBuildImage,
  type CopiedOutputs,
  copyFromVolume,
  executeInVolume,
  executeRun,
  findEngine,
  hasEngine,
  ignoredImageVariables,
  inspectBuildImage,
  loadArguments,
  oldClient,
  type PlannedStart,
  type PreparedRun,
  prepareRun,
  provideBuildImage,
  type RunRequest,
  startsOf,
  SYNC_MODES,
  type SyncMode,
  updateDocker,
  volumeName,
  volumeStarts,
} from "../container/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { ifPossible } from "../files/mod.ts";
import { quoteCommand } from "../shell/mod.ts";
import { engineOf } from "./engine_of.ts";
import { BUILD_IMAGE, COPY_OUTPUT, SYNC } from "./flags.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import type { PlanStep } from "./plan_steps.ts";

/** Options of {@linkcode runInContainer}. */
export interface ContainerRunOptions {
  /**
   * Whether it is a part of another command: it has no stdin and prints to the log, a failure is kbuild's own, and outputs
   * stay in a volume.
   */
  readonly isPart?: boolean;
}

/** What `run` and `shell` would start. */
export async function planRun(
  command: CommandContext,
  input: Input,
  words: readonly string[],
  { isPart = false }: ContainerRunOptions = {},
): Promise<CommandPlan> {
  const { open, prepared } = await openAndPrepare(command, input, words, { isPart });
  if (prepared.sync.kind === "bind") return { steps: stepsOf(open, prepared) };
  saySync(command, prepared, { isPlan: true });
  const starts = volumeStarts(open.context, prepared, { copy: !isPart && copies(command) });
  return { steps: stepsOf(open, prepared, starts) };
}

/** Says that the checkout is copied, and why. */
export function saySync(
  { log }: CommandContext,
  { sync }: PreparedRun,
  { isPlan = false }: { isPlan?: boolean } = {},
): void {
  if (sync.kind === "bind") return;
  const are = isPlan ? "would be" : "are";
  log.status(`Sources ${are} copied into the volume ${sync.volume}: ${sync.why}`);
}

/** Whether outputs come back by themselves. */
function copies({ env, name }: CommandContext): boolean {
  return /^[yY]$/.test(env[COPY_OUTPUT] || (name === "shell" ? "n" : "y"));
}

/** What is fetched, written and started for a container. */
export function stepsOf(
  { context }: OpenCheckout,
  prepared: PreparedRun,
  starts: readonly PlannedStart[] = startsOf(context, prepared),
): readonly PlanStep[] {
  const { engine: { kind }, image, version } = prepared;
  return Object.freeze<PlanStep[]>([
    ...image.fetches.map((fetch) => ({ group: kind, kind: "fetch", ...fetch }) as const),
    ...version === undefined
      ? []
      : [{ group: "version", kind: "version", path: version.path, text: version.text } as const],
    ...starts.map(({ argv, cwd }) => (
      { group: kind, kind: "process", argv, cwd, env: {} } as const
    )),
  ]);
}

/** Runs a command in the build container, with kbuild's own output. */
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
  if (words[0] === "") {
    throw new UsageError(`Cannot run "" in the container: the name of the program is empty`);
  }
  await runInContainer(command, input, words);
}

/**
 * Runs a command in the build container.
 *
 * @throws {KbuildError} It fails; the exit status is its own, that of a part is 1.
 */
export async function runInContainer(
  command: CommandContext,
  input: Input,
  words: readonly string[],
  { isPart = false }: ContainerRunOptions = {},
): Promise<void> {
  const { open, prepared } = await openAndPrepare(command, input, words, { isPart });
  saySync(command, prepared);
  const output = isPart ? "stream" : "inherit";
  const code = prepared.sync.kind === "bind"
    ? await executeRun(open.context, prepared, { output })
    : await executeInVolume(open.context, open.checkout, prepared, {
      copy: !isPart && copies(command),
      output,
    });
  if (code === 0) return;
  const { kind } = prepared.engine;
  // 125: the client says why, to the user alone.
  const old = code === 125 ? await oldClient(open.context, prepared.engine) : undefined;
  const why: Readonly<Record<number, string>> = {
    125: old === undefined
      ? `${kind} could not start the container (status 125)`
      : `the docker command ${old} is older than 20.10 (status 125)`,
    126: "it cannot be executed (status 126)",
    127: "the image does not have it (status 127)",
    130: "Ctrl-C ended it (status 130)",
    137: "it was killed (status 137): the engine was stopped, or has no memory left",
  };
  throw new KbuildError(
    `Command ${quoteCommand(words)} failed in the container: ${why[code] ?? `status ${code}`}`,
    { ...isPart ? {} : { exitCode: code }, notes: old === undefined ? [] : updateDocker(kind) },
  );
}

/** What `make-build-image` would fetch and start. */
export async function planBuildImage(command: CommandContext, input: Input): Promise<CommandPlan> {
  const { engine, image, context } = await findBuildImage(command, input);
  const { kind: group } = engine;
  return {
    steps: Object.freeze<PlanStep[]>([
      ...image.fetches.map((fetch) => ({ group, kind: "fetch", ...fetch }) as const),
      ...image.id === undefined
        ? [
          {
            group,
            kind: "process",
            argv: loadArguments(engine),
            cwd: context.root,
            env: {},
          } as const,
        ]
        : [],
    ]),
  };
}

/** `make-build-image`: has the build image in the engine, and prints which it is. */
export async function bringBuildImage(command: CommandContext, input: Input): Promise<void> {
  const { engine, image, context } = await findBuildImage(command, input);
  const reference = await provideBuildImage(context, engine, image);
  const { id, platform } = image.id === undefined
    ? await inspectBuildImage(context, engine, { ...image, reference })
    : image;
  const { source } = image;
  if (command.globals.json) {
    return command.printJson({ engine: engine.kind, image: reference, id, platform, source });
  }
  command.printTable([["IMAGE", "ID", "PLATFORM", "FROM"], [
    ...[reference, id ?? "unknown", platform ?? "unknown", source],
  ]]);
}

async function findBuildImage(command: CommandContext, input: Input) {
  const { context, checkout } = await command.open();
  const { engine: wanted, buildImage } = choiceOf(command, input);
  const chosen = chooseBuildImage(checkout, buildImage);
  for (const line of ignoredImageVariables(command.env, chosen)) command.log.warn(line);
  const engine = await findEngine(context, wanted);
  return { context, engine, image: await inspectBuildImage(context, engine, chosen) };
}

/** `copy-output`: outputs of a mounted checkout are there at once, those of a volume are copied. */
export async function copyOutput(command: CommandContext, input: Input): Promise<void> {
  const { releaseBinPath, root } = await command.locate();
  const path = releaseBinPath.slice(root.length + 1);
  const copied = await copiedFiles(command, input);
  if (copied === undefined) {
    command.log.status("Nothing to copy: containers write to the checkout itself");
    const volume = await volumeBeside(command, input);
    if (volume !== undefined) {
      command.log.warn(
        `The volume ${volume} has a copy of this checkout, too; nothing was copied out of it`,
        [
          "kbuild copy-output --sync volume copies its outputs, over those of the same name here",
        ],
      );
    }
  }
  if (command.globals.json) {
    const { files = [], kept = [] } = copied ?? {};
    command.printJson({ output: path, files, kept });
  } else command.print(path);
}

/** What was copied out of a volume; undefined if none is used. */
async function copiedFiles(
  command: CommandContext,
  input: Input,
): Promise<CopiedOutputs | undefined> {
  const { engine: wanted } = choiceOf(command, input);
  const sync = syncOf(command, input);
  if (sync === "bind") return undefined;
  if (sync === "auto" && !await hasEngine(command.env, wanted)) return undefined;
  const open = await command.open();
  if (sync === "auto" && !await isElsewhere(open, wanted)) return undefined;
  const prepared = await prepare(command, open, input, []);
  if (prepared.sync.kind === "volume") {
    command.log.status(`Copying outputs out of the volume ${prepared.sync.volume}`);
  }
  return await copyFromVolume(open.context, open.checkout, prepared);
}

/** The volume of the checkout in an engine that answers, which commands with `--sync volume` have left. */
async function volumeBeside(command: CommandContext, input: Input): Promise<string | undefined> {
  const { engine: wanted } = choiceOf(command, input);
  if (syncOf(command, input) === "bind" || !await hasEngine(command.env, wanted)) return undefined;
  const { context } = await command.open();
  const engine = await ifPossible(findEngine(context, wanted));
  if (engine === undefined) return undefined;
  const name = volumeName(context);
  const argv = [...engine.program, "volume", "ls", "--quiet", "--filter", `name=${name}`];
  const { stdout } = await context.shell.run(argv, { allowed: "any" });
  return stdout.split("\n").includes(name) ? name : undefined;
}

/** Whether the engine does not see this machine's files; one that does not answer counts if it is named. */
async function isElsewhere(
  { context }: OpenCheckout,
  wanted: RunRequest["engine"],
): Promise<boolean> {
  const isNamed = /^(?!unix:|npipe:)./.test(context.env["DOCKER_HOST"] ?? "");
  const asking = findEngine(context, wanted);
  const engine = isNamed ? await asking : await ifPossible(asking);
  return engine?.isRemote === true;
}

/** How the checkout is to get into containers. */
export function syncOf({ env }: CommandContext, input: Input): SyncMode {
  const given = input.string(SYNC.name) ?? (env[SYNC.variable] || "auto");
  return SYNC_MODES.find((mode) => mode === given) ?? "auto";
}

/** The engine and the image that a command line, else the environment names. */
export function choiceOf(
  { env }: CommandContext,
  input: Input,
): Pick<RunRequest, "engine" | "buildImage"> {
  return {
    engine: engineOf({ env }, input),
    buildImage: input.string(BUILD_IMAGE.name) ?? env[BUILD_IMAGE.variable],
  };
}

/** The engine is asked while the checkout is read. */
async function openAndPrepare(
  command: CommandContext,
  input: Input,
  words: readonly string[],
  { isPart }: Required<ContainerRunOptions>,
): Promise<{ open: OpenCheckout; prepared: PreparedRun }> {
  const ending = new AbortController();
  const asked = findEngine(command, choiceOf(command, input).engine, { signal: ending.signal });
  // An error of the checkout comes first.
  const answered = Promise.allSettled([asked]);
  try {
    const open = await command.open();
    return { open, prepared: await prepare(command, open, input, words, { isPart, asked }) };
  } catch (error) {
    ending.abort();
    await answered;
    throw error;
  }
}

async function prepare(
  command: CommandContext,
  { context, checkout }: OpenCheckout,
  input: Input,
  words: readonly string[],
  { asked, isPart = false }: ContainerRunOptions & Pick<RunRequest, "asked"> = {},
): Promise<PreparedRun> {
  const { stdin, verbosity } = command.globals;
  return await prepareRun(context, checkout, {
    ...choiceOf(command, input),
    sync: syncOf(command, input),
    ...{ asked, command: words, terminal: !isPart && stdin.terminal, verbosity },
  });
}
