/**
 * Stand-ins for the GNU programs that Kubernetes' scripts need and a Mac does not have, in the forms of those scripts.
 * What is beyond is refused by name.
 *
 * @module
 */
import { date } from "./date.ts";
import { sed } from "./sed.ts";
import { base64, checksumTool, mktemp, readlink } from "./small_tools.ts";
import { bytesOf, type Tool, type ToolContext, ToolRefusal } from "./types.ts";
import { xargs } from "./xargs.ts";

export type { Tool, ToolContext } from "./types.ts";

/** The stand-ins, by the name of the program. */
export const TOOLS: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ["base64", base64],
  ["date", date],
  ["md5sum", checksumTool("md5sum", "md5")],
  ["mktemp", mktemp],
  ["readlink", readlink],
  ["sed", sed],
  ["sha1sum", checksumTool("sha1sum", "sha1")],
  ["sha256sum", checksumTool("sha256sum", "sha256")],
  ["sha512sum", checksumTool("sha512sum", "sha512")],
  ["xargs", xargs],
]);

/** Exit status of a form that a stand-in does not have. */
const REFUSED = 64;

/**
 * Runs a stand-in.
 *
 * @param name `sed`, or as Homebrew calls it, `gsed`.
 * @returns Its exit status; undefined if there is none of that name.
 */
export async function runTool(
  name: string,
  args: readonly string[],
  context: ToolContext,
): Promise<number | undefined> {
  const tool = TOOLS.get(name) ?? TOOLS.get(name.replace(/^g/, ""));
  if (tool === undefined) return undefined;
  if (args[0] === "--version" || args[0] === "--help") {
    // Scripts look for this word.
    await context.write(bytesOf(`${name}: kbuild's stand-in for GNU ${name}\n`));
    return 0;
  }
  try {
    return await tool(args, context);
  } catch (error) {
    if (!(error instanceof ToolRefusal)) throw error;
    context.warn(error.message);
    return REFUSED;
  }
}
