import { request } from "node:http";
import { createServer } from "node:net";
import { dirname, join, resolve } from "@std/path";
import type { EtcdWanted } from "../checkout/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import {
  entriesOf,
  type FileLock,
  ifPossible,
  lockFile,
  lockFileNow,
  objectIn,
  readNote,
  readText,
  removeTree,
} from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { findProgram } from "../lib/util.ts";
import { isOffline } from "../net/mod.ts";
import type { RunResult } from "../shell/mod.ts";
import {
  askEtcd,
  etcdEnv,
  type EtcdRelease,
  etcdRelease,
  isCachedEtcd,
  isEtcdVersion,
} from "./etcd_release.ts";

/** An etcd for tests, as it is started. */
export interface EtcdPlan {
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** What is set for it; the rest of the environment is the caller's. */
  readonly env: Readonly<Record<string, string>>;
  /** What the tests get: `KUBE_INTEGRATION_ETCD_URL`, and `PATH` where etcd is not in it. */
  readonly testEnv: Readonly<Record<string, string>>;
  /** Its release: `3.4.23`. */
  readonly version: string;
  /** Where it answers: `http://127.0.0.1:41235`. */
  readonly url: string;
  /** Its name, which no other etcd of this machine has. */
  readonly name: string;
  /** What has to be fetched before; undefined: it is there. */
  readonly release: EtcdRelease | undefined;
  /** What it writes to; made by kbuild and removed when it has ended; absolute. */
  readonly directory: string;
  /** Absolute path of its log; undefined: it is not kept. */
  readonly logFile: string | undefined;
  /** The plan with another port, where `ETCD_PORT` names none: somebody may take the one of this plan before etcd does. */
  readonly again: (() => Promise<EtcdPlan>) | undefined;
}

/** An etcd that runs. */
export interface RunningEtcd extends AsyncDisposable {
  /** As it was started: on another port than planned, if that was taken meanwhile. */
  readonly plan: EtcdPlan;
  /**
   * Checks that it still runs.
   *
   * @throws {KbuildError} It has ended by itself; the error has its last lines.
   */
  check(): void;
}

/** Where the checkout's `hack/install-etcd.sh` puts it. */
const THIRD_PARTY = "third_party/etcd";
/** How long etcd has to answer, and between two questions; milliseconds. */
const START_MS = 30_000;
const ASK_MS = 50;
/** Ports that are tried: each was free a moment before. */
const MAX_PORTS = 5;
/** A data directory in the output: a port each. */
const HOME = ".kbuild/etcd";

/**
 * Plans the etcd of integration tests: the one in `PATH`, or if that is missing or too old, the one in the
 * checkout's `third_party/etcd`, or else the release that the checkout names, out of kbuild's cache, to which it is
 * fetched ({@linkcode installEtcd}). It gets a port that is free now, unless `ETCD_PORT` names one. Nothing is
 * written.
 *
 * @throws {KbuildError} There is none, or none that is new enough, and none can be fetched; notes say how to get one.
 * @throws {UsageError} `ETCD_PORT` is not a port.
 */
export async function planEtcd(context: KubeContext, wanted: EtcdWanted): Promise<EtcdPlan> {
  return await planFound(context, wanted, await findEtcd(context, wanted));
}

async function planFound(
  context: KubeContext,
  wanted: EtcdWanted,
  found: FoundEtcd,
): Promise<EtcdPlan> {
  const { env, output } = context;
  const { program, version, path, release } = found;
  const host = env["ETCD_HOST"] || "127.0.0.1";
  const port = env["ETCD_PORT"] ? portOf(env["ETCD_PORT"]) : await freePort(host);
  const url = `http://${host}:${port}`;
  const directory = join(output, HOME, String(port));
  const isOld = isOlder(version, "3.4");
  const name = `kbuild-${Deno.pid}-${port}`;
  const argv = [
    program,
    `--name=${name}`,
    `--advertise-client-urls=${url}`,
    `--listen-client-urls=${url}`,
    // Nobody dials it: a single member has no peers. The default, 2380, may be in use.
    "--listen-peer-urls=http://127.0.0.1:0",
    `--data-dir=${join(directory, "data")}`,
    ...isOld ? [] : [`--log-level=${env["ETCD_LOGLEVEL"] || "warn"}`],
    // On by default before 3.4, gone in 3.6.
    ...wanted.isV2 && !isOld && isOlder(version, "3.6") ? ["--enable-v2"] : [],
  ];
  const log = env["ARTIFACTS"] ? join(env["ARTIFACTS"], `etcd.${port}.log`) : env["ETCD_LOGFILE"];
  return Object.freeze({
    argv: Object.freeze(argv),
    env: etcdEnv(context),
    release,
    testEnv: Object.freeze({
      KUBE_INTEGRATION_ETCD_URL: url,
      ...path === undefined ? {} : { PATH: path },
    }),
    version,
    url,
    name,
    directory,
    logFile: log ? resolve(context.cwd, log) : undefined,
    again: env["ETCD_PORT"] ? undefined : () => planFound(context, wanted, found),
  });
}

/** An etcd that is new enough for a checkout. */
export interface FoundEtcd {
  /** Absolute path. */
  readonly program: string;
  /** Its release: `3.4.23`. */
  readonly version: string;
  /** `PATH` that has its directory in front; undefined where it is found without that. */
  readonly path: string | undefined;
  /** What has to be fetched before. */
  readonly release: EtcdRelease | undefined;
}

/**
 * Finds the etcd that {@linkcode planEtcd} plans with.
 *
 * @throws {KbuildError} There is none, or none that is new enough, and none can be fetched; notes say how to get one.
 */
export async function findEtcd(
  context: KubeContext,
  { version: minimum }: EtcdWanted,
): Promise<FoundEtcd> {
  const { env, root } = context;
  const inPath = await findProgram("etcd", env["PATH"]);
  const own = await findProgram(join(root, THIRD_PARTY, "etcd"), undefined);
  const tooOld: string[] = [];
  for (const program of [inPath, own]) {
    if (program === undefined) continue;
    const version = await askEtcd(context, program);
    if (isOlder(version, minimum)) {
      tooOld.push(`"${program}" is ${version}`);
      continue;
    }
    const path = program === inPath ? undefined : inFront(program, env);
    return { program, version, path, release: undefined };
  }
  const release = isEtcdVersion(minimum) ? etcdRelease(context, minimum) : undefined;
  const isCached = release !== undefined && await isCachedEtcd(release);
  if (release !== undefined && (isCached || !isOffline(env))) {
    const { program, version } = release;
    const path = inFront(program, env);
    return { program, version, path, release: isCached ? undefined : release };
  }
  const why = tooOld.length === 0
    ? `it is not in PATH and not in ${THIRD_PARTY}`
    : `the checkout wants ${minimum} or later, ${tooOld.join(" and ")}`;
  throw new KbuildError(`Cannot run integration tests without etcd: ${why}`, {
    notes: [
      `Fetch it, with a network: kbuild toolchain etcd ${
        isEtcdVersion(minimum) ? minimum : "VERSION"
      }`,
      "Or install a package: etcd-server on Debian and Ubuntu, etcd in Homebrew",
      ...tooOld.length === 0 ? [] : ["Or try with an older one: ETCD_VERSION=3.4.0"],
    ],
  });
}

function inFront(program: string, env: Readonly<Record<string, string>>): string {
  return `${dirname(program)}:${env["PATH"] ?? ""}`;
}

/** Whether a release is older than another: `3.4.23` than `3.5.10`. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a![i] ?? 0) - (b![i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port > 0 && port < 65536) return port;
  throw new UsageError(`Cannot use ETCD_PORT="${text}": it must be a port from 1 to 65535`);
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  return await new Promise<number>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new KbuildError(`Cannot find a free port on "${host}" for etcd: ${cause.message}`, {
          cause,
        }),
      ));
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/**
 * Starts etcd as planned, and waits until it takes keys. What killed runs left is ended and removed before.
 *
 * @returns It runs until it is disposed of, or kbuild's run is aborted.
 * @throws {KbuildError} It does not start, or something else answers on its port.
 */
export async function startEtcd(context: KubeContext, plan: EtcdPlan): Promise<RunningEtcd> {
  for (let port = 1;; port++) {
    try {
      return await startOnce(context, plan);
    } catch (error) {
      const isTaken = error instanceof KbuildError && saysTaken(error.output ?? []);
      if (!isTaken) throw error;
      if (plan.again === undefined || port === MAX_PORTS) {
        throw new KbuildError(`Cannot start etcd: something else uses ${plan.url}`, {
          output: error.output ?? [],
          notes: plan.again === undefined
            ? ["Name another port, or none: ETCD_PORT="]
            : ["Name a port that stays free: ETCD_PORT=12379"],
          cause: error,
        });
      }
      context.log.status(`Something else has taken ${plan.url}: etcd gets another port`);
      plan = await plan.again();
    }
  }
}

/** etcd has no status for it: the one place that reads its words. */
function saysTaken(lines: readonly string[]): boolean {
  return lines.some((line) => /address already in use/.test(line));
}

async function startOnce(context: KubeContext, plan: EtcdPlan): Promise<RunningEtcd> {
  const { argv, directory, url, version } = plan;
  await clearEtcds(context);
  const lock = await lockFile(join(directory, "lock"), {
    signal: context.signal,
    onWait: () => context.log.status(`Waiting for another kbuild that uses etcd at ${url}`),
  });
  const stop = new AbortController();
  const running = run(context, plan, stop.signal);
  let end: RunResult | Error | undefined;
  const ended = running.then((result) => void (end = result), (error: Error) => void (end = error));
  const etcd: RunningEtcd = {
    plan,
    check() {
      if (end === undefined) return;
      if (end instanceof Error) throw end;
      throw new KbuildError(`etcd ended by itself, with status ${end.code}`, {
        output: end.tail,
      });
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
      await discard(directory, lock);
    },
  };
  try {
    for (const since = performance.now(); !await takesKeys(plan);) {
      etcd.check();
      context.signal?.throwIfAborted();
      if (performance.now() - since > START_MS) {
        throw new KbuildError(`etcd does not answer at ${url}`, {
          notes: [`It is ${version}: ${argv[0]}`],
        });
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
    etcd.check();
  } catch (error) {
    await etcd[Symbol.asyncDispose]();
    throw error;
  }
  return etcd;
}

async function run(
  { env, shell }: KubeContext,
  { argv, directory, env: set, logFile }: EtcdPlan,
  signal: AbortSignal,
): Promise<RunResult> {
  if (logFile !== undefined) await Deno.mkdir(dirname(logFile), { recursive: true });
  using log = logFile === undefined
    ? undefined
    : await Deno.open(logFile, { write: true, create: true, truncate: true });
  // etcd takes each such variable for a flag, and refuses values like ETCD_VERSION's.
  const rest = Object.entries(env).filter(([name]) => !name.startsWith("ETCD_"));
  return await shell.run(argv, {
    cwd: directory,
    env: { ...Object.fromEntries(rest), ...set },
    allowed: "any",
    signal,
    label: "etcd",
    onSpawn: (pid) => Deno.writeTextFileSync(join(directory, "etcd.json"), JSON.stringify({ pid })),
    onStdout() {},
    async onStderr(chunk) {
      for (let at = 0; log !== undefined && at < chunk.length;) {
        at += await log.write(chunk.subarray(at));
      }
    },
  });
}

/** Ends what killed runs left running, and removes what it wrote to: their locks are free. */
async function clearEtcds({ output, shell, log }: KubeContext): Promise<void> {
  const home = join(output, HOME);
  for (const { name } of await entriesOf(home) ?? []) {
    const directory = join(home, name);
    const lock = await lockFileNow(join(directory, "lock"));
    if (lock === undefined) continue;
    const { pid } = await readNote(join(directory, "etcd.json")) ?? {};
    if (typeof pid === "number" && pid > 1) {
      // The number may be another program's by now: only etcd has this directory in its command line.
      const command = await ifPossible(readText(`/proc/${pid}/cmdline`)) ??
        (await ifPossible(shell.run(["ps", "-ww", "-o", "args=", "-p", String(pid)])))?.stdout ??
        "";
      if (command.includes(`--data-dir=${join(directory, "data")}`)) {
        log.status(`Ending etcd ${pid}, which a killed run left`);
        await ifPossible(Promise.resolve().then(() => Deno.kill(pid, "SIGKILL")));
      }
    }
    await discard(directory, lock);
  }
}

async function discard(directory: string, lock: FileLock): Promise<void> {
  try {
    await removeTree(directory);
  } finally {
    lock.release();
  }
}

/**
 * Whether etcd is healthy and takes a key, as `kube::etcd::start` asks; and is the one that was started. Another one may
 * have taken the port: nothing is written to it.
 */
async function takesKeys({ url, version, name }: EtcdPlan): Promise<boolean> {
  const health = objectIn(await answers(url, "GET", "/health") ?? "") ?? {};
  if (String(health["health"]) !== "true") return false;
  // Before 3.4 the path of its JSON interface changed from release to release; /v2 is there unless it was turned off.
  const isOld = isOlder(version, "3.4");
  const { members } = objectIn(
    await (isOld
      ? answers(url, "GET", "/v2/members")
      : answers(url, "POST", "/v3/cluster/member/list", "{}")) ?? "",
  ) ?? {};
  if (!Array.isArray(members) || !members.some((each) => objectOf(each)["name"] === name)) {
    return false;
  }
  if (isOld) return true;
  const key = JSON.stringify({ key: btoa("_test"), value: "" });
  return await answers(url, "POST", "/v3/kv/put", key) !== undefined;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

/** The body of an answer with status 200. Not `net`'s client: no proxy is asked, nothing is repeated. */
async function answers(
  url: string,
  method: "GET" | "POST",
  path: string,
  body = "",
): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const asked = request(`${url}${path}`, { method, timeout: 2000, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => text += chunk);
      response.on("end", () => resolve(response.statusCode === 200 ? text : undefined));
      response.on("error", () => resolve(undefined));
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(undefined));
    asked.end(body);
  });
}
