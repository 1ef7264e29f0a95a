import { resolve } from "@std/path";
import { isDenied, KbuildError, systemCode } from "../errors.ts";
import type { GroupEnd } from "./group.ts";
import { quoteCommand } from "./quote.ts";
import { CommandError } from "./types.ts";

/** Thrown when a run ends because the user (or a failed sibling) asked for it. */
export class InterruptedError extends KbuildError {
  /** For `error.name`. */
  override readonly name = "InterruptedError";

  /** An error that says what was under way. */
  constructor(what: string) {
    super(`Stopped ${what}`, { exitCode: 130 });
  }
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

/**
 * The error of a program that failed.
 *
 * @param run What was started; `label` is what the user knows it by, `isShown` that its output is on
 * the screen already.
 */
export function programFailed(
  end: Pick<GroupEnd, "code" | "tail" | "firstError"> & { readonly signal: string | null },
  run: { argv: readonly string[]; cwd: string; label: string | undefined; isShown: boolean },
): CommandError {
  const how = end.signal === null ? `exited with status ${end.code}` : `was ended by ${end.signal}`;
  const program = run.argv[0] ?? "";
  const first = end.firstError === undefined ? [] : [`First error: ${end.firstError}`];
  const notes = [...first, `Command: ${shorten(quoteCommand(run.argv))}`, `Directory: ${run.cwd}`];
  const noMemory = looksOutOfMemory(end);
  if (noMemory) notes.push("The system may have run out of memory");
  const noSpace = end.tail.some((line) => /no space left on device/i.test(line));
  if (noSpace) notes.push("Free some disk space (`kbuild clean` removes _output), then run again");
  const message = run.label === undefined
    ? `"${program}" ${how}`
    : `Cannot finish "${run.label}": ${program} ${how}`;
  return new CommandError(message, {
    argv: run.argv,
    cwd: run.cwd,
    code: end.signal === null ? end.code : undefined,
    signal: end.signal ?? undefined,
    output: run.isShown ? [] : end.tail,
    tail: end.tail,
    notes,
    subject: noMemory || noSpace ? "machine" : undefined,
  });
}

/** The error of a program that could not be started: what is missing, in words. */
export async function cannotStart(
  error: unknown,
  argv: readonly string[],
  { cwd, env, what }: { cwd: string; env: Readonly<Record<string, string>>; what: string },
): Promise<unknown> {
  if (error instanceof DOMException && error.name === "AbortError") {
    return new InterruptedError(what);
  }
  const isMissing = systemCode(error) === "ENOENT";
  if (!isMissing && !isDenied(error)) return error;
  const program = argv[0] ?? "";
  const why = isMissing ? await whatIsMissing(program, cwd, env) : "permission denied";
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
    // It only explains why nothing was started, and as execvp() does, others of PATH are looked at.
    if (["EACCES", "ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}
