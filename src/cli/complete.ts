import { placeholderOf, TOP_FLAGS } from "./flags.ts";
import { HELP_COMMAND, KIND_VALUES } from "./help.ts";
import { scan } from "./scan.ts";
import type { ArgSpec, CommandData, FlagSpec, VariableSpec } from "./types.ts";
import { variablesOf } from "./variables.ts";

/** A word that may follow at the cursor. */
export interface Candidate {
  /** The whole word. One that ends in "=" or "," wants more. */
  readonly word: string;
  /** What it is, one line; "" when the word says it. */
  readonly summary: string;
}

/** What a value can be, as far as the data of the commands does not say it. */
export interface CompletionSources {
  /** Further commands, as `kbuild kubectl` is one. */
  commands(): Promise<readonly Candidate[]>;
  /** Pages of help beside those of commands. */
  readonly topics?: readonly Candidate[];
  /**
   * Values of a flag, a variable or an argument, by the names that help has for it (`--platform`
   * with `OS/ARCH`, `WHAT`); undefined: a file, or anything.
   */
  values(names: readonly string[]): Promise<readonly string[] | undefined>;
}

const plain = (words: readonly string[]): Candidate[] =>
  words.map((word) => ({ word, summary: "" }));

/**
 * Candidates for the last word.
 *
 * @param words The words behind `kbuild`; the last one, which may be "", is being typed.
 * @returns Those that begin with what is typed. None where a file or anything else is wanted.
 */
export async function completeWords(
  commands: readonly CommandData[],
  words: readonly string[],
  sources: CompletionSources,
): Promise<readonly Candidate[]> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const all = [...commands, HELP_COMMAND];
  const { name, end } = nameIn(before, TOP_FLAGS);
  const command = name === undefined
    ? undefined
    : all.find((each) => each.name === name || each.aliases?.includes(name) === true) ??
      all.find((each) => each.name === "all");
  const flags = [...TOP_FLAGS, ...command?.flags ?? []];
  if (command?.passthrough === "command line") {
    const planned = nameIn(before.slice(end), flags);
    // `kbuild plan all --pl`: what follows is a command line of its own.
    if (planned.name !== undefined) {
      return await completeWords(commands, words.slice(end + planned.start), sources);
    }
  }
  const found = await candidates(all, command, flags, before, typed, sources);
  return Object.freeze(found.filter(({ word }) => word.startsWith(typed)));
}

/** The first positional word, where it is, and where what follows begins. */
function nameIn(
  words: readonly string[],
  flags: readonly FlagSpec[],
): { name: string | undefined; start: number; end: number } {
  for (const token of scan(words, flags)) {
    if (token.kind === "positional") return { ...token, name: token.text };
  }
  return { name: undefined, start: words.length, end: words.length };
}

async function candidates(
  all: readonly CommandData[],
  command: CommandData | undefined,
  flags: readonly FlagSpec[],
  before: readonly string[],
  typed: string,
  sources: CompletionSources,
): Promise<readonly Candidate[]> {
  const open = openFlag(before, flags);
  if (open !== undefined) {
    return inList(await flagValues(open, sources), typed, isDivided(open));
  }
  const [, inlineName = ""] = /^--([^=]+)=/.exec(typed) ?? [];
  const inline = flags.find((flag) => flag.name === inlineName);
  if (inline !== undefined) {
    return inList(await flagValues(inline, sources), typed, isDivided(inline));
  }
  const given = Array.from(scan(before, flags))
    .flatMap((token) => token.kind === "positional" ? [token.text] : []);
  const action = command?.actions?.find(({ name }) => name === given[1]);
  if (typed.startsWith("-")) {
    const own = command?.flags ?? [];
    return flags.filter((flag) =>
      flag.hidden !== true &&
      (action === undefined || !own.includes(flag) || action.flags.includes(flag.name))
    ).map(flagCandidate);
  }

  const variables = variablesOfAll(command === undefined ? all : [command]);
  const [, variableName] = /^([A-Z_][A-Z0-9_]*)=/.exec(typed) ?? [];
  if (variableName !== undefined) {
    const spec = variables.find((each) => each.name === variableName);
    return spec === undefined ? [] : inList(await variableValues(spec, sources), typed, true);
  }
  const names = variables.map((each): Candidate => ({
    word: `${each.name}=`,
    summary: each.summary,
  }));
  // Without a letter there are too many of them to be of use.
  const offered = typed === "" ? [] : names;
  if (command === undefined) {
    const listed = all.map((each): Candidate => ({ word: each.name, summary: each.summary }));
    return [...listed, ...await sources.commands(), ...offered];
  }
  return [...await argValues(all, command, given.length - 1, sources), ...offered];
}

/** The flag whose value is the word being typed. */
function openFlag(before: readonly string[], flags: readonly FlagSpec[]): FlagSpec | undefined {
  const last = Array.from(scan(before, flags)).at(-1);
  if (last?.kind !== "flag" || last.spec === undefined || last.value !== undefined) {
    return undefined;
  }
  const { kind, implied, optional } = last.spec;
  const needsNone = kind === "boolean" || implied !== undefined || optional !== undefined;
  return needsNone ? undefined : last.spec;
}

/** Whether a value may hold several, with commas between them. */
function isDivided({ kind, whole }: FlagSpec): boolean {
  return kind === "list" && whole !== true;
}

function flagCandidate(flag: FlagSpec): Candidate {
  return { word: `--${flag.name}`, summary: flag.summary };
}

function variablesOfAll(commands: readonly CommandData[]): readonly VariableSpec[] {
  const found = new Map<string, VariableSpec>();
  for (const spec of commands.flatMap((command) => variablesOf(command))) {
    found.set(spec.name, spec);
  }
  return [...found.values()];
}

async function flagValues(flag: FlagSpec, sources: CompletionSources): Promise<readonly string[]> {
  if (flag.choices !== undefined) return flag.choices;
  const names = [`--${flag.name}`, placeholderOf(flag), flag.variable ?? ""];
  return await sources.values(names) ?? [];
}

async function variableValues(
  spec: VariableSpec,
  sources: CompletionSources,
): Promise<readonly string[]> {
  return spec.choices ?? KIND_VALUES[spec.kind ?? ""] ?? await sources.values([spec.name]) ?? [];
}

/** Values of the argument after `given` others; the action counts as the first. */
async function argValues(
  all: readonly CommandData[],
  command: CommandData,
  given: number,
  sources: CompletionSources,
): Promise<readonly Candidate[]> {
  const { actions = [], args = [] } = command;
  if (actions.length > 0 && given === 0) {
    return actions.map(({ name, summary }): Candidate => ({ word: name, summary }));
  }
  const spec: ArgSpec | undefined = args[given - Math.min(actions.length, 1)] ??
    (args.at(-1)?.variadic === true ? args.at(-1) : undefined);
  if (spec === undefined) return [];
  if (spec.name === "COMMAND") {
    const listed = all.map((each): Candidate => ({ word: each.name, summary: each.summary }));
    const topics = command === HELP_COMMAND ? sources.topics ?? [] : [];
    return [...listed, ...topics, ...await sources.commands()];
  }
  // `bash|zsh|fish`: the words themselves.
  if (/^[a-z]+(\|[a-z]+)+$/.test(spec.name)) return plain(spec.name.split("|"));
  return plain(await sources.values([spec.name]) ?? []);
}

/** Puts the text before the last element, `--platform=linux/amd64,`, in front of each value. */
function inList(values: readonly string[], typed: string, isList: boolean): readonly Candidate[] {
  const [head = ""] = (isList ? /^.*[=,\s]/s : /^--[^=]+=/).exec(typed) ?? [];
  return plain(values.map((value) => head + value));
}
