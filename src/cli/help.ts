import { GLOBAL_FLAGS, placeholderOf, TOP_FLAGS } from "./flags.ts";
import { columnOf, COLUMNS, type Definition, definitions, wrap } from "./layout.ts";
import type { ActionSpec, CommandData, FlagSpec, HelpTopic, VariableSpec } from "./types.ts";

/** `kbuild help`, a command like the others as far as help is concerned. */
export const HELP_COMMAND: CommandData = Object.freeze<CommandData>({
  name: "help",
  group: "Help",
  summary: "Show the commands, or one of them",
  args: [{ name: "COMMAND", summary: "Command or topic to explain; all if omitted" }],
  flags: [],
  examples: [
    { command: "kbuild help", does: "List all commands" },
    { command: "kbuild help all", does: 'Explain "kbuild all"' },
    { command: "kbuild help --json", does: "Print the list as JSON" },
  ],
});

const USAGE = "Usage: kbuild COMMAND [FLAGS] [NAME=value ...]";

/** The page that explains all variables. */
export const VARIABLES_TOPIC = "variables";

/** What the overviews begin with and end on. */
export interface OverviewOptions {
  /** First line. */
  summary: string;
  /** Pages beside those of the commands. */
  topics?: readonly HelpTopic[];
  /** Columns of a line; default 80. */
  width?: number;
}

function groupsOf(commands: readonly CommandData[]): Map<string, CommandData[]> {
  const groups = new Map<string, CommandData[]>();
  for (const command of commands) {
    const group = groups.get(command.group) ?? [];
    group.push(command);
    groups.set(command.group, group);
  }
  return groups;
}

/** `(yes, no)`; "" for nothing. */
function inBrackets(text: string): string {
  return text === "" ? "" : ` (${text})`;
}

/**
 * A flag as help lists it: `-p, --platform OS/ARCH`, and what it means.
 *
 * @param actions Those of its command; named are those that take the flag, where not all do.
 */
export function flagDefinition(flag: FlagSpec, actions: readonly ActionSpec[] = []): Definition {
  const { name, short, choices, variable, implied, optional, placeholder } = flag;
  const value = placeholderOf(flag);
  const term = [
    short === undefined ? `--${name}` : `-${short}, --${name}`,
    value === ""
      ? ""
      : optional !== undefined
      ? `[=${value}]`
      : implied === undefined
      ? ` ${value}`
      : ` [${value}]`,
  ].join("");
  const takers = actions.filter(({ flags }) => flags.includes(name));
  const meaning = [
    takers.length === actions.length ? "" : `${takers.map((each) => each.name).join(", ")}: `,
    flag.summary,
    placeholder === undefined ? "" : inBrackets(choices?.join(", ") ?? ""),
    flag.default === undefined ? "" : ` (default: ${flag.default})`,
    variable === undefined ? "" : ` [${variable}]`,
  ].join("");
  return [term, meaning];
}

/** The values of kinds that have few. */
export const KIND_VALUES: Readonly<Record<string, readonly string[]>> = {
  "boolean": ["y", "n"],
  "boolean-y": ["y", "n"],
  "boolean-true": ["true", "false"],
};

/** A variable as help lists it: its name, and what it means. */
export function variableDefinition(variable: VariableSpec): Definition {
  const { name, summary, kind = "string", choices = KIND_VALUES[kind] ?? [] } = variable;
  const standard = variable.default === undefined ? "" : ` (default: ${variable.default})`;
  return [name, summary + inBrackets(choices.join(", ")) + standard];
}

/** Flags that help shows, in its words. */
export function flagDefinitions(command: CommandData): readonly Definition[] {
  return command.flags.filter(({ hidden }) => hidden !== true)
    .map((flag) => flagDefinition(flag, command.actions));
}

/** Actions and arguments, in the words of help. */
export function argumentDefinitions({ actions = [], args = [] }: CommandData): Definition[] {
  return [
    ...actions.map(({ name, summary }, i): Definition => [
      name,
      i === 0 ? `${summary} (default)` : summary,
    ]),
    ...args.map(({ name, summary }): Definition => [name, summary]),
  ];
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `\n${title}\n${lines.map((line) => `${line}\n`).join("")}`;
}

/** The commands with their summaries, group by group, and the topics. */
function listOf(
  commands: readonly CommandData[],
  topics: readonly HelpTopic[],
  width: number | undefined,
): string {
  const rows = (members: readonly CommandData[]) =>
    members.map((command): Definition => [command.name, command.summary]);
  const groups = groupsOf([...commands, HELP_COMMAND]);
  const pages = topics.map(({ name, summary }): Definition => [`help ${name}`, summary]);
  const column = columnOf([...rows([...groups.values()].flat()), ...pages]);
  return [...groups].map(([group, members]) =>
    section(group, [
      ...definitions(rows(members), column, width),
      ...(group === HELP_COMMAND.group ? definitions(pages, column, width) : []),
    ])
  ).join("");
}

/** What `kbuild` alone prints: the commands with their summaries. */
export function shortHelp(commands: readonly CommandData[], options: OverviewOptions): string {
  const { summary, topics = [], width } = options;
  return `${summary}\n\n${USAGE}\n${listOf(commands, topics, width)}\n` +
    '"kbuild help COMMAND" explains a command, "kbuild help" lists the common flags.\n';
}

/** `kbuild help`: every command with its summary, group by group, and the common flags. */
export function overview(commands: readonly CommandData[], options: OverviewOptions): string {
  const { summary, topics = [], width } = options;
  return `${summary}\n\n${USAGE}\n${listOf(commands, topics, width)}` +
    section(
      "Flags of every command",
      definitions(TOP_FLAGS.map((flag) => flagDefinition(flag)), undefined, width),
    ) +
    '\n"kbuild help COMMAND" explains a command. NAME=value sets a variable, as with\n' +
    "make; a flag beats a variable, a variable beats the environment.\n";
}

/** `Usage: kbuild all [FLAGS] …`, with a paragraph for a command that passes words on. */
export function usageOf({ name, actions = [], args = [], passthrough }: CommandData): string {
  const words = args.map(({ name, variadic, required }) => {
    const word = variadic === true ? `${name} ...` : name;
    return required === true ? word : `[${word}]`;
  });
  const action = actions.length === 0 ? [] : [`[${actions.map((each) => each.name).join("|")}]`];
  return [`Usage: kbuild ${name}`, ...action, "[FLAGS] [NAME=value ...]", ...words].join(" ") +
    (passthrough ? "\n\nArguments after the first are passed on unchanged." : "");
}

function paragraphs(text: string, width: number): readonly string[] {
  return text.split(/\n{2,}/).flatMap((paragraph, i) => [
    ...(i === 0 ? [] : [""]),
    ...(/^\s/.test(paragraph) ? paragraph.split("\n") : wrap(paragraph, width)),
  ]);
}

function indented(words: readonly string[], width: number): readonly string[] {
  return wrap(words.join(" "), width - 2).map((line) => `  ${line}`);
}

/** `kbuild help COMMAND`: everything about one command; of variables the names. */
export function commandHelp(command: CommandData, width: number = COLUMNS): string {
  const { aliases = [], variables = [], examples, description } = command;
  const lines = [
    `kbuild ${command.name}: ${command.summary}`,
    "",
    ...wrap(usageOf(command).split("\n")[0] ?? "", width),
    ...usageOf(command).split("\n").slice(1),
    ...(aliases.length === 0 ? [] : [`Also: ${aliases.join(", ")}`]),
    ...(description === undefined ? [] : ["", ...paragraphs(description, width)]),
  ];
  return lines.map((line) => `${line}\n`).join("") +
    section("Arguments", definitions(argumentDefinitions(command), undefined, width)) +
    section("Flags", definitions(flagDefinitions(command), undefined, width)) +
    section(
      `Variables ("kbuild help ${VARIABLES_TOPIC}" explains them)`,
      indented(variables.map(({ name }) => name), width),
    ) +
    section(
      "Flags of every command",
      definitions(GLOBAL_FLAGS.map((flag) => flagDefinition(flag)), undefined, width),
    ) +
    section("Examples", examples.flatMap(({ command, does }) => [`  # ${does}`, `  ${command}`]));
}

/** `kbuild help TOPIC`. */
export function topicHelp(
  { name, summary, description, sections }: HelpTopic,
  width: number = COLUMNS,
): string {
  const head = [`kbuild help ${name}: ${summary}`, "", ...paragraphs(description, width)];
  return head.map((line) => `${line}\n`).join("") +
    sections.map(({ title, rows }) => section(title, definitions(rows, undefined, width))).join("");
}

/** Data of one command as `kbuild help --json` prints it. */
function commandData(command: CommandData): Record<string, unknown> {
  const { name, group, summary, description, examples, ...rest } = command;
  const { actions = [], aliases = [], args = [], flags, variables = [], passthrough = false } =
    rest;
  const visible = flags.filter(({ hidden }) => hidden !== true);
  return {
    name,
    aliases,
    group,
    summary,
    ...(description === undefined ? {} : { description }),
    passthrough: Boolean(passthrough),
    actions,
    args,
    flags: visible,
    variables: variables.map(({ pattern: _pattern, ...variable }) => variable),
    examples,
  };
}

/** What `kbuild help --json` shows. */
export interface HelpData {
  commands: readonly CommandData[];
  topics?: readonly HelpTopic[];
  version: string;
}

/** `kbuild help --json`: version, common flags, and the data of commands and topics. */
export function helpJson({ commands, topics = [], version }: HelpData): string {
  const data = {
    version,
    globalFlags: TOP_FLAGS,
    commands: commands.map(commandData),
    topics,
  };
  return `${JSON.stringify(data, undefined, 2)}\n`;
}
