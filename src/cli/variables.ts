import { UsageError } from "../errors.ts";
import { didYouMean, isSlip, nearest } from "../lib/nearest.ts";
import type { CommandData, FlagSpec, Input, ValueCheck, VariableSpec } from "./types.ts";

/** Where a setting was found. */
export interface Resolved<T> {
  /** What was given there. */
  readonly value: T;
  /** The place that decided. */
  readonly from: "flag" | "variable" | "environment";
}

/**
 * Which of the three places decides: a flag beats `NAME=value` on the command line, which beats
 * the environment, as in make. An empty `NAME=` on the command line decides too (make lets it hide
 * the environment); an empty environment variable counts as not set, as in `${NAME:-default}`.
 *
 * @param flag Value of the flag; undefined when not given.
 * @param variable Value of the command-line variable; undefined when not given.
 * @param environment Value from the environment; undefined when not set.
 * @param read Turns the text of a variable into what the flag holds; left out for strings.
 * @returns The value and its place; undefined when nothing decides.
 */
export function resolve(
  flag: string | undefined,
  variable: string | undefined,
  environment: string | undefined,
): Resolved<string> | undefined;
/** The same for what is not text: `read` turns a variable into it. */
export function resolve<T>(
  flag: T | undefined,
  variable: string | undefined,
  environment: string | undefined,
  read: (text: string, from: "variable" | "environment") => T,
): Resolved<T> | undefined;
export function resolve<T>(
  flag: T | undefined,
  variable: string | undefined,
  environment: string | undefined,
  read: (text: string, from: "variable" | "environment") => T = (text) => text as T,
): Resolved<T> | undefined {
  if (flag !== undefined) return Object.freeze({ value: flag, from: "flag" });
  if (variable !== undefined) {
    return Object.freeze({ value: read(variable, "variable"), from: "variable" });
  }
  if (environment !== undefined && environment !== "") {
    return Object.freeze({ value: read(environment, "environment"), from: "environment" });
  }
  return undefined;
}

/** The words of a list: separated by commas or white space, empty ones left out. */
export function splitList(text: string): readonly string[] {
  return Object.freeze(text.split(/[\s,]+/).filter((word) => word !== ""));
}

/** `"a", "b" or "c"`. */
export function quotedList(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  if (quoted.length < 2) return quoted.join("");
  return `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

/** Whether the text is a decimal number: `5`, `-1`, `0.5`. */
export function isDecimal(text: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(text);
}

/**
 * Refuses a value that is not one of the choices.
 *
 * @param subject What has the value, as the message names it: `"--format"`.
 * @throws {UsageError} Naming the choices and the nearest one.
 */
export function checkChoice(subject: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new UsageError(`Value "${value}" of ${subject} is not ${quotedList(choices)}`, [
    ...didYouMean(nearest(value, choices)),
  ]);
}

/**
 * Refuses a number that is out of its range.
 *
 * @param subject What has the value, as the message names it: `"--jobs"`.
 * @throws {UsageError} Naming the range.
 */
export function checkRange(
  { minimum, maximum = Infinity }: Pick<FlagSpec, "minimum" | "maximum">,
  subject: string,
  value: string,
): void {
  if (minimum === undefined) return;
  const isIn = /^\d+$/.test(value) && Number(value) >= minimum && Number(value) <= maximum;
  if (isIn) return;
  const range = maximum === Infinity ? `${minimum} on` : `${minimum} to ${maximum}`;
  throw new UsageError(`Value "${value}" of ${subject} is not a whole number from ${range}`);
}

/**
 * Refuses a value that the check of a flag or a variable finds fault with.
 *
 * @param subject What has the value, as the message names it: `"--registry"`.
 * @throws {UsageError} With the reason, and the notes of the check.
 */
export function checkWith(check: ValueCheck | undefined, subject: string, value: string): void {
  const fault = check?.(value);
  if (fault === undefined) return;
  throw new UsageError(`Cannot use "${value}" for ${subject}: ${fault.reason}`, fault.notes);
}

/**
 * Refuses a value that cannot be meant for a variable; empty values pass.
 *
 * @throws {UsageError} The value is not one of the choices, or not of the kind.
 */
export function checkVariable(spec: VariableSpec, value: string): void {
  const { name, kind = "string", choices } = spec;
  if (value === "") return;
  if (choices !== undefined && spec.otherChoices?.test(value) !== true) {
    checkChoice(name, value, choices);
  }
  if (kind === "boolean" && !/^(y|n|yes|no|true|false|1|0)$/i.test(value)) {
    throw new UsageError(`Value "${value}" of ${name} is not "y" or "n"`);
  }
  if (kind === "boolean-y" && !/^[yYnN]$/.test(value)) {
    throw new UsageError(`Value "${value}" of ${name} is not "y" or "n"`, [
      "Kubernetes' scripts take every other value for no",
    ]);
  }
  if (kind === "boolean-true") checkChoice(name, value, ["true", "false"]);
  if (kind === "number" && !isDecimal(value)) {
    throw new UsageError(`Value "${value}" of ${name} is not a number`);
  }
  if (kind === "platforms") {
    for (const platform of splitList(value)) {
      if (/^[a-z0-9]+\/[a-z0-9]+$/.test(platform)) continue;
      throw new UsageError(`Value "${platform}" of ${name} is not a platform`, [
        'Write platforms as Go does: "linux/amd64", several with blanks between them',
      ]);
    }
  }
  checkRange(spec, name, value);
  checkWith(spec.check, name, value);
}

/** The variable that a flag stands for. */
function variableOf(flag: FlagSpec, name: string): VariableSpec {
  const { summary, kind, choices, check, ignoredInVariable, minimum, maximum } = flag;
  const isList = kind === "list" && flag.whole !== true;
  return {
    name,
    summary,
    kind: kind === "number" ? kind : kind === "boolean" ? kind : "string",
    ...(choices === undefined ? {} : { choices }),
    ...(ignoredInVariable === undefined ? {} : { otherChoices: ignoredInVariable }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(flag.default === undefined ? {} : { default: flag.default }),
    ...(check === undefined ? {} : {
      check: (value: string) =>
        isList ? splitList(value).map(check).find((fault) => fault !== undefined) : check(value),
    }),
  };
}

/** The variables that a command reads: its own, and those that its flags stand for. */
export function variablesOf(command: CommandData): readonly VariableSpec[] {
  const specs = new Map<string, VariableSpec>();
  for (const flag of command.flags) {
    if (flag.variable !== undefined) specs.set(flag.variable, variableOf(flag, flag.variable));
  }
  for (const spec of command.variables ?? []) specs.set(spec.name, spec);
  return Object.freeze([...specs.values()]);
}

/** The variables of a command that neither a flag nor an argument decides. */
export function undecidedVariables(command: CommandData, input: Input): readonly VariableSpec[] {
  const decided = new Set(
    command.flags.filter(({ name }) => input.isGiven(name)).map(({ variable }) => variable),
  );
  return variablesOf(command).filter(({ name }) =>
    !decided.has(name) && input.variables[name] === undefined
  );
}

/** Values with which a variable turns nothing on. */
const OFF = /^(|0|n|no|false)$/i;

/**
 * Refuses flags that have no effect.
 *
 * @param env The environment, with what flags and arguments say.
 * @throws {UsageError} Naming the flags without which it has none.
 */
export function checkNeeds(
  { flags }: CommandData,
  input: Input,
  env: Readonly<Record<string, string>>,
): void {
  const isOn = (variable: string) => {
    const value = env[variable] ?? "";
    const isSwitch = flags.some((flag) => flag.variable === variable && flag.kind === "boolean");
    return isSwitch ? !OFF.test(value) : value !== "";
  };
  for (const { name, needs } of flags) {
    if (needs === undefined || !input.isGiven(name) || needs.some(isOn)) continue;
    const others = flags.filter(({ variable = "" }) => needs.includes(variable));
    const words = others.map((flag) => `--${flag.name}`).join(" or ");
    throw new UsageError(`Flag "--${name}" has no effect without ${words}`);
  }
}

/** What kbuild knows of variables. */
export type KnownVariables = ReadonlyMap<string, VariableSpec>;

/** The variable of that name, or the one whose pattern has it. */
export function findVariable(name: string, known: KnownVariables): VariableSpec | undefined {
  return known.get(name) ?? [...known.values()].find(({ pattern }) => pattern?.test(name) === true);
}

/** Names that kbuild's variables and those of Kubernetes' scripts begin with. */
const PREFIXES = ["KUBE_", "KBUILD_"] as const;

/**
 * Refuses a variable that nobody reads but somebody may have meant: its name begins with `KUBE_` or
 * `KBUILD_`, or is a slip of the finger from a known one. Any other passes through, as in make.
 *
 * @param known The variables that kbuild reads, by name.
 * @param help The command that lists the variables, for the note.
 * @throws {UsageError} Naming the nearest variable.
 */
export function checkVariableName(name: string, known: KnownVariables, help: string): void {
  if (findVariable(name, known) !== undefined) return;
  const slips = [...known.keys()].filter((word) => isSlip(name, word));
  if (!PREFIXES.some((prefix) => name.startsWith(prefix)) && slips.length === 0) return;
  throw new UsageError(`Unknown variable "${name}"`, [
    ...didYouMean(nearest(name, slips.length > 0 ? slips : known.keys())),
    `"${help}" lists the variables; set others in the environment`,
  ]);
}

/**
 * Refuses values of the environment that a command reads and that cannot be meant, as it refuses them
 * among its arguments.
 *
 * @param specs The variables that the command reads and that nothing on the command line overrides.
 * @throws {UsageError} Naming the variable, its value, and that the environment has it.
 */
export function checkEnvironment(
  specs: readonly VariableSpec[],
  env: Readonly<Record<string, string>>,
): void {
  for (const spec of specs) {
    const names = Object.keys(env).filter((name) =>
      name === spec.name || spec.pattern?.test(name) === true
    );
    for (const name of names) {
      try {
        checkVariable({ ...spec, name }, env[name] ?? "");
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        throw new UsageError(error.message, [...error.notes, `${name} is set in the environment`]);
      }
    }
  }
}

/**
 * Variables of the environment that look like a slip from one that kbuild reads, and that therefore
 * have no effect: a line for each. Others that begin with `KUBE_` belong to other programs.
 */
export function misspeltVariables(
  env: Readonly<Record<string, string>>,
  known: KnownVariables,
): readonly string[] {
  const found: string[] = [];
  for (const name of Object.keys(env).sort()) {
    const prefix = PREFIXES.find((each) => name.startsWith(each));
    if (prefix === undefined || findVariable(name, known) !== undefined) continue;
    const bare = (text: string) => text.slice(prefix.length);
    const words = [...known.keys()].filter((word) => word.startsWith(prefix)).map(bare);
    const [slip] = nearest(bare(name), words.filter((word) => isSlip(bare(name), word)));
    const other = PREFIXES.map((each) => each + bare(name)).find((each) => known.has(each));
    const near = other ?? (slip === undefined ? undefined : prefix + slip);
    if (near === undefined) continue;
    found.push(
      `Unknown variable "${name}" in the environment has no effect; did you mean "${near}"?`,
    );
  }
  return Object.freeze(found);
}
