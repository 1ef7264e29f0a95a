import type { CommandContext, OpenCheckout } from "./context.ts";
import { OUT_DIR_VARIABLE, OUTPUT_SUBPATH_VARIABLE } from "./flags.ts";

/** The checkout, with the output directory of builds in containers. */
export async function openDockerized(command: CommandContext): Promise<OpenCheckout> {
  const { cwd, env, globals: { root } } = command;
  const outputs = env[OUT_DIR_VARIABLE.name] || "_output";
  return await command.openAt(root ?? cwd, {
    [OUTPUT_SUBPATH_VARIABLE.name]: `${outputs}/dockerized`,
  });
}
