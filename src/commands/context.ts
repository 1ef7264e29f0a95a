import { basename, dirname, resolve } from "@std/path";
import {
  type Checkout,
  type CheckoutConfig,
  findConfig,
  findRoot,
  KUBERNETES,
  moduleOf,
  readCheckout,
} from "../checkout/mod.ts";
import {
  checkNeeds,
  type Command as CliCommand,
  type CommandData,
  type Globals,
  type Input,
  renderError,
  renderTable,
  type TableOptions,
  TIMINGS_PAGE,
} from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import { ifPossible, writeFileAtomic } from "../files/mod.ts";
import type { StepRunner } from "../lib/golang/mod.ts";
import { createContext, type Environment, type KubeContext } from "../lib/init.ts";
import { readGoSettings } from "../lib/go_settings.ts";
import { createLogger, type Logger } from "../lib/logging.ts";
import { createEvents, RunState } from "../events/mod.ts";
import {
  progressMode,
  recordEvents,
  sampleMachine,
  showRun,
  stageLines,
  StageMeter,
  summary,
  Waits,
} from "../progress/mod.ts";
import { hostPlatform } from "../lib/util.ts";
import { createShell, type Shell, type Start } from "../shell/mod.ts";
import type { ChosenGo, GoDescription } from "../toolchain/mod.ts";
import { goCacheVariables } from "./go_cache.ts";
import { CA_FILE, CONFIG, DIGESTS, GO, GO_CACHE, MIRROR, STRICT_PARITY } from "./flags.ts";
import { doctorHint } from "./doctor_hint.ts";
import type { PlannedUnit, PlanStep } from "./plan_steps.ts";

/** What every command works with. */
export interface CommandContext {
  /** The command's name: `quick-release`. */
  readonly name: string;
  readonly globals: Globals;
  /** The environment, make-style arguments and flags applied. */
  readonly env: Environment;
  /** The directory that kbuild was started in. */
  readonly cwd: string;
  readonly log: Logger;
  readonly shell: Shell;
  readonly signal: AbortSignal;
  /** Writes a result line to stdout. */
  print(line: string): void;
  /** Writes a table to stdout, fitted to the terminal where there is one. */
  printTable(rows: readonly (readonly string[])[], options?: TableOptions): void;
  /** Writes the result of `--json` to stdout. */
  printJson(value: unknown): void;
  /** Paths and environment of the checkout around `--root` or the current directory, which is not read. */
  locate(): Promise<KubeContext>;
  /** The checkout around `--root` or the current directory, read once. */
  open(): Promise<OpenCheckout>;
  /** The same for another directory: the demo's. */
  openAt(root: string, env?: Environment): Promise<OpenCheckout>;
  /** Logs what the run came to, before its results are printed; nothing of a short run. */
  logSummary(): void;
  /** Shows an error that does not end the command. */
  reportError(error: unknown): Promise<void>;
  /** The command has ended: the last that is shown of a run. */
  ended(end: { readonly code: number; readonly report: string }): Promise<void>;
  /** The context of another command, started with the same common flags and variables. */
  forCommand(command: CommandData, input: Input): CommandContext;
}

/** A checkout that commands work on. */
export interface OpenCheckout {
  readonly context: KubeContext;
  readonly checkout: Checkout;
  /** Absolute path of the configuration that was applied. */
  readonly config?: string | undefined;
  /** The Go of the container that is built in; absent: it is chosen when something is built. */
  readonly go?: ChosenGo;
  /** Runs the steps of builds; absent: this machine or the container does. */
  readonly elsewhere?: StepRunner;
  /** Does work that a terminal names when it takes long: "planning". Nothing in it may write there by itself. */
  during<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** Reads it again: it may have changed since. */
  reread(): Promise<OpenCheckout>;
}

/** What a command would do. */
export interface CommandPlan {
  /** In order. */
  readonly steps: readonly PlanStep[];
  /** The Go that builds, where anything is built. */
  readonly go?: GoDescription | undefined;
  /** Finds the units of work, with their keys; absent where kbuild does not make it of units with keys. */
  readonly units?: (() => Promise<readonly PlannedUnit[]>) | undefined;
}

/** A command of kbuild. */
export interface Command extends CliCommand<CommandContext> {
  /** What it would do: `kbuild plan`, `--dry-run`. Does nothing. */
  plan?(context: CommandContext, input: Input): Promise<CommandPlan>;
  /** Why a command that changes something has no plan, and what to ask instead. */
  readonly unplanned?: { readonly reason: string; readonly notes: readonly string[] };
}

/** Inputs of {@linkcode makeCommandContext} apart from the command line. */
export interface ProcessContext {
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Told of every started program: the recorder of the tests. */
  readonly onStart?: (start: Start) => void;
  /** The run that a command is a part of; default: it is a run of its own. */
  readonly run?: RunOfCommand;
}

/** What the commands of one run share. */
type RunOfCommand =
  & Pick<CommandContext, "log" | "ended" | "logSummary" | "reportError">
  & { readonly waits: Waits };

/** Begins a run: its events, and what shows them. */
function beginRun(
  globals: Globals,
  command: CommandData,
  { cwd, signal }: ProcessContext,
): RunOfCommand {
  const { stderr, env } = globals;
  const events = createEvents({ signal });
  const mode = progressMode(globals.progress, { terminal: stderr.screen !== undefined, env });
  const waits = new Waits();
  showRun(events, mode, {
    write: (text) => stderr.write(text),
    screen: stderr.screen,
    waits,
    color: globals.color,
    groups: env["GITHUB_ACTIONS"] === "true",
  });
  if (globals.events !== undefined) recordEvents(events, resolve(cwd, globals.events));
  events.begin(command.name);
  const log = createLogger({
    write: (text, level) => events.log(level, text),
    events,
    verbosity: globals.verbosity,
    color: globals.color,
  });
  for (const warning of globals.warnings) log.warn(warning);
  const state = new RunState();
  const meter = new StageMeter();
  events.listen((event) => {
    state.add(event);
    meter.add(event, state);
  });
  const stopSampling = sampleMachine(events, state);
  return Object.freeze({
    log,
    waits,
    logSummary() {
      const text = summary(state);
      if (text === undefined) return;
      const stages = meter.stages(state);
      for (const stage of stages) events.stage(stage);
      log.status(text, stageLines(stages));
    },
    async reportError(error) {
      const { color, debug, root } = globals;
      const hint = await doctorHint(error, root);
      events.log("error", renderError(error, { color, debug, hint }));
    },
    async ended({ code, report }) {
      stopSampling();
      if (report !== "") events.log("error", report);
      events.end(code);
      if (globals.timings === undefined) return;
      const { figuresOf, pageOf } = await import("../timings/mod.ts");
      const at = new Date(Date.now() - state.ms).toISOString();
      const page = pageOf(figuresOf({ command: command.name, at, code, state }));
      const written = timingsPath(globals.timings, globals.root, cwd)
        .then((path) => writeFileAtomic(path, page));
      // The error of the run says more than that of its page.
      await (code === 0 ? written : ifPossible(written));
    },
  });
}

/**
 * Where the page of `--timings` is written; absolute. Without a name, that is `_output` of the checkout: git
 * counts a new file anywhere else as a change of the version. Outside of a checkout it is the current directory.
 */
async function timingsPath(
  timings: string,
  root: string | undefined,
  cwd: string,
): Promise<string> {
  if (timings !== TIMINGS_PAGE) return resolve(cwd, timings);
  const checkout = await ifPossible(findRoot(resolve(cwd, root ?? ".")));
  if (checkout === undefined) return resolve(cwd, basename(TIMINGS_PAGE));
  const path = resolve(checkout, TIMINGS_PAGE);
  await Deno.mkdir(dirname(path), { recursive: true });
  return path;
}

/** Makes the {@linkcode CommandContext} of one run. */
export function makeCommandContext(
  globals: Globals,
  command: CommandData,
  input: Input,
  processContext: ProcessContext,
): CommandContext {
  const { cwd, signal, onStart } = processContext;
  const { stdout } = globals;
  const { env, notes: goNotes } = readGoSettings(effectiveEnv(globals, command, input, cwd));
  const run = processContext.run ?? beginRun(globals, command, processContext);
  const { log } = run;
  const decoder = new TextDecoder();
  const shell = createShell({
    cwd,
    env,
    signal,
    write: (chunk) => log.events.log("output", decoder.decode(chunk, { stream: true })),
    onWait: (what) => run.waits.add(what),
    ...(onStart === undefined ? {} : { onStart }),
  });

  const during = <T>(what: string, work: () => Promise<T>) => run.waits.during(what, work);
  let isNamed = false;
  /** What is built of another project may be Kubernetes' own lists: said once. */
  async function nameModule(root: string): Promise<void> {
    if (isNamed) return;
    isNamed = true;
    const module = await moduleOf(root) ?? KUBERNETES;
    if (module === KUBERNETES) return;
    log.warn(
      `This is the module "${module}", not Kubernetes: values that its scripts do not have are ` +
        "those of Kubernetes (kbuild inspect shows them)",
    );
  }

  /** The paths and the environment of the checkout around a directory; its scripts are not read. */
  async function locate(
    start: string,
    more: Environment,
  ): Promise<{ context: KubeContext; config: CheckoutConfig | undefined }> {
    const root = await findRoot(start);
    await nameModule(root);
    const given = { ...env, ...more };
    const named = given[CONFIG.variable];
    const config = await findConfig(root, named ? resolve(cwd, named) : undefined);
    const merged = await withNetConfig(given, config);
    const strictParity = command.flags.includes(STRICT_PARITY) &&
      input.boolean(STRICT_PARITY.name) === true;
    const context = createContext({
      ...{ root, cwd, env: merged, goNotes, log, shell, signal, strictParity },
    });
    return { context, config };
  }

  async function openAt(start: string, more: Environment = {}): Promise<OpenCheckout> {
    const { context, config } = await locate(start, more);
    const { root, env: variables } = context;
    const hostArch = hostPlatform().split("/")[1] ?? "amd64";
    const checkout = await during(
      "reading the scripts",
      () => readCheckout(root, { variables, hostArch, config }),
    );
    const reread = () => openAt(root, more);
    return Object.freeze({ context, checkout, config: config?.path, during, reread });
  }
  let opened: Promise<OpenCheckout> | undefined;
  return Object.freeze({
    name: command.name,
    globals,
    env,
    cwd,
    log,
    shell,
    signal,
    print: (line: string) => stdout.write(`${line}\n`),
    printTable: (rows: readonly (readonly string[])[], options: TableOptions = {}) =>
      stdout.write(renderTable(rows, { width: stdout.columns, ...options })),
    printJson: (value: unknown) => stdout.write(`${jsonText(value)}\n`),
    locate: async () => (await locate(globals.root ?? cwd, {})).context,
    open: () => opened ??= openAt(globals.root ?? cwd),
    openAt,
    logSummary: run.logSummary,
    reportError: run.reportError,
    ended: run.ended,
    forCommand: (other: CommandData, otherInput: Input) =>
      makeCommandContext(
        {
          ...globals,
          root: otherInput.string("root") ?? globals.root,
          json: otherInput.boolean("json") ?? globals.json,
          variables: { ...globals.variables, ...otherInput.variables },
        },
        other,
        otherInput,
        { ...processContext, run },
      ),
  });
}

/** Mirrors and digests of a checkout's configuration, under those of the environment or the flag. */
async function withNetConfig(
  env: Environment,
  config: CheckoutConfig | undefined,
): Promise<Environment> {
  const { mirrors = [], digests = [], path } = config ?? {};
  const given = { mirrors: env[MIRROR.variable] ?? "", digests: env[DIGESTS.name] ?? "" };
  const all = [...mirrors, ...digests, given.mirrors, given.digests];
  if (all.every((word) => word === "")) return Object.freeze({ ...env });
  const { parseMirrors } = await import("../net/mod.ts");
  const { parseDigests } = await import("../registry/mod.ts");
  // A typing error is reported even if nothing is fetched in the end.
  parseMirrors(given.mirrors);
  parseDigests(given.digests);
  const check = (section: string, parse: () => unknown) => {
    try {
      parse();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(error.message, [`"${path}" has it, in [${section}]`, ...error.notes]);
    }
  };
  check("mirrors", () => parseMirrors(mirrors.join(" ")));
  check("digests", () => parseDigests(digests.join(" ")));
  return Object.freeze({
    ...env,
    [MIRROR.variable]: [...mirrors, given.mirrors].join(" "),
    [DIGESTS.name]: [...digests, given.digests].join(" "),
  });
}

/** A value as JSON, with the control characters escaped that JSON itself leaves: a terminal obeys them, too. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replaceAll(
    /[\x7f-\x9f]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * The environment as make would hand it on: `NAME=value` arguments beat the environment, flags
 * beat both. `KUBE_GOFLAGS` is the old name of `GOFLAGS`. Paths in `KBUILD_GO` and
 * `KBUILD_CA_FILE` are made absolute.
 *
 * @throws {UsageError} Both `KUBE_GOFLAGS` and `GOFLAGS` are set, as in the root Makefile.
 */
function effectiveEnv(
  globals: Globals,
  command: CommandData,
  input: Input,
  cwd: string,
): Environment {
  const env: Record<string, string> = { ...globals.env, ...globals.variables };
  for (const flag of command.flags) {
    if (flag.variable === undefined) continue;
    const value = flag.kind === "list"
      ? input.list(flag.name)?.join(" ")
      : flag.kind === "number"
      ? input.number(flag.name)?.toString()
      : flag.kind === "string"
      ? input.string(flag.name)
      : input.boolean(flag.name) && "y";
    if (value !== undefined) env[flag.variable] = value;
  }
  checkNeeds(command, input, env);
  if (command.flags.includes(GO_CACHE)) Object.assign(env, goCacheVariables(env, cwd));
  const go = env[GO.variable];
  if (go?.includes("/")) env[GO.variable] = resolve(cwd, go);
  const certificates = env[CA_FILE.variable];
  if (certificates) env[CA_FILE.variable] = resolve(cwd, certificates);
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
