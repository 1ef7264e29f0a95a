import type { Input } from "../cli/mod.ts";
import {
  disposalStarts,
  disposeOfEngine,
  type Engine,
  type EngineDisposal,
  engineNamed,
  findEngine,
  hasEngine,
  planEngineDisposal,
} from "../container/mod.ts";
import { KbuildError } from "../errors.ts";
import { planClean, removeOutput } from "./clean_run.ts";
import { confirm, YES } from "./confirm.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { ENGINE } from "./flags.ts";
import type { PlanStep } from "./plan_steps.ts";

/** An engine, and what it has of the checkout. */
interface Disposal {
  readonly engine: Engine;
  readonly disposal: EngineDisposal;
}

/** What `make-clean` would remove. */
export async function planMakeClean(command: CommandContext, input: Input): Promise<CommandPlan> {
  const open = await command.open();
  const found = await findDisposal(command, open, input);
  const outputs = await planClean(open);
  const { root: cwd } = open.context;
  const processes = found === undefined ? [] : disposalStarts(found.engine, found.disposal);
  return {
    steps: Object.freeze<PlanStep[]>([
      ...processes.map((argv) => (
        { group: found?.engine.kind ?? "", kind: "process", argv, cwd, env: {} } as const
      )),
      ...outputs.steps,
    ]),
  };
}

/** Removes containers and images of the checkout, then its outputs. */
export async function runMakeClean(command: CommandContext, input: Input): Promise<void> {
  const open = await command.open();
  const { log } = open.context;
  const found = await findDisposal(command, open, input);
  const { containers, images, left, volumes } = found?.disposal ??
    { containers: [], images: [], left: [], volumes: [] };
  if (left.length > 0) {
    log.warn("These are in use, so they are left, and so are the outputs:", left);
  }
  if (containers.length > 0) log.status("Containers to remove, with their volumes:", containers);
  if (volumes.length > 0) log.status("Volumes with copies of the checkout to remove:", volumes);
  if (images.length > 0) log.status("Images to remove:", images);
  if (containers.length + volumes.length + images.length > 0) {
    const { signal } = command;
    await confirm(command.globals, "Remove them, and the outputs?", {
      yes: input.boolean(YES.name) === true,
      signal,
    });
  }
  if (found !== undefined) await disposeOfEngine(open.context, found.engine, found.disposal);
  const removed = left.length > 0 ? [] : await removeOutput(open);
  if (command.globals.json) command.printJson({ containers, volumes, images, left, removed });
}

async function findDisposal(
  { env }: CommandContext,
  { context, checkout }: OpenCheckout,
  input: Input,
): Promise<Disposal | undefined> {
  const wanted = engineNamed(input.string(ENGINE.name) ?? env[ENGINE.variable]);
  if (wanted === undefined && !await hasEngine(env, wanted)) return undefined;
  const engine = await findEngine(context, wanted).catch((error: unknown) => {
    if (!(error instanceof KbuildError)) throw error;
    throw new KbuildError(error.message, {
      ...error,
      notes: [...error.notes, "kbuild clean removes the outputs alone"],
      cause: error,
    });
  });
  return { engine, disposal: await planEngineDisposal(context, checkout, engine) };
}
