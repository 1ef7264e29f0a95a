import { cannotStart, InterruptedError, programFailed } from "./failure.ts";
import { decodeAll, type GroupEnd, runGroup, type StartOptions } from "./group.ts";
import { quoteCommand } from "./quote.ts";
import { makeTemplate } from "./template.ts";
import type { RunOptions, RunResult, Shell, Start } from "./types.ts";

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
  /**
   * Told of every start that says what it does (`doing`): what kbuild waits for. The returned function is
   * called when it has ended.
   */
  onWait?: (what: string) => () => void;
  /** Milliseconds that a group has to end itself after an abort. Default 5000. */
  graceMs?: number;
}

/**
 * Makes the {@linkcode Shell}: the one place that starts other programs. Each runs as the leader
 * of a process group, so that Ctrl-C or a failure ends its children too.
 */
export function createShell(options: ShellOptions): Shell {
  const { cwd: defaultCwd, env: defaultEnv, write = () => {}, graceMs = 5000 } = options;

  async function start(startOptions: StartOptions): Promise<GroupEnd> {
    const { argv, cwd, env, label, signals, doing } = startOptions;
    const what = label ?? quoteCommand(argv);
    const given = [options.signal, ...signals].filter((signal) => signal !== undefined);
    const signal = given.length === 0 ? undefined : AbortSignal.any(given);
    if (signal?.aborted === true) throw new InterruptedError(what);
    options.onStart?.({ argv, cwd, env });
    const ended = doing === undefined ? undefined : options.onWait?.(doing);
    const end = await runGroup({ ...startOptions, graceMs, signal }).catch(
      async (error: unknown) => {
        throw await cannotStart(error, argv, { cwd, env, what });
      },
    ).finally(ended);
    if (end.aborted) throw new InterruptedError(what);
    return end;
  }

  async function run(argv: readonly string[], runOptions: RunOptions = {}): Promise<RunResult> {
    const { cwd = defaultCwd, env = defaultEnv, stdin, output = "capture", label } = runOptions;
    const show = output === "stream" ? write : () => {};
    const { allowed = [0], onSpawn, onStdout, onStderr = show } = runOptions;
    const captured: Uint8Array[] = [];
    const capture = (chunk: Uint8Array) => void captured.push(chunk);
    const { foreground = false } = runOptions;
    const inherit = output !== "inherit" ? undefined : foreground ? "foreground" : "group";
    const started = performance.now();
    const end = await start({
      ...{ argv, cwd, env, stdin, inherit, label, onSpawn, onStderr, signals: [runOptions.signal] },
      doing: runOptions.doing,
      onStdout: onStdout ?? (output === "stream" ? write : capture),
    });
    const durationMs = performance.now() - started;
    if (end.signal !== null || (allowed !== "any" && !allowed.includes(end.code))) {
      const { as = { argv, cwd } } = runOptions;
      throw programFailed(end, { ...as, label, isShown: output !== "capture" });
    }
    return Object.freeze({
      argv: Object.freeze([...argv]),
      cwd,
      code: end.code,
      stdout: decodeAll(captured),
      tail: end.tail,
      durationMs,
    });
  }

  const context = { cwd: defaultCwd, env: defaultEnv, write, start };
  return Object.freeze<Shell>({
    run,
    $: (strings, ...values) => makeTemplate(context, strings, values),
  });
}
