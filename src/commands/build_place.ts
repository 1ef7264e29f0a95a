import type { Input } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import {
  BUILD_ENGINE,
  BUILD_IMAGE,
  CACHE_FROM,
  CACHE_TO,
  CONTAINER,
  ENGINE,
  GO,
  SYNC,
} from "./flags.ts";

/**
 * Does work on the checkout, whose programs are built here, with `--container` in a container, with
 * `--engine buildx` on the nodes of a builder.
 */
export async function inPlaceOfBuild<T>(
  command: CommandContext,
  input: Input,
  work: (open: OpenCheckout) => Promise<T>,
): Promise<T> {
  switch (placeOf(command, input)) {
    case "here":
      return await work(await command.open());
    case "buildx": {
      const { openWithBuildx } = await import("./buildx_build.ts");
      return await work(await openWithBuildx(command, input));
    }
    case "container": {
      const { buildInContainer } = await import("./container_build.ts");
      return await buildInContainer(command, input, work);
    }
  }
}

/** The plan of the same. */
export async function planPlaceOfBuild(
  command: CommandContext,
  input: Input,
  plan: (open: OpenCheckout) => Promise<CommandPlan>,
): Promise<CommandPlan> {
  if (placeOf(command, input) !== "container") return await inPlaceOfBuild(command, input, plan);
  const { planInContainer } = await import("./container_build.ts");
  return await planInContainer(command, input, plan);
}

/** @throws {UsageError} Another flag has no effect, or says otherwise. */
function placeOf({ env }: CommandContext, input: Input): "here" | "container" | "buildx" {
  const isIn = input.boolean(CONTAINER.name) ?? false;
  const given = ({ name }: { name: string }) => input.string(name) !== undefined;
  const engine = input.string(BUILD_ENGINE.name) ?? env[BUILD_ENGINE.variable] ?? "";
  if (/^buildx(:|$)/.test(engine)) {
    if (isIn) {
      throw new UsageError("Cannot use --container with --engine buildx: its nodes build", [
        "Leave --container out, or name docker or podman",
      ]);
    }
    if (!given(SYNC)) return "buildx";
    throw new UsageError("Cannot use --sync with --engine buildx: buildx sends the sources itself");
  }
  const cache = [CACHE_FROM, CACHE_TO].find(given);
  if (cache !== undefined) {
    throw new UsageError(`Cannot use --${cache.name} without --engine buildx`, [
      "Other builds keep what they made in the output directory",
    ]);
  }
  return isInContainer(input) ? "container" : "here";
}

/**
 * Whether work is to be done in a container.
 *
 * @throws {UsageError} Another flag has no effect, or says otherwise.
 */
export function isInContainer(input: Input): boolean {
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
