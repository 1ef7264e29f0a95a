import { rootOf, type VariableSpec } from "../cli/mod.ts";
import type { Command } from "./context.ts";

/** What `kbuild plan` asks about the commands that it plans. */
export interface PlanSources {
  /** Finds a command by name, as the command line does, for a checkout around `start`. */
  find(name: string, start: string): Promise<Command>;
  /** The variables that any command reads. */
  variables(): readonly VariableSpec[];
}

/** `kbuild plan COMMAND`: what a command would do. */
export function planCommand({ find, variables }: PlanSources): Command {
  return {
    name: "plan",
    group: "Look",
    summary: "Show what a command would do: programs, files, downloads",
    description:
      "Accepts the command with all its flags and variables. Nothing is built, written " +
      "or downloaded; with `--engine buildx`, its nodes are started and asked what they are. " +
      "`--dry-run` of a command prints the same as shell commands.",
    args: [
      { name: "COMMAND", summary: "A command that changes something", required: true },
      { name: "ARGUMENT", summary: "Arguments of the command", variadic: true },
    ],
    passthrough: "command line",
    flags: [
      {
        name: "network",
        kind: "boolean",
        summary: "Show only downloads: every URL, with the mirror rule that leads to it",
      },
      {
        name: "units",
        kind: "boolean",
        summary:
          "Show only the units of work: their keys, what they need and leave, how long they took",
      },
    ],
    examples: [
      { command: "kbuild plan quick-release", does: "Show what a release would start and write" },
      { command: "kbuild plan --network quick-release", does: "Show what a release would fetch" },
      {
        command: "kbuild plan --json all WHAT=cmd/kubectl",
        does: "Print the plan of a build as JSON",
      },
      {
        command: "kbuild plan --units --json release",
        does: "Print the units of a release, with the keys of what they would make",
      },
    ],
    async run(command, input) {
      const [name = "", ...words] = input.args;
      const { showPlan } = await import("./plan_run.ts");
      const root = rootOf(words) ?? command.globals.root;
      const planned = await find(name, root ?? command.cwd);
      await showPlan(command, planned, words, {
        network: input.boolean("network") === true,
        units: input.boolean("units") === true,
        variables: variables(),
      });
    },
  };
}
