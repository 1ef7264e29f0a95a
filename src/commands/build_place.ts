import type { Input } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { BUILD_IMAGE, CONTAINER, ENGINE, GO, SYNC } from "./flags.ts";

/** Does work on the checkout, whose programs are built here, or with `--container` in a container. */
export async function inPlaceOfBuild<T>(
  command: CommandContext,
  input: Input,
  work: (open: OpenCheckout) => Promise<T>,
): Promise<T> {
  if (!isInContainer(input)) return await work(await command.open());
  const { buildInContainer } = await import("./container_build.ts");
  return await buildInContainer(command, input, work);
}

/** The plan of the same. */
export async function planPlaceOfBuild(
  command: CommandContext,
  input: Input,
  plan: (open: OpenCheckout) => Promise<CommandPlan>,
): Promise<CommandPlan> {
  if (!isInContainer(input)) return await plan(await command.open());
  const { planInContainer } = await import("./container_build.ts");
  return await planInContainer(command, input, plan);
}

/** @throws {UsageError} Another flag has no effect, or says otherwise. */
function isInContainer(input: Input): boolean {
  const isIn = input.boolean(CONTAINER.name) ?? false;
  const given = ({ name }: { name: string }) => input.string(name) !== undefined;
  if (isIn && given(GO)) {
    throw new UsageError("Cannot use --go with --container: the Go of the build image builds", [
      "Choose the image: --build-image golang:1.24",
    ]);
  }
  const alone = isIn ? undefined : [ENGINE, BUILD_IMAGE, SYNC].find(given);
  if (alone === undefined) return isIn;
  throw new UsageError(`Cannot use --${alone.name} without --container`, [
    "Without it, kbuild builds on this machine",
  ]);
}
