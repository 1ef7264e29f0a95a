/**
 * The errors that a user can meet. Each level adds only its own context, one place
 * (`src/cli/report.ts`) renders them, and no stack is shown unless `--debug` asks.
 *
 * @module
 */

/** What an error is about, for decisions; `kbuild doctor` has checks of each. */
export type Subject = "compiler" | "engine" | "git" | "go" | "machine" | "network";

/** Fields of a {@linkcode KbuildError} apart from its message. */
export interface KbuildErrorOptions {
  /** What to do next: one sentence a line, printed under the message. */
  notes?: readonly string[];
  /** Last lines of the failed program's output, printed as they are. */
  output?: readonly string[];
  /** Exit code of kbuild: 1 failed (default), 2 wrong usage, or the child's own. */
  exitCode?: number;
  /** What it is about, where more can be found out about it. */
  subject?: Subject | undefined;
  /** The error underneath; shown with `--debug` only. */
  cause?: unknown;
}

/** An error with a cause and a next step, meant for the user's eyes. */
export class KbuildError extends Error {
  /** The class, for whoever cannot use `instanceof`. */
  override readonly name: string = "KbuildError";
  /** What to do next, one sentence a line. */
  readonly notes: readonly string[];
  /** Last lines of the failed program's output. */
  readonly output: readonly string[];
  /** Exit code that kbuild ends with. */
  readonly exitCode: number;
  /** What it is about, where more can be found out about it. */
  readonly subject: Subject | undefined;

  /**
   * Makes an error for the user.
   *
   * @param message What failed and why: capital first letter, no final full stop, values quoted.
   * @param options Notes, output, exit code and cause.
   */
  constructor(message: string, options: KbuildErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.notes = Object.freeze([...(options.notes ?? [])]);
    this.output = Object.freeze([...(options.output ?? [])]);
    this.exitCode = options.exitCode ?? 1;
    this.subject = options.subject;
  }
}

/** Ends kbuild with a status that a program reported, about which there is nothing to say. */
export class ExitStatus extends KbuildError {
  /** The class, for whoever cannot use `instanceof`. */
  override readonly name = "ExitStatus";

  /**
   * Makes an error without a message.
   *
   * @param code The status, from 1 on.
   */
  constructor(code: number) {
    super("", { exitCode: code });
  }
}

/** A command line or variable that cannot be meant: exit code 2. */
export class UsageError extends KbuildError {
  /** The class, for whoever cannot use `instanceof`. */
  override readonly name = "UsageError";

  /**
   * Makes an error about how kbuild was called.
   *
   * @param message What is wrong.
   * @param notes The valid values, the nearest one, the help to read.
   */
  constructor(message: string, notes: readonly string[] = []) {
    super(message, { notes, exitCode: 2 });
  }
}

/** Codes of system errors that kbuild tells apart. */
export type SystemCode =
  | "EACCES"
  | "EDQUOT"
  | "EEXIST"
  | "EISDIR"
  | "ELOOP"
  | "ENOENT"
  | "ENOSPC"
  | "ENOTDIR"
  | "ENXIO"
  | "EPERM"
  | "EROFS"
  | "ESRCH"
  | "ETXTBSY"
  | "EXDEV";

/**
 * The code of an error of the operating system: `ENOENT`. Deno and Node.js put it on their errors, whose
 * classes and messages differ.
 *
 * @returns Undefined for any other error. A code that {@linkcode SystemCode} does not list is returned as
 * it is.
 */
export function systemCode(error: unknown): SystemCode | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code as SystemCode;
  // A program that is open for writing: Deno has neither a code nor a class; 26 on Linux and macOS.
  // deno-lint-ignore kbuild/texts-are-for-people
  if (error.message.endsWith("(os error 26)")) return "ETXTBSY";
  // Deno.kill() and errors of kbuild's own have the class alone.
  if (error instanceof Deno.errors.NotFound) return "ENOENT";
  if (error instanceof Deno.errors.PermissionDenied) return "EACCES";
  return error instanceof Deno.errors.AlreadyExists ? "EEXIST" : undefined;
}

/** Whether Deno was started without the permission for an operation. Node.js has no class for it. */
export function isNotCapable(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}

/** Whether the system does not permit an operation. */
export function isDenied(error: unknown): boolean {
  const code = systemCode(error);
  return code === "EACCES" || code === "EPERM";
}

/**
 * What shows nothing, ends a line or turns the direction of the text after it, beside control characters: for a class
 * of a regular expression.
 */
export const INVISIBLE: string = String.raw`\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff`;

/**
 * Text for a terminal: control characters other than tab and line break are escaped (`\\x1b`), so that the
 * name or content of a file moves no cursor and sets no colour.
 */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
