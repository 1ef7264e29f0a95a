import { dirname } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { writeFileAtomic } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";
import type { KubeContext } from "../lib/init.ts";
import { claimOutputs } from "../lib/outputs.ts";
import { runArguments, terminalArguments } from "./arguments.ts";
import { KEEPER_COMMAND, STARTED, startKeeper } from "./build_container.ts";
import { startsOf, statusOf, streamsOf } from "./run.ts";
import type { ExecuteOptions, PlannedStart, PreparedRun } from "./run.ts";
import { isOfAnother } from "./claim_volume.ts";
import { type CopiedOutputs, copyOutputs, copyStarts, readBrought } from "./copy_outputs.ts";
import { bringStarts, execArgv, sendPaths, type VolumeContainer } from "./volume.ts";
import type { Engine } from "./types.ts";

/** Options of {@linkcode executeInVolume}. */
export interface VolumeRunOptions extends ExecuteOptions {
  /** Whether outputs are copied when the command has succeeded (`KUBE_RUN_COPY_OUTPUT`). */
  readonly copy: boolean;
}

/**
 * Runs the command in a container whose volume has a copy of the checkout. Outputs are copied afterwards if it has
 * succeeded.
 *
 * @returns Exit status of the command.
 */
export async function executeInVolume(
  context: KubeContext,
  checkout: Checkout,
  prepared: PreparedRun,
  { copy, ...options }: VolumeRunOptions,
): Promise<number> {
  const { log, shell } = context;
  const { engine, version } = prepared;
  for (const note of prepared.notes) log.warn(note);
  const keeper = await startKeeper(context, checkout, prepared, { asking: false });
  try {
    const { brought, name, volume } = keeper;
    if (version !== undefined && volume !== undefined) {
      await Deno.mkdir(dirname(version.path), { recursive: true });
      await writeFileAtomic(version.path, version.text);
      await sendPaths(context, volume, [version.path]);
    }
    const code = await statusOf(
      shell.run(commandArguments(engine, prepared, name), streamsOf(prepared, options)),
    );
    // Engines say 126 also of a program that is not there.
    if (code === 126 && await isMissing(context, prepared, name)) return 127;
    if (volume === undefined || brought === undefined) return code;
    if (code !== 0 || !copy) {
      if (options.output !== "stream") await sayLeft(context, prepared, volume);
      return code;
    }
    sayCopied(context, await copyOutputs(context, volume, { all: false, brought }));
    return code;
  } finally {
    await keeper.end();
  }
}

/** Says that a command has left programs in the volume, if it has. */
async function sayLeft(
  context: KubeContext,
  { sync }: PreparedRun,
  volume: VolumeContainer,
): Promise<void> {
  const { log, releaseBinPath, root, shell } = context;
  const bin = releaseBinPath.slice(root.length + 1);
  const script = `[ ! -d "$1" ] || find "$1" -type f -newer ${STARTED}`;
  const argv = execArgv(volume, ["sh", "-c", script, "sh", bin], {});
  // A question after the end: an engine that does not answer was reported, or will be.
  const { code, stdout } = await shell.run(argv, { allowed: "any" });
  if (code !== 0 || stdout.trim() === "") return;
  const given = sync.kind === "volume" && sync.isGiven ? " --sync volume" : "";
  log.status(`Programs stay in the volume: kbuild copy-output${given} copies them`);
}

/** Programs of {@linkcode executeInVolume}, in order; what depends on the volume's contents is there once. */
export function volumeStarts(
  context: Pick<KubeContext, "output" | "outputRoot" | "releaseBinPath" | "root">,
  prepared: PreparedRun,
  { copy }: VolumeRunOptions,
): readonly PlannedStart[] {
  const { engine, run } = prepared;
  const { name, user, workdir: target } = run;
  const volume = { engine, name, target, user };
  const keeper = runArguments(engine, { ...run, command: KEEPER_COMMAND, terminal: false });
  const first = startsOf(context, prepared).slice(0, -1);
  const then = [
    ...[keeper, ...bringStarts(volume), commandArguments(engine, prepared, name)],
    ...copy ? copyStarts(context, volume) : [],
  ];
  return Object.freeze([...first, ...then.map((argv) => ({ argv, cwd: context.root }))]);
}

/** Copies everything that builds have left in the volume. */
export async function copyFromVolume(
  context: KubeContext,
  checkout: Checkout,
  prepared: PreparedRun,
): Promise<CopiedOutputs> {
  const keeper = await startKeeper(context, checkout, prepared, { asking: true });
  try {
    if (keeper.volume === undefined) return { files: [], kept: [] };
    if (isOfAnother({ note: keeper.said.usedBy, own: prepared.run })) {
      throw new KbuildError(
        "There is nothing to copy: another checkout at this path was the last to use the volume",
        {
          notes: [
            "It is on another machine of this name, or was removed here; HOSTNAME=… makes another volume",
          ],
        },
      );
    }
    const brought = await readBrought(context, keeper.volume);
    if (brought === undefined) {
      throw new KbuildError("There is nothing to copy: no build has run in the volume yet", {
        notes: ["kbuild run, or a build with --container, copies the sources into it first"],
      });
    }
    await claimOutputs(context);
    const copied = await copyOutputs(context, keeper.volume, { all: true, brought });
    sayCopied(context, copied);
    return copied;
  } finally {
    await keeper.end();
  }
}

function sayCopied({ log }: Pick<KubeContext, "log">, { files, kept }: CopiedOutputs): void {
  if (files.length > 0) log.status(`Copied ${counted(files.length, "file")} out of the container`);
  if (kept.length === 0) return;
  const names = kept.map((name) => JSON.stringify(name)).join(", ");
  log.warn(`Not copied out of the container, because they were changed here meanwhile: ${names}`, [
    "To take the container's: move yours away, and run kbuild copy-output with the same --engine and --sync, before " +
    "another command in a container",
  ]);
}

/** Ends well if there is a file that a command names, in `PATH` unless it has a "/". */
const FIND_PROGRAM = `case "$1" in */*) [ -e "$1" ]; exit ;; esac
IFS=:
set -f
for directory in $PATH; do [ ! -f "\${directory:-.}/$1" ] || exit 0; done
exit 1`;

/** Whether a container says that it does not have the program of a command. */
async function isMissing(
  { shell }: Pick<KubeContext, "shell">,
  { engine, run: { command, workdir } }: PreparedRun,
  name: string,
): Promise<boolean> {
  const [program = ""] = command;
  const words = [name, "sh", "-c", FIND_PROGRAM, "sh", program];
  const argv = [...engine.program, "exec", `--workdir=${workdir}`, ...words];
  return (await shell.run(argv, { allowed: "any" })).code === 1;
}

function commandArguments(
  engine: Engine,
  { run: { command, terminal, workdir } }: PreparedRun,
  name: string,
): readonly string[] {
  const options = [...terminalArguments(engine, terminal), `--workdir=${workdir}`];
  return Object.freeze([...engine.program, "exec", ...options, name, ...command]);
}
