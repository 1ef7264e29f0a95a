import { parseInput, rootOf } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { GATHER } from "./flags.ts";
import type { PlanSources } from "./plan.ts";

/** `kbuild gather COMMAND`: finishes from the store what shards have made. */
export function gatherCommand({ find, variables }: PlanSources): Command {
  return {
    name: "gather",
    group: "Release",
    summary: "Finish a release from the store, and name what it lacks",
    description:
      "Runs the command with --gather: what shards have saved is taken from the store and packaged. " +
      "No program is compiled; units that the store lacks are named, and the exit status is 1.",
    args: [
      { name: "COMMAND", summary: "A command that builds; release if omitted" },
      { name: "ARGUMENT", summary: "Arguments of the command", variadic: true },
    ],
    passthrough: "command line",
    flags: [],
    examples: [
      {
        command: "kbuild gather release --store oci://registry.example/kbuild",
        does: "Package what the shards of a release have built",
      },
    ],
    unplanned: {
      reason: "it runs another command",
      notes: ["The plan of that command: kbuild plan COMMAND --gather"],
    },
    async run(command, input) {
      const [first = "release", ...rest] = input.args;
      const [name, words] = first.startsWith("-") ? ["release", input.args] : [first, rest];
      const planned = await find(name, rootOf(words) ?? command.globals.root ?? command.cwd);
      const all = [...words, `--${GATHER.name}`];
      const own = parseInput(all, planned, { otherVariables: variables() });
      await planned.run(command.forCommand(planned, own), own);
    },
  };
}
