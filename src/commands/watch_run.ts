import { basename, dirname, relative } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPossible, ifPresentSync, isDirectory, reasonOf } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";
import { duration } from "../progress/mod.ts";
import type { CommandContext } from "./context.ts";

/** Changes that come within so many milliseconds are one: an editor writes more than once. */
const QUIET_MS = 200;

/** So long after the first change, one that does not stop is built, too: a file may be written all the time. */
const MAX_QUIET_MS = 2000;

/** Files of editors, and those that appear for a moment. */
const PASSING = /^\.|~$|\.sw[a-z]$|^4913$|^#.*#$/;

/** A build that can be done again. */
export interface WatchedBuild {
  /** Builds once. */
  build(): Promise<void>;
  /** The directories that the build depends on; absolute. */
  directories(): Promise<readonly string[]>;
}

/**
 * Builds, and builds again whenever a file in the directories of the build has changed, until the run is
 * stopped. A build that fails is reported, and waits for the next change.
 *
 * @param root Paths are shown relative to it.
 * @throws What the first build throws where there is nothing to watch; the reason of the signal.
 */
export async function watchBuild(
  { log, signal, reportError }: Pick<CommandContext, "log" | "signal" | "reportError">,
  root: string,
  { build, directories }: WatchedBuild,
): Promise<never> {
  using changes = new Changes(signal);
  const once = async () => {
    let failure: unknown;
    try {
      await build();
    } catch (error) {
      failure = error;
    }
    signal.throwIfAborted();
    if (failure === undefined) changes.watch(await directories());
    // Of sources that are missing or wrong, Go may no longer say all directories.
    else changes.watch([...changes.directories, ...await ifPossible(directories()) ?? []]);
    if (!await isDirectory(root)) throw failure ?? new KbuildError(`"${root}" was removed`);
    if (changes.watched > 0) {
      if (failure !== undefined) await reportError(failure);
      return failure === undefined;
    }
    throw failure ?? new KbuildError("Cannot watch the build: Go does not say what it is made of", {
      notes: ["Build once without --watch, and mend what is reported"],
    });
  };
  await once();
  while (true) {
    log.status(`Watching ${counted(changes.watched, "directory")}; Ctrl-C ends it`);
    const changed = await changes.next();
    const started = performance.now();
    log.status("Changed:", changed.map((path) => relative(root, path)));
    const isBuilt = await once();
    const took = duration(performance.now() - started);
    log.status(isBuilt ? `Built again in ${took}` : `Failed after ${took}`);
  }
}

/** Changes of files in directories, also those that come while nobody waits. */
class Changes implements Disposable {
  readonly #signal: AbortSignal;
  readonly #changed = new Set<string>();
  #directories: readonly string[] = [];
  #watcher: Deno.FsWatcher | undefined;
  /** Whether a directory was removed or moved: then the system forgets it, even if it comes back. */
  #isStale = false;
  /** When the first of the changes that nobody has taken came. */
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting = Promise.withResolvers<void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#stop);
  }

  /** How many directories are watched. */
  get watched(): number {
    return this.#directories.length;
  }

  /** Absolute, in order. */
  get directories(): readonly string[] {
    return this.#directories;
  }

  /**
   * Watches these directories, without what is below them, instead of those before. Instead of one that is
   * missing, the nearest above it is watched until it is there.
   *
   * @throws {KbuildError} The system watches no more.
   */
  watch(given: readonly string[]): void {
    const directories = [...new Set(given)].sort();
    const isSame = directories.length === this.#directories.length &&
      directories.every((path, index) => path === this.#directories[index]);
    if (isSame && !this.#isStale) return;
    const nearest = directories.map(nearestDirectory);
    this.#isStale = nearest.some((path, index) => path !== directories[index]);
    const before = this.#watcher;
    this.#directories = directories;
    this.#watcher = directories.length === 0 ? undefined : openWatcher([...new Set(nearest)]);
    before?.close();
    if (this.#watcher !== undefined) {
      this.#read(this.#watcher).catch((error: unknown) => this.#waiting.reject(error));
    }
  }

  /**
   * Waits for changes, and until no more come.
   *
   * @returns Paths, in order.
   * @throws The reason of the signal.
   */
  async next(): Promise<readonly string[]> {
    await this.#waiting.promise;
    clearTimeout(this.#timer);
    this.#signal.throwIfAborted();
    this.#waiting = Promise.withResolvers();
    const paths = [...this.#changed].sort();
    this.#changed.clear();
    return paths;
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#stop);
    this.#watcher?.close();
    clearTimeout(this.#timer);
  }

  readonly #stop = () => this.#waiting.resolve();

  async #read(watcher: Deno.FsWatcher): Promise<void> {
    for await (const { kind, paths } of watcher) {
      if (kind === "access") continue;
      const hadNone = this.#changed.size === 0;
      for (const path of paths) {
        if (await this.#isChange(kind, path)) this.#changed.add(path);
      }
      if (this.#changed.size === 0) continue;
      const now = performance.now();
      if (hadNone) this.#since = now;
      clearTimeout(this.#timer);
      const rest = Math.min(QUIET_MS, Math.max(0, this.#since + MAX_QUIET_MS - now));
      this.#timer = setTimeout(() => this.#waiting.resolve(), rest);
    }
  }

  async #isChange(kind: Deno.FsEvent["kind"], path: string): Promise<boolean> {
    const isOwn = this.#directories.some((own) => own === path || own.startsWith(`${path}/`));
    if (isOwn) {
      // A directory that goes, or one that comes back.
      if (kind === "modify") return false;
      this.#isStale = true;
      return true;
    }
    return !PASSING.test(basename(path)) && !await isDirectory(path);
  }
}

/** The directory, or the nearest above it that is there. */
function nearestDirectory(path: string): string {
  const isThere = ifPresentSync(() => Deno.statSync(path))?.isDirectory === true;
  const above = dirname(path);
  return isThere || above === path ? path : nearestDirectory(above);
}

function openWatcher(directories: readonly string[]): Deno.FsWatcher {
  try {
    return Deno.watchFs([...directories], { recursive: false });
  } catch (cause) {
    throw new KbuildError(
      `Cannot watch ${counted(directories.length, "directory")}: ${reasonOf(cause)}`,
      {
        cause,
        notes: [
          "Linux limits what a user watches; as root: " +
          "sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512",
        ],
      },
    );
  }
}
