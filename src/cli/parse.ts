import { parseArgs } from "@std/cli";
import { UsageError } from "../errors.ts";
import { GLOBAL_FLAGS, placeholderOf } from "./flags.ts";
import { VARIABLES_TOPIC } from "./help.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { scan } from "./scan.ts";
import type { ActionSpec, CommandData, FlagSpec, Input, VariableSpec } from "./types.ts";
import {
  checkChoice,
  checkRange,
  checkVariable,
  checkVariableName,
  checkWith,
  findVariable,
  isDecimal,
  splitList,
  variablesOf,
} from "./variables.ts";

/** Options of {@linkcode parseInput}. */
export interface ParseInputOptions {
  /** Flags of every command; default {@linkcode GLOBAL_FLAGS}. */
  globalFlags?: readonly FlagSpec[];
  /** Variables that other commands read; taken and checked, as make takes any with any target. */
  otherVariables?: readonly VariableSpec[];
}

type FlagValue = true | string | number | readonly string[];

/**
 * Reads the arguments of a command, the name itself left out.
 *
 * @throws {UsageError} An unknown flag or variable, a missing, repeated or bad value, an argument
 * too many or too few.
 */
export function parseInput(
  argv: readonly string[],
  command: CommandData,
  options: ParseInputOptions = {},
): Input {
  const { globalFlags = GLOBAL_FLAGS, otherVariables = [] } = options;
  const flags = [...globalFlags, ...command.flags];
  const help = `kbuild help ${VARIABLES_TOPIC}`;
  const known = new Map(
    [...otherVariables, ...variablesOf({ ...command, flags })].map((spec) => [spec.name, spec]),
  );

  // `parseArgs` gets one unmistakable spelling: left to itself it takes "true" behind a boolean for
  // its value, an empty value for none, and "-N -l" for flags.
  const words: string[] = [];
  const bare = new Map<FlagSpec, number>();
  const args: string[] = [];
  const variables: Record<string, string> = {};
  for (const token of scan(argv, flags, { passthrough: Boolean(command.passthrough) })) {
    if (token.kind === "positional") {
      args.push(token.text);
    } else if (token.kind === "variable") {
      if (command.anyVariables !== true) checkVariableName(token.name, known, help);
      variables[token.name] = token.value;
    } else if (token.spec === undefined) {
      words.push(token.text);
    } else if (token.value !== undefined) {
      words.push(`--${token.spec.name}=${token.value}`);
    } else if (token.spec.implied !== undefined) {
      bare.set(token.spec, (bare.get(token.spec) ?? 0) + 1);
    } else if (token.spec.optional !== undefined) {
      words.push(`--${token.spec.name}=${token.spec.optional}`);
    } else if (token.spec.kind === "boolean") {
      words.push(`--${token.spec.name}`);
    } else {
      throw missingValue(token.spec, argv[token.end]);
    }
  }
  for (const [{ name, implied = 0, maximum = Infinity }, count] of bare) {
    words.push(`--${name}=${Math.min(implied + count - 1, maximum)}`);
  }
  for (const [name, value] of Object.entries(variables)) {
    const spec = findVariable(name, known);
    if (spec !== undefined) checkVariable({ ...spec, name }, value);
  }

  const parsed = parseArgs(words, {
    string: flags.filter(({ kind }) => kind !== "boolean").map(({ name }) => name),
    collect: flags.map(({ name }) => name),
    unknown: (word) => {
      throw unknownFlag(word, flags, command);
    },
  });
  const values = new Map<string, FlagValue>();
  for (const flag of flags) {
    const given: readonly unknown[] = parsed[flag.name] ?? [];
    if (given.length > 0) values.set(flag.name, flagValue(flag, given));
  }
  const action = actionOf(args, command, values);
  if (action !== undefined) args.shift();
  checkArguments(args, command, action);
  return inputOf({ action: action?.name, args, variables, flags, values, command: command.name });
}

/**
 * The action that the first argument names, else the first one.
 *
 * @throws {UsageError} There is no such action, or it does not take a flag that is given.
 */
function actionOf(
  [word]: readonly string[],
  { name, actions = [], args = [], flags }: CommandData,
  given: ReadonlyMap<string, FlagValue>,
): ActionSpec | undefined {
  if (actions.length === 0) return undefined;
  const action = word === undefined ? actions[0] : actions.find((each) => each.name === word);
  if (action === undefined) {
    const names = actions.map((each) => each.name);
    const near = nearest(word ?? "", names);
    const [first] = args;
    const taker = actions.find(({ most }) => most !== 0)?.name;
    throw new UsageError(`Unknown action "${word}" of "kbuild ${name}"`, [
      ...didYouMean(near),
      `Its actions: ${names.join(", ")}`,
      ...near.length > 0 || first === undefined || taker === undefined
        ? []
        : [`${first.name} follows an action: kbuild ${name} ${taker} ${word}`],
    ]);
  }
  const stray = flags.find((flag) => given.has(flag.name) && !action.flags.includes(flag.name));
  if (stray === undefined) return action;
  const takers = actions.filter((each) => each.flags.includes(stray.name));
  throw new UsageError(`Unknown flag "--${stray.name}" of "kbuild ${name} ${action.name}"`, [
    `It belongs to ${takers.map((each) => `"kbuild ${name} ${each.name}"`).join(" and ")}`,
    `"kbuild help ${name}" lists the flags`,
  ]);
}

function missingValue(flag: FlagSpec, next: string | undefined): UsageError {
  const word = `--${flag.name}`;
  const notes = [`Write ${word} ${placeholderOf(flag)}`];
  if (next !== undefined && next !== "--") {
    notes.push(`Write "${word}=${next}" if "${next}" is the value`);
  }
  return new UsageError(`Flag "${word}" needs a value`, notes);
}

function emptyList(flag: FlagSpec, texts: readonly string[]): UsageError {
  const word = `--${flag.name}`;
  const text = texts.find((text) => splitList(text).length === 0) ?? "";
  return new UsageError(`Flag "${word}" needs a value, but is given "${text}"`, [
    `Write ${word} ${placeholderOf(flag)}, or leave it out`,
  ]);
}

function unknownFlag(
  word: string,
  flags: readonly FlagSpec[],
  { name: command, flagNotes: notes = {} }: CommandData,
): UsageError {
  const typed = word.split("=", 1)[0] ?? word;
  const names = flags.filter(({ hidden }) => hidden !== true).map(({ name }) => name);
  const near = nearest(typed.replace(/^-+/, ""), names);
  const note = notes[typed.replace(/^-+/, "")];
  return new UsageError(`Unknown flag "${typed}" of "kbuild ${command}"`, [
    ...note === undefined ? [] : [note],
    ...didYouMean(near.map((name) => `--${name}`)),
    `"kbuild help ${command}" lists the flags`,
  ]);
}

function flagValue(flag: FlagSpec, given: readonly unknown[]): FlagValue {
  const word = `--${flag.name}`;
  if (flag.kind === "boolean") {
    const value = given.find((each) => each !== true);
    if (value === undefined) return true;
    throw new UsageError(`Flag "${word}" takes no value, but is given "${value}"`, [
      `Write ${word} alone, or leave it out`,
    ]);
  }
  const texts = given.map(String);
  if (flag.kind === "list") {
    const lists = texts.map((text) => flag.whole === true ? [text.trim()] : splitList(text));
    // An empty list does not mean "all": it comes from a variable of a script that is not set.
    if (lists.some((list) => list.length === 0 || list[0] === "")) throw emptyList(flag, texts);
    const list = Object.freeze(flag.whole === true ? texts : lists.flat());
    for (const item of list) checkValue(flag, item);
    return list;
  }
  const [text = ""] = texts;
  if (texts.length > 1) {
    throw new UsageError(
      `Flag "${word}" is given more than once: ${texts.map((each) => `"${each}"`).join(", ")}`,
      ["Keep one of them"],
    );
  }
  if (text === "" && flag.kind === "string") throw missingValue(flag, undefined);
  checkValue(flag, text);
  return flag.kind === "number" ? Number(text) : text;
}

function checkValue(flag: FlagSpec, text: string): void {
  const word = `"--${flag.name}"`;
  if (flag.kind === "number" && !isDecimal(text)) {
    throw new UsageError(`Value "${text}" of ${word} is not a number`);
  }
  checkRange(flag, word, text);
  if (flag.choices !== undefined && flag.otherChoices?.test(text) !== true) {
    checkChoice(word, text, flag.choices);
  }
  checkWith(flag.check, word, text);
}

function checkArguments(
  args: readonly string[],
  { name, args: specs = [] }: CommandData,
  action: ActionSpec | undefined,
): void {
  const called = action === undefined ? `kbuild ${name}` : `kbuild ${name} ${action.name}`;
  const missing = specs.find((spec, i) => spec.required === true && args.length <= i);
  if (missing !== undefined) {
    throw new UsageError(`Command "${called}" needs an argument: ${missing.name}`, [
      `${missing.name}: ${missing.summary}`,
      `"kbuild help ${name}" shows examples`,
    ]);
  }
  const isVariadic = specs.at(-1)?.variadic === true;
  const most = Math.min(action?.most ?? Infinity, isVariadic ? Infinity : specs.length);
  const surplus = args[most];
  if (surplus === undefined) return;
  throw new UsageError(`Unexpected argument "${surplus}" of "${called}"`, [
    most === 0
      ? `"${called}" takes flags and NAME=value alone`
      : `"${called}" takes ${specs.slice(0, most).map((spec) => spec.name).join(" ")}`,
    `"kbuild help ${name}" shows examples`,
  ]);
}

function inputOf(
  { action, args, variables, flags, values, command }: {
    action: string | undefined;
    args: readonly string[];
    variables: Record<string, string>;
    flags: readonly FlagSpec[];
    values: ReadonlyMap<string, FlagValue>;
    command: string;
  },
): Input {
  const kinds = new Map(flags.map(({ name, kind }) => [name, kind]));
  function get(name: string, kind: FlagSpec["kind"]): FlagValue | undefined {
    if (kinds.get(name) === kind) return values.get(name);
    throw new TypeError(
      `Cannot read "--${name}": "kbuild ${command}" has no ${kind} flag so named`,
    );
  }
  return Object.freeze<Input>({
    action,
    args: Object.freeze([...args]),
    variables: Object.freeze(variables),
    isGiven: (name) => values.has(name),
    boolean: (name) => get(name, "boolean") as true | undefined,
    string: (name) => get(name, "string") as string | undefined,
    list: (name) => get(name, "list") as readonly string[] | undefined,
    number: (name) => get(name, "number") as number | undefined,
  });
}
