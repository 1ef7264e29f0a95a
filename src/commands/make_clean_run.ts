import type { Input } from "../cli/mod.ts";
import {
  disposalStarts,
  disposeOfEngine,
  type Engine,
  type EngineDisposal,
  findEngine,
  hasEngine,
  planEngineDisposal,
} from "../container/mod.ts";
import { KbuildError } from "../errors.ts";
import { planClean, removeOutput } from "./clean_run.ts";
import { confirm, YES } from "./confirm.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { engineOf } from "./engine_of.ts";
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
  let disposal = found?.disposal ?? NOTHING;
  const sayLeft = (names: readonly string[]) => {
    if (names.length === 0) return;
    log.warn("These are in use, so they are left, and so are the outputs:", names);
  };
  sayLeft(disposal.left);
  if (disposal.others.length > 0) {
    log.warn(
      "These are in use by other checkouts at this path, so they are left:",
      disposal.others,
    );
  }
  if (disposal.containers.length > 0) {
    log.status("Containers to remove, with their volumes:", disposal.containers);
  }
  if (disposal.volumes.length > 0) {
    log.status("Volumes with copies of the checkout to remove:", disposal.volumes);
  }
  if (disposal.images.length > 0) log.status("Images to remove:", disposal.images);
  const { containers, images, volumes } = disposal;
  if (found !== undefined && containers.length + volumes.length + images.length > 0) {
    await confirm(command.globals, "Remove them, and the outputs?", {
      yes: input.boolean(YES.name) === true,
      signal: command.signal,
    });
    // An answer may take minutes.
    const now = await planEngineDisposal(open.context, open.checkout, found.engine);
    sayLeft(now.left.filter((name) => !disposal.left.includes(name)));
    disposal = stillThere(disposal, now);
    await disposeOfEngine(open.context, found.engine, disposal);
  }
  const removed = disposal.left.length > 0 ? [] : await removeOutput(open);
  if (command.globals.json) {
    const { withoutParents: _how, ...shown } = disposal;
    command.printJson({ ...shown, removed });
  }
}

const NOTHING: EngineDisposal = {
  ...{ containers: [], volumes: [], images: [], left: [], others: [] },
  withoutParents: false,
};

/** What was found before, as far as it is still to be removed. */
function stillThere(before: EngineDisposal, now: EngineDisposal): EngineDisposal {
  const both = (kind: "containers" | "volumes" | "images") =>
    before[kind].filter((name) => now[kind].includes(name));
  return {
    containers: both("containers"),
    volumes: both("volumes"),
    images: both("images"),
    withoutParents: now.withoutParents,
    left: now.left,
    others: now.others,
  };
}

async function findDisposal(
  { env }: CommandContext,
  { context, checkout }: OpenCheckout,
  input: Input,
): Promise<Disposal | undefined> {
  const wanted = engineOf({ env }, input);
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
