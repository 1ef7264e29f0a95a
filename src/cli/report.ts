import { ExitStatus, KbuildError, printable } from "../errors.ts";
import { ifPossibleSync } from "../files/mod.ts";
import { osErrorText } from "./os_errors.ts";

/** Options of {@linkcode renderError}. */
export interface RenderErrorOptions {
  /** Adds the stacks of the error and of its causes. */
  debug?: boolean;
  /** Colours the program name and the arrows. */
  color?: boolean;
  /** What else to do, after the notes of the error. */
  hint?: string | undefined;
}

interface ErrorText {
  readonly message: string;
  readonly output: readonly string[];
  readonly notes: readonly string[];
  /** Nobody foresaw it: the stack is of use. */
  readonly unexpected: boolean;
}

/** What shells add to the number of a signal for the exit code of what it has ended. */
const SIGNAL_BASE = 128;

/** Exit code after Ctrl-C: that of SIGINT. */
const INTERRUPTED = SIGNAL_BASE + 2;

/** Reads a property of whatever was thrown; a getter that throws counts as absent. */
function property(value: unknown, name: string): unknown {
  return ifPossibleSync(() => (value as Record<string, unknown> | null | undefined)?.[name]);
}

function text(value: unknown, name: string): string | undefined {
  const found = property(value, name);
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** `instanceof` asks the object for its prototype, and a proxy may refuse. */
function isA<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  return ifPossibleSync(() => value instanceof type) === true;
}

function describeThrown(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  return ifPossibleSync(() => Deno.inspect(thrown, { depth: 1 })) ??
    "something that cannot be shown";
}

/** The strings of a list property. */
function texts(value: unknown, name: string): readonly string[] {
  const found = property(value, name);
  return Array.isArray(found) ? found.filter((each) => typeof each === "string") : [];
}

/** What `AggregateError`s hold, however deep; else the thrown thing alone. */
function leaves(thrown: unknown, seen: Set<unknown> = new Set()): readonly unknown[] {
  const errors = isA(thrown, AggregateError) ? property(thrown, "errors") : undefined;
  if (!Array.isArray(errors) || errors.length === 0) return [thrown];
  if (seen.has(thrown)) return [];
  seen.add(thrown);
  return errors.flatMap((error) => leaves(error, seen));
}

function textOf(thrown: unknown): ErrorText {
  const plain = { output: [], notes: [], unexpected: false };
  const message = text(thrown, "message");
  const name = text(thrown, "name");
  if (isA(thrown, KbuildError) && message !== undefined) {
    return { ...plain, message, output: texts(thrown, "output"), notes: texts(thrown, "notes") };
  }
  if (name === "AbortError") return { ...plain, message: "Interrupted" };
  if (name === "TimeoutError") return { ...plain, message: "Timed out: it took too long" };
  if (name === "NotCapable") {
    // Deno: 'Requires run access to "git", run again with the --allow-run flag'
    const [, missing = "access"] = /^Requires (.+?), run again/.exec(message ?? "") ?? [];
    return { ...plain, message: `Deno does not allow ${missing}`, notes: [PERMISSIONS_NOTE] };
  }
  const system = osErrorText(text(thrown, "code"), message ?? "");
  if (system !== undefined) return { ...plain, ...system };
  const kind = isA(thrown, Error) ? name ?? "error" : "error";
  const words = message ?? (isA(thrown, Error) ? "no message" : describeThrown(thrown));
  return { ...plain, message: `Unexpected ${kind}: ${words}`, unexpected: true };
}

/**
 * What `deno run` takes; the network is for Go, base images and registries alone, the host's name and the
 * user's IDs for containers.
 */
const PERMISSIONS_NOTE =
  "Run kbuild with deno run -A, or with --allow-env --allow-sys=umask,hostname,uid,gid --allow-read " +
  "--allow-write --allow-run --allow-net";

/** Several failures at once: the first in full, the others by their messages. */
function textOfAll(thrown: unknown): ErrorText {
  const [first, ...others] = leaves(thrown).map(textOf);
  if (first === undefined) return textOf(undefined);
  return { ...first, notes: [...first.notes, ...others.map(({ message }) => `Also: ${message}`)] };
}

/** The stacks of the error and its causes; of each error where there are several. */
function stacks(thrown: unknown): readonly string[] {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  for (const leaf of leaves(thrown)) {
    let lead = "";
    for (let error = leaf; error !== undefined && error !== null && !seen.has(error);) {
      seen.add(error);
      parts.push(lead + (text(error, "stack") ?? describeThrown(error)));
      lead = "Caused by: ";
      error = property(error, "cause");
    }
  }
  return parts;
}

/**
 * The error as a user sees it, line break at the end. Never throws, whatever was thrown.
 *
 * ```text
 * kbuild: Cannot build "cmd/kubectl": go exited with status 1
 *
 *     cmd/kubectl/kubectl.go:21:2: undefined: command
 *
 *   -> Run "kbuild doctor" to see what is missing
 * ```
 */
export function renderError(thrown: unknown, options: RenderErrorOptions = {}): string {
  if (ifPossibleSync(() => thrown instanceof ExitStatus) === true) return "";
  const { debug = false, color = false } = options;
  const after = options.hint === undefined ? [] : [options.hint];
  const paint = (code: number, word: string) => color ? `\x1b[${code}m${word}\x1b[0m` : word;
  const { message, output, notes, unexpected } = printableText(textOfAll(thrown));
  const hint = unexpected && !debug
    ? ["This looks like a bug in kbuild; --debug shows the stack"]
    : after;
  const [first = "", ...more] = message.split("\n");
  const room = Math.max(MIN_OUTPUT, MAX_LINES - 3 - more.length - notes.length - hint.length);
  const shown = output.slice(-room);
  const lines = [
    `${paint(31, "kbuild:")} ${first}`,
    ...more.map((line) => `    ${line}`),
    ...(shown.length === 0 ? [] : ["", ...shown.map((line) => `    ${line}`), ""]),
    ...[...notes, ...hint].map((note) =>
      `  ${paint(36, "->")} ${note.replaceAll("\n", "\n     ")}`
    ),
    ...(debug ? ["", ...stacks(thrown)] : []),
  ];
  while (lines.at(-1) === "") lines.pop();
  return `${lines.join("\n")}\n`;
}

/** Lines of an error: more than one screen hides what failed. */
const MAX_LINES = 25;
/** Lines of a program's output that are shown in any case. */
const MIN_OUTPUT = 5;

/** Characters of a message that are shown: it may quote a whole file. */
const MAX_MESSAGE = 2000;

function printableText({ message, output, notes, unexpected }: ErrorText): ErrorText {
  const short = (words: string) =>
    printable(words.length > MAX_MESSAGE ? `${words.slice(0, MAX_MESSAGE)}…` : words);
  return {
    message: short(message),
    output: output.map(printable),
    notes: notes.map(short),
    unexpected,
  };
}

/** What kind of failure an error is, for programs. */
export type ErrorCode = "usage" | "failed" | "interrupted" | "internal";

/**
 * The error for a program, as `--json` prints it in place of a result: an object `error` with
 * `code`, `exitCode`, `message`, `notes` (what to do) and `output` (last lines of the program that
 * failed). Never throws, whatever was thrown.
 *
 * @param hint What else to do, after the notes of the error.
 */
export function errorJson(thrown: unknown, hint?: string): string {
  const { message, unexpected, ...given } = textOfAll(thrown);
  const notes = hint === undefined ? given.notes : [...given.notes, hint];
  // The output that a program's reader has seen already is not in that of `--json`.
  const output = given.output.length > 0 ? given.output : texts(leaves(thrown)[0], "tail");
  const exitCode = exitCodeOf(thrown);
  const code: ErrorCode = exitCode === 2
    ? "usage"
    : exitCode > SIGNAL_BASE
    ? "interrupted"
    : unexpected
    ? "internal"
    : "failed";
  return `${JSON.stringify({ error: { code, exitCode, message, notes, output } }, undefined, 2)}\n`;
}

/**
 * The exit code for an error: that of a {@linkcode KbuildError} (2 for wrong usage), 130 for an
 * interruption, else 1. Never 0, never throws.
 */
export function exitCodeOf(thrown: unknown): number {
  const [first] = leaves(thrown);
  if (isA(first, KbuildError)) {
    const code = property(first, "exitCode");
    return typeof code === "number" && Number.isInteger(code) && code >= 1 && code <= 255
      ? code
      : 1;
  }
  return text(first, "name") === "AbortError" ? INTERRUPTED : 1;
}
