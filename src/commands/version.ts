import { KbuildError, UsageError } from "../errors.ts";
import {
  getVersionVars,
  ldflags,
  requireVersion,
  shellVariables,
  sourceDateEpoch,
} from "../lib/version/mod.ts";
import type { Command } from "./context.ts";
import { VERSION_VARIABLES } from "./flags.ts";

/** How many of the paths that make a tree dirty are named. */
const DIRTY_PATHS_SHOWN = 10;

/** `kbuild version`: the version that a build would stamp, and why. */
export const version: Command = {
  name: "version",
  group: "Look",
  summary: "Show the version to stamp, and uncommitted changes",
  flags: [
    { name: "shell", kind: "boolean", summary: "Print KUBE_GIT_* assignments for a shell" },
    { name: "ldflags", kind: "boolean", summary: "Print the -X flags for Go's linker" },
  ],
  variables: VERSION_VARIABLES,
  examples: [
    { command: "kbuild version", does: "Show the version that a build would stamp" },
    {
      command: 'eval "$(kbuild version --shell)"',
      does: "Set KUBE_GIT_VERSION and the other variables",
    },
  ],
  async run(command, input) {
    const formats = [command.globals.json && "json", input.boolean("shell") && "shell"];
    formats.push(input.boolean("ldflags") && "ldflags");
    const chosen = formats.filter((format) => format !== false && format !== undefined);
    if (chosen.length > 1) {
      throw new UsageError(`Cannot print both --${chosen[0]} and --${chosen[1]}`);
    }
    // Only the flags depend on what the scripts say.
    const open = chosen[0] === "ldflags" ? await command.open() : undefined;
    const context = open?.context ?? await command.locate();
    const vars = await getVersionVars(context);
    if (open !== undefined) {
      const known = requireVersion(vars);
      command.print(ldflags(open.checkout, known, await sourceDateEpoch(context, known)));
    } else if (chosen[0] === "shell") {
      for (const line of shellVariables(vars)) command.print(line);
    } else if (chosen[0] === "json") {
      const { gitCommit, gitTreeState, gitVersion, gitMajor, gitMinor, dirtyPaths } = vars;
      const { from, notes } = vars;
      const shown = {
        ...{ gitVersion, gitMajor, gitMinor, gitCommit, gitTreeState, dirtyPaths },
        ...{ from, notes },
      };
      command.print(JSON.stringify(shown, null, 2));
    } else {
      if (vars.gitVersion !== undefined) command.print(vars.gitVersion);
      command.print(`commit      ${vars.gitCommit ?? "unknown"}`);
      command.print(`tree state  ${vars.gitTreeState ?? "unknown"}`);
      for (const path of vars.dirtyPaths.slice(0, DIRTY_PATHS_SHOWN)) {
        command.print(`  ${path}`);
      }
      const more = vars.dirtyPaths.length - DIRTY_PATHS_SHOWN;
      if (more > 0) command.print(`  … and ${more} more`);
      const { from = "git", notes = [] } = vars;
      if (from !== "git") command.print(`from        ${from}`);
      for (const note of notes) command.print(`note        ${note}`);
    }
    if (vars.gitVersion === undefined) requireVersion(vars);
    if (vars.gitTreeState === "archive" && vars.gitCommit === undefined) {
      throw new KbuildError("Cannot find the commit that this archive was made from");
    }
  },
};
