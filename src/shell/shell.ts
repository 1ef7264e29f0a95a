import { resolve } from "@std/path";
import { KbuildError } from "../errors.ts";
import { runGroup } from "./group.ts";
import { CommandError } from "./types.ts";
import type { RunOptions, RunResult, Shell, Start } from "./types.ts";
import { quoteCommand } from "./quote.ts";

/** What every program of one run shares. */
export interface ShellOptions {
  /** Working directory where a run names none; absolute. */
  cwd: string;
  /** Environment where a run names none. */
  env: Readonly<Record<string, string>>;
  /** Takes the output of runs with `output: "stream"`, as it comes. */
  write?: (chunk: Uint8Array) => void | Promise<void>;
  /** Ends every running group when aborted, and refuses new ones. */
  signal?: AbortSignal;
  /** Told of every program before it starts. */
  onStart?: (start: Start) => void;
  /** Milliseconds that a group has to end itself after an abort. Default 5000. */
  graceMs?: number;
}

/** Thrown when a run ends because the user (or a failed sibling) asked for it. */
export class InterruptedError extends KbuildError {
  /** For `error.name`. */
  override readonly name = "InterruptedError";

  /** An error that says what was under way. */
  constructor(what: string) {
    super(`Stopped ${what}`, { exitCode: 130 });
  }
}

/**
 * Makes the {@linkcode Shell}: the one place that starts other programs. Each runs as the leader
 * of a process group, so that Ctrl-C or a failure ends its children too.
 */
export function createShell(options: ShellOptions): Shell {
  const { cwd: defaultCwd, env: defaultEnv, write, signal: runSignal, onStart, graceMs = 5000 } =
    options;

  async function run(argv: readonly string[], runOptions: RunOptions = {}): Promise<RunResult> {
    const {
      cwd = defaultCwd,
      env = defaultEnv,
      stdin,
      output = "capture",
      onStdout,
      onStderr,
      allowed = [0],
      signal: ownSignal,
      label,
    } = runOptions;
    const command = quoteCommand(argv);
    const what = label ?? command;
    const signals = [runSignal, ownSignal].filter((s) => s !== undefined);
    const signal = signals.length === 0 ? undefined : AbortSignal.any(signals);
    if (signal?.aborted === true) throw new InterruptedError(what);
    onStart?.({ argv, cwd, env });

    const captured: Uint8Array[] = [];
    const started = performance.now();
    const end = await runGroup({
      argv,
      cwd,
      env,
      stdin,
      graceMs,
      signal,
      onStdout: onStdout ??
        (output === "capture" ? (chunk) => void captured.push(chunk) : write ?? (() => {})),
      onStderr: onStderr ?? (output === "capture" ? () => {} : write ?? (() => {})),
    }).catch(async (error: unknown) => {
      throw await cannotStart(error, argv, { cwd, env, what });
    });
    const durationMs = performance.now() - started;

    if (end.aborted) throw new InterruptedError(what);
    if (end.signal !== null || (allowed !== "any" && !allowed.includes(end.code))) {
      throw failed(end, { argv, cwd, command, what, shown: output === "stream" });
    }
    return Object.freeze({
      argv: Object.freeze([...argv]),
      cwd,
      code: end.code,
      stdout: decode(captured),
      tail: end.tail,
      durationMs,
    });
  }
  return Object.freeze({ run });
}

function decode(chunks: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
}

/** Go's command lines hold thousands of characters of ldflags; `argv` of the error has them all. */
function shorten(command: string): string {
  const most = 400;
  if (command.length <= most) return command;
  return `${command.slice(0, most * 0.75)} … ${command.slice(-most * 0.25)}`;
}

/** Whether a program ended as programs do when the system has no memory left. */
export function looksOutOfMemory(
  { signal, tail }: { signal?: string | null | undefined; tail: readonly string[] },
): boolean {
  return signal === "SIGKILL" ||
    tail.some((line) => /signal: killed|cannot allocate memory/i.test(line));
}

function failed(
  end: { code: number; signal: string | null; tail: readonly string[] },
  run: {
    argv: readonly string[];
    cwd: string;
    command: string;
    what: string;
    shown: boolean;
  },
): CommandError {
  const how = end.signal === null ? `exited with status ${end.code}` : `was ended by ${end.signal}`;
  const program = run.argv[0] ?? "";
  const notes = [`Command: ${shorten(run.command)}`, `Directory: ${run.cwd}`];
  if (looksOutOfMemory(end)) notes.push("The system may have run out of memory");
  const noSpace = end.tail.some((line) => /no space left on device/i.test(line));
  if (noSpace) notes.push("Free some disk space (`kbuild clean` removes _output), then run again");
  const message = run.what === run.command
    ? `"${program}" ${how}`
    : `Cannot finish "${run.what}": ${program} ${how}`;
  return new CommandError(message, {
    argv: run.argv,
    cwd: run.cwd,
    code: end.signal === null ? end.code : undefined,
    signal: end.signal ?? undefined,
    // Streamed output is on the screen already.
    output: run.shown ? [] : end.tail,
    tail: end.tail,
    notes,
  });
}

async function cannotStart(
  error: unknown,
  argv: readonly string[],
  { cwd, env, what }: { cwd: string; env: Readonly<Record<string, string>>; what: string },
): Promise<unknown> {
  if (error instanceof DOMException && error.name === "AbortError") {
    return new InterruptedError(what);
  }
  if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
    return error;
  }
  const program = argv[0] ?? "";
  const why = error instanceof Deno.errors.NotFound
    ? await whatIsMissing(program, cwd, env)
    : "permission denied";
  return new CommandError(`Cannot start "${program}": ${why}`, { argv, cwd, cause: error });
}

/** The system reports a missing program, directory and interpreter of a script alike. */
async function whatIsMissing(
  program: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  if ((await infoOf(cwd))?.isDirectory !== true) return `the directory "${cwd}" does not exist`;
  const inPath = !program.includes("/");
  const directories = inPath ? (env["PATH"] ?? "").split(":") : [""];
  for (const directory of directories) {
    if (await infoOf(resolve(cwd, directory, program)) === undefined) continue;
    return "what runs it (the interpreter of a script, the loader of a program) does not exist";
  }
  return inPath ? "it is not in PATH" : "it does not exist";
}

async function infoOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    const { NotADirectory, NotFound, PermissionDenied } = Deno.errors;
    const isKnown = [NotADirectory, NotFound, PermissionDenied].some((kind) =>
      error instanceof kind
    );
    if (isKnown) return undefined;
    throw error;
  }
}
