import type { Input } from "../cli/mod.ts";
import {
  KEEPER_COMMAND,
  type PreparedRun,
  prepareRun,
  startBuildContainer,
} from "../container/mod.ts";
import { choiceOf, saySync, stepsOf, syncOf } from "./container_run.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { openDockerized } from "./dockerized.ts";

/** Does work on a checkout whose programs are built in a container. */
export async function buildInContainer<T>(
  command: CommandContext,
  input: Input,
  work: (open: OpenCheckout) => Promise<T>,
): Promise<T> {
  const { open, prepared } = await prepareBuildContainer(command, input, { isPlan: false });
  for (const note of prepared.notes) command.log.warn(note);
  return await inside(open, prepared, { asking: false }, work);
}

/** The plan of the same: the container, and what is started in it. */
export async function planInContainer(
  command: CommandContext,
  input: Input,
  plan: (open: OpenCheckout) => Promise<CommandPlan>,
): Promise<CommandPlan> {
  const { open, prepared } = await prepareBuildContainer(command, input, { isPlan: true });
  const first = stepsOf(open, prepared);
  if (prepared.image.id === undefined) {
    command.log.warn(
      "The engine does not have the build image yet: what is started in it is not known",
      [
        "kbuild make-build-image fetches it",
      ],
    );
    return Object.freeze({ steps: first });
  }
  if (prepared.sync.kind === "volume") {
    command.log.warn("What is started in the container is known when the sources are there");
    return Object.freeze({ steps: first });
  }
  // Units are looked for when the container has ended.
  const { steps, units: _units, ...rest } = await inside(open, prepared, { asking: true }, plan);
  return Object.freeze({ ...rest, steps: Object.freeze([...first, ...steps]) });
}

async function prepareBuildContainer(
  command: CommandContext,
  input: Input,
  { isPlan }: { isPlan: boolean },
): Promise<{ open: OpenCheckout; prepared: PreparedRun }> {
  const { verbosity } = command.globals;
  const open = await openDockerized(command);
  const prepared = await prepareRun(open.context, open.checkout, {
    ...choiceOf(command, input),
    sync: syncOf(command, input),
    ...{ command: KEEPER_COMMAND, terminal: false, verbosity, inPlace: true },
  });
  saySync(command, prepared, { isPlan });
  return { open, prepared };
}

/** Does work while the container runs, and says nothing of it afterwards. */
async function inside<T>(
  open: OpenCheckout,
  prepared: PreparedRun,
  options: { asking: boolean },
  work: (open: OpenCheckout) => Promise<T>,
): Promise<T> {
  await using container = await startBuildContainer(open.context, open.checkout, prepared, options);
  const { builder, go } = container;
  const choice = Object.freeze({
    ...{ have: go, want: "the Go of the build image", why: "of the build image" },
    ...{ action: "host", path: go.path, image: prepared.image.reference, notes: [] } as const,
  });
  const within = (outside: OpenCheckout): OpenCheckout =>
    Object.freeze({
      ...outside,
      context: Object.freeze({ ...outside.context, builder, host: go.host }),
      go: Object.freeze({ go, choice }),
      reread: async () => within(await outside.reread()),
    });
  return await work(within(open));
}
