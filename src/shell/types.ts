import type { KbuildErrorOptions } from "../errors.ts";
import { KbuildError } from "../errors.ts";

/** How one program is started. */
export interface RunOptions {
  /** Working directory; absolute. */
  cwd?: string;
  /**
   * The whole environment of the program. Nothing is inherited: what is not in here, the program
   * does not see. Default: the environment that the shell was made with.
   */
  env?: Readonly<Record<string, string>>;
  /** What the program reads on stdin; default: nothing (`/dev/null`). */
  stdin?: string;
  /**
   * `"capture"` (default): stdout is returned, not shown. `"stream"`: stdout and stderr go to the
   * shell's output as they come.
   */
  output?: "capture" | "stream";
  /** Takes stdout chunk by chunk instead of capturing it; the program waits for the promise. */
  onStdout?: (chunk: Uint8Array) => void | Promise<void>;
  /** Takes stderr chunk by chunk; default: shown with `"stream"`, else not. */
  onStderr?: (chunk: Uint8Array) => void | Promise<void>;
  /** Exit codes that are not a failure; default only 0. A signal is a failure in any case. */
  allowed?: readonly number[] | "any";
  /** Ends the process group when aborted. */
  signal?: AbortSignal;
  /** What the user knows the step by, for error messages: "Building kubectl". */
  label?: string;
}

/** What a finished program left. */
export interface RunResult {
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** Where it ran; absolute. */
  readonly cwd: string;
  /** Exit status. */
  readonly code: number;
  /** Standard output, when captured; else "". Decoded as UTF-8. */
  readonly stdout: string;
  /** The last lines of stdout and stderr together, oldest first. */
  readonly tail: readonly string[];
  /** Wall time in milliseconds. */
  readonly durationMs: number;
}

/** A program start as the recorder and `--dry-run` see it. */
export interface Start {
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** Where it runs; absolute. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** The one interface through which kbuild starts other programs. */
export interface Shell {
  /**
   * Runs a program in a process group of its own and waits for it.
   *
   * @param argv Program and arguments; no shell looks at them.
   * @throws {CommandError} The program cannot be started, failed, or was ended by a signal.
   */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** A program failed: which one, where, how, and its last words. */
export class CommandError extends KbuildError {
  /** For `error.name`. */
  override readonly name = "CommandError";
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** Where it ran; absolute. */
  readonly cwd: string;
  /** Exit status; undefined when a signal ended it or it could not be started. */
  readonly code: number | undefined;
  /** The signal that ended it, if one did. */
  readonly signal: string | undefined;
  /** Last lines of its output, also where `output` is empty because the user has seen them. */
  readonly tail: readonly string[];

  /** An error that says what is known of the run. */
  constructor(
    message: string,
    details: {
      argv: readonly string[];
      cwd: string;
      code?: number | undefined;
      signal?: string | undefined;
      tail?: readonly string[];
    } & KbuildErrorOptions,
  ) {
    super(message, details);
    this.argv = details.argv;
    this.cwd = details.cwd;
    this.code = details.code;
    this.signal = details.signal;
    this.tail = Object.freeze([...(details.tail ?? details.output ?? [])]);
  }
}
