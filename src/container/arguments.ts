import type { Start } from "../shell/mod.ts";
import { IDENTITY_LABEL, LABEL } from "./names.ts";
import { secretsFile, secretWays, splitSecrets } from "./secrets.ts";
import type { ContainerRun, Engine, Mount } from "./types.ts";

/**
 * The command line that starts a container: port of `kube::build::run_build_command_ex`. Compared with the
 * scripts, differences have these reasons:
 *
 * - `--rm`: a container whose kbuild was killed does not stay; kbuild removes it where the status would be lost;
 * - `--init` on a terminal: the first program of a container ignores Ctrl-C unless it handles it;
 * - `--detach-keys` on a terminal: keys that are typed by accident would leave the command alone;
 * - `--interactive` without a terminal: the command can read a file or a pipe;
 * - `--mount` in place of `--volume`: a source that the engine does not see is an error, instead of a new
 *   empty directory of root's, and a colon in a path is only a colon;
 * - `--pull=never`: kbuild has brought the image, through its mirrors;
 * - `--label`: `make-clean` finds the container on any branch, and tells it from those of other machines;
 * - `--sig-proxy=false` without a terminal: a client that hands on signals does not end where nobody reads its output, and says
 *   so; kbuild removes the container anyway;
 * - variables with passwords by name alone, or with `--env-file`: `ps` would show them;
 * - `--http-proxy=false`: podman would hand on this machine's proxies, with their passwords;
 * - empty arguments of the command stay.
 */
export function runArguments(engine: Engine, run: ContainerRun): readonly string[] {
  const { name, image, hostname, root, identity, mounts, workdir, cgroupParent, terminal } = run;
  const { shown } = splitSecrets(run.env);
  const { client, file } = secretWays(engine, run);
  return Object.freeze([
    ...engine.program,
    ...[
      "run",
      ...engine.losesStatus ? [] : ["--rm"],
      "--pull=never",
      `--name=${name}`,
      `--hostname=${hostname}`,
    ],
    ...[`--label=${LABEL}=${root}`, `--label=${IDENTITY_LABEL}=${identity}`],
    ...userArguments(engine, run.user),
    ...engine.kind === "podman" ? ["--http-proxy=false"] : [],
    ...engine.selinux ? ["--security-opt=label=disable"] : [],
    ...mounts.flatMap(mountArguments),
    `--workdir=${workdir}`,
    ...Object.entries(shown).flatMap(([variable, value]) => ["--env", `${variable}=${value}`]),
    ...Object.keys(client).flatMap((variable) => ["--env", variable]),
    ...Object.keys(file).length === 0 ? [] : [`--env-file=${secretsFile(run)}`],
    ...cgroupParent ? ["--cgroup-parent", cgroupParent] : [],
    ...terminal && engine.hasInit ? ["--init"] : [],
    ...terminal ? [] : ["--sig-proxy=false"],
    ...terminalArguments(engine, terminal),
    image,
    ...run.command,
  ]);
}

/** Keys that end docker's client and not the command; nobody types them by accident, and the first is hardly ever used. */
const DETACH_KEYS = Array.from({ length: 8 }, (_, at) => at % 2 === 0 ? "ctrl-@" : "ctrl-^").join();

/** How a command gets kbuild's stdin. Docker's client always has keys that leave the command, podman's need not. */
export function terminalArguments(
  { kind }: Pick<Engine, "kind">,
  terminal: boolean,
): readonly string[] {
  const keys = kind === "docker" ? DETACH_KEYS : "";
  return ["--interactive", ...terminal ? ["--tty", `--detach-keys=${keys}`] : []];
}

/** Who the programs of a container are, as the container sees it. */
export function userIn(
  { kind, rootless }: Pick<Engine, "kind" | "rootless">,
  user: ContainerRun["user"],
): ContainerRun["user"] {
  return kind === "docker" && rootless ? { uid: 0, gid: 0 } : user;
}

/** Who the command is, so that what it writes belongs to the user. */
function userArguments(engine: Engine, { uid, gid }: ContainerRun["user"]): readonly string[] {
  const user = `--user=${uid}:${gid}`;
  if (engine.kind === "podman") return engine.rootless ? ["--userns=keep-id", user] : [user];
  // Root in there is the user out here; anybody else would be one of the user's subordinate IDs.
  if (engine.rootless) return [];
  return engine.remapsUsers ? ["--userns=host", user] : [user];
}

function mountArguments(mount: Mount): readonly string[] {
  if (mount.type === "tmpfs") return ["--tmpfs", mount.target];
  const { type, source, target } = mount;
  const fields = [`type=${type}`, `source=${source}`, `target=${target}`];
  const isReadOnly = type === "bind" && mount.readOnly;
  return ["--mount", [...fields, ...isReadOnly ? ["readonly"] : []].map(csvField).join(",")];
}

/** Engines read the value as a line of CSV (RFC 4180). */
function csvField(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The command line that removes a container with its anonymous volumes, running or not. */
export function removeArguments(engine: Engine, ...names: readonly string[]): readonly string[] {
  // podman would let the command end itself for ten seconds, which one without a handler does not.
  const now = engine.kind === "podman" ? ["--time=0"] : [];
  return Object.freeze([...engine.program, "rm", "--force", ...now, "--volumes", ...names]);
}

/** The command line that brings an image archive from stdin into the engine. */
export function loadArguments(engine: Engine): readonly string[] {
  return Object.freeze([...engine.program, "load"]);
}

/** What a program in a running container is started with. */
export interface ContainerStart {
  /** Name of the container. */
  readonly name: string;
  /** The variables that every program there has. */
  readonly base: Readonly<Record<string, string>>;
}

/**
 * How a program is started in a container that runs, with exactly the environment of the start: only what differs from the
 * container's own is named. The client has what has a password in its own environment, so that no argument shows it.
 *
 * @param start.env In full, as the program is to see it.
 * @param env The client's own environment.
 */
export function execStart(
  { program }: Pick<Engine, "program">,
  { name, base }: ContainerStart,
  { argv, cwd, env }: Start,
  client: Start["env"] = {},
): Pick<Start, "argv" | "env"> {
  const entries = Object.entries(env).filter(([variable, value]) => base[variable] !== value);
  const { secret, shown } = splitSecrets(Object.fromEntries(entries));
  const removed = Object.keys(base).filter((variable) => env[variable] === undefined);
  const words = [
    ...program,
    ...["exec", `--workdir=${cwd}`],
    ...Object.entries(shown).flatMap(([variable, value]) => ["--env", `${variable}=${value}`]),
    ...Object.keys(secret).flatMap((variable) => ["--env", variable]),
    name,
    ...removed.length === 0 ? [] : ["env", ...removed.flatMap((variable) => ["-u", variable])],
    ...argv,
  ];
  return Object.freeze({
    argv: Object.freeze(words),
    env: Object.freeze({ ...client, ...secret }),
  });
}
