/**
 * Port of `hack/lib/init.sh`: where things are. The environment is read once, into a frozen
 * {@linkcode KubeContext} that every other function takes.
 *
 * @module
 */
import { dirname, isAbsolute, join, relative, resolve, SEPARATOR } from "@std/path";
import type { Shell, Start } from "../shell/mod.ts";
import { KbuildError } from "../errors.ts";
import { ifPossible, removeTree } from "../files/mod.ts";
import { readGoSettings } from "./go_settings.ts";
import type { Logger } from "./logging.ts";
import { findProgram, hostPlatform } from "./util.ts";

/** Names and values, as `Deno.env.toObject()` gives them. */
export type Environment = Readonly<Record<string, string>>;

/** A directory outside of the checkout, for a moment. */
export interface ScratchDirectory extends AsyncDisposable {
  /** Absolute, where the programs of the build run. */
  readonly path: string;
}

/**
 * Where the programs of a build run: `go`, generators, compilers. Either this machine, or a container that sees
 * the checkout under its own path.
 */
export interface Builder {
  /** Starts them. */
  readonly shell: Pick<Shell, "run">;
  /** The environment that they start from. */
  readonly env: Environment;
  /** What its programs are if they are not files of this machine: the ID of an image. */
  readonly image: string | undefined;
  /** Finds a program there, as `findProgram` of `lib/util` does here. */
  findProgram(program: string, path: string | undefined): Promise<string | undefined>;
  /**
   * Makes a directory there with a link in it.
   *
   * @param link Its path in the directory, and where it leads.
   */
  makeDirectory(link?: { path: string; target: string }): Promise<ScratchDirectory>;
  /**
   * Brings files, links and directories of this machine to their places there, if it has other files.
   *
   * @param paths Absolute, below the checkout.
   */
  send(paths: readonly string[]): Promise<void>;
  /** Brings files and directories from there to their places here, likewise. */
  fetch(paths: readonly string[]): Promise<void>;
  /** What this machine starts to have a program run there. */
  startOf(start: Start): Start;
}

/** Where a checkout and its outputs are, and what a run works with. */
export interface KubeContext {
  /** `KUBE_ROOT`: the checkout; absolute, links resolved. */
  readonly root: string;
  /**
   * The environment that the run started with, make-style arguments applied. `GOENV` is off; what of
   * the go env file only says where things come from is in it.
   */
  readonly env: Environment;
  /** Settings of the user's go env file that are ignored, one sentence each. */
  readonly goNotes: readonly string[];
  /** The machine's platform: `linux/amd64`. */
  readonly host: string;
  /** The working directory of the user; absolute. */
  readonly cwd: string;
  /** `LOCAL_OUTPUT_ROOT`: `<root>/${OUT_DIR:-_output}`, the release side. */
  readonly outputRoot: string;
  /** `KUBE_OUTPUT`: `<root>/${KUBE_OUTPUT_SUBPATH:-_output/local}`. */
  readonly output: string;
  /** `KUBE_OUTPUT_BINPATH`: `<output>/bin`, a directory per platform. */
  readonly binPath: string;
  /** `LOCAL_OUTPUT_BINPATH`: `<outputRoot>/dockerized/bin`, what a release is packed from. */
  readonly releaseBinPath: string;
  /** `KUBE_GOPATH`: `<output>/go`. */
  readonly gopath: string;
  /** `THIS_PLATFORM_BIN`: `<root>/_output/bin`, a link to the host's directory in `binPath`. */
  readonly thisPlatformBin: string;
  /** Where the log goes. */
  readonly log: Logger;
  /** Starts other programs. */
  readonly shell: Shell;
  /** Where the programs of builds run. */
  readonly builder: Builder;
  /** Aborted when the run is to stop. */
  readonly signal: AbortSignal | undefined;
  /** Whether upstream's known bugs are wanted back. */
  readonly strictParity: boolean;
}

/** What {@linkcode createContext} needs. */
export interface ContextOptions {
  /** The checkout; absolute, links resolved (`checkout.findRoot` gives it). */
  root: string;
  /** Names and values; nothing else is read from the process. */
  env: Environment;
  /** Settings of the go env file that are ignored, if `env` comes from `readGoSettings`. */
  goNotes?: readonly string[];
  /** Where the log goes. */
  log: Logger;
  /** Starts other programs. */
  shell: Shell;
  /** Stops the run when aborted. */
  signal?: AbortSignal | undefined;
  /** The working directory of the user, which stays whatever is removed; default: the checkout. */
  cwd?: string;
  /** Default: this machine's platform. */
  host?: string;
  /** Whether upstream's known bugs are wanted back; default false. */
  strictParity?: boolean;
}

/**
 * Makes the {@linkcode KubeContext} of one run.
 *
 * @throws {KbuildError} `KUBE_OUTPUT_SUBPATH` or `OUT_DIR` leads out of the checkout.
 */
export function createContext(options: ContextOptions): KubeContext {
  const { root, log, shell, signal, host = hostPlatform(), strictParity = false } = options;
  const { env, notes } = readGoSettings(options.env);
  const { cwd = root } = options;
  const output = inside(root, "KUBE_OUTPUT_SUBPATH", env["KUBE_OUTPUT_SUBPATH"] || "_output/local");
  const outputRoot = inside(root, "OUT_DIR", env["OUT_DIR"] || "_output");
  return Object.freeze({
    root,
    env,
    goNotes: options.goNotes ?? notes,
    host,
    cwd,
    outputRoot,
    output,
    binPath: join(output, "bin"),
    releaseBinPath: join(outputRoot, "dockerized", "bin"),
    gopath: join(output, "go"),
    thisPlatformBin: join(root, "_output", "bin"),
    log,
    shell,
    builder: thisMachine(shell, env),
    signal,
    strictParity,
  });
}

/** Programs of builds run as all others do. */
function thisMachine(shell: Shell, env: Environment): Builder {
  return Object.freeze<Builder>({
    ...{ shell, env, image: undefined, findProgram },
    async makeDirectory(link) {
      const path = await Deno.makeTempDir({ prefix: "kbuild-list-" });
      if (link !== undefined) {
        await Deno.mkdir(dirname(join(path, link.path)), { recursive: true });
        await Deno.symlink(link.target, join(path, link.path));
      }
      return Object.freeze({
        path,
        [Symbol.asyncDispose]: async () => void await ifPossible(removeTree(path)),
      });
    },
    send: () => Promise.resolve(),
    fetch: () => Promise.resolve(),
    startOf: (start) => start,
  });
}

/**
 * The scripts write `${KUBE_ROOT}/${value}`; a value that leaves the checkout is a mistake. Links are
 * not looked at here: `claimOutputs` does that before anything is written.
 */
function inside(root: string, name: string, value: string): string {
  const path = resolve(root, value);
  const [first] = relative(root, path).split(SEPARATOR);
  if (isAbsolute(value) || first === "" || first === "..") {
    throw new KbuildError(`Cannot use ${name}="${value}": it must be a directory in the checkout`, {
      notes: [
        `Give a path relative to "${root}", such as "_output"`,
        `Or do without it: unset ${name}`,
      ],
      exitCode: 2,
    });
  }
  return path;
}
