import { basename, relative } from "@std/path";
import { KbuildError } from "../errors.ts";
import { isDirectory } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";
import { duration } from "../progress/mod.ts";
import type { CommandContext } from "./context.ts";

/** Changes that come within so many milliseconds are one: an editor writes more than once. */
const QUIET_MS = 200;

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
    changes.watch(await directories());
    if (changes.watched > 0) {
      if (failure !== undefined) await reportError(failure);
      return;
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
    await once();
    log.status(`Built again in ${duration(performance.now() - started)}`);
  }
}

/** Changes of files in directories, also those that come while nobody waits. */
class Changes implements Disposable {
  readonly #signal: AbortSignal;
  readonly #changed = new Set<string>();
  #directories: readonly string[] = [];
  #watcher: Deno.FsWatcher | undefined;
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

  /** Watches these directories, without what is below them, instead of those before. */
  watch(directories: readonly string[]): void {
    const isSame = directories.length === this.#directories.length &&
      directories.every((path, index) => path === this.#directories[index]);
    if (isSame) return;
    this.#watcher?.close();
    this.#directories = directories;
    this.#watcher = directories.length === 0
      ? undefined
      : Deno.watchFs([...directories], { recursive: false });
    if (this.#watcher !== undefined) void this.#read(this.#watcher);
  }

  /**
   * Waits for changes, and until no more come.
   *
   * @returns Paths, in order.
   * @throws The reason of the signal.
   */
  async next(): Promise<readonly string[]> {
    await this.#waiting.promise;
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
      for (const path of paths) {
        if (!PASSING.test(basename(path)) && !await isDirectory(path)) this.#changed.add(path);
      }
      if (this.#changed.size === 0) continue;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#waiting.resolve(), QUIET_MS);
    }
  }
}
