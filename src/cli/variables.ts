import { UsageError } from "../errors.ts";
import { didYouMean, isSlip, nearest } from "../lib/nearest.ts";
import type { CommandData, VariableSpec } from "./types.ts";

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

/** The words of a list: divided by commas or white space, empty ones left out. */
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
 * Refuses a value that is none of the choices.
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
 * Refuses a value that cannot be meant for a variable; empty values pass.
 *
 * @throws {UsageError} The value is none of the choices, or not of the kind.
 */
export function checkVariable(spec: VariableSpec, value: string): void {
  const { name, kind = "string", choices } = spec;
  if (value === "") return;
  if (choices !== undefined) checkChoice(name, value, choices);
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
}

/** The variables that a command reads: its own, and those that its flags stand for. */
export function variablesOf(command: CommandData): readonly VariableSpec[] {
  const specs = new Map<string, VariableSpec>();
  for (const { variable, summary, kind } of command.flags) {
    if (variable === undefined) continue;
    specs.set(variable, { name: variable, summary, kind: kind === "number" ? kind : "string" });
  }
  for (const spec of command.variables ?? []) specs.set(spec.name, spec);
  return Object.freeze([...specs.values()]);
}

/**
 * Refuses a variable that nobody reads but somebody may have meant: its name begins with `KUBE_`,
 * or is a slip of the finger from a known one. Any other passes through, as in make.
 *
 * @param known The variables that kbuild reads, by name.
 * @param help The command that lists the variables, for the note.
 * @throws {UsageError} Naming the nearest variable.
 */
export function checkVariableName(
  name: string,
  known: ReadonlyMap<string, VariableSpec>,
  help: string,
): void {
  if (known.has(name)) return;
  const slips = [...known.keys()].filter((word) => isSlip(name, word));
  if (!name.startsWith("KUBE_") && slips.length === 0) return;
  throw new UsageError(`Unknown variable "${name}"`, [
    ...didYouMean(nearest(name, slips.length > 0 ? slips : known.keys())),
    `"${help}" lists the variables; set others in the environment`,
  ]);
}
