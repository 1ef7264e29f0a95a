import {
  argumentDefinitions,
  type CommandData,
  flagDefinition,
  flagDefinitions,
  HELP_COMMAND,
  type HelpTopic,
  TOP_FLAGS,
  usageOf,
  VARIABLES_TOPIC,
} from "../../src/cli/mod.ts";

/** `docs/commands.md`: every command with its flags and examples, then the topics. */
export function commandsMarkdown(
  commands: readonly CommandData[],
  topics: readonly HelpTopic[],
): string {
  const all = [...commands, HELP_COMMAND];
  const lines = [
    "# Commands",
    "",
    "Made from the commands by `scripts/task docs`; `kbuild help COMMAND` says the same.",
    "",
    ...all.map(({ name, summary }) => `- [\`${name}\`](#${name}): ${summary}`),
    "",
    "Every name of a directory in `cmd/` of the checkout is a command, too: `kbuild kubectl`.",
    "",
    ...topics.map(({ name, summary }) => `- [${name}](#${name}): ${summary}`),
    "",
    "## Flags of every command",
    "",
    ...table(TOP_FLAGS.map((flag) => flagDefinition(flag))),
    ...all.flatMap(section),
    ...topics.flatMap(topicSection),
  ];
  return `${lines.join("\n")}\n`;
}

function section(command: CommandData): string[] {
  const { name, summary, description, aliases = [], variables = [] } = command;
  const part = (title: string, rows: readonly (readonly [string, string])[]) =>
    rows.length === 0 ? [] : ["", `### ${title} of ${name}`, "", ...table(rows)];
  return [
    ...["", `## ${name}`, "", `${summary}.`, ""],
    ...["```text", usageOf(command), "```"],
    ...(aliases.length === 0
      ? []
      : ["", `Also: ${aliases.map((each) => `\`${each}\``).join(", ")}`]),
    ...(description === undefined ? [] : ["", description]),
    ...part("Arguments", argumentDefinitions(command)),
    ...part("Flags", flagDefinitions(command)),
    ...(variables.length === 0 ? [] : [
      "",
      `[Variables](#${VARIABLES_TOPIC}): ${variables.map((each) => `\`${each.name}\``).join(", ")}`,
    ]),
    "",
    "```sh",
    ...command.examples.flatMap((example) => [`# ${example.does}`, example.command]),
    "```",
  ];
}

function topicSection({ name, summary, description, sections }: HelpTopic): string[] {
  return [
    ...["", `## ${name}`, "", `${summary}.`, "", description],
    ...sections.flatMap(({ title, rows }) => ["", `### ${title}`, "", ...table(rows)]),
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
