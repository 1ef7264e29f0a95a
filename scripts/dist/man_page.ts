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

/** Files that kbuild reads or writes. */
const FILES: readonly (readonly [path: string, meaning: string])[] = [
  ["_output", "what builds and releases make in a checkout"],
  ["kbuild.toml, kbuild.json", "in a checkout or beside it: what cannot be read from it"],
  ["~/.cache/kbuild", "what was fetched, for all checkouts (macOS: ~/Library/Caches/kbuild)"],
  ["~/.docker/config.json", "log-ins at registries; podman's auth.json, too"],
];

/** `kbuild.1`, for `man`: plain man(7) macros, which macOS and Linux read alike. */
export function manPage(
  commands: readonly CommandData[],
  topics: readonly HelpTopic[],
  version: string,
): string {
  const all = [...commands, HELP_COMMAND];
  const isVariables = ({ name }: HelpTopic) => name === VARIABLES_TOPIC;
  const lines = [
    `.TH KBUILD 1 "" "kbuild ${version}"`,
    ".SH NAME",
    "kbuild \\- build, package and release Kubernetes checkouts",
    ".SH SYNOPSIS",
    ".B kbuild",
    roff("COMMAND [FLAGS] [NAME=value ...]"),
    ".SH DESCRIPTION",
    roff(
      "Does what hack/lib, build/ and the Makefiles of Kubernetes do, with the same names and " +
        "results, and starts git and go alone. NAME=value sets a variable, as with make; a flag " +
        "beats a variable, a variable beats the environment.",
    ),
    ".PP",
    roff("Every directory in cmd/ of the checkout is also a command: kbuild kubectl."),
    ".SH FLAGS OF EVERY COMMAND",
    ...TOP_FLAGS.map((flag) => flagDefinition(flag)).flatMap(item),
    ".SH COMMANDS",
    ...all.flatMap(section),
    ...topics.filter((topic) => !isVariables(topic)).flatMap((topic) =>
      topicSection(topic, topic.name.toUpperCase())
    ),
    ".SH EXIT STATUS",
    roff("0 done, 1 failed, 2 wrong usage, 130 interrupted, 141 nobody reads the output."),
    ...topics.filter(isVariables).flatMap((topic) => topicSection(topic, "ENVIRONMENT")),
    ".SH FILES",
    ...FILES.flatMap(item),
    ".SH EXAMPLES",
    ...all.flatMap(({ examples }) => examples.slice(0, 1)).flatMap(example),
  ];
  return `${lines.join("\n")}\n`;
}

function section(command: CommandData): string[] {
  const { name, summary, description, variables = [], examples } = command;
  const names = variables.map((variable) => variable.name).join(", ");
  return [
    `.SS ${roff(name)}`,
    roff(`${summary}.`),
    ".PP",
    roff(usageOf(command).replaceAll(/\s+/g, " ")),
    ...(description === undefined ? [] : [".PP", roff(description.replaceAll(/\s+/g, " "))]),
    ...[...argumentDefinitions(command), ...flagDefinitions(command)].flatMap(item),
    ...(names === "" ? [] : [".PP", roff(`Variables: ${names}`)]),
    ...examples.flatMap(example),
  ];
}

function topicSection(topic: HelpTopic, title: string): string[] {
  return [
    `.SH ${title}`,
    roff(topic.description.replaceAll(/\s+/g, " ")),
    ...topic.sections.flatMap(({ title, rows }) => [`.SS ${roff(title)}`, ...rows.flatMap(item)]),
  ];
}

function example({ command, does }: CommandData["examples"][number]): string[] {
  return [".PP", roff(`${does}:`), ".PP", code(command)];
}

function item([term, meaning]: readonly [string, string]): string[] {
  return [".TP", `\\fB${escape(term)}\\fR`, roff(meaning)];
}

function code(text: string): string {
  return `.RS\n.nf\n${roff(text)}\n.fi\n.RE`;
}

/** A line of text; one that starts with a dot or a quote would be taken for a macro. */
function roff(text: string): string {
  return escape(text).replace(/^(?=[.'])/, "\\&");
}

/** Backslashes, dashes that are to be dashes, and what is beyond ASCII. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("…", "...")
    .replaceAll(/\P{ASCII}/gu, (char) => {
      const code = char.codePointAt(0)?.toString(16).toUpperCase() ?? "";
      return `\\[u${code.padStart(4, "0")}]`;
    });
}
