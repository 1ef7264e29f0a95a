import {
  type CommandData,
  flagDefinition,
  HELP_COMMAND,
  TOP_FLAGS,
  usageOf,
  variableDefinition,
} from "../../src/cli/mod.ts";

/** `docs/commands.md`: every command with its flags, variables and examples. */
export function commandsMarkdown(commands: readonly CommandData[]): string {
  const all = [...commands, HELP_COMMAND];
  const lines = [
    "# Commands",
    "",
    "Made from the commands by `scripts/task docs`; `kbuild help COMMAND` says the same.",
    "",
    ...all.map(({ name, summary }) => `- [\`${name}\`](#${name}): ${summary}`),
    "",
    "Every name of a folder in `cmd/` of the checkout is a command, too: `kbuild kubectl`.",
    "",
    "## Flags of every command",
    "",
    ...table(TOP_FLAGS.map(flagDefinition)),
    ...all.flatMap(section),
  ];
  return `${lines.join("\n")}\n`;
}

function section(command: CommandData): string[] {
  const { name, summary, description, aliases = [], args = [], flags, variables = [] } = command;
  const part = (title: string, rows: readonly (readonly [string, string])[]) =>
    rows.length === 0 ? [] : ["", `### ${title} of ${name}`, "", ...table(rows)];
  return [
    ...["", `## ${name}`, "", `${summary}.`, ""],
    ...["```text", usageOf(command), "```"],
    ...(aliases.length === 0
      ? []
      : ["", `Also: ${aliases.map((each) => `\`${each}\``).join(", ")}`]),
    ...(description === undefined ? [] : ["", description]),
    ...part("Arguments", args.map((arg) => [arg.name, arg.summary])),
    ...part("Flags", flags.filter(({ hidden }) => hidden !== true).map(flagDefinition)),
    ...part("Variables", variables.map(variableDefinition)),
    "",
    "```sh",
    ...command.examples.flatMap((example) => [`# ${example.does}`, example.command]),
    "```",
  ];
}

/** Two columns; the bar of "list|install" would end a cell. */
function table(rows: readonly (readonly [string, string])[]): string[] {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [
    ...["| | |", "| --- | --- |"],
    ...rows.map(([term, meaning]) => `| \`${cell(term)}\` | ${cell(meaning)} |`),
  ];
}
