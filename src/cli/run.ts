import { UsageError } from "../errors.ts";
import { PROGRESS_VARIABLE, TOP_FLAGS, VERBOSE_VARIABLE } from "./flags.ts";
import { commandHelp, HELP_COMMAND, helpJson, overview, shortHelp, topicHelp } from "./help.ts";
import { COLUMNS } from "./layout.ts";
import { commonFlag, type Fallback, findCommand, rootOf, splitArgv } from "./lookup.ts";
import { parseInput } from "./parse.ts";
import { errorJson, exitCodeOf, renderError } from "./report.ts";
import { scan, type Token } from "./scan.ts";
import type { Command, CommandData, FlagSpec, HelpTopic, Input, Output } from "./types.ts";
import {
  checkEnvironment,
  checkVariable,
  misspeltVariables,
  resolve,
  undecidedVariables,
  variablesOf,
} from "./variables.ts";

/** What holds for every command: the common flags, and what the program was started with. */
export interface Globals {
  /** Version of the program, as `--version` prints it. */
  readonly version: string;
  /** `--root` as given, not resolved; undefined: look for the checkout around the directory. */
  readonly root: string | undefined;
  /** `--json`: the result is read by a program. */
  readonly json: boolean;
  /** `--debug`. */
  readonly debug: boolean;
  /** `-v`, else `KUBE_VERBOSE`; 1 when neither is given, as in the root Makefile. */
  readonly verbosity: number;
  /** `--progress`, else `KBUILD_PROGRESS`; "auto" when neither is given. */
  readonly progress: string;
  /** `--events`, as given, not resolved. */
  readonly events: string | undefined;
  /** `--timings`, as given, not resolved. */
  readonly timings: string | undefined;
  /** `NAME=value` words of the command line. */
  readonly variables: Readonly<Record<string, string>>;
  /** The whole environment, read once by the caller. */
  readonly env: Readonly<Record<string, string>>;
  /** What programs that kbuild runs in the foreground read. */
  readonly stdin: StandardInput;
  /** For results. */
  readonly stdout: Output;
  /** For logs and progress. */
  readonly stderr: Output;
  /** What the user should know of the environment, a line each. */
  readonly warnings: readonly string[];
  /** Whether stderr is coloured: `--color`, else a terminal that knows colours, and no `NO_COLOR`. */
  readonly color: boolean;
}

/** Standard input. */
export interface StandardInput {
  /** Whether somebody types it. */
  readonly terminal: boolean;
  /** Reads a line, without its end; undefined at the end of the input. */
  readonly readLine?: () => Promise<string | undefined>;
}

/** What {@linkcode runCli} works with; it reads nothing else. */
export interface CliOptions<C> {
  /** All commands but `help`, in the order in which help lists them. */
  readonly commands: readonly Command<C>[];
  /** For names that are not in `commands`. */
  readonly fallback?: Fallback<C>;
  /** Pages of help beside those of the commands. */
  readonly topics?: readonly HelpTopic[];
  /** The command that is meant by variables alone: `kbuild WHAT=cmd/kubectl`, as with make. */
  readonly defaultCommand?: string;
  /** The words behind the program name. */
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What standard input is; default: not a terminal. */
  readonly stdin?: StandardInput;
  /** Results and help. */
  readonly stdout: Output;
  /** Error reports. */
  readonly stderr: Output;
  /** What `--version` prints. */
  readonly version: string;
  /** First line of help. */
  readonly summary?: string;
  /**
   * Aborted when the user gives up. What a command throws after that is reported as
   * `signal.reason`: a `KbuildError` chooses the words and the exit code, else 130.
   */
  readonly signal?: AbortSignal;
  /** Makes what commands work on; called for a command that runs, not for help. */
  makeContext(globals: Globals, command: CommandData, input: Input): C | Promise<C>;
  /** What else to do about an error; `root` is the value of `--root`. */
  hint?(error: unknown, root: string | undefined): Promise<string | undefined>;
  /**
   * A command has ended. What it threw is in words in `report`, which is shown here; "" without an error.
   */
  ended?(
    context: C,
    end: { readonly code: number; readonly report: string },
  ): void | Promise<void>;
}

/** An error of a command whose report was shown. */
class Reported {
  readonly error: unknown;
  readonly hint: string | undefined;
  constructor(error: unknown, hint: string | undefined) {
    this.error = error;
    this.hint = hint;
  }
}

const SUMMARY = "kbuild builds, packages and releases Kubernetes checkouts.";

/**
 * Reads a command line, runs the command, reports errors.
 *
 * `kbuild` alone prints short help on stdout, which is not an error. With `--json` stdout receives one
 * value: the result, or the error of a command that failed before it had one.
 *
 * @returns The exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted, or what the error says.
 */
export async function runCli<C>(options: CliOptions<C>): Promise<number> {
  const { argv, env, signal } = options;
  let isWritten = false;
  const stdout: Output = {
    ...options.stdout,
    write(text) {
      isWritten = true;
      options.stdout.write(text);
    },
  };
  const stderr: Output = {
    ...options.stderr,
    terminal: options.stderr.terminal === true && env["TERM"] !== "dumb",
    screen: env["TERM"] === "dumb" ? undefined : options.stderr.screen,
  };
  // These count even when the command line is what is wrong.
  const words = ownWords(argv, options.commands);
  const color = isColored(words, stderr, env);
  try {
    await dispatch({ ...options, stdout, stderr }, color);
    return 0;
  } catch (error) {
    const isReported = error instanceof Reported;
    const shown = isReported ? error.error : signal?.aborted === true ? signal.reason : error;
    if (!isReported) {
      stderr.write(renderError(shown, { debug: words.includes("--debug"), color }));
    }
    const hint = isReported ? error.hint : undefined;
    if (words.includes("--json") && !isWritten) stdout.write(errorJson(shown, hint));
    return exitCodeOf(shown);
  }
}

/** `--color`, else whether stderr is a terminal that knows colours and nobody has said that there be none. */
function isColored(
  words: readonly string[],
  stderr: Output,
  env: Readonly<Record<string, string>>,
): boolean {
  const given = commonFlag(words, "color");
  if (given === "always" || given === "never") return given === "always";
  return stderr.terminal === true && (env["NO_COLOR"] ?? "") === "";
}

async function dispatch<C>(options: CliOptions<C>, color: boolean): Promise<void> {
  const { commands, fallback, defaultCommand, stdout, stderr, version, env } = options;
  const { name, before, after } = splitArgv(options.argv, TOP_FLAGS);
  const given = new Set(flagNames(before, TOP_FLAGS));
  if (given.has("version")) {
    const text = given.has("json")
      ? JSON.stringify({ version }, undefined, 2)
      : `kbuild ${version}`;
    return stdout.write(`${text}\n`);
  }

  const otherVariables = commands.flatMap(variablesOf);
  const argv = [...before, ...after];
  if (name === "help" || (name === undefined && (given.has("help") || given.has("json")))) {
    return await explain(options, parseInput(argv, HELP_COMMAND, { otherVariables }));
  }
  if (name === undefined && !hasVariable(before)) {
    parseInput(argv, HELP_COMMAND); // "kbuild --root" still needs its value
    const { topics = [], summary = SUMMARY } = options;
    return stdout.write(shortHelp(commands, { summary, topics, width: widthOfHelp(stdout) }));
  }
  const called = name ?? defaultCommand;
  if (called === undefined) {
    throw new UsageError("No command is named", ['"kbuild help" lists the commands']);
  }

  const command = await findCommand(called, commands, fallback, rootOf(argv));
  const flags = [...TOP_FLAGS, ...command.flags];
  const passthrough = Boolean(command.passthrough);
  const named = flagNames(argv, flags, passthrough);
  if (named.includes("help")) {
    const json = named.includes("json");
    return stdout.write(
      json ? helpJson({ commands: [command], version }) : commandHelp(command, widthOfHelp(stdout)),
    );
  }
  const input = parseInput(argv, command, { otherVariables });
  checkEnvironment(undecidedVariables(command, input), env);
  const known = new Map(
    [...otherVariables, PROGRESS_VARIABLE, VERBOSE_VARIABLE].map((spec) => [spec.name, spec]),
  );
  // How a run is shown is decided before its command reads the words of another command.
  const inner = passesCommand(command) ? input.args.slice(1) : [];
  const globals: Globals = Object.freeze({
    version,
    root: input.string("root"),
    json: input.boolean("json") ?? false,
    debug: input.boolean("debug") ?? false,
    progress: input.string("progress") ?? commonFlag(inner, "progress") ?? progressOf(input, env),
    events: input.string("events") ?? commonFlag(inner, "events"),
    timings: input.string("timings") ?? commonFlag(inner, "timings"),
    verbosity: verbosityOf(input, env),
    variables: input.variables,
    env,
    stdin: options.stdin ?? { terminal: false },
    stdout,
    stderr,
    warnings: misspeltVariables(env, known),
    color,
  });
  const context = await options.makeContext(globals, command, input);
  const ended = options.ended ?? (() => {});
  try {
    await command.run(context, input);
  } catch (error) {
    const shown = options.signal?.aborted === true ? options.signal.reason : error;
    if (options.ended === undefined) throw shown;
    const { debug, root } = globals;
    const hint = await options.hint?.(shown, root);
    const report = renderError(shown, { debug, color, hint });
    await ended(context, { code: exitCodeOf(shown), report });
    throw new Reported(shown, hint);
  }
  await ended(context, { code: 0, report: "" });
}

/** The words of a command line that are kbuild's own: those of the program that a command starts are not. */
function ownWords<C>(
  argv: readonly string[],
  commands: readonly Command<C>[],
): readonly string[] {
  const end = argv.indexOf("--");
  const words = argv.slice(0, end === -1 ? undefined : end);
  const isPositional = ({ kind }: Token) => kind === "positional";
  const name = Array.from(scan(words, TOP_FLAGS)).find(isPositional);
  const command = commands.find((each) => name?.kind === "positional" && each.name === name.text);
  if (name === undefined || command?.passthrough !== true) return words;
  const after = words.slice(name.end);
  const flags = [...TOP_FLAGS, ...command.flags];
  const first = Array.from(scan(after, flags, { passthrough: true })).find(isPositional);
  return first === undefined ? words : words.slice(0, name.end + first.start);
}

/** Whether what follows the first argument of a command is the line of another command of kbuild. */
function passesCommand({ passthrough }: CommandData): boolean {
  return passthrough === "command line";
}

function hasVariable(argv: readonly string[]): boolean {
  return Array.from(scan(argv, TOP_FLAGS)).some(({ kind }) => kind === "variable");
}

/** Names of the flags that are given; "" for unknown ones. */
function flagNames(
  argv: readonly string[],
  flags: readonly FlagSpec[],
  passthrough = false,
): readonly string[] {
  return Array.from(scan(argv, flags, { passthrough }))
    .map((token) => token.kind === "flag" ? token.spec?.name ?? "" : "");
}

/** Columns of a line of help: 80, fewer in a narrower terminal. */
function widthOfHelp({ columns }: Output): number {
  return columns === undefined || columns <= 0 ? COLUMNS : Math.min(COLUMNS, columns);
}

async function explain<C>(options: CliOptions<C>, input: Input): Promise<void> {
  const { commands, fallback, stdout, topics = [], version, summary = SUMMARY } = options;
  const [name] = input.args;
  const json = input.boolean("json") ?? false;
  if (name === undefined) {
    return stdout.write(
      json
        ? helpJson({ commands, topics, version })
        : overview(commands, { summary, topics, width: widthOfHelp(stdout) }),
    );
  }
  const topic = topics.find((each) => each.name === name);
  if (topic !== undefined) {
    return stdout.write(
      json
        ? helpJson({ commands: [], topics: [topic], version })
        : topicHelp(topic, widthOfHelp(stdout)),
    );
  }
  const command = name === HELP_COMMAND.name
    ? HELP_COMMAND
    : await findCommand(name, commands, fallback, input.string("root"));
  stdout.write(
    json ? helpJson({ commands: [command], version }) : commandHelp(command, widthOfHelp(stdout)),
  );
}

function verbosityOf(input: Input, env: Readonly<Record<string, string>>): number {
  const { name } = VERBOSE_VARIABLE;
  const read = (text: string) => {
    checkVariable(VERBOSE_VARIABLE, text);
    return text === "" ? 1 : Number(text);
  };
  return resolve(input.number("verbose"), input.variables[name], env[name], read)?.value ?? 1;
}

function progressOf(input: Input, env: Readonly<Record<string, string>>): string {
  const { name } = PROGRESS_VARIABLE;
  const read = (text: string) => {
    checkVariable(PROGRESS_VARIABLE, text);
    return text;
  };
  return resolve(input.string("progress"), input.variables[name], env[name], read)?.value || "auto";
}
