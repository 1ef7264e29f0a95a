/**
 * The program: reads what it was started with, runs the command line, exits.
 *
 * @module
 */
import denoConfig from "./deno.json" with { type: "json" };
import {
  createScreen,
  exitCodeOf,
  renderError,
  runCli,
  type Screen,
  sizeOf,
  writeAllSync,
} from "./src/cli/mod.ts";
import {
  COMMANDS,
  doctorHint,
  makeCommandContext,
  targetCommand,
  TOPICS,
} from "./src/commands/mod.ts";
import { KbuildError } from "./src/errors.ts";
import { ifPossibleSync, readTextSync, reasonOf } from "./src/files/mod.ts";
import { killGroups } from "./src/shell/mod.ts";

/** Writes all of a text at once; `onGone` is called when the reader went away (`| head`). */
function writer(
  stream: typeof Deno.stdout | typeof Deno.stderr,
  onGone: () => void,
): (text: string) => void {
  const encoder = new TextEncoder();
  return (text) => {
    try {
      writeAllSync(stream, encoder.encode(text), { lineBuffered: stream === Deno.stdout });
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return onGone();
      // A log that cannot be written does not stop the work.
      if (stream === Deno.stderr) return;
      throw new KbuildError(`Cannot write to standard output: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  };
}

/** What `--version` says; a binary also knows its commit (scripts/dist/bundle.ts). */
function versionText(): string {
  const stamped: unknown = Reflect.get(globalThis, Symbol.for("kbuild.version"));
  return typeof stamped === "string" ? stamped : denoConfig.version;
}

/** How large the terminal is now. */
function terminalSize(): { readonly columns: number; readonly rows: number } {
  return sizeOf(ifPossibleSync(() => Deno.consoleSize()));
}

/**
 * Whether this process was started with SIGHUP ignored, as by `nohup`; listeners would undo that. Only
 * Linux says so.
 */
function isHangupIgnored(): boolean {
  const status = ifPossibleSync(() => readTextSync("/proc/self/status"));
  // proc(5): a mask in hexadecimal; SIGHUP is the lowest bit.
  return Number.parseInt(/^SigIgn:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1]?.at(-1) ?? "0", 16) %
      2 === 1;
}

/** Signals that come faster than a hand can send them are one. */
const SAME_SIGNAL_MS = 100;

/** The terminal that progress is drawn on; undefined where there is none. */
let screen: Screen | undefined;

/** Ends kbuild and every program that it started, at once. */
function exitNow(code: number): never {
  killGroups();
  screen?.show([]);
  Deno.exit(code);
}

/** Ctrl-Z: nothing is drawn while the shell has the terminal. */
function pause(): void {
  screen?.show([]);
  Deno.kill(Deno.pid, "SIGSTOP");
}

/** Reads a line of standard input. */
async function readLine(): Promise<string | undefined> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(256);
  let text = "";
  while (!text.includes("\n")) {
    const length = await Deno.stdin.read(buffer);
    if (length === null) return text === "" ? undefined : text;
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
  return text.slice(0, text.indexOf("\n"));
}

async function main(): Promise<number> {
  // As the scripts do in build_binaries_for_platform: the user's umask must not leak into files.
  Deno.umask(0o022);
  const interrupt = new AbortController();
  let asked: number | undefined;
  const stop = (signal: string, code: number) => {
    // npm and its like hand on the Ctrl-C that the terminal has sent to kbuild as well.
    const isSame = asked !== undefined && performance.now() - asked < SAME_SIGNAL_MS;
    if (isSame) return;
    // The second Ctrl-C does not wait for anybody's clean-up.
    if (asked !== undefined) exitNow(code);
    asked = performance.now();
    interrupt.abort(new KbuildError(`Stopped by ${signal}`, { exitCode: code }));
  };
  // Before the first listener: with it, Deno takes all signals that end a program.
  const isIgnored = isHangupIgnored();
  Deno.addSignalListener("SIGINT", () => stop("Ctrl-C", 130));
  Deno.addSignalListener("SIGTERM", () => stop("SIGTERM", 143));
  Deno.addSignalListener("SIGHUP", () => isIgnored ? undefined : stop("SIGHUP", 129));

  // A broken pipe ends the run as a Ctrl-C does, but without a word.
  let gone = false;
  const onGone = () => {
    gone = true;
    interrupt.abort(new KbuildError("Nobody reads the output", { exitCode: 141 }));
  };
  const output = (stream: typeof Deno.stdout | typeof Deno.stderr) => {
    const toStream = writer(stream, onGone);
    const write = (text: string) => gone ? undefined : toStream(text);
    const terminal = stream.isTerminal();
    return { write, terminal, columns: terminal ? terminalSize().columns : undefined };
  };
  const [stdout, log] = [output(Deno.stdout), output(Deno.stderr)];
  if (log.terminal) {
    screen = createScreen(log.write, terminalSize);
    Deno.addSignalListener("SIGTSTP", pause);
  }

  const cwd = Deno.cwd();
  const code = await runCli({
    commands: COMMANDS,
    fallback(name, root) {
      requireRead(cwd);
      return targetCommand(name, root ?? cwd);
    },
    topics: TOPICS,
    defaultCommand: "all",
    argv: Deno.args,
    env: Deno.env.toObject(),
    stdin: { terminal: Deno.stdin.isTerminal(), readLine },
    stdout: {
      ...stdout,
      write(text) {
        // Both may be the same terminal.
        screen?.show([]);
        stdout.write(text);
      },
    },
    stderr: { ...log, screen, write: screen?.write ?? log.write },
    version: versionText(),
    signal: interrupt.signal,
    makeContext(globals, command, input) {
      requireRead(cwd);
      return makeCommandContext(globals, command, input, { cwd, signal: interrupt.signal });
    },
    hint: doctorHint,
    ended: (context, end) => context.ended(end),
  });
  return gone ? 141 : code;
}

/**
 * Refuses to go on where Deno lets nothing be read: a file that may not be read would look as if it
 * were missing.
 *
 * @throws {Deno.errors.NotCapable} Neither everything nor the working directory may be read.
 */
function requireRead(cwd: string): void {
  const isGranted = (path?: string) =>
    Deno.permissions.querySync({ name: "read", ...(path === undefined ? {} : { path }) }).state ===
      "granted";
  if (isGranted() || isGranted(cwd)) return;
  if (Deno.permissions.requestSync({ name: "read" }).state === "granted") return;
  throw new Deno.errors.NotCapable("Requires read access, run again with the --allow-read flag");
}

/** The exit code of {@linkcode main}; permissions that it lacks before it can report errors too. */
async function exitCode(): Promise<number> {
  try {
    return await main();
  } catch (error) {
    const text = renderError(error, { debug: Deno.args.includes("--debug"), color: false });
    writeAllSync(Deno.stderr, new TextEncoder().encode(text));
    return exitCodeOf(error);
  }
}

Deno.exit(await exitCode());
