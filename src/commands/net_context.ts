import { searchRoot } from "../checkout/mod.ts";
import type { SignatureContext } from "../download/mod.ts";
import { hostPlatform } from "../lib/util.ts";
import type { CommandContext } from "./context.ts";

/** The context of a download. Mirrors of a checkout's configuration apply; there need not be one. */
export async function netContext(command: CommandContext): Promise<SignatureContext> {
  const { globals, log, signal, cwd, shell } = command;
  const isInside = globals.root !== undefined || (await searchRoot(cwd)).root !== undefined;
  const env = isInside ? (await command.locate()).env : command.env;
  return { env, log, signal, shell, host: hostPlatform() };
}
