import type { Input } from "../cli/mod.ts";
import { buildxNamed, engineNamed, type RunRequest } from "../container/mod.ts";
import type { CommandContext } from "./context.ts";
import { ENGINE } from "./flags.ts";

/**
 * The engine that a command line, else the environment names. A builder of buildx in the environment is for commands that build:
 * it starts no containers.
 */
export function engineOf({ env }: Pick<CommandContext, "env">, input: Input): RunRequest["engine"] {
  const given = input.string(ENGINE.name);
  if (given !== undefined) return engineNamed(given);
  const set = env[ENGINE.variable];
  return buildxNamed(set) === undefined ? engineNamed(set) : undefined;
}
