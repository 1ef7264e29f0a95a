import { type CommandData, HELP_COMMAND, TOP_FLAGS } from "../../src/cli/mod.ts";

/** What is wrong with the data of one command, as sentences. */
function complaints(command: CommandData): readonly string[] {
  const { name, summary, actions = [], args = [], flags, examples, variables = [] } = command;
  const found: string[] = [];
  const complain = (about: string) => found.push(`Command "${name}" ${about}`);

  if (!/^[a-z][a-z0-9_-]*$/.test(name)) complain("is not in lower case");
  if (!/^[A-Z0-9]/.test(summary) || summary.endsWith(".")) {
    complain("needs a summary with a capital first letter and no full stop");
  }
  if (summary.length > 60) complain(`has a summary of ${summary.length} letters, 60 is the most`);
  if (examples.length === 0) complain("has no example");
  for (const { command: line } of examples) {
    if (!line.includes("kbuild")) complain(`has an example without "kbuild": "${line}"`);
  }
  args.forEach(({ name: arg, variadic, required }, i) => {
    if (variadic === true && i < args.length - 1) complain(`has arguments after "${arg} ..."`);
    if (required === true && i > 0 && args[i - 1]?.required !== true) {
      complain(`needs "${arg}" after an argument that may be left out`);
    }
  });
  const long = new Set(TOP_FLAGS.map((flag) => flag.name));
  const short = new Set(TOP_FLAGS.flatMap((flag) => flag.short ?? []));
  for (const flag of flags) {
    if (!/^[a-z][a-z0-9-]+$/.test(flag.name)) complain(`has a malformed flag "--${flag.name}"`);
    if (long.has(flag.name)) complain(`has a second flag "--${flag.name}"`);
    long.add(flag.name);
    const takesValue = flag.kind !== "boolean";
    if (takesValue && flag.placeholder === undefined && flag.choices === undefined) {
      complain(`does not name the value of "--${flag.name}"`);
    }
    if (/\bdefault\b/.test(flag.summary)) {
      complain(`has a default in the words of "--${flag.name}"`);
    }
    const isTaken = actions.length === 0 || actions.some(({ flags }) => flags.includes(flag.name));
    if (!isTaken) complain(`has no action that takes "--${flag.name}"`);
    if (flag.short === undefined) continue;
    if (!/^[A-Za-z?]$/.test(flag.short)) complain(`has a malformed flag "-${flag.short}"`);
    if (short.has(flag.short)) complain(`has a second flag "-${flag.short}"`);
    short.add(flag.short);
  }
  for (const action of actions) {
    for (const flag of action.flags) {
      if (!flags.some(({ name }) => name === flag)) {
        complain(`has an action "${action.name}" with an unknown flag "--${flag}"`);
      }
    }
  }
  for (const variable of variables) {
    if (/\bdefault\b/.test(variable.summary)) {
      complain(`has a default in the words of "${variable.name}"`);
    }
    if (!/^[A-Z_][A-Z0-9_]*$/.test(variable.name)) {
      complain(`has a malformed variable "${variable.name}"`);
    }
  }
  return found;
}

/**
 * Looks for slips in the data of commands: names or flags that occur
 * twice, arguments in an order that cannot be parsed, missing examples, summaries out of form.
 *
 * @returns One sentence for each; empty when all is well.
 */
export function checkCommands(commands: readonly CommandData[]): readonly string[] {
  const found: string[] = [];
  const names = new Set([HELP_COMMAND.name]);
  for (const command of commands) {
    for (const name of [command.name, ...command.aliases ?? []]) {
      if (names.has(name)) found.push(`Command "${name}" exists twice`);
      names.add(name);
    }
    found.push(...complaints(command));
  }
  return Object.freeze(found);
}
