import { join } from "@std/path";
import { digestOfFile } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  clearStale,
  entriesOf,
  ifPossible,
  ifPresent,
  isClaimed,
  openFile,
  readFile,
  removeUnused,
} from "../files/mod.ts";
import { mapConcurrently } from "../lib/util.ts";
import { BLOBS, ENTRIES, whyNotStore } from "./folder.ts";
import { blobsOf, decodeResult, decodeValue, isKey, MAX_ENTRY } from "./record.ts";

/** A file of a store in a directory. */
interface Item {
  /** Its name: a key, or the SHA-256 of its content. */
  readonly name: string;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** When it was used last: milliseconds since 1970. */
  readonly used: number;
}

/** What is in a store. */
export interface StoreStat {
  /** Results and small values. */
  readonly entries: number;
  /** Bytes of those. */
  readonly entryBytes: number;
  /** Files of results. */
  readonly blobs: number;
  /** Bytes of those. */
  readonly blobBytes: number;
  /** When the one was used that nobody has used for the longest time: milliseconds since 1970. */
  readonly oldest: number | undefined;
}

const HOUR = 3600_000;

/** What was used within this many milliseconds is in use. */
const IN_USE = 24 * HOUR;

/** Files that are looked at at a time. */
const CONCURRENCY = 8;

/**
 * Counts what is in a store.
 *
 * @param root Its directory.
 * @throws {KbuildError} It is not a store.
 */
export async function statStore(root: string): Promise<StoreStat> {
  await checkStore(root);
  const [entries, blobs] = [await itemsOf(root, ENTRIES), await itemsOf(root, BLOBS)];
  const sum = (items: readonly Item[]) => items.reduce((bytes, { size }) => bytes + size, 0);
  const used = [...entries, ...blobs].map((item) => item.used);
  return Object.freeze({
    entries: entries.length,
    entryBytes: sum(entries),
    blobs: blobs.length,
    blobBytes: sum(blobs),
    oldest: used.length === 0 ? undefined : used.reduce((a, b) => Math.min(a, b)),
  });
}

/** What {@linkcode collectGarbage} goes by. */
export interface GarbageOptions {
  /** Bytes that may stay; default: any number. */
  readonly limit?: number | undefined;
  /** Milliseconds after which what nobody uses goes; default: never. */
  readonly unusedFor?: number | undefined;
  /** Whether nothing is removed; default false. */
  readonly dryRun?: boolean;
  /** The clock, in milliseconds since 1970. */
  readonly now?: number;
  /** Stops it between two files. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@linkcode collectGarbage} did. */
export interface CollectedGarbage {
  /** Results and small values that were removed. */
  readonly entries: number;
  /** Files of results. */
  readonly blobs: number;
  /** Bytes of both. */
  readonly bytes: number;
  /** Bytes that stay. */
  readonly kept: number;
}

/**
 * Removes what nobody needs, the longest unused first: results and small values that are too old or too many,
 * then files that no result names. What was used within a day stays, whatever the limit; others may
 * read and write at the same time. Only a store's files are touched, and no link is followed.
 *
 * @param root The store's directory.
 * @throws {KbuildError} It is not a store.
 */
export async function collectGarbage(
  root: string,
  options: GarbageOptions = {},
): Promise<CollectedGarbage> {
  const { limit = Infinity, unusedFor = Infinity, dryRun = false, signal } = options;
  const now = options.now ?? Date.now();
  await checkStore(root);
  const blobs = new Map((await itemsOf(root, BLOBS)).map((item) => [item.name, item]));
  const entries = (await itemsOf(root, ENTRIES)).sort((a, b) => a.used - b.used);
  // The list of files comes first: what is written since has a result that is not known here.
  const needs = new Map<string, readonly string[] | undefined>();
  await mapConcurrently(entries, CONCURRENCY, async (item) => {
    signal?.throwIfAborted();
    needs.set(item.name, await blobsNamedBy(item));
  });
  const users = new Map<string, number>();
  for (const names of needs.values()) {
    for (const name of names ?? []) users.set(name, (users.get(name) ?? 0) + 1);
  }
  const done = { entries: 0, blobs: 0, bytes: 0 };
  let kept = [...entries, ...blobs.values()].reduce((bytes, { size }) => bytes + size, 0);
  const remove = async (item: Item, kind: "entries" | "blobs"): Promise<boolean> => {
    signal?.throwIfAborted();
    if (now - item.used < IN_USE) return false;
    if (!dryRun && !await removeUnused(item.path, item.used)) return false;
    done[kind]++;
    done.bytes += item.size;
    kept -= item.size;
    return true;
  };
  const removeBlobs = async (names: Iterable<string>) => {
    for (const name of names) {
      const blob = blobs.get(name);
      if (blob !== undefined && (users.get(name) ?? 0) === 0) await remove(blob, "blobs");
    }
  };
  await removeBlobs(blobs.keys());
  for (const entry of entries) {
    const names = needs.get(entry.name);
    const isDamaged = names === undefined;
    if (!isDamaged && now - entry.used < unusedFor && kept <= limit) continue;
    // Before its files: nobody finds a result without them.
    if (!await remove(entry, "entries")) continue;
    for (const name of names ?? []) users.set(name, users.get(name)! - 1);
    await removeBlobs(names ?? []);
  }
  if (!dryRun) {
    for (const name of [ENTRIES, BLOBS]) await clearStale(join(root, name), now - IN_USE);
  }
  return Object.freeze({ ...done, kept });
}

/** Something in a store that is not what it should be. */
export interface StoreDamage {
  /** Absolute path. */
  readonly path: string;
  /** "its content is sha256:…". */
  readonly reason: string;
}

/**
 * Reads a whole store: whether each file is what its name says, and each result has its files.
 *
 * @param root The store's directory.
 * @param options.remove Whether what is damaged is removed; default false.
 * @throws {KbuildError} It is not a store.
 */
export async function verifyStore(
  root: string,
  { remove = false, signal }: { remove?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<readonly StoreDamage[]> {
  await checkStore(root);
  const damages: { item: Item; reason: string }[] = [];
  // Results first: their files are there before them.
  const entries = await itemsOf(root, ENTRIES);
  const blobs = await itemsOf(root, BLOBS);
  const damaged = new Set<string>();
  await mapConcurrently(blobs, CONCURRENCY, async (item) => {
    const found = await ifPossible(digestOfFile(item.path, "sha256", { signal }));
    signal?.throwIfAborted();
    if (found === item.name) return;
    // Somebody may have removed it, or written it anew.
    if (await ifPresent(Deno.lstat(item.path)) === undefined) return;
    damaged.add(item.name);
    const reason = found === undefined ? "it cannot be read" : `its content is sha256:${found}`;
    damages.push({ item, reason });
  });
  const sizes = new Map(blobs.map(({ name, size }) => [name, size]));
  await mapConcurrently(entries, CONCURRENCY, async (item) => {
    signal?.throwIfAborted();
    const names = await blobsNamedBy(item, true);
    if (names === undefined) {
      damages.push({ item, reason: "it is neither a result nor a value" });
      return;
    }
    const lost = names.find((name) => !sizes.has(name) || damaged.has(name));
    if (lost !== undefined) damages.push({ item, reason: `its file sha256:${lost} is lost` });
  });
  damages.sort((a, b) => a.item.path < b.item.path ? -1 : 1);
  if (remove) { for (const { item } of damages) await removeUnused(item.path, item.used); }
  return Object.freeze(
    damages.map(({ item: { path }, reason }) => Object.freeze({ path, reason })),
  );
}

/** @throws {KbuildError} The directory is not a store, so that nothing in it may be removed. */
async function checkStore(root: string): Promise<void> {
  const found = await entriesOf(root);
  const reason = found === undefined
    ? "it is not a directory"
    : await isClaimed(root, "cache") || found.some(({ name }) => name === ENTRIES)
    ? await whyNotStore(root)
    : "kbuild did not make it";
  if (reason === undefined) return;
  throw new KbuildError(`"${root}" is not a store: ${reason}`, { exitCode: 2 });
}

/** The files of a directory that have the names of keys or digests; others are not a store's. */
async function itemsOf(root: string, directory: string): Promise<Item[]> {
  const base = join(root, directory);
  const found = (await entriesOf(base) ?? []).filter(({ name, isFile }) => isFile && isKey(name));
  const items = await mapConcurrently(found, CONCURRENCY, async ({ name }) => {
    const path = join(base, name);
    const info = await ifPresent(Deno.lstat(path));
    if (info?.isFile !== true) return undefined;
    return { name, path, size: info.size, used: info.mtime?.getTime() ?? 0 };
  });
  return items.filter((item) => item !== undefined);
}

/**
 * The names of the files that an entry needs.
 *
 * @param whole Whether a value is checked to its end; else its beginning decides.
 * @returns undefined: it is damaged.
 */
async function blobsNamedBy(
  { name, path, size }: Item,
  whole = false,
): Promise<readonly string[] | undefined> {
  if (size > MAX_ENTRY) return undefined;
  if (!whole && await firstByte(path) === FIRST_OF_VALUE) return [];
  const bytes = await ifPossible(readFile(path));
  if (bytes === undefined) return undefined;
  const result = decodeResult(name, bytes);
  if (result !== undefined) return blobsOf(result).map(({ digest }) => digest.slice(7));
  return decodeValue(name, bytes) === undefined ? undefined : [];
}

/** Field 5 of a message: a result with files begins with field 2. */
const FIRST_OF_VALUE = 5 << 3 | 2;

async function firstByte(path: string): Promise<number | undefined> {
  using file = await ifPossible(openFile(path));
  const byte = new Uint8Array(1);
  return await file?.read(byte) === 1 ? byte[0] : undefined;
}
