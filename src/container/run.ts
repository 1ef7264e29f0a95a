import { dirname, join, resolve } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { ExitStatus, KbuildError } from "../errors.ts";
import { ifPresent, readText, writeFileAtomic } from "../files/mod.ts";
import { askGit } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { claimOutputs } from "../lib/outputs.ts";
import { getVersionVars, versionFile } from "../lib/version/mod.ts";
import { CommandError, createShell, type RunOptions, type Shell } from "../shell/mod.ts";
import { loadArguments, removeArguments, runArguments } from "./arguments.ts";
import {
  type BuildImage,
  chooseBuildImage,
  ignoredImageVariables,
  provideBuildImage,
  readBuildImage,
} from "./build_image.ts";
import { askEngine, askFor, type EngineAnswer, findClient, parseAnswer } from "./engine.ts";
import { containerEnvironment } from "./environment.ts";
import { engineError, saysNoContainer } from "./explain.ts";
import { type CheckoutIdentity, identityOf, isAlive, ownerOf } from "./identity.ts";
import { type LockedName, lockName } from "./locks.ts";
import { containerName, rootHash } from "./names.ts";
import { checkSecrets, secretWays } from "./secrets.ts";
import type { ContainerRun, Engine, Mount } from "./types.ts";

/** What is to run in a container. */
export interface RunRequest {
  /** The command and its arguments. */
  readonly command: readonly string[];
  /** Whether kbuild's stdin is a terminal. */
  readonly terminal: boolean;
  /** `KUBE_VERBOSE`. */
  readonly verbosity: number;
  /** The engine that is asked for; undefined: whichever there is. */
  readonly engine: Engine["kind"] | undefined;
  /** What {@linkcode findEngine} finds of it, if it is being asked already. */
  readonly asked?: Promise<Engine> | undefined;
  /** The image that is asked for; undefined: the checkout's kube-cross. */
  readonly buildImage: string | undefined;
  /** How the checkout gets into the container; default: as the engine needs it. */
  readonly sync?: SyncMode;
  /** Whether the checkout has its own path in the container, too; default: that of the scripts. */
  readonly inPlace?: boolean;
}

/** How a checkout gets into a container: mounted, copied into a volume, or whichever the engine needs. */
export type SyncMode = "bind" | "volume" | "auto";

/** Ways of {@linkcode SyncMode}. */
export const SYNC_MODES: readonly ["auto", "bind", "volume"] = Object.freeze(
  ["auto", "bind", "volume"] as const,
);

/** How it gets there, decided. */
export type Sync = { readonly kind: "bind" } | {
  readonly kind: "volume";
  /** Its name. */
  readonly volume: string;
  /** Why it is copied. */
  readonly why: string;
  /** Whether that was asked for; else the engine needs it. */
  readonly isGiven: boolean;
};

/** A container for a command, as a value: what is shown and what runs is this. */
export interface PreparedRun {
  readonly engine: Engine;
  readonly image: BuildImage;
  readonly run: ContainerRun;
  /** A container by this name that an earlier run has left, and that is removed first. */
  readonly leftover: boolean;
  readonly sync: Sync;
  /** The file with the version, and what it holds; undefined without a version. */
  readonly version: { readonly path: string; readonly text: string } | undefined;
  /** `HOME` of the command, on this machine; absolute. */
  readonly home: string;
  /** What a user may not expect, a line each. */
  readonly notes: readonly string[];
}

/** A program that a run starts. */
export interface PlannedStart {
  readonly argv: readonly string[];
  readonly cwd: string;
}

/** Programs of {@linkcode executeRun}, in order; questions are left out. */
export function startsOf(
  { root }: Pick<KubeContext, "root">,
  { engine, image, run, leftover }: PreparedRun,
): readonly PlannedStart[] {
  const starts = [
    ...image.id === undefined ? [loadArguments(engine)] : [],
    ...leftover ? [removeArguments(engine, run.name)] : [],
    runArguments(engine, run),
  ];
  return Object.freeze(starts.map((argv) => Object.freeze({ argv, cwd: root })));
}

/** Suffix of `KUBE_OUTPUT_SUBPATH` in a container, below `OUT_DIR`. */
const DOCKERIZED = "dockerized";

/** Name of the home directory of commands, in the directory for builds. */
const HOME = "home";

/** Name of the file with the version, in the directory for builds. */
const VERSION_FILE = ".kbuild-version-defs";

/** Where Go up to 1.19 keeps packages that are built with cgo, on platforms of the build container. */
const CGO_PACKAGES = Object.freeze([
  ...["linux_386", "linux_amd64", "linux_arm", "linux_arm64", "linux_ppc64le"],
  ...["darwin_amd64", "darwin_386", "windows_amd64", "windows_386"],
]);

/** Prepares a container for a command. Writes nothing, and starts nothing but questions. */
export async function prepareRun(
  context: KubeContext,
  checkout: Checkout,
  request: RunRequest,
): Promise<PreparedRun> {
  const { env, outputRoot, root } = context;
  const chosen = chooseBuildImage(checkout, request.buildImage);
  const client = await findClient(env, request.engine);
  const naming = checkoutHash(context, checkout)
    .then((hash) => containerName(hash, checkout.containerNames.value));
  // All at once: a start of a client takes longer than what it is asked.
  const questions = [
    request.asked ?? askEngine(context, client),
    askFor(context, client, "image", chosen.reference),
    naming.then(async (name) => ({
      name,
      answer: await askFor(context, client, "container", name),
    })),
    getVersionVars(context),
    gitMounts(context, request),
    ifPresent(Deno.stat("/etc/localtime")),
    identityOf(root),
  ] as const;
  // Nothing may be at work when an error is shown.
  await Promise.allSettled(questions);
  const [engine, imageAnswer, { name: plain, answer }, vars, repository, localtime, identity] =
    await Promise.all(questions);
  const { inPlace = false, sync: wanted = "auto" } = request;
  const sync = chooseSync(context, engine, wanted);
  const image = readBuildImage(context, engine, chosen, imageAnswer);
  const own = { root, identity };
  const name = nameFor(plain, readContainer(own, engine, plain, answer), own);
  const found = name === plain
    ? readContainer(own, engine, name, answer)
    : await askContainer(context, engine, name, own);
  const target = inPlace ? root : `/go/src/${checkout.goPackage.value}`;
  const output = `${outputRoot.slice(root.length + 1)}/${DOCKERIZED}`;
  // kbuild stamps by itself what it builds.
  const version = inPlace || vars.gitVersion === undefined
    ? undefined
    : { path: join(root, output, VERSION_FILE), text: versionFile(vars) };
  const scratch = scratchDirectories(checkout).map((target) =>
    ({ type: "tmpfs", target }) as const
  );
  const mounts: Mount[] = sync.kind === "volume"
    ? [
      { type: "volume", source: sync.volume, target },
      ...scratch,
    ]
    : [
      ...repository,
      { type: "bind", source: root, target, readOnly: false },
      ...localtime?.isFile === true
        ? [
          {
            type: "bind",
            source: "/etc/localtime",
            target: "/etc/localtime",
            readOnly: true,
          } as const,
        ]
        : [],
      ...scratch,
    ];
  const run: ContainerRun = Object.freeze({
    name,
    image: image.reference,
    hostname: hostnameOf(env),
    root,
    identity,
    user: Object.freeze({ uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 }),
    mounts: Object.freeze(mounts),
    env: containerEnvironment(env, {
      root: target,
      output,
      home: `${output}/${HOME}`,
      verbosity: request.verbosity,
      os: context.host.split("/")[0] ?? "",
      versionFile: version === undefined ? undefined : `${output}/${VERSION_FILE}`,
    }),
    workdir: target,
    cgroupParent: env["DOCKER_CGROUP_PARENT"],
    terminal: request.terminal,
    command: Object.freeze([...request.command]),
  });
  checkSecrets(engine, run);
  const notes = [
    ...ignoredImageVariables(env, chosen),
    ...vars.gitVersion === undefined && !inPlace
      ? [`The command will not find a version: ${vars.problem?.why ?? "git gives none"}`]
      : [],
  ];
  return Object.freeze({
    ...{ engine, image, run, sync, version },
    home: join(root, output, HOME),
    leftover: found === "leftover",
    notes: Object.freeze(notes),
  });
}

/** Name of this machine, as bash has it in `HOSTNAME`. */
export function hostnameOf(env: KubeContext["env"]): string {
  return env["HOSTNAME"] || Deno.hostname();
}

/** The hash in the names of a checkout's containers, on the branch that it is on. */
async function checkoutHash(context: KubeContext, { containerNames }: Checkout): Promise<string> {
  const { env, root } = context;
  const { hasBranch } = containerNames.value;
  const branch = hasBranch ? await currentBranch(context) : undefined;
  return rootHash({ hostname: hostnameOf(env), root, branch });
}

/** The branch that is checked out, "" without one. */
async function currentBranch(context: KubeContext): Promise<string> {
  const { text } = await askGit(context, ["symbolic-ref", "--short", "-q", "HEAD"]);
  return text?.trim() ?? "";
}

/**
 * What git needs in a container if the checkout is a worktree or a submodule, and its repository is elsewhere: mounted
 * under its own path, read-only.
 */
async function gitMounts(
  context: KubeContext,
  { inPlace = false }: Pick<RunRequest, "inPlace">,
): Promise<readonly Mount[]> {
  const { root } = context;
  const file = join(root, ".git");
  if ((await ifPresent(Deno.lstat(file)))?.isFile !== true) return [];
  const { text } = await askGit(context, ["rev-parse", "--git-common-dir"]);
  const path = text?.replace(/\n$/, "");
  if (!path) return [];
  const directory = resolve(root, path);
  if (directory.startsWith(`${root}/`)) return [];
  // From another place, a path that starts at the checkout leads elsewhere.
  const isRelative = !/^gitdir: *\//.test(await readText(file));
  if (!inPlace && isRelative) return [];
  const source = inPlace ? await repositoryAround(root, directory) ?? directory : directory;
  return [{ type: "bind", source, target: source, readOnly: true }];
}

/**
 * The repository around a checkout, if the checkout belongs to it. Go looks for a directory `.git` in the checkout and above,
 * and writes that commit into programs of modules: it must find the same files as here, or it fails.
 *
 * @param gitDirectory Where git keeps what belongs to the checkout.
 */
async function repositoryAround(root: string, gitDirectory: string): Promise<string | undefined> {
  for (let directory = dirname(root); directory !== dirname(directory);) {
    const git = join(directory, ".git");
    if ((await ifPresent(Deno.lstat(git)))?.isDirectory === true) {
      return `${gitDirectory}/`.startsWith(`${git}/`) ? directory : undefined;
    }
    directory = dirname(directory);
  }
  return undefined;
}

/** Directories of old images that commands must be able to write to; the scripts' image has them so. */
function scratchDirectories({ container, era }: Checkout): readonly string[] {
  if (container.value === "bind-mount") return [];
  const old = era.name === "godeps" || era.name === "gopath";
  return [
    "/var/run/kubernetes",
    ...old ? CGO_PACKAGES.map((name) => `/usr/local/go/pkg/${name}_cgo`) : [],
  ];
}

/** Name of the volume of a checkout; it has the same one on every branch. */
export function volumeName({ env, root }: Pick<KubeContext, "env" | "root">): string {
  return `kube-build-data-${
    rootHash({ hostname: hostnameOf(env), root, branch: undefined })
  }-kbuild`;
}

/** @throws {KbuildError} The checkout is to be mounted, and the engine is on another machine. */
function chooseSync(
  context: Pick<KubeContext, "env" | "root">,
  { isRemote, kind, endpoint }: Engine,
  wanted: SyncMode,
): Sync {
  const where = endpoint === undefined ? kind : `${kind} at ${endpoint}`;
  if (wanted === "bind" && isRemote) {
    throw new KbuildError(
      `Cannot mount the checkout in a container of ${where}: it does not see the files of this machine`,
      { notes: ["Sources are copied with --sync volume"] },
    );
  }
  if (wanted === "bind" || (wanted === "auto" && !isRemote)) return { kind: "bind" };
  const why = isRemote ? `${where} does not see the files of this machine` : "--sync volume";
  return { kind: "volume", volume: volumeName(context), why, isGiven: wanted === "volume" };
}

/** What an engine has under a name: a container of ours or a stopped one, or one that somebody else uses. */
type FoundName = "leftover" | "foreign" | undefined;

/** A name that no other checkout has, where the usual one is taken. */
function nameFor(plain: string, found: FoundName, { identity }: CheckoutIdentity): string {
  return found === "foreign" ? `${plain}-${identity.slice(0, 6)}` : plain;
}

/**
 * Reads what an engine has under a name.
 *
 * @throws {KbuildError} The engine says neither what it has nor that it has none.
 */
function readContainer(
  own: CheckoutIdentity,
  engine: Engine,
  name: string,
  { code, stdout, tail }: EngineAnswer,
): FoundName {
  if (code !== 0) {
    if (saysNoContainer(tail)) return undefined;
    throw engineError(`Cannot ask ${engine.kind} for the container "${name}"`, tail, engine);
  }
  const container = parseAnswer(stdout) ?? {};
  return ownerOf(container, own, engine) === "own" || !isAlive(container) ? "leftover" : "foreign";
}

/** Asks an engine what it has under a name. */
async function askContainer(
  context: Pick<KubeContext, "shell">,
  engine: Engine,
  name: string,
  own: CheckoutIdentity,
): Promise<FoundName> {
  return readContainer(own, engine, name, await askFor(context, engine, "container", name));
}

/** A name of a container that nobody uses, and whether the engine still has an old one. */
export interface TakenName extends LockedName {
  /** A container of this name is removed first. */
  readonly leftover: boolean;
}

/** Takes the name that was prepared, or if another kbuild has it meanwhile the next one. */
export async function takeName(
  context: KubeContext,
  { engine, leftover, run }: PreparedRun,
): Promise<TakenName> {
  const taken = (lock: LockedName, leftover: boolean) => Object.freeze({ ...lock, leftover });
  const lock = await lockName(context, run.name);
  if (lock.name === run.name) return taken(lock, leftover);
  let next: LockedName | undefined;
  try {
    const found = await askContainer(context, engine, lock.name, run);
    if (found !== "foreign") return taken(lock, found === "leftover");
    next = await lockName(context, nameFor(run.name, found, run));
    lock[Symbol.dispose]();
    return taken(next, await askContainer(context, engine, next.name, run) === "leftover");
  } catch (error) {
    lock[Symbol.dispose]();
    next?.[Symbol.dispose]();
    throw error;
  }
}

/** Options of {@linkcode executeRun}. */
export interface ExecuteOptions {
  /**
   * `"inherit"` (default): the command has kbuild's own stdin, stdout and stderr. `"stream"`: it has no stdin, and what it
   * prints goes to the log. That needs a request without a terminal.
   */
  readonly output?: "inherit" | "stream";
}

/** How the client of an engine is started for a command. */
export function streamsOf(
  { run: { terminal } }: PreparedRun,
  { output = "inherit" }: ExecuteOptions,
): RunOptions {
  return { output, foreground: terminal, allowed: "any" };
}

/**
 * Runs the command in its container, where the checkout is mounted. The container is gone when it ends, however it ends.
 *
 * @returns Exit status of the command; 125 if the engine cannot start the container, 126 and 127 if the
 * container cannot start the command.
 */
export async function executeRun(
  context: KubeContext,
  prepared: PreparedRun,
  options: ExecuteOptions = {},
): Promise<number> {
  const { log, signal } = context;
  const { engine, image, version } = prepared;
  for (const note of prepared.notes) log.warn(note);
  await claimOutputs(context);
  using lock = await takeName(context, prepared);
  const { leftover, name } = lock;
  if (version !== undefined) {
    await Deno.mkdir(dirname(version.path), { recursive: true });
    await writeFileAtomic(version.path, version.text);
  }
  await Deno.mkdir(prepared.home, { recursive: true });
  const reference = await provideBuildImage(context, engine, image);
  // It also runs when everything else has been stopped.
  const cleaner = createShell({ cwd: context.root, env: context.env });
  if (leftover) await removeContainer(cleaner, engine, name);
  const run = { ...prepared.run, name, image: reference };
  let removing: Promise<void> | undefined;
  // A signal to the client does not help: the first program of a container ignores what it does not handle.
  const stop = () => removing ??= endContainer(context, cleaner, engine, run);
  signal?.addEventListener("abort", stop, { once: true });
  let isRemoved = false;
  try {
    const code = await statusOf(context.shell.run(runArguments(engine, run), {
      ...streamsOf(prepared, options),
      env: { ...context.env, ...secretWays(engine, run).client },
    }));
    // A client that fails may have left the container alone: its reader has gone, or somebody has ended it.
    isRemoved = code === 0 && !engine.losesStatus;
    return code;
  } finally {
    signal?.removeEventListener("abort", stop);
    if (!isRemoved) await stop();
  }
}

/** Status of a program that is ended because nobody reads what it writes. */
const BROKEN_PIPE = 141;

/**
 * Status of a command with kbuild's own output.
 *
 * @throws {ExitStatus} Nobody reads the output any more: there is nothing to say about that.
 */
export async function statusOf(running: Promise<{ readonly code: number }>): Promise<number> {
  try {
    return (await running).code;
  } catch (error) {
    const isUnread = error instanceof CommandError && error.signal === "SIGPIPE";
    throw isUnread ? new ExitStatus(BROKEN_PIPE) : error;
  }
}

/**
 * Removes a container whose work is over or has failed. Where the engine does not do it, there is only a warning, which
 * does not hide why the work failed: the container ends with its client, and the next run removes what is left. One of another
 * checkout that has got the name meanwhile stays.
 */
export async function endContainer(
  { log }: Pick<KubeContext, "log">,
  cleaner: Shell,
  engine: Engine,
  { name, ...own }: Pick<ContainerRun, "name" | "root" | "identity">,
): Promise<void> {
  try {
    const { code, stdout } = await askFor({ shell: cleaner }, engine, "container", name);
    const found = code === 0 ? parseAnswer(stdout) : undefined;
    if (found !== undefined && ownerOf(found, own, engine) !== "own") return;
    await removeContainer(cleaner, engine, name);
  } catch (error) {
    if (!(error instanceof KbuildError)) throw error;
    log.warn(error.message, [
      "The next run in a container removes it, and so does kbuild make-clean",
    ]);
  }
}

/** Removes a container that may be gone already. */
export async function removeContainer(shell: Shell, engine: Engine, name: string): Promise<void> {
  const { code, tail } = await shell.run(removeArguments(engine, name), { allowed: "any" });
  if (code === 0 || saysNoContainer(tail) || /already in progress/i.test(tail.join("\n"))) return;
  throw engineError(`Cannot remove the container "${name}"`, tail, engine);
}
