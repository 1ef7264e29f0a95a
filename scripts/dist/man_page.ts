import {
  type CommandData,
  flagDefinition,
  HELP_COMMAND,
  TOP_FLAGS,
  usageOf,
  variableDefinition,
} from "../../src/cli/mod.ts";

/** `kbuild.1`, for `man`: plain man(7) macros, which macOS and Linux read alike. */
export function manPage(commands: readonly CommandData[], version: string): string {
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
    roff("Every name of a folder in cmd/ of the checkout is a command, too: kbuild kubectl."),
    ".SH FLAGS OF EVERY COMMAND",
    ...TOP_FLAGS.map(flagDefinition).flatMap(item),
    ".SH COMMANDS",
    ...[...commands, HELP_COMMAND].flatMap(section),
    ".SH EXIT STATUS",
    roff("0 done, 1 failed, 2 wrong usage, 130 interrupted, 141 nobody reads the output."),
  ];
  return `${lines.join("\n")}\n`;
}

function section(command: CommandData): string[] {
  const { name, summary, description, args = [], flags, variables = [], examples } = command;
  const rows = [
    ...args.map((arg) => [arg.name, arg.summary] as const),
    ...flags.filter(({ hidden }) => hidden !== true).map(flagDefinition),
    ...variables.map(variableDefinition),
  ];
  return [
    `.SS ${roff(name)}`,
    roff(`${summary}.`),
    ".PP",
    roff(usageOf(command).replaceAll(/\s+/g, " ")),
    ...(description === undefined ? [] : [".PP", roff(description.replaceAll(/\s+/g, " "))]),
    ...rows.flatMap(item),
    ...examples.flatMap(({ command: line, does }) => [".PP", roff(`${does}:`), ".PP", code(line)]),
  ];
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
