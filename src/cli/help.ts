import { GLOBAL_FLAGS, placeholderOf, TOP_FLAGS } from "./flags.ts";
import { columnOf, COLUMNS, type Definition, definitions, wrap } from "./layout.ts";
import type { CommandData, FlagSpec, VariableSpec } from "./types.ts";

/** `kbuild help`, a command like the others as far as help is concerned. */
export const HELP_COMMAND: CommandData = Object.freeze<CommandData>({
  name: "help",
  group: "Help",
  summary: "Show the commands, or one of them",
  args: [{ name: "COMMAND", summary: "The command to explain; all when left out" }],
  flags: [],
  examples: [
    { command: "kbuild help", does: "List all commands" },
    { command: "kbuild help all", does: 'Explain "kbuild all"' },
    { command: "kbuild help --json", does: "The same list for programs" },
  ],
});

const USAGE = "Usage: kbuild COMMAND [FLAGS] [NAME=value ...]";

function groupsOf(commands: readonly CommandData[]): Map<string, CommandData[]> {
  const groups = new Map<string, CommandData[]>();
  for (const command of commands) {
    const group = groups.get(command.group) ?? [];
    group.push(command);
    groups.set(command.group, group);
  }
  return groups;
}

/** A flag as help lists it: `-p, --platform OS/ARCH`, and what it means. */
export function flagDefinition(flag: FlagSpec): Definition {
  const { name, short, choices, variable, implied } = flag;
  const value = placeholderOf(flag);
  const term = [
    short === undefined ? `--${name}` : `-${short}, --${name}`,
    value === "" ? "" : implied === undefined ? ` ${value}` : ` [${value}]`,
  ].join("");
  const meaning = [
    flag.summary,
    choices === undefined ? "" : ` (${choices.join(", ")})`,
    variable === undefined ? "" : ` [${variable}]`,
  ].join("");
  return [term, meaning];
}

/** A variable as help lists it: its name, and what it means. */
export function variableDefinition({ name, summary, kind, choices }: VariableSpec): Definition {
  const kinds = { "boolean-y": ["y", "n"], "boolean-true": ["true", "false"] };
  const values = choices ?? (kind === "boolean-y" || kind === "boolean-true" ? kinds[kind] : []);
  return [name, values.length === 0 ? summary : `${summary} (${values.join(", ")})`];
}

function flagRows(flags: readonly FlagSpec[]): readonly string[] {
  return definitions(flags.filter(({ hidden }) => hidden !== true).map(flagDefinition));
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `\n${title}\n${lines.map((line) => `${line}\n`).join("")}`;
}

/** What `kbuild` alone prints: the names of the commands, on one screen. */
export function shortHelp(commands: readonly CommandData[], summary: string): string {
  const groups = [...groupsOf([...commands, HELP_COMMAND])].map(([group, members]) =>
    section(
      group,
      wrap(members.map(({ name }) => name).join(" "), COLUMNS - 2).map((line) => `  ${line}`),
    )
  );
  return `${summary}\n\n${USAGE}\n${groups.join("")}\n` +
    '"kbuild help" says what each does, "kbuild help COMMAND" how.\n';
}

/** `kbuild help`: every command with its summary, group by group, and the common flags. */
export function overview(commands: readonly CommandData[], summary: string): string {
  const rows = (members: readonly CommandData[]) =>
    members.map((command): Definition => [command.name, command.summary]);
  const all = [...commands, HELP_COMMAND];
  const column = columnOf(rows(all));
  const groups = [...groupsOf(all)].map(([group, members]) =>
    section(group, definitions(rows(members), column))
  );
  return `${summary}\n\n${USAGE}\n${groups.join("")}` +
    section("Flags of every command", flagRows(TOP_FLAGS)) +
    '\n"kbuild help COMMAND" explains a command. NAME=value sets a variable, as with\n' +
    "make; a flag beats a variable, a variable beats the environment.\n";
}

/** `Usage: kbuild all [FLAGS] …`, with a paragraph for a command that passes words on. */
export function usageOf({ name, args = [], passthrough }: CommandData): string {
  const words = args.map(({ name, variadic, required }) => {
    const word = variadic === true ? `${name} ...` : name;
    return required === true ? word : `[${word}]`;
  });
  return [`Usage: kbuild ${name} [FLAGS] [NAME=value ...]`, ...words].join(" ") +
    (passthrough === true ? "\n\nWhat follows the first argument is passed on as it is." : "");
}

function paragraphs(text: string): readonly string[] {
  return text.split(/\n{2,}/).flatMap((paragraph, i) => [
    ...(i === 0 ? [] : [""]),
    ...(/^\s/.test(paragraph) ? paragraph.split("\n") : wrap(paragraph, COLUMNS)),
  ]);
}

/** `kbuild help COMMAND`: everything about one command. */
export function commandHelp(command: CommandData): string {
  const { aliases = [], args = [], variables = [], examples, description } = command;
  const lines = [
    `kbuild ${command.name}: ${command.summary}`,
    "",
    usageOf(command),
    ...(aliases.length === 0 ? [] : [`Also: ${aliases.join(", ")}`]),
    ...(description === undefined ? [] : ["", ...paragraphs(description)]),
  ];
  return lines.map((line) => `${line}\n`).join("") +
    section(
      "Arguments",
      definitions(args.map(({ name, summary }): Definition => [name, summary])),
    ) +
    section("Flags", flagRows(command.flags)) +
    section(
      "Variables (NAME=value, or in the environment)",
      definitions(variables.map(variableDefinition)),
    ) +
    section("Flags of every command", flagRows(GLOBAL_FLAGS)) +
    section("Examples", examples.flatMap(({ command, does }) => [`  # ${does}`, `  ${command}`]));
}

/** Data of one command as `kbuild help --json` prints it. */
function commandData(command: CommandData): Record<string, unknown> {
  const { name, group, summary, description, examples, ...rest } = command;
  const { aliases = [], args = [], flags, variables = [], passthrough = false } = rest;
  const visible = flags.filter(({ hidden }) => hidden !== true);
  return {
    name,
    aliases,
    group,
    summary,
    ...(description === undefined ? {} : { description }),
    passthrough,
    args,
    flags: visible,
    variables,
    examples,
  };
}

/** `kbuild help --json`: version, common flags, and the data of the commands. */
export function helpJson(commands: readonly CommandData[], version: string): string {
  const data = {
    version,
    globalFlags: TOP_FLAGS,
    commands: commands.map(commandData),
  };
  return `${JSON.stringify(data, undefined, 2)}\n`;
}
