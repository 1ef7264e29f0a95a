/**
 * Stand-ins for the GNU programs that Kubernetes' scripts need and a Mac does not have, in the forms of those scripts.
 * What is beyond is refused by name.
 *
 * @module
 */
import { TOOL_NAMES } from "./names.ts";
import { bytesOf, type ToolContext, ToolRefusal } from "./types.ts";

export { TOOL_NAMES, type ToolName } from "./names.ts";
export type { Tool, ToolContext } from "./types.ts";

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
  const known = TOOL_NAMES.find((each) => each === name || `g${each}` === name);
  if (known === undefined) return undefined;
  if (args[0] === "--version" || args[0] === "--help") {
    // Scripts look for this word.
    await context.write(bytesOf(`${name}: kbuild's stand-in for GNU ${name}\n`));
    return 0;
  }
  const { TOOLS } = await import("./tools.ts");
  try {
    return await TOOLS[known](args, context);
  } catch (error) {
    if (!(error instanceof ToolRefusal)) throw error;
    context.warn(error.message);
    return REFUSED;
  }
}
