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
  stdin?: string | AsyncIterable<Uint8Array>;
  /**
   * `"capture"` (default): stdout is returned, not shown. `"stream"`: stdout and stderr go to the
   * shell's output as they come. `"inherit"`: the program has stdin, stdout and stderr of kbuild itself,
   * so nothing of its output is known.
   */
  output?: "capture" | "stream" | "inherit";
  /**
   * With `"inherit"`: the program stays in kbuild's process group. Else it may not read the terminal, and
   * the terminal's signals do not reach it.
   */
  foreground?: boolean;
  /** Takes stdout chunk by chunk instead of capturing it; the program waits for the promise. */
  onStdout?: (chunk: Uint8Array) => void | Promise<void>;
  /** Takes stderr chunk by chunk; default: shown with `"stream"`, else not. */
  onStderr?: (chunk: Uint8Array) => void | Promise<void>;
  /** Receives the process, the leader of its group, when it has started. */
  onSpawn?: (pid: number) => void;
  /** Exit codes that are not a failure; default only 0. A signal is a failure in any case. */
  allowed?: readonly number[] | "any";
  /** Ends the process group when aborted. */
  signal?: AbortSignal;
  /** What the user knows the step by, for error messages: "Building kubectl". */
  label?: string;
  /**
   * What a user reads while nothing else is shown, in one line: "git status". Not for programs that may
   * ask for something on the terminal.
   */
  doing?: string;
  /** The program that runs, where `argv` has it run elsewhere, in a container: errors name this one. */
  as?: Pick<Start, "argv" | "cwd">;
}

/** What finished programs left. */
export interface TemplateResult {
  /** Exit status. */
  readonly code: number;
  /** Standard output, when captured; else "". Decoded as UTF-8. */
  readonly stdout: string;
  /** The last lines of stdout and stderr together, oldest first. */
  readonly tail: readonly string[];
  /** Wall time in milliseconds. */
  readonly durationMs: number;
}

/** What a finished program left. */
export interface RunResult extends TemplateResult {
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** Where it ran; absolute. */
  readonly cwd: string;
}

/** Part of a word of a {@linkcode Template}; the items of a list are words of their own. */
export type TemplateValue = string | number | readonly (string | number)[];

/**
 * A command line of {@linkcode Shell.$}. It starts with the first `await`, `text()`, `lines()` or
 * `json()`, and runs once.
 */
export interface Template extends PromiseLike<TemplateResult> {
  /** The same command line with options, which all of its programs share. */
  with(options: RunOptions): Template;
  /** Standard output without the last line end. */
  text(): Promise<string>;
  /** Lines of standard output, without line ends. */
  lines(): Promise<readonly string[]>;
  /**
   * Standard output, parsed.
   *
   * @throws {SyntaxError} It is not JSON.
   */
  json<T = unknown>(): Promise<T>;
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

  /**
   * A command line with pipes, redirects, `&&`, `||`, `;` and `$NAME`, for scripts and tests: where
   * the list of arguments is computed, `run` says more. dax reads and connects it; each program runs
   * as with `run`, in a process group of its own. dax is loaded when the first command line starts.
   *
   * - Every name is a program of the machine, `cat`, `cp`, `rm`, `test` and `echo` too. The shell's own
   *   are what changes its state: `cd`, `exit`, `export`, `set`, `shopt`, `unset` and `:`.
   * - A value is quoted, and is one word or part of one; a list is as many words as it has items.
   * - A pipe fails with any of its programs. One whose reader has ended is stopped, and has not failed.
   * - A death by a signal is a failure.
   * - `(…)`, `$(…)` and backticks are refused: await the text of another template instead.
   *
   * @example
   * ```ts
   * import { shell } from "@k8s/kbuild";
   *
   * const { $ } = shell.createShell({ cwd: Deno.cwd(), env: Deno.env.toObject() });
   * const files = ["a b.txt", "c.txt"];
   * console.log(await $`printf %s\\n ${files} | sort -r`.lines());
   * ```
   * @throws {TypeError} A value is not a {@linkcode TemplateValue}, or is in quotes; the command line has
   * what is refused.
   * @throws {CommandError} On `await`: the last program that decided the status failed.
   */
  $(strings: TemplateStringsArray, ...values: readonly TemplateValue[]): Template;
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
