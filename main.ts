/**
 * The program: reads what it was started with, runs the command line, exits.
 *
 * @module
 */
import denoConfig from "./deno.json" with { type: "json" };
import { runCli } from "./src/cli/mod.ts";
import { COMMANDS, makeCommandContext, targetCommand } from "./src/commands/mod.ts";
import { KbuildError } from "./src/errors.ts";

/** Writes all of a text at once; a reader that went away (`| head`) ends the program quietly. */
function writer(stream: typeof Deno.stdout | typeof Deno.stderr): (text: string) => void {
  const encoder = new TextEncoder();
  return (text) => {
    try {
      const bytes = encoder.encode(text);
      for (let written = 0; written < bytes.length;) {
        written += stream.writeSync(bytes.subarray(written));
      }
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) Deno.exit(141);
      throw error;
    }
  };
}

/** `--root` before or after the command, for finding `kbuild <name>`; the parser checks it later. */
function rootOf(argv: readonly string[], cwd: string): string {
  const at = argv.findIndex((word) => word === "--root" || word.startsWith("--root="));
  if (at < 0) return cwd;
  return argv[at]?.includes("=") ? argv[at].slice("--root=".length) : argv[at + 1] ?? cwd;
}

async function main(): Promise<number> {
  // As the scripts do in build_binaries_for_platform: the user's umask must not leak into files.
  Deno.umask(0o022);
  const interrupt = new AbortController();
  let asked = 0;
  const stop = (signal: string, code: number) => {
    asked += 1;
    // The second Ctrl-C does not wait for anybody's clean-up.
    if (asked > 1) Deno.exit(code);
    interrupt.abort(new KbuildError(`Stopped by ${signal}`, { exitCode: code }));
  };
  Deno.addSignalListener("SIGINT", () => stop("Ctrl-C", 130));
  Deno.addSignalListener("SIGTERM", () => stop("SIGTERM", 143));
  Deno.addSignalListener("SIGHUP", () => stop("SIGHUP", 129));

  const cwd = Deno.cwd();
  return await runCli({
    commands: COMMANDS,
    fallback: (name) => targetCommand(name, rootOf(Deno.args, cwd)),
    defaultCommand: "all",
    argv: Deno.args,
    env: Deno.env.toObject(),
    stdout: { write: writer(Deno.stdout), terminal: Deno.stdout.isTerminal() },
    stderr: { write: writer(Deno.stderr), terminal: Deno.stderr.isTerminal() },
    version: denoConfig.version,
    signal: interrupt.signal,
    makeContext: (globals, command, input) =>
      makeCommandContext(globals, command, input, { cwd, signal: interrupt.signal }),
  });
}

Deno.exit(await main());
