import { join } from "@std/path";
import {
  bytesEntry,
  parentOf,
  plainNames,
  quoteName,
  streamLongNames,
  streamTar,
  symlinkEntry,
  type TarEntry,
} from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { cannotRead, checkRegular, ifPresentSync } from "../files/mod.ts";
import { isObject } from "../image/mod.ts";

/**
 * What is known of a tree: path below its root to what a file, link or directory is like. A value that no file has
 * (`?`) is for what may be anything.
 */
export type Manifest = ReadonlyMap<string, string>;

/** File of a volume that says what it holds, below the root of the checkout. */
export const MANIFEST = "_output/.kbuild-sync.json";

/** Patterns of names of files that come back out of a volume: those of upstream's rsync (`build/common.sh`, `copy_output`). */
export const GENERATED_NAMES: readonly string[] = Object.freeze([
  ...["zz_generated.*", "generated.proto", "*.pb.go", "types.go"],
]);

const GENERATED = new RegExp(
  `(^|/)(${
    GENERATED_NAMES.map((name) => name.replaceAll(".", "\\.").replaceAll("*", "[^/]*")).join("|")
  })$`,
);

/** Whether a file comes back out of a volume. */
export function isGenerated(path: string): boolean {
  return GENERATED.test(path);
}

/** What a path may be like that was not brought completely. */
const UNKNOWN = "?";

/** Which paths of a checkout are not brought into a container. */
export type Excluded = (path: string) => boolean;

/** How long other work waits for {@linkcode listSources}, milliseconds. */
const SLICE_MS = 10;

/**
 * Lists the files, links and directories of a checkout with what tells whether they have changed: kind, size,
 * executable or not, times. Contents are not read. Calls of the system are synchronous, which takes a fraction of the
 * time; every few milliseconds other work has its turn: a program whose output is not read waits.
 *
 * @throws {KbuildError} A directory cannot be read, or there is a name or the target of a link that is not UTF-8.
 * @throws The reason of `signal`.
 */
export async function listSources(
  root: string,
  isExcluded: Excluded,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Manifest> {
  const found = new Map<string, string>();
  const directories = [""];
  let started = performance.now();
  for (let above = directories.pop(); above !== undefined; above = directories.pop()) {
    signal?.throwIfAborted();
    if (performance.now() - started > SLICE_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      started = performance.now();
    }
    const inside = above === "" ? "" : `${above}/`;
    for (const { name, isDirectory, isFile, isSymlink } of entriesIn(`${root}/${inside}`)) {
      const path = `${inside}${name}`;
      if (isExcluded(path)) continue;
      // Sockets and pipes are not brought.
      if (!isDirectory && !isFile && !isSymlink) continue;
      // What is not UTF-8 is read as U+FFFD, which can also be in a name.
      const isOther = name.includes("\ufffd") &&
        (found.has(path) || ifPresentSync(() => Deno.lstatSync(`${root}/${path}`)) === undefined);
      if (isOther) throw notText(path, "its name");
      if (isDirectory) {
        found.set(path, "d");
        directories.push(path);
        continue;
      }
      const state = sourceState(`${root}/${path}`);
      // Undefined: it was removed in the meantime.
      if (state !== undefined) found.set(path, state);
    }
  }
  return found;
}

function notText(path: string, what: string): KbuildError {
  return new KbuildError(
    `Cannot copy ${quoteName(path)} into a container: ${what} is not valid UTF-8`,
    { notes: ["Rename or remove it"] },
  );
}

/** What a {@linkcode Manifest} says of a file, link or directory; undefined if missing. No link is followed. */
export function sourceState(path: string): string | undefined {
  return ifPresentSync(() => {
    const { ctime, isDirectory, isSymlink, mode, mtime, size } = Deno.lstatSync(path);
    if (isDirectory) return "d";
    if (isSymlink) return `l ${targetOf(path)}`;
    return `f ${size} ${isExecutable(mode) ? "x" : "-"} ${mtime?.getTime()} ${ctime?.getTime()}`;
  });
}

/** Where a link leads. @throws {KbuildError} That is not UTF-8. */
function targetOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    throw error instanceof Deno.errors.InvalidData
      ? notText(path, "the target of the link")
      : error;
  }
}

function entriesIn(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)];
  } catch (cause) {
    throw cannotRead(directory, cause);
  }
}

/** Whether anybody may start it. */
export function isExecutable(mode: number | null): boolean {
  return ((mode ?? 0) & 0o111) !== 0;
}

/** What makes a volume equal to a checkout. */
export interface SyncPlan {
  /** Paths to remove there, in order. */
  readonly remove: readonly string[];
  /** Paths to bring there, directories before what is in them. */
  readonly send: readonly string[];
  /** What the volume will hold. */
  readonly manifest: Manifest;
  /** What it may hold while that is done: if kbuild is killed, the next run begins with this. */
  readonly meanwhile: Manifest;
}

/** Contents of a volume. */
export interface VolumeState {
  /** What was brought last; undefined if nothing was, or that was not finished. */
  readonly known: Manifest | undefined;
  /** Every path that is there. */
  readonly paths: readonly string[];
  /** Those of `paths` that are directories; undefined: the known ones. */
  readonly directories?: ReadonlySet<string> | undefined;
  /** Files that were changed there since. */
  readonly touched: readonly string[];
  /** Directories that stay there as long as they are ones: they have what is not brought. */
  readonly kept?: ReadonlySet<string>;
}

/**
 * Compares a checkout with what a volume holds.
 *
 * @param local What there is here.
 */
export function planSync(
  local: Manifest,
  { known, paths, directories, touched, kept = new Set() }: VolumeState,
): SyncPlan {
  const stateOf = (path: string) => {
    const state = known?.get(path) ?? UNKNOWN;
    // A directory in place of a file, or the reverse, whatever its time.
    const isOther = directories !== undefined && directories.has(path) !== (state === "d");
    return isOther ? UNKNOWN : state;
  };
  const there = new Map(paths.map((path) => [path, stateOf(path)]));
  for (const path of touched) there.set(path, UNKNOWN);
  const isInTheWay = (path: string, state: string) => {
    if (kept.has(path) && directories?.has(path) !== false) return false;
    const wanted = local.get(path);
    return wanted === undefined || (wanted === "d" ? /^[fl?]/ : /^[d?]/).test(state);
  };
  const gone = new Set([...there].filter((each) => isInTheWay(...each)).map(([path]) => path));
  // What is in a directory goes with it.
  const emptied = new Set(gone);
  const send: string[] = [];
  for (const [path, state] of local) {
    if (emptied.has(parentOf(path))) emptied.add(path);
    if (emptied.has(path) || there.get(path) !== state) send.push(path);
  }
  const remove = [...gone].filter((path) => !gone.has(parentOf(path)));
  const meanwhile = new Map([
    ...there,
    ...[...send, ...gone].map((path) => [path, UNKNOWN] as const),
  ]);
  return Object.freeze({
    remove: Object.freeze(remove),
    send: Object.freeze(send),
    manifest: local,
    meanwhile,
  });
}

/** A manifest as it is kept. */
export function manifestText(manifest: Manifest): string {
  return JSON.stringify(Object.fromEntries(manifest));
}

/** Reads a manifest; undefined if it is not whole. */
export function parseManifest(text: string): Manifest | undefined {
  try {
    const value = JSON.parse(text);
    if (!isObject(value)) return undefined;
    const entries = Object.entries(value);
    return entries.every(([, state]) => typeof state === "string")
      ? new Map(entries as [string, string][])
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The archive that brings what is to be sent; the manifest comes first as it is meanwhile, and last. */
export async function* syncArchive(root: string, plan: SyncPlan): AsyncGenerator<Uint8Array> {
  const isPlain = await plainNames();
  const isLong = (path: string) => {
    const state = plan.manifest.get(path) ?? "";
    return state.startsWith("l ")
      ? !isPlain(path, state.slice(2))
      : !isPlain(state === "d" ? `${path}/` : path);
  };
  const long = new Set(plan.send.filter(isLong));
  const entriesFor = function* (paths: Iterable<string>) {
    for (const path of paths) {
      const entry = entryOf(root, path);
      if (entry !== undefined) yield entry;
    }
  };
  // What is not whole yet is known before anything changes.
  const first = manifestEntry(plan.meanwhile);
  yield* streamLongNames(long.size === 0 ? [] : [first, ...entriesFor(long)]);
  yield* streamTar((function* () {
    if (long.size === 0) yield first;
    yield* entriesFor(plan.send.filter((path) => !long.has(path)));
    yield manifestEntry(plan.manifest);
  })());
}

/** An archive of a few entries with names of any length. */
export async function* anyArchive(entries: readonly TarEntry[]): AsyncGenerator<Uint8Array> {
  const isPlain = await plainNames();
  const { long = [], plain = [] } = Object.groupBy(
    entries,
    ({ name, linkName }) => isPlain(name, linkName) ? "plain" : "long",
  );
  yield* streamLongNames(long);
  yield* streamTar(plain);
}

function manifestEntry(manifest: Manifest): TarEntry {
  const bytes = new TextEncoder().encode(manifestText(manifest));
  return bytesEntry(MANIFEST, bytes, { mtime: Math.floor(Date.now() / 1000) });
}

/** The size that a header of tar cannot say. */
const TOO_LARGE = 8 ** 11;

/** A path of a checkout as a member; undefined if it has gone. Times that are yet to come are now. */
export function entryOf(root: string, path: string): TarEntry | undefined {
  const place = join(root, path);
  const info = ifPresentSync(() => Deno.lstatSync(place));
  if (info === undefined) return undefined;
  const seconds = Math.min(info.mtime?.getTime() ?? 0, Date.now()) / 1000;
  const mtime = Math.max(0, Math.floor(seconds));
  if (info.isDirectory) {
    return { name: `${path}/`, type: "directory", size: 0, mode: 0o755, mtime };
  }
  if (info.isSymlink) return symlinkEntry(path, targetOf(place), { mtime });
  checkRegular(place, info, "copy");
  if (info.size >= TOO_LARGE) {
    throw new KbuildError(`Cannot copy "${path}" into a container: it has 8 GiB or more`, {
      notes: ["Move it out of the checkout"],
    });
  }
  const mode = isExecutable(info.mode) ? 0o755 : 0o644;
  return { name: path, type: "file", size: info.size, content: { path: place }, mode, mtime };
}
