import { splitFields } from "./expand.ts";
import { compileSed } from "./sed.ts";
import { compileAwk, TextToolError, translate } from "./text_tools.ts";
import type { BashState } from "./state.ts";

/** What a builtin may use of the evaluator. */
export interface BuiltinHost {
  readonly state: BashState;
  readonly ifs: string;
  /** Where the command that is being run is. */
  readonly place: { path: string; line: number };
  /** Stops the command. */
  unsupported(why: string): never;
  /** Prints on stdout. */
  print(text: string): void;
  /** What is left of stdin; undefined when there is none. */
  readInput(): string | undefined;
  /** One line of stdin, or what is before another delimiter, without its end, and whether it had one; undefined when there is no stdin. */
  readLine(delimiter?: string): { line: string; ended: boolean } | undefined;
  readFile(path: string): string | undefined;
  /** Answers `-f`, `-x` and the like, unless they are unsupported. */
  testFile(op: string, path: string): boolean;
  /** The value of `((text))`. */
  arithmetic(text: string): number;
  /** Runs text as a script; the result is its exit status. */
  evaluate(text: string): number;
  assign(name: string, value: string | readonly string[]): void;
}

/** Runs a builtin; the result is its exit status. */
export type Builtin = (host: BuiltinHost, args: readonly string[], name: string) => number;

/** Commands that an application adds to those of bash. */
export interface BashCommands {
  /** Answers of commands and functions, whatever the scripts define. */
  readonly overrides?: ReadonlyMap<string, Builtin>;
  /** Answers of commands and functions that the scripts do not define. */
  readonly defaults?: ReadonlyMap<string, Builtin>;
  /**
   * Whether a command has no effect and prints nothing on stdout, such as a log line. Its arguments
   * are not expanded. An override of the same name wins.
   */
  readonly isIgnored?: (name: string) => boolean;
  /** Whether a command prints nothing on stdout. */
  readonly isSilent?: (name: string) => boolean;
  /** Whether a command assigns the variables that its arguments name, as `read` does. */
  readonly assignsArguments?: (name: string) => boolean;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function nameArgument(host: BuiltinHost, name: string | undefined): string {
  if (name === undefined || !NAME.test(name)) host.unsupported(`"${name ?? ""}" is not a variable`);
  return name;
}

/** Takes leading options made of `known`; others are unsupported. */
function takeFlags(
  host: BuiltinHost,
  args: readonly string[],
  known: string,
): { flags: Set<string>; rest: readonly string[] } {
  const flags = new Set<string>();
  let at = 0;
  for (; /^-[^-]/.test(args[at] ?? ""); at++) {
    for (const flag of args[at]!.slice(1)) {
      if (!known.includes(flag)) host.unsupported(`The option "-${flag}" is not understood`);
      flags.add(flag);
    }
  }
  if (args[at] === "--") at++;
  return { flags, rest: args.slice(at) };
}

function echo(host: BuiltinHost, args: readonly string[]): number {
  let at = 0;
  let newline = true;
  let escapes = false;
  for (; /^-[neE]+$/.test(args[at] ?? ""); at++) {
    if (args[at]!.includes("n")) newline = false;
    if (args[at]!.includes("e")) escapes = true;
  }
  const text = args.slice(at).join(" ");
  host.print((escapes ? unescape(host, text) : text) + (newline ? "\n" : ""));
  return 0;
}

function unescape(host: BuiltinHost, text: string): string {
  const known: Record<string, string> = { n: "\n", t: "\t", "\\": "\\" };
  return text.replace(
    /\\([^]?)/g,
    (whole, char: string) => known[char] ?? host.unsupported(`The escape "${whole}" is not known`),
  );
}

function printf(host: BuiltinHost, args: readonly string[]): number {
  const variable = args[0] === "-v" ? nameArgument(host, args[1]) : undefined;
  const rest = args.slice(variable === undefined ? 0 : 2);
  const [template, ...values] = rest[0] === "--" ? rest.slice(1) : rest;
  if (template === undefined) host.unsupported('"printf" has no format');
  const format = unescape(host, template);
  let text = "";
  do {
    const before = values.length;
    text += format.replace(/%(.?)/gs, (whole, verb: string) => {
      if (verb === "%") return "%";
      if (verb === "s") return values.shift() ?? "";
      if (verb === "d" && /^-?[0-9]*$/.test(values[0] ?? "")) return values.shift() || "0";
      return host.unsupported(`"${whole}" of printf is not understood`);
    });
    if (values.length === before) break;
  } while (values.length > 0);
  if (variable === undefined) host.print(text);
  else host.assign(variable, text);
  return 0;
}

function read(host: BuiltinHost, args: readonly string[]): number {
  const { flags, rest: words } = takeFlags(host, args, "rad");
  // "read -r -d '' NAME": an empty delimiter is NUL.
  const delimiter = flags.has("d") ? words[0]?.[0] ?? "\0" : "\n";
  const rest = flags.has("d") ? words.slice(1) : words;
  const input = host.readLine(delimiter) ?? host.unsupported("There is no input to read");
  if (!flags.has("r") && input.line.includes("\\")) {
    host.unsupported("A backslash is read without -r");
  }
  const status = input.ended ? 0 : 1;
  const ifs = host.ifs;
  if (flags.has("a")) {
    if (rest.length !== 1) host.unsupported('"read -a" takes one name');
    host.assign(nameArgument(host, rest[0]), splitFields(input.line, ifs));
    return status;
  }
  const names = rest.length === 0 ? ["REPLY"] : rest;
  const space = [...ifs].filter((char) => /\s/.test(char));
  let line = input.line;
  const trim = () => {
    while (space.includes(line[0] ?? "")) line = line.slice(1);
  };
  if (rest.length > 0) trim();
  names.forEach((name, i) => {
    let value = line;
    if (i < names.length - 1) {
      const end = [...line].findIndex((char) => ifs.includes(char));
      value = end < 0 ? line : line.slice(0, end);
      line = end < 0 ? "" : line.slice(end);
      if (line !== "" && !space.includes(line[0]!)) line = line.slice(1);
      trim();
    } else if (rest.length > 0) {
      while (value !== "" && space.includes(value.at(-1)!)) value = value.slice(0, -1);
    }
    host.assign(nameArgument(host, name), value);
  });
  return status;
}

/** Assigns the lines of stdin to the array that the first argument names: `mapfile -t`. */
export function readArray(host: BuiltinHost, args: readonly string[]): number {
  const input = host.readInput() ?? host.unsupported("There is no input to read");
  const lines = input.split("\n");
  if (lines.at(-1) === "") lines.pop();
  host.assign(nameArgument(host, args[0]), lines);
  return 0;
}

function mapfile(host: BuiltinHost, args: readonly string[]): number {
  const { flags, rest } = takeFlags(host, args, "t");
  if (!flags.has("t")) host.unsupported('"mapfile" without -t is not evaluated');
  return readArray(host, rest.length === 0 ? ["MAPFILE"] : rest);
}

function sort(host: BuiltinHost, args: readonly string[]): number {
  const { flags, rest } = takeFlags(host, args, "ru");
  if (rest.length > 0) host.unsupported('"sort" of files is not evaluated');
  const sorted = inputLines(host).sort(byBytes);
  const lines = flags.has("u") ? unique(sorted) : sorted;
  printLines(host, flags.has("r") ? lines.reverse() : lines);
  return 0;
}

function uniq(host: BuiltinHost, args: readonly string[]): number {
  const { flags, rest } = takeFlags(host, args, "du");
  if (rest.length > 0) host.unsupported('"uniq" of files is not evaluated');
  const lines = inputLines(host);
  const runs = lines.flatMap((line, i) =>
    line === lines[i - 1] ? [] : [{
      line,
      repeated: lines[i + 1] === line,
    }]
  );
  const kept = runs.filter(({ repeated }) =>
    (!flags.has("d") || repeated) && (!flags.has("u") || !repeated)
  );
  printLines(host, kept.map(({ line }) => line));
  return 0;
}

function inputLines(host: BuiltinHost): string[] {
  return linesOf(host.readInput() ?? host.unsupported("There is no input"));
}

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function printLines(host: BuiltinHost, lines: readonly string[]): void {
  for (const line of lines) host.print(`${line}\n`);
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function unique(sorted: readonly string[]): string[] {
  return sorted.filter((line, i) => line !== sorted[i - 1]);
}

/** `sed [-n] [-e] SCRIPT [FILE]`. */
function sed(host: BuiltinHost, args: readonly string[]): number {
  const { flags, rest } = takeFlags(host, args, "ne");
  const [script, path, ...others] = rest;
  if (script === undefined || others.length > 0) {
    host.unsupported('"sed" takes one script and at most one file here');
  }
  const lines = path === undefined ? undefined : linesOf(
    host.readFile(path) ?? host.unsupported(`Cannot read the file "${path}"`),
  );
  return filterLines(host, () => compileSed(script, flags.has("n")), lines);
}

/** `awk [-F SEPARATOR] PROGRAM`, standard input alone. */
function awk(host: BuiltinHost, args: readonly string[]): number {
  const [first = ""] = args;
  const separator = first === "-F" ? args[1] : first.startsWith("-F") ? first.slice(2) : undefined;
  const rest = args.slice(separator === undefined ? 0 : first === "-F" ? 2 : 1);
  if (rest.length !== 1) host.unsupported('"awk" takes one program and no file here');
  return filterLines(host, () => compileAwk(rest[0]!, separator));
}

/** `tr SET1 SET2` and `tr -d SET1`. */
function tr(host: BuiltinHost, args: readonly string[]): number {
  const { flags, rest } = takeFlags(host, args, "d");
  const [from, to] = rest;
  if (from === undefined || rest.length !== (flags.has("d") ? 1 : 2)) {
    host.unsupported(`"tr ${args.join(" ")}" is not understood`);
  }
  const text = host.readInput() ?? host.unsupported("There is no input");
  return understood(host, () => host.print(translate(text, from, to)));
}

/** Runs a text tool; anything that it does not understand is unsupported. */
function understood(host: BuiltinHost, run: () => void): number {
  try {
    run();
    return 0;
  } catch (error) {
    if (error instanceof TextToolError) host.unsupported(error.message);
    throw error;
  }
}

/** Prints what `compile`'s function makes of each line, by default of stdin. */
function filterLines(
  host: BuiltinHost,
  compile: () => (line: string) => string | undefined,
  lines?: readonly string[],
): number {
  return understood(host, () => {
    const filter = compile();
    for (const line of lines ?? inputLines(host)) {
      const text = filter(line);
      if (text !== undefined) host.print(`${text}\n`);
    }
  });
}

function cat(host: BuiltinHost, args: readonly string[]): number {
  if (args.length === 0) {
    host.print(host.readInput() ?? host.unsupported("There is no input"));
    return 0;
  }
  for (const path of args) {
    host.print(host.readFile(path) ?? host.unsupported(`Cannot read the file "${path}"`));
  }
  return 0;
}

function dirname(host: BuiltinHost, args: readonly string[]): number {
  const paths = args[0] === "--" ? args.slice(1) : args;
  if (paths.length === 0) host.unsupported('"dirname" has no path');
  for (const path of paths) {
    if (path.startsWith("-")) host.unsupported(`"dirname ${path}" is not understood`);
    const match = /^(.*[^/])\/+[^/]+\/*$/s.exec(path);
    host.print(`${match?.[1] ?? (path.startsWith("/") ? "/" : ".")}\n`);
  }
  return 0;
}

function basename(host: BuiltinHost, args: readonly string[]): number {
  const path = onlyPath(host, args);
  host.print(`${/([^/]+)\/*$/.exec(path)?.[1] ?? "/"}\n`);
  return 0;
}

function onlyPath(host: BuiltinHost, args: readonly string[]): string {
  const path = args[0] === "--" ? args[1] : args[0];
  if (path === undefined || path.startsWith("-") || args.length > 2) {
    host.unsupported("Only one path is understood");
  }
  return path;
}

function set(host: BuiltinHost, args: readonly string[]): number {
  if (args[0] === "--") host.state.positional = args.slice(1);
  else if (args.length > 0 && !/^[-+]/.test(args[0]!)) host.state.positional = [...args];
  return 0;
}

function shift(host: BuiltinHost, args: readonly string[]): number {
  const count = Number(args[0] ?? "1");
  if (!Number.isInteger(count) || count < 0) {
    host.unsupported(`"shift ${args[0]}" is not understood`);
  }
  if (count > host.state.positional.length) return 1;
  host.state.positional = host.state.positional.slice(count);
  return 0;
}

function unset(host: BuiltinHost, args: readonly string[]): number {
  const { flags, rest } = takeFlags(host, args, "vf");
  for (const name of rest) {
    if (flags.has("f")) host.state.unsetFunction(name);
    else host.state.unset(nameArgument(host, name));
  }
  return 0;
}

function test(host: BuiltinHost, args: readonly string[], name: string): number {
  const words = [...args];
  if (name === "[" && words.pop() !== "]") host.unsupported('"[" is not closed');
  let negate = false;
  while (words.length > 1 && words[0] === "!") {
    negate = !negate;
    words.shift();
  }
  const result = testWords(host, words);
  return result === negate ? 1 : 0;
}

function testWords(host: BuiltinHost, words: readonly string[]): boolean {
  if (words.length === 0) return false;
  if (words.length === 1) return words[0] !== "";
  if (words.length === 2) return testUnary(host, words[0]!, words[1]!);
  if (words.length !== 3) host.unsupported(`"[ ${words.join(" ")} ]" is not understood`);
  const [left, op, right] = words as [string, string, string];
  if (op === "=" || op === "==") return left === right;
  if (op === "!=") return left !== right;
  return compareNumbers(host, left, op, right);
}

/** `-n`, `-z`, `-v`, and what the host answers of files. */
export function testUnary(host: BuiltinHost, op: string, operand: string): boolean {
  if (op === "-n") return operand !== "";
  if (op === "-z") return operand === "";
  if (op === "-v") {
    const variable = host.state.get(nameArgument(host, operand));
    if (variable?.unknown !== undefined) host.unsupported(`"${operand}" is not known`);
    return variable?.value !== undefined && variable.value.length > 0;
  }
  if (/^-[a-hkprstuwxGLNOS]$/.test(op)) return host.testFile(op, operand);
  return host.unsupported(`The test "${op}" is not evaluated`);
}

/** `-eq`, `-lt` and the like on plain numbers. */
export function compareNumbers(
  host: BuiltinHost,
  left: string,
  op: string,
  right: string,
): boolean {
  const number = (text: string) =>
    /^-?(0|[1-9][0-9]{0,14})$/.test(text)
      ? Number(text)
      : host.unsupported(`"${text}" is not a plain number`);
  const [a, b] = [number(left), number(right)];
  return COMPARISONS.get(op)?.(a, b) ?? host.unsupported(`The test "${op}" is not evaluated`);
}

const COMPARISONS: ReadonlyMap<string, (a: number, b: number) => boolean> = new Map([
  ["-eq", (a, b) => a === b],
  ["-ne", (a, b) => a !== b],
  ["-lt", (a, b) => a < b],
  ["-le", (a, b) => a <= b],
  ["-gt", (a, b) => a > b],
  ["-ge", (a, b) => a >= b],
]);

function type(host: BuiltinHost, args: readonly string[]): number {
  if (args[0] !== "-t" || !host.state.functions.has(args[1] ?? "")) {
    host.unsupported(`"type ${args.join(" ")}" is not understood`);
  }
  host.print("function\n");
  return 0;
}

const nothing: Builtin = () => 0;

/** Bash's own commands and the programs of every system that only filter text. */
export const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  [":", nothing],
  ["[", test],
  ["awk", awk],
  ["basename", basename],
  ["cat", cat],
  ["dirname", dirname],
  ["echo", echo],
  ["eval", (host, args) => host.evaluate(args.join(" "))],
  ["false", () => 1],
  ["let", (host, args) => {
    if (args.length === 0) host.unsupported('"let" has no expression');
    return args.map((text) => host.arithmetic(text)).at(-1) === 0 ? 1 : 0;
  }],
  ["mapfile", mapfile],
  ["printf", printf],
  ["read", read],
  ["readarray", mapfile],
  ["sed", sed],
  ["set", set],
  ["shift", shift],
  ["shopt", nothing],
  ["sort", sort],
  ["test", test],
  ["tr", tr],
  ["trap", nothing],
  ["true", nothing],
  ["type", type],
  ["uniq", uniq],
  ["unset", unset],
]);
