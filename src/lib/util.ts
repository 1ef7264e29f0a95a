/**
 * Port of the parts of `hack/lib/util.sh` that a build needs: the host's platform, finding
 * programs, memory that may be used.
 *
 * @module
 */
import { DELIMITER, join } from "@std/path";
import { UsageError } from "../errors.ts";
import { ifPossible, ifPossibleSync, readTextSync } from "../files/mod.ts";

const GO_OS: Readonly<Record<string, string>> = { darwin: "darwin", linux: "linux" };
const GO_ARCH: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

/**
 * Port of `kube::util::host_platform`: the machine's platform as Go writes it.
 *
 * @example
 * ```ts
 * import { util } from "@k8s/kbuild";
 *
 * console.log(util.hostPlatform()); // linux/amd64
 * ```
 */
export function hostPlatform(build: { os: string; arch: string } = Deno.build): string {
  return `${GO_OS[build.os] ?? build.os}/${GO_ARCH[build.arch] ?? build.arch}`;
}

/**
 * Finds a program as a shell would: the first executable regular file in the directories of `path`.
 *
 * @param program A name, or a path, which is returned as it is if it can be executed.
 * @param path The value of `PATH`; undefined finds nothing.
 */
export async function findProgram(
  program: string,
  path: string | undefined,
): Promise<string | undefined> {
  const candidates = program.includes("/")
    ? [program]
    : (path ?? "").split(DELIMITER).filter((dir) => dir !== "").map((dir) => join(dir, program));
  for (const candidate of candidates) {
    // As execvp() passes over directories of PATH that it may not look into.
    const info = await ifPossible(Deno.stat(candidate));
    if (info?.isFile === true && ((info.mode ?? 0o111) & 0o111) !== 0) return candidate;
  }
  return undefined;
}

/** Memory that a build may use. */
export interface MemoryBudget {
  /** Bytes. */
  readonly bytes: number;
  /** Where the number comes from: "cgroup limit", "available memory". */
  readonly source: string;
  /** The file that sets it, of a cgroup limit. */
  readonly path?: string;
}

/** Reads a file, or undefined. Injected so that tests can show other machines. */
export type ReadText = (path: string) => string | undefined;

function readText(path: string): string | undefined {
  return ifPossibleSync(() => readTextSync(path));
}

/**
 * Files with the limit and the use of memory of the cgroups that this process is in: its own, and those
 * around it. In a container only the root is there, which is the container's own.
 */
function cgroupFiles(read: ReadText): readonly { limit: string; used: string }[] {
  const own = (read("/proc/self/cgroup") ?? "").split("\n").map((line) => line.split(":"));
  const pathOf = (isIt: (controllers: string) => boolean) =>
    own.find(([, controllers]) => controllers !== undefined && isIt(controllers))?.slice(2).join(
      ":",
    );
  return [
    ...around("/sys/fs/cgroup", pathOf((controllers) => controllers === "")).map((dir) => (
      { limit: `${dir}/memory.max`, used: `${dir}/memory.current` }
    )),
    ...around(
      "/sys/fs/cgroup/memory",
      pathOf((controllers) => controllers.split(",").includes("memory")),
    ).map((dir) => (
      { limit: `${dir}/memory.limit_in_bytes`, used: `${dir}/memory.usage_in_bytes` }
    )),
  ];
}

/** A root, and the directories from it to a path below it: "/", "/a", "/a/b". */
function around(root: string, path = "/"): readonly string[] {
  const names = path.split("/").filter((name) => name !== "");
  return [root, ...names.map((_, i) => `${root}/${names.slice(0, i + 1).join("/")}`)];
}

/**
 * The smaller of the cgroup's free memory (v2 `memory.max`, v1 `memory.limit_in_bytes`) and what
 * the system has available (`MemAvailable`, elsewhere half of the free and inactive memory that
 * Deno reports). `kube::golang::get_physmem` looks at `/proc/meminfo` alone, which in a container
 * shows the host's memory.
 */
export function memoryBudget(
  read: ReadText = readText,
  system: () => { available: number } = Deno.systemMemoryInfo,
): MemoryBudget {
  const candidates: MemoryBudget[] = [];
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(read("/proc/meminfo") ?? "")?.[1];
  candidates.push({
    bytes: kib === undefined ? system().available : Number(kib) * 1024,
    source: "available memory",
  });
  const number = (path: string) => {
    const text = read(path)?.trim();
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  };
  for (const { limit: path, used: usedPath } of cgroupFiles(read)) {
    const limit = number(path);
    // cgroup v1 says "no limit" with a number near 2^63.
    if (limit === undefined || limit > 2 ** 60) continue;
    const used = number(usedPath) ?? 0;
    // The page cache counts as used but gives way; never assume less than half of the limit.
    candidates.push({ bytes: Math.max(limit - used, limit / 2), source: "cgroup limit", path });
  }
  return Object.freeze(candidates.reduce((a, b) => (b.bytes < a.bytes ? b : a)));
}

/**
 * A whole number from the environment; undefined where it is not set.
 *
 * @throws {UsageError} It is something else, or beyond `most`.
 */
export function numberIn(
  env: Readonly<Record<string, string>>,
  name: string,
  most: number = Infinity,
): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  if (/^[0-9]{1,9}$/.test(text) && Number(text) <= most) return Number(text);
  throw new UsageError(
    `Value "${text}" of ${name} is not a whole number${most === Infinity ? "" : ` up to ${most}`}`,
  );
}

/**
 * Bytes, from megabytes in the environment; undefined where it is not set.
 *
 * @throws {UsageError} It is not a whole number.
 */
export function megabytesIn(
  env: Readonly<Record<string, string>>,
  name: string,
): number | undefined {
  const megabytes = numberIn(env, name);
  return megabytes === undefined ? undefined : megabytes * 1e6;
}

/**
 * Does something with each item, some at a time. After a failure no further item is begun; the error is
 * thrown when all that were begun have ended.
 *
 * @param work Receives an item, and a signal that aborts after a failure.
 * @returns Results in the order of the items.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failure = new AbortController();
  const waiting = [...items.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (failure.signal.aborted) return;
      const [index, item] = next;
      try {
        results[index] = await work(item, failure.signal);
      } catch (error) {
        failure.abort(error); // Of several, the first counts.
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  if (failure.signal.aborted) throw failure.signal.reason;
  return results;
}

/** Work of which so much is done at a time; the rest waits for its turn. */
export interface WorkQueue {
  /**
   * Resolves when the work has begun.
   *
   * @param work Reports its failures itself: none is thrown here.
   */
  add(work: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is left. */
  settle(): Promise<void>;
}

/** Makes a {@linkcode WorkQueue}: work that comes bit by bit, unlike that of {@linkcode mapConcurrently}. */
export function workQueue(concurrency: number): WorkQueue {
  const left = new Set<Promise<void>>();
  const turns: (() => void)[] = [];
  let free = concurrency;
  return Object.freeze<WorkQueue>({
    add(work) {
      const { promise: turn, resolve } = Promise.withResolvers<void>();
      if (free > 0) {
        free--;
        resolve();
      } else turns.push(resolve);
      const one = turn.then(work).finally(() => {
        left.delete(one);
        const next = turns.shift();
        if (next === undefined) free++;
        else next();
      });
      left.add(one);
      return turn;
    },
    async settle() {
      while (left.size > 0) await Promise.all(left);
    },
  });
}

/** Whether a variable means yes: `1`, `y`, `yes` or `true`. */
export function isSet(value: string | undefined): boolean {
  return /^(1|y|yes|true)$/i.test(value ?? "");
}
