import { KbuildError, UsageError } from "../errors.ts";
import type { KubeContext } from "../lib/init.ts";
import { findProgram } from "../lib/util.ts";
import { isObject, type JsonObject } from "../image/mod.ts";
import type { TemplateResult } from "../shell/mod.ts";
import { engineError, isTooOld, saysNoContainer, saysNoImage } from "./explain.ts";
import type { Engine } from "./types.ts";

/** Engines that `--engine` names. */
export const ENGINES: readonly ["docker", "podman"] = Object.freeze(["docker", "podman"] as const);

/** What an engine's client answers with JSON, as a template. */
const AS_JSON = "{{json .}}";

/** Architectures as engines name them, in Go's spelling. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

/** The client of an engine. */
export interface EngineClient {
  /** Its program. */
  readonly name: Engine["kind"];
  /** The words that start it. */
  readonly program: readonly string[];
}

/**
 * Finds the client of the engine that is asked for, else docker's, else podman's. Starts nothing.
 *
 * @param wanted `docker` or `podman`; undefined: whichever there is.
 * @throws {KbuildError} There is none.
 */
export async function findClient(
  env: KubeContext["env"],
  wanted: Engine["kind"] | undefined,
): Promise<EngineClient> {
  const name = await clientName(env, wanted);
  const program = name === "docker" ? [name, ...optionsOf(env)] : [name];
  return Object.freeze({ name, program: Object.freeze(program) });
}

/**
 * Finds the engine: the one that is asked for, else docker, else podman. Starts nothing but its client.
 *
 * @param wanted `docker` or `podman`; undefined: whichever there is.
 * @throws {KbuildError} There is none, or it does not answer: why, and the ways out.
 */
export async function findEngine(
  context: AskContext,
  wanted: Engine["kind"] | undefined,
  options: AskOptions = {},
): Promise<Engine> {
  return await askEngine(context, await findClient(context.env, wanted), options);
}

/** Context of a question to an engine; the log names one that does not answer. */
export type AskContext = Pick<KubeContext, "env" | "shell"> & Partial<Pick<KubeContext, "log">>;

/** Milliseconds without an answer, after which the log names the engine. */
const SILENCE_MS = 3000;

/** Options of {@linkcode findEngine}. */
export interface AskOptions {
  /** Ends the question. */
  readonly signal?: AbortSignal;
}

/**
 * Asks the engine of a client what it is.
 *
 * @throws {KbuildError} It does not answer: why, and the ways out.
 */
export async function askEngine(
  context: AskContext,
  { name, program }: EngineClient,
  options: AskOptions = {},
): Promise<Engine> {
  const { env, log, shell } = context;
  let where = "";
  const askEndpoint = async () => {
    // The client knows that by itself.
    const found = await dockerEndpoint(context, program, options);
    if (found.endpoint !== undefined) where = ` at ${found.endpoint}`;
    return found;
  };
  const questions = [
    shell.run([...program, "info", "--format", AS_JSON], { ...options, allowed: "any" }),
    name === "docker" ? askEndpoint() : NO_ENDPOINT,
  ] as const;
  const timer = setTimeout(() => {
    log?.status(`Waiting for ${name}${where}, which does not answer yet`);
  }, SILENCE_MS);
  // Nothing may be at work when an error is shown.
  await Promise.allSettled(questions).finally(() => clearTimeout(timer));
  const [info, { endpoint, tail = [] }] = await Promise.all(questions);
  const answer = parseAnswer(info.stdout);
  const failures = answer === undefined ? info.tail : failuresOf(answer);
  if (answer === undefined || info.code !== 0 || failures.length > 0) {
    // docker prints all fields without values, too.
    const words = info.tail.filter((line) => line.trim() !== "" && !line.startsWith("{"));
    const said = failures.length > 0 ? failures : words;
    const error = engineError(`Cannot use ${name}`, said, { endpoint, kind: name });
    const options = name === "docker" ? optionsOf(env) : [];
    if (options.length === 0) throw error;
    throw new KbuildError(error.message, {
      ...error,
      notes: [
        ...error.notes,
        `Each start of docker has the options of DOCKER_OPTS: ${options.join(" ")}`,
      ],
    });
  }
  const found = describeEngine(program, answer, endpoint);
  if (found?.kind === "docker" && isTooOld(tail)) throw engineError("Cannot use docker", tail);
  if (found?.kind === "podman" && !found.isRemote) {
    return Object.freeze({ ...found, hasInit: await hasCatatonit(env) });
  }
  if (found !== undefined) return found;
  throw new KbuildError(`Cannot use ${name}: its "info" is neither docker's nor podman's`);
}

/**
 * Version of docker's client, if that is older than those that start containers as kbuild does. To be asked when one did not
 * start a container: its reason may be on the screen alone.
 */
export async function oldClient(
  { shell }: Pick<KubeContext, "shell">,
  { kind, program }: Pick<Engine, "kind" | "program">,
): Promise<string | undefined> {
  if (kind !== "docker") return undefined;
  const words = ["version", "--format", "{{.Client.Version}}"];
  const { stdout } = await shell.run([...program, ...words], { allowed: "any" });
  const [text, year = "", month = ""] = /^(\d+)\.(\d+)\S*/.exec(stdout.trim()) ?? [];
  return Number(year) * 100 + Number(month) < 2010 ? text : undefined;
}

/** Whether there is the client of an engine: the one that is asked for, else any. */
export async function hasEngine(
  env: KubeContext["env"],
  wanted: Engine["kind"] | undefined,
): Promise<boolean> {
  for (const name of wanted === undefined ? ENGINES : [wanted]) {
    if (await findProgram(name, env["PATH"]) !== undefined) return true;
  }
  return false;
}

async function clientName(
  env: KubeContext["env"],
  wanted: Engine["kind"] | undefined,
): Promise<Engine["kind"]> {
  const names = wanted === undefined ? ENGINES : [wanted];
  for (const name of names) {
    if (await findProgram(name, env["PATH"]) !== undefined) return name;
  }
  const missing = names.map((name) => `"${name}"`).join(" or ");
  throw new KbuildError(`Cannot use a container: there is no ${missing} in PATH`, {
    notes: [
      "On Debian: apt-get install docker.io, or podman; on a Mac: Docker Desktop, or podman",
      "Without a container: kbuild all, kbuild quick-release build on this machine",
    ],
  });
}

/** Words of `DOCKER_OPTS`, which the scripts divide at spaces. */
function optionsOf(env: KubeContext["env"]): readonly string[] {
  return (env["DOCKER_OPTS"] ?? "").split(" ").filter((word) => word !== "");
}

/** Of podman. */
const NO_ENDPOINT: DockerEndpoint = Object.freeze({});

/** What docker's client says about its engine. */
interface DockerEndpoint {
  /** Where it is. */
  readonly endpoint?: string;
  /** The last lines of a client that fails. */
  readonly tail?: readonly string[];
}

/** Asks docker's client where it finds its engine. */
async function dockerEndpoint(
  { shell }: Pick<KubeContext, "shell">,
  program: readonly string[],
  options: AskOptions,
): Promise<DockerEndpoint> {
  const format = "{{json .Endpoints.docker.Host}}";
  const { code, stdout, tail } = await shell.run(
    [...program, "context", "inspect", "--format", format],
    { ...options, allowed: "any" },
  );
  if (code !== 0) return { tail };
  const host: unknown = parseAny(stdout);
  return typeof host === "string" && host !== "" ? { endpoint: host } : {};
}

/** docker's client prints what it knows, and why the engine did not answer. */
function failuresOf(info: JsonObject): readonly string[] {
  const errors = info["ServerErrors"];
  return Array.isArray(errors) ? errors.map(String) : [];
}

/**
 * Reads what `info --format '{{json .}}'` prints. podman's says nothing of `hasInit`.
 *
 * @param endpoint Where docker's client finds its engine.
 * @returns undefined if neither docker nor podman prints that.
 */
export function describeEngine(
  program: readonly string[],
  info: JsonObject,
  endpoint?: string,
): Engine | undefined {
  const host = info["host"];
  if (isObject(host)) return describePodman(program, info, host);
  const { ServerVersion: version, Architecture: architecture, SecurityOptions: options } = info;
  if (typeof version !== "string" || typeof architecture !== "string") return undefined;
  const security = Array.isArray(options) ? options.map(String) : [];
  const has = (name: string) => security.some((option) => option.split(",")[0] === `name=${name}`);
  return Object.freeze<Engine>({
    kind: "docker",
    program: Object.freeze([...program]),
    version,
    arch: ARCHITECTURES[architecture] ?? architecture,
    rootless: has("rootless"),
    remapsUsers: has("userns"),
    selinux: has("selinux"),
    losesStatus: isPodmanVersion(version),
    hasInit: hasDockerInit(info),
    endpoint,
    isRemote: endpoint !== undefined && !isLocalEndpoint(endpoint),
  });
}

/** Whether docker has found its `docker-init`; podman behind docker's client names none. */
function hasDockerInit({ InitBinary: program, InitCommit: commit }: JsonObject): boolean {
  // Its version, "" if it has none that names a commit.
  const version = isObject(commit) ? commit["ID"] : undefined;
  return typeof program === "string" && program !== "" && version !== "N/A";
}

/** Directories where podman looks for its helpers before `PATH` (`helper_binaries_dir` of containers.conf). */
const PODMAN_HELPERS = ["/usr/local/libexec", "/usr/local/lib", "/usr/libexec", "/usr/lib"]
  .map((directory) => `${directory}/podman`);

/** Whether there is the program that podman starts first with `--init`; podman does not tell. */
async function hasCatatonit(env: KubeContext["env"]): Promise<boolean> {
  const places = [...PODMAN_HELPERS, env["PATH"] ?? ""].join(":");
  return await findProgram("catatonit", places) !== undefined;
}

/** Whether an engine that docker's client asks has a version of podman's: docker's are 1.x, and 17 and later. */
function isPodmanVersion(version: string): boolean {
  const major = Number(version.split(".")[0]);
  return major > 1 && major < 17;
}

function describePodman(
  program: readonly string[],
  info: JsonObject,
  host: JsonObject,
): Engine | undefined {
  const { arch, security } = host;
  const version = isObject(info["version"]) ? info["version"]["Version"] : undefined;
  if (typeof arch !== "string" || typeof version !== "string") return undefined;
  const isSet = (name: string) => isObject(security) && security[name] === true;
  const isRemote = host["serviceIsRemote"] === true;
  const socket = isObject(host["remoteSocket"]) ? host["remoteSocket"]["path"] : undefined;
  return Object.freeze<Engine>({
    kind: "podman",
    program: Object.freeze([...program]),
    version,
    arch,
    rootless: isSet("rootless"),
    remapsUsers: false,
    selinux: isSet("selinuxEnabled"),
    losesStatus: false,
    hasInit: false,
    endpoint: isRemote && typeof socket === "string" ? socket : undefined,
    isRemote,
  });
}

/** A socket is on this machine; what is behind it sees the files that are shared with it. */
function isLocalEndpoint(endpoint: string): boolean {
  return endpoint.startsWith("unix://") || endpoint.startsWith("npipe://");
}

/** What a client printed, and its status. */
export type EngineAnswer = TemplateResult;

/** Asks an engine for an image or a container, whether it has it or not. */
export async function askFor(
  { shell }: Pick<KubeContext, "shell">,
  { program }: Pick<EngineClient, "program">,
  what: "image" | "container",
  name: string,
): Promise<EngineAnswer> {
  return await shell.run([...program, what, "inspect", "--format", AS_JSON, name], {
    allowed: "any",
  });
}

/** Lines of what a client prints, without empty ones. */
export function linesOf(text: string): readonly string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/**
 * Inspects several things of an engine. Those that have gone meanwhile are left out: others use the engine, too.
 *
 * @throws {KbuildError} The engine says neither what it has nor that it has none.
 */
export async function inspectAll(
  { shell }: Pick<KubeContext, "shell">,
  { kind, program }: Pick<Engine, "kind" | "program">,
  what: "image" | "container",
  names: readonly string[],
): Promise<readonly JsonObject[]> {
  if (names.length === 0) return [];
  const inspect = (...names: readonly string[]) =>
    shell.run([...program, what, "inspect", ...names], { allowed: "any" });
  const isMissing = what === "image" ? saysNoImage : saysNoContainer;
  const all = await inspect(...names);
  if (all.code === 0) return parseAnswers(all.stdout);
  const found: JsonObject[] = [];
  // Each by itself: not every client prints the others.
  for (const name of names) {
    const { code, stdout, tail } = names.length === 1 ? all : await inspect(name);
    if (code === 0) found.push(...parseAnswers(stdout));
    else if (!isMissing(tail)) {
      throw engineError(`Cannot ask ${kind} for the ${what} "${name}"`, tail, { kind });
    }
  }
  return found;
}

/**
 * What an engine answers with {@linkcode AS_JSON}: docker prints the thing, podman a list of it.
 *
 * @returns undefined if it is neither.
 */
export function parseAnswer(text: string): JsonObject | undefined {
  const value = parseAny(text);
  const [first = value] = Array.isArray(value) ? value : [];
  return isObject(first) ? first : undefined;
}

/** What an engine answers about several things: a list, as `inspect` prints it without a format. */
export function parseAnswers(text: string): readonly JsonObject[] {
  const value = parseAny(text);
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The value of JSON that may be missing or cut off. */
function parseAny(text: string): JsonObject[string] {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * The engine that a command line or `KBUILD_ENGINE` names.
 *
 * @throws {UsageError} It is neither docker nor podman.
 */
export function engineNamed(text: string | undefined): Engine["kind"] | undefined {
  if (text === undefined || text === "") return undefined;
  const found = ENGINES.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`Unknown engine "${text}"`, [
    `Known ones: ${ENGINES.join(", ")}; with commands that build, buildx, too`,
  ]);
}
