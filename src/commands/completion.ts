import { type CommandData, COMPLETION_SHELLS, completionScript } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import type { Command } from "./context.ts";

/** What completion asks for in place of a shell: the words that may follow. */
const WORDS = "words";

/**
 * `kbuild completion`: scripts for shells, and what they ask for.
 *
 * @param commands Every command, asked for when one is completed.
 */
export function completionCommand(commands: () => readonly CommandData[]): Command {
  return {
    name: "completion",
    group: "Maintenance",
    summary: "Print a completion script for bash, zsh or fish",
    description:
      "Completes commands, flags, variables, and their values: targets and platforms are those of " +
      "the checkout around the current directory. The scripts run `kbuild completion words WORD …`, " +
      "which prints the candidates for the last word.",
    args: [
      { name: [...COMPLETION_SHELLS, WORDS].join("|"), summary: "The shell", required: true },
      {
        name: "WORD",
        summary: "For words: the command line so far, without kbuild",
        variadic: true,
      },
    ],
    passthrough: true,
    flags: [],
    examples: [
      { command: 'eval "$(kbuild completion bash)"', does: "Line for ~/.bashrc; likewise for zsh" },
      {
        command: "kbuild completion fish >~/.config/fish/completions/kbuild.fish",
        does: "Install it for fish",
      },
    ],
    async run(command, input) {
      const [shell = "", ...words] = input.args;
      if (shell === WORDS) {
        const { printWords } = await import("./completion_run.ts");
        return await printWords(command, commands(), words);
      }
      const known = COMPLETION_SHELLS.find((each) => each === shell);
      if (known === undefined) {
        throw new UsageError(`Cannot complete in "${shell}"`, [
          `The shells: ${COMPLETION_SHELLS.join(", ")}`,
        ]);
      }
      // Words for the shell's own use pass through; a shell takes none.
      const surplus = command.globals.json ? "--json" : words[0];
      if (surplus !== undefined) {
        throw new UsageError(`Unexpected argument "${surplus}" of "kbuild completion ${known}"`, [
          "It prints a script for the shell",
        ]);
      }
      command.print(completionScript(known).trimEnd());
    },
  };
}
