import { dirname, join } from "@std/path";
import { format as formatBytes } from "@std/fmt/bytes";
import { quoteName } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import type { Checkout } from "../checkout/mod.ts";
import { ifPresentSync } from "../files/mod.ts";
import { askGit } from "../git/mod.ts";
import type { Builder, KubeContext } from "../lib/init.ts";
import { claimOutputs } from "../lib/outputs.ts";
import { CommandError, createShell, type RunResult, type Shell, type Start } from "../shell/mod.ts";
import { compareGoVersions, type GoTool, parseGoVersion } from "../toolchain/mod.ts";
import { type ContainerStart, execStart, runArguments } from "./arguments.ts";
import { inspectBuildImage, provideBuildImage } from "./build_image.ts";
import { askFor } from "./engine.ts";
import { claimVolume, USER_NOTE } from "./claim_volume.ts";
import { COPY_NEEDS, engineError } from "./explain.ts";
import { fetchPaths } from "./copy_outputs.ts";
import type { Manifest } from "./sync.ts";
import { endContainer, type PreparedRun, removeContainer, takeName } from "./run.ts";
import { secretWays, splitSecrets, writeSecrets } from "./secrets.ts";
import type { ContainerRun, Engine } from "./types.ts";
import {
  bringSources,
  type BroughtSources,
  excludedPaths,
  execute,
  listChanging,
  sendPaths,
  type VolumeContainer,
} from "./volume.ts";

/** A container that runs the programs of a build until it is disposed of. */
export interface BuildContainer extends AsyncDisposable {
  /** Starts programs in it. */
  readonly builder: Builder;
  /** The Go in its `PATH`. */
  readonly go: GoTool;
}

/** Options of {@linkcode startBuildContainer}. */
export interface BuildContainerOptions {
  /** Only questions are asked: nothing is locked or written, and the checkout cannot be changed. */
  readonly asking: boolean;
}

/** Variables that a shell sets by itself. */
const OF_SHELLS: readonly string[] = Object.freeze(["_", "OLDPWD", "PWD", "SHLVL"]);

/** Programs of an image that copies need, beside those of {@linkcode KEEPER}; `chown` not for every user and volume. */
const COPY_PROGRAMS = ["find", "mkdir", "rm", "sleep", "tar", "touch", "xargs"];

/**
 * First program of the container: says what there is, and then lives as long as its standard input is open.
 * That closes with kbuild, however it ends, so that no container stays. Go is asked as in `askGo` of
 * `src/toolchain`; its usual directory need not be in `PATH`.
 */
const KEEPER = `env -0 || exit
PATH="$PATH:/usr/local/go/bin"
note=
[ ! -f ${USER_NOTE} ] || read -r note <${USER_NOTE}
printf '\\000used-by=%s\\n' "$note"
command -v go && GOTOOLCHAIN=local GOENV=off GOFLAGS= go version
for program in ${COPY_PROGRAMS.join(" ")}
do command -v "$program" >/dev/null || echo "missing $program"
done
printf '\\000'
exec cat >/dev/null`;

/** The command that keeps a build container alive. */
export const KEEPER_COMMAND: readonly string[] = Object.freeze(["sh", "-c", KEEPER]);

/** What the first program says. */
export interface Said {
  readonly env: Readonly<Record<string, string>>;
  readonly goPath: string | undefined;
  readonly goVersion: string;
  /** What {@linkcode USER_NOTE} says, "" without one. */
  readonly usedBy: string;
  /** Programs that copies need, and that are not there. */
  readonly missing: readonly string[];
}

/** A container that runs {@linkcode KEEPER_COMMAND}. */
export interface Keeper {
  readonly engine: Engine;
  /** Of the container. */
  readonly name: string;
  /** ID of its image. */
  readonly image: string;
  readonly said: Said;
  /** Variables of its programs, in full; a container for questions has fewer of its own. */
  readonly env: Readonly<Record<string, string>>;
  /** Its volume with the checkout; undefined if the checkout is mounted. */
  readonly volume: VolumeContainer | undefined;
  /** What was brought into the volume; undefined if nothing was. */
  readonly brought: Manifest | undefined;
  /** Ends it: the container is gone afterwards. */
  end(): Promise<void>;
}

/**
 * Starts the container that was prepared for {@linkcode KEEPER_COMMAND}, and brings the sources into its volume.
 *
 * @throws {KbuildError} It cannot be started.
 */
export async function startKeeper(
  context: KubeContext,
  checkout: Checkout,
  prepared: PreparedRun,
  { asking }: BuildContainerOptions,
): Promise<Keeper> {
  const { engine } = prepared;
  const shown = prepared.run.name;
  if (!asking) await claimOutputs(context);
  const lock = asking ? undefined : await takeName(context, prepared);
  // It also works when everything else has been stopped.
  const cleaner = createShell({ cwd: context.root, env: context.env });
  const { identity, root } = prepared.run;
  // Not of another machine's process with the same number.
  const name = lock?.name ?? `${shown}-${identity.slice(0, 6)}-plan-${Deno.pid}`;
  const closing = Promise.withResolvers<void>();
  const ending = new AbortController();
  let sources: Sources | undefined;
  let running: Promise<RunResult> | undefined;
  let brought: BroughtSources | undefined;
  const end = async () => {
    closing.resolve();
    ending.abort();
    const [ended] = await Promise.allSettled([running, sources?.local]);
    const isClean = ended.status === "fulfilled" && ended.value?.code === 0;
    try {
      if ((!isClean || engine.losesStatus) && running !== undefined) {
        await endContainer(context, cleaner, engine, { name, root, identity });
      }
    } finally {
      brought?.[Symbol.dispose]();
      lock?.[Symbol.dispose]();
    }
  };
  try {
    const reference = await provideBuildImage(context, engine, prepared.image);
    const { id: image = reference } = prepared.image.id === undefined
      ? await inspectBuildImage(context, engine, { ...prepared.image, reference })
      : prepared.image;
    if (lock?.leftover === true) await removeContainer(cleaner, engine, name);
    const mounts = prepared.run.mounts.map((mount) =>
      asking && mount.type === "bind" ? { ...mount, readOnly: true } : mount
    );
    const run: ContainerRun = {
      ...prepared.run,
      ...{ name, image: reference, mounts, command: KEEPER_COMMAND, terminal: false },
      env: asking ? splitSecrets(prepared.run.env).shown : prepared.run.env,
    };
    const { user, workdir: target } = run;
    const volume = prepared.sync.kind === "volume" ? { engine, name, target, user } : undefined;
    if (volume === undefined && !asking) await Deno.mkdir(prepared.home, { recursive: true });
    let said: Said;
    {
      await using _secrets = await writeSecrets(engine, run);
      const started = start(context, engine, run, closing.promise);
      running = started.running;
      // Files are looked at while the container starts.
      if (volume !== undefined && !asking) sources = lookAt(context, checkout, ending.signal);
      said = await started.said;
    }
    if (volume !== undefined && said.missing.length > 0) {
      throw new KbuildError(
        `Cannot copy the sources into a container of "${run.image}": it has no ${
          said.missing.join(", ")
        }`,
        { notes: [COPY_NEEDS] },
      );
    }
    // A question hands its programs what has a password, proxies of an engine elsewhere apart: they need no network.
    const env = asking ? { ...said.env, ...secretWays(engine, prepared.run).client } : said.env;
    if (volume !== undefined && sources !== undefined && prepared.sync.kind === "volume") {
      const own = { root, identity };
      await claimVolume(context, volume, {
        volume: prepared.sync.volume,
        ...{ note: said.usedBy, own },
      });
      brought = await bring(context, volume, sources);
      lock?.noteCopy();
      const home = prepared.home.slice(context.root.length + 1);
      await execute(context, volume, ["sh", "-c", START, "sh", home]);
    }
    return Object.freeze({
      ...{ engine, name, image, said, env, volume, end },
      brought: brought?.manifest,
    });
  } catch (error) {
    // What went wrong first is what the user has to know.
    await Promise.allSettled([end()]);
    throw error;
  }
}

/** What is to be in a volume. */
interface Sources {
  readonly excluded: readonly string[];
  /** What there is; a list that is being made. */
  readonly local: Promise<Manifest>;
}

/** @param ending Ends the list, as the signal of the context does. */
function lookAt(context: KubeContext, checkout: Checkout, ending: AbortSignal): Sources {
  const git = ifPresentSync(() => Deno.lstatSync(join(context.root, ".git")));
  const excluded = excludedPaths(context, checkout, { isRepository: git?.isDirectory === true });
  const signals = context.signal === undefined ? [ending] : [ending, context.signal];
  const local = listChanging({ root: context.root, signal: AbortSignal.any(signals) }, excluded);
  // Its error is reported where the list is needed, unless the container has an error before.
  void Promise.allSettled([local]);
  return { excluded, local };
}

/** Brings the sources, and says how much. Nobody else changes the copy until the result is disposed of. */
async function bring(
  context: KubeContext,
  volume: VolumeContainer,
  sources: Sources,
): Promise<BroughtSources> {
  const { log } = context;
  log.status("Copying changed sources into the container");
  const brought = await bringSources(context, volume, {
    ...sources,
    onWait(why, who) {
      const command = who.length > 1 ? "commands" : "command";
      log.status(`Waiting for the ${command} in ${who.join(", ") || "another container"}: ${why}`);
    },
  });
  const { bytes, removed, sent } = brought;
  const files = (count: number) =>
    count === 1 ? "1 file or directory" : `${count} files and directories`;
  const parts = [
    ...sent === 0 ? [] : [`Copied ${files(sent)} (${formatBytes(bytes)})`],
    ...removed === 0 ? [] : [sent === 0 ? `Removed ${files(removed)}` : `removed ${removed}`],
  ];
  log.status(parts.join(", ") || "Nothing has changed since the last time");
  await sayUndone(context, brought);
  return brought;
}

/** File of a volume whose time says when the last command started. */
export const STARTED = "_output/.kbuild-started";

/** Makes the home directory of a command, and notes that it starts. */
const START = `mkdir -p "$1" && touch ${STARTED}`;

/** Lines for {@linkcode sayUndone} at most. */
const MAX_UNDONE = 10;

/** Names what was changed in the copy and is as in the checkout again, but for files that git ignores. */
async function sayUndone(
  context: KubeContext,
  { undone, manifest }: BroughtSources,
): Promise<void> {
  // Programs of the build make them, and make them again.
  const made = undone.filter((path) => !manifest.has(path));
  const ignored = made.length === 0
    ? undefined
    : await askGit(context, ["check-ignore", "-z", "--stdin"], {
      stdin: made.join("\0"),
      literalPaths: false,
    });
  const isIgnored = new Set(ignored?.text?.split("\0"));
  const names = undone.filter((path) => !isIgnored.has(path)).map((path) => quoteName(path));
  if (names.length === 0) return;
  const more = names.length - MAX_UNDONE;
  context.log.warn(
    "What an earlier command changed in the copy of the sources is as in the checkout again:",
    [...names.slice(0, MAX_UNDONE), ...more > 0 ? [`and ${more} more`] : []],
  );
}

/**
 * Starts the container of a build.
 *
 * @throws {KbuildError} It cannot be started, or has no Go that builds the checkout.
 */
export async function startBuildContainer(
  context: KubeContext,
  checkout: Checkout,
  prepared: PreparedRun,
  options: BuildContainerOptions,
): Promise<BuildContainer> {
  const keeper = await startKeeper(context, checkout, prepared, options);
  try {
    const go = goOf(context, checkout, prepared, keeper.said);
    const builder = makeBuilder(context, keeper, prepared.run.name);
    return Object.freeze({ builder, go, [Symbol.asyncDispose]: keeper.end });
  } catch (error) {
    await keeper.end();
    throw error;
  }
}

/** Starts a container, whose standard input stays open until `closing`. */
function start(
  { env, shell }: KubeContext,
  engine: Engine,
  run: ContainerRun,
  closing: Promise<void>,
): { running: Promise<RunResult>; said: Promise<Said> } {
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  const decoder = new TextDecoder();
  let text = "";
  const running = shell.run(runArguments(engine, run), {
    env: { ...env, ...secretWays(engine, run).client },
    stdin: nothingUntil(closing),
    onStdout(chunk) {
      text += decoder.decode(chunk, { stream: true });
      const said = readSaid(text);
      if (said !== undefined) resolve(said);
    },
    allowed: "any",
  });
  running.then(({ tail }) => {
    const lines = tail.filter((line) => !line.includes("\0"));
    reject(engineError(`Cannot start the build container from "${run.image}"`, lines, engine));
  }, reject);
  return { running, said: promise };
}

async function* nothingUntil(end: Promise<void>): AsyncGenerator<Uint8Array> {
  await end;
  yield new Uint8Array();
}

/** Reads what the first program said; undefined as long as it is not complete. */
function readSaid(text: string): Said | undefined {
  const [variables, rest] = text.split("\0\0", 2);
  if (variables === undefined || rest?.endsWith("\0") !== true) return undefined;
  const env = Object.fromEntries(
    variables.split("\0").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }).filter(([name]) => !OF_SHELLS.includes(name)),
  );
  const lines = rest.slice(0, -1).trim().split("\n");
  const missing = lines.flatMap((line) => /^missing (.*)$/.exec(line)?.slice(1) ?? []);
  const [usedBy = "", goPath = "", goVersion = ""] = lines.filter((line) =>
    !line.startsWith("missing ")
  );
  return {
    ...{ env, goVersion, missing },
    goPath: goPath.startsWith("/") ? goPath : undefined,
    usedBy: usedBy.slice(usedBy.indexOf("=") + 1),
  };
}

/** @throws {KbuildError} The image has no Go, or one that is too old for the checkout. */
function goOf(
  { log }: KubeContext,
  { minimumGo, pinnedGo, pinnedGoExact }: Checkout,
  { engine, image: { reference } }: PreparedRun,
  { env, goPath, goVersion }: Said,
): GoTool {
  const parsed = parseGoVersion(goVersion);
  const notes = [
    `Name an image with Go: --build-image golang:${pinnedGo?.value ?? minimumGo.value}`,
  ];
  if (goPath === undefined || parsed === undefined) {
    throw new KbuildError(`Cannot build in a container of "${reference}": it has no Go`, {
      notes,
      subject: "go",
    });
  }
  const { devel, version } = parsed;
  const release = version.replace(/(rc|beta)\d+$/, "");
  if (!devel && compareGoVersions(release, minimumGo.value) < 0) {
    throw new KbuildError(
      `Cannot build with Go ${version} of "${reference}": this checkout needs Go ${minimumGo.value} or later`,
      { notes: [`${minimumGo.source} sets the minimum`, ...notes], subject: "go" },
    );
  }
  log.status(
    `Building in a container of ${reference} (${engine.kind}) with Go ${version || "devel"}`,
  );
  // Not a .go-version that only other tools read.
  const isPinned = pinnedGoExact || pinnedGo?.source.startsWith("build/") === true;
  if (isPinned && pinnedGo !== undefined && pinnedGo.value !== version) {
    log.warn(
      `The checkout pins Go ${pinnedGo.value} (${pinnedGo.source}); the build image has ${
        version || "another"
      }`,
    );
  }
  const directories = env["PATH"]?.split(":") ?? [];
  const bin = dirname(goPath);
  return Object.freeze({
    ...{ path: goPath, description: goVersion, ...parsed },
    ...directories.includes(bin) ? {} : { bin },
  });
}

/** Makes a directory with a link in it, and prints its path. */
const MAKE_DIRECTORY = `directory=$(mktemp -d /tmp/kbuild-list-XXXXXX) &&
mkdir -p -- "$directory/$(dirname -- "$1")" && ln -s -- "$2" "$directory/$1" && echo "$directory"`;

function makeBuilder(
  context: KubeContext,
  { engine, name, image, env: all, said: { env: base }, volume }: Keeper,
  shown: string,
): Builder {
  const { root, env: variables } = context;
  const startIn = (container: ContainerStart, start: Start): Start => (
    { ...execStart(engine, container, start, variables), cwd: root }
  );
  const run: Shell["run"] = async (argv, options = {}) => {
    const { cwd = root, env = all, ...rest } = options;
    const client = startIn({ name, base }, { argv, cwd, env });
    try {
      return await context.shell.run(client.argv, { ...rest, env: client.env, as: { argv, cwd } });
    } catch (error) {
      if (!(error instanceof CommandError) || context.signal?.aborted === true) throw error;
      throw await hasEnded(context, engine, name)
        ? new KbuildError("Cannot go on: the build container has ended", {
          notes: [
            "The engine was stopped, or has no memory left; then run the same command again",
            ...error.notes,
          ],
          output: error.output,
          cause: error,
        })
        : error;
    }
  };
  const ask = async (script: string, words: readonly string[]) =>
    await run(["sh", "-c", script, "sh", ...words], { allowed: "any" });
  const found = new Map<string, Promise<string | undefined>>();
  return Object.freeze<Builder>({
    ...{ shell: Object.freeze({ run }), env: Object.freeze({ ...all }), image },
    findProgram(program, path) {
      // In a PATH, nothing between two colons is the working directory: the checkout.
      const places = (path ?? "").split(":").filter((place) => place !== "").join(":");
      if (places === "" && !program.includes("/")) return Promise.resolve(undefined);
      const key = `${program}\0${places}`;
      // The shell itself is not looked for in these places.
      const asking = found.get(key) ??
        ask('PATH=$2; command -v -- "$1"', [program, places]).then((answer) =>
          answer.code === 0 ? answer.stdout.trim() : undefined
        );
      found.set(key, asking);
      return asking;
    },
    async makeDirectory(link) {
      const { stdout } = await run([
        ...["sh", "-c", MAKE_DIRECTORY, "sh"],
        ...[link?.path ?? "root", link?.target ?? root],
      ]);
      // It goes with the container.
      return Object.freeze({
        path: stdout.trim(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
    async send(paths) {
      if (volume !== undefined) await sendPaths(context, volume, paths);
    },
    async fetch(paths) {
      if (volume !== undefined) await fetchPaths(context, volume, paths);
    },
    // The container of a build has all variables of its own.
    startOf: (start) => ({ ...startIn({ name: shown, base: all }, start), env: {} }),
  });
}

/** Whether a container that ran does not run any more. */
async function hasEnded(context: KubeContext, engine: Engine, name: string): Promise<boolean> {
  const { code, stdout } = await askFor(context, engine, "container", name);
  return code !== 0 || !/"Running":\s*true/.test(stdout);
}
