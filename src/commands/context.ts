import { type Checkout, findRoot, readCheckout } from "../checkout/mod.ts";
import type { Command as CliCommand, CommandData, Globals, Input } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import { createContext, type Environment, type KubeContext } from "../lib/init.ts";
import { createLogger, type Logger } from "../lib/logging.ts";
import { hostPlatform } from "../lib/util.ts";
import { STRICT_PARITY } from "./flags.ts";
import { createShell, type Shell, type Start } from "../shell/mod.ts";

/** What every command works with. */
export interface CommandContext {
  readonly globals: Globals;
  /** The environment, make-style arguments and flags applied. */
  readonly env: Environment;
  /** The folder that kbuild was started in. */
  readonly cwd: string;
  readonly log: Logger;
  readonly shell: Shell;
  readonly signal: AbortSignal;
  /** Writes a result line to stdout. */
  print(line: string): void;
  /** The checkout around `--root` or the current folder, read once. */
  open(): Promise<OpenCheckout>;
  /** The same for another folder: the demo's. */
  openAt(root: string, env?: Environment): Promise<OpenCheckout>;
}

/** A checkout that commands work on. */
export interface OpenCheckout {
  readonly context: KubeContext;
  readonly checkout: Checkout;
}

/** A command of kbuild. */
export type Command = CliCommand<CommandContext>;

/** What {@linkcode makeCommandContext} needs besides what the command line said. */
export interface Surroundings {
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Told of every started program: the recorder of the tests. */
  readonly onStart?: (start: Start) => void;
}

/** Makes the {@linkcode CommandContext} of one run. */
export function makeCommandContext(
  globals: Globals,
  command: CommandData,
  input: Input,
  surroundings: Surroundings,
): CommandContext {
  const { cwd, signal, onStart } = surroundings;
  const { stderr, stdout } = globals;
  const env = effectiveEnv(globals, command, input);
  const log = createLogger({
    write: (text) => stderr.write(text),
    verbosity: globals.verbosity,
    color: globals.color,
    terminal: stderr.terminal === true,
  });
  const decoder = new TextDecoder();
  const shell = createShell({
    cwd,
    env,
    signal,
    write: (chunk) => {
      log.progress("");
      stderr.write(decoder.decode(chunk, { stream: true }));
    },
    ...(onStart === undefined ? {} : { onStart }),
  });

  async function openAt(start: string, more: Environment = {}): Promise<OpenCheckout> {
    const root = await findRoot(start);
    const merged = Object.freeze({ ...env, ...more });
    const hostArch = hostPlatform().split("/")[1] ?? "amd64";
    const checkout = await readCheckout(root, { variables: merged, hostArch });
    const strictParity = command.flags.includes(STRICT_PARITY) &&
      input.boolean(STRICT_PARITY.name) === true;
    const context = createContext({ root, env: merged, log, shell, signal, strictParity });
    return Object.freeze({ context, checkout });
  }
  let opened: Promise<OpenCheckout> | undefined;
  return Object.freeze({
    globals,
    env,
    cwd,
    log,
    shell,
    signal,
    print: (line: string) => stdout.write(`${line}\n`),
    open: () => opened ??= openAt(globals.root ?? cwd),
    openAt,
  });
}

/**
 * The environment as make would hand it on: `NAME=value` arguments beat the environment, flags
 * beat both. `KUBE_GOFLAGS` is the old name of `GOFLAGS`.
 *
 * @throws {UsageError} Both `KUBE_GOFLAGS` and `GOFLAGS` are set, as in the root Makefile.
 */
function effectiveEnv(globals: Globals, command: CommandData, input: Input): Environment {
  const env: Record<string, string> = { ...globals.env, ...globals.variables };
  for (const flag of command.flags) {
    if (flag.variable === undefined) continue;
    const value = flag.kind === "list"
      ? input.list(flag.name)?.join(" ")
      : flag.kind === "number"
      ? input.number(flag.name)?.toString()
      : flag.kind === "string"
      ? input.string(flag.name)
      : undefined;
    if (value !== undefined) env[flag.variable] = value;
  }
  const old = env["KUBE_GOFLAGS"];
  if (old !== undefined && old !== "") {
    if (env["GOFLAGS"]) {
      throw new UsageError("Cannot use both KUBE_GOFLAGS and GOFLAGS", [
        "Use GOFLAGS; KUBE_GOFLAGS is its old name",
      ]);
    }
    env["GOFLAGS"] = old;
  }
  return Object.freeze(env);
}
