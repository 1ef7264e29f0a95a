import { checkRegular, readText } from "./regular.ts";
import { dirname } from "@std/path";
import { KbuildError, systemCode } from "../errors.ts";
import { ifPossible, ifPossibleSync, ifPresent } from "./if_present.ts";
import { reasonOf } from "./reason.ts";

/** A lock that this process holds. */
export interface FileLock extends Disposable {
  /** The locked file, open to read and write. */
  readonly file: Deno.FsFile;
  /** Whether somebody else held the lock, or replaced the file, before it was free. */
  readonly waited: boolean;
  /** Gives the lock back; may be called more than once. */
  release(): void;
}

/** Options of {@linkcode lockFile}. */
export interface LockOptions {
  /** Ends the waiting: its reason is thrown. */
  signal?: AbortSignal | undefined;
  /**
   * Called once, when the wait begins; a promise of it is waited for. `holder` is what the other process has written in the
   * file.
   */
  onWait?: (holder: string) => unknown;
  /**
   * Text for the file while the lock is held; begins with `"kbuild `. The file must be empty or begin so,
   * too: another one is not a lock. Default: what is in the file stays.
   */
  holder?: string;
  /** Whether the file is removed with the lock; default false. */
  temporary?: boolean;
  /** Whether others may hold the lock, too, if they share it as well; default false. Not with `temporary` or `holder`. */
  shared?: boolean;
  /** The error for a file that cannot be made or opened; default: "Cannot lock …". */
  explain?: (cause: unknown) => KbuildError;
}

/** Milliseconds between two attempts: a blocking flock cannot be interrupted. */
const RETRY_MS = 50;

/** Bytes that the text of a holder has at most. */
const MAX_HOLDER = 4096;

/** How often a directory may disappear between its making and the opening of a file in it. */
const MAX_RACES = 20;

/**
 * Takes the lock (flock) of a file, alone or shared, and waits for whoever has it. The file and its directory
 * are made if missing. The lock belongs to the process, so a killed one leaves none behind.
 *
 * The holder may remove the file or move it away. Whoever waited for it then finds that the path names
 * another file or none, and starts again with that: two processes never hold the lock of one path.
 *
 * @throws {KbuildError} The file cannot be made or opened, or is not a regular file.
 * @throws The reason of `signal`.
 */
export async function lockFile(path: string, options: LockOptions = {}): Promise<FileLock> {
  return (await lock(path, { ...options, wait: true }))!;
}

/**
 * Takes the lock as {@linkcode lockFile} does, but does not wait for it.
 *
 * @returns undefined if somebody else holds it.
 * @throws {KbuildError} As {@linkcode lockFile}.
 */
export async function lockFileNow(
  path: string,
  options: Omit<LockOptions, "onWait"> = {},
): Promise<FileLock | undefined> {
  return await lock(path, { ...options, wait: false });
}

async function lock(
  path: string,
  options: LockOptions & { wait: boolean },
): Promise<FileLock | undefined> {
  const { signal, onWait = () => {}, holder, explain = cannotLock(path) } = options;
  const { temporary = false, shared = false, wait } = options;
  let waited = false;
  while (true) {
    signal?.throwIfAborted();
    const file = await openRacing(path).catch((cause: unknown) => {
      throw explain(cause);
    });
    try {
      while (!await tryLock(file, { exclusive: !shared })) {
        if (!wait) {
          file.close();
          return undefined;
        }
        if (!waited) await onWait(await ifPresent(readText(path)) ?? "");
        waited = true;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        signal?.throwIfAborted();
      }
      if (await isAt(path, file)) {
        if (holder !== undefined) {
          const reason = await whyNotLock(path, file);
          if (reason !== undefined) throw explain(new Error(reason));
          await writeHolder(file, holder);
        }
        const tidy = temporary
          ? () => Deno.removeSync(path)
          : holder === undefined
          ? () => {}
          : () => file.truncateSync(0);
        return held(file, waited, tidy);
      }
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    waited = true;
  }
}

function held(file: Deno.FsFile, waited: boolean, tidy: () => void): FileLock {
  let open = true;
  const release = () => {
    if (!open) return;
    open = false;
    // Neither the text nor the file is of use when the lock is free.
    ifPossibleSync(tidy);
    // A program that is being started has the open file, too, until it is itself: closing would not be enough.
    ifPossibleSync(() => file.unlockSync());
    file.close();
  };
  return Object.freeze({ file, waited, release, [Symbol.dispose]: release });
}

/** Why the text of an open file may not be replaced. */
async function whyNotLock(path: string, file: Deno.FsFile): Promise<string | undefined> {
  const { nlink, size } = await file.stat();
  if (nlink !== null && nlink > 1) return `"${path}" has other names, too (hard links)`;
  if (size === 0 || (size < MAX_HOLDER && (await readText(path)).startsWith('"kbuild '))) return;
  return `"${path}" is not a lock of kbuild's`;
}

/** The lock is held even without the text: on a full disk nothing can be written. */
async function writeHolder(file: Deno.FsFile, holder: string): Promise<void> {
  await ifPossible(file.truncate(0).then(() => file.write(new TextEncoder().encode(holder))));
}

/** Opens the file, made with its directory if need be; another process may remove both meanwhile. */
async function openRacing(path: string): Promise<Deno.FsFile> {
  for (let left = MAX_RACES;; left--) {
    await Deno.mkdir(dirname(path), { recursive: true });
    const info = await ifPresent(Deno.lstat(path));
    // A link would have the file made, or its text replaced, elsewhere.
    if (info !== undefined) checkRegular(path, info, "lock");
    try {
      return await Deno.open(path, { read: true, write: true, create: true });
    } catch (error) {
      if (systemCode(error) !== "ENOENT" || left === 0) throw error;
    }
  }
}

/** Whether the path still names the open file. */
async function isAt(path: string, file: Deno.FsFile): Promise<boolean> {
  const [open, named] = [await file.stat(), await ifPresent(Deno.lstat(path))];
  return named !== undefined && open.ino === named.ino && open.dev === named.dev;
}

function cannotLock(path: string): (cause: unknown) => KbuildError {
  return (cause) => new KbuildError(`Cannot lock "${path}": ${reasonOf(cause)}`, { cause });
}

/** `FsFile.tryLock`, which Deno 2.6 does not have. */
interface TryLock {
  tryLock(exclusive: boolean): Promise<boolean>;
}

/** How long a blocking lock may take before the file counts as locked by another process. */
const BLOCKING_MS = 100;

const pending = new WeakMap<Deno.FsFile, Promise<void>>();

/**
 * Takes the lock of an open file if nobody has it.
 *
 * Without `FsFile.tryLock` a blocking lock is left waiting between two attempts. If the file is given
 * up, that wait ends with the process, or with the lock, which the closed file gives back.
 *
 * @returns Whether the lock is held now.
 */
async function tryLock(
  file: Deno.FsFile & Partial<TryLock>,
  { exclusive }: { exclusive: boolean },
): Promise<boolean> {
  if (file.tryLock !== undefined) return await file.tryLock(exclusive);
  const lock = pending.get(file) ?? file.lock(exclusive);
  pending.set(file, lock);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const busy = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), BLOCKING_MS);
  });
  const locked = await Promise.race([lock.then(() => true), busy]);
  clearTimeout(timer);
  return locked;
}
