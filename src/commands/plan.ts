import type { Command } from "./context.ts";

/**
 * `kbuild plan COMMAND`: what a command would do.
 *
 * @param find Finds a command by name, as the command line does, for a checkout around `start`.
 */
export function planCommand(
  find: (name: string, start: string) => Promise<Command>,
): Command {
  return {
    name: "plan",
    group: "Look",
    summary: "Show what a command would do: programs, files, downloads",
    description: "Takes the command with all its flags and variables. Nothing is built, written " +
      "or downloaded. `--dry-run` of a command prints the same as lines for a shell.",
    args: [
      { name: "COMMAND", summary: "A command that builds, packages or cleans", required: true },
      { name: "ARGUMENT", summary: "What the command is given", variadic: true },
    ],
    passthrough: true,
    flags: [
      {
        name: "network",
        kind: "boolean",
        summary: "Only what would be fetched: every URL, with the mirror that leads to it",
      },
    ],
    examples: [
      { command: "kbuild plan quick-release", does: "What a release would start and write" },
      { command: "kbuild plan --network quick-release", does: "What a release would fetch" },
      { command: "kbuild plan --json all WHAT=cmd/kubectl", does: "A build, for programs" },
    ],
    async run(command, input) {
      const [name = "", ...words] = input.args;
      const { showPlan } = await import("./plan_run.ts");
      const planned = await find(name, command.globals.root ?? command.cwd);
      await showPlan(command, planned, words, { network: input.boolean("network") === true });
    },
  };
}
