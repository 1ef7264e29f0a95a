import { join } from "@std/path";
import {
  checkDisposable,
  claimDirectory,
  entriesOf,
  foreign,
  isClaimed,
  isSystemEntry,
  MARK,
  type OwnershipContext,
} from "../files/mod.ts";

/** What kbuild keeps in its cache. */
const KNOWN: readonly string[] = [
  "blobs",
  "etcd",
  "go",
  "layers",
  "partial",
  "programs",
  "protoc",
  "tags",
  MARK,
];

/** A Go in the cache, `go1.21.7.linux-amd64`, and what is beside it while it is fetched. */
const GO_ENTRY = /^(go[0-9].*\.[a-z0-9]+-[a-z0-9]+|\.lock|\.kbuild-tmp-.*)$/;

/**
 * Makes sure that the cache is kbuild's own, before anything is written there: it is missing, empty, or
 * was kbuild's before.
 *
 * @param cache From {@linkcode cacheDirectory}.
 * @throws {KbuildError} It holds what kbuild did not make, or cannot be written.
 */
export async function claimCache(
  cache: string,
  env: Readonly<Record<string, string>>,
  ownership: OwnershipContext,
): Promise<void> {
  await claimDirectory(cache, {
    kind: "cache",
    name: env["KBUILD_CACHE"] === cache ? `KBUILD_CACHE="${cache}"` : `the cache "${cache}"`,
    evidence: whyNotCache,
    notes: ["Name a new or an empty directory: KBUILD_CACHE=/absolute/path"],
  }, ownership);
}

/**
 * Checks that something in the cache may be removed or replaced.
 *
 * @throws {KbuildError} The cache is not kbuild's, a link leads out of it, or the path must stay.
 */
export async function checkInCache(
  path: string,
  cache: string,
  ownership: OwnershipContext,
): Promise<void> {
  const root = await Deno.realPath(cache);
  await checkDisposable(path, {
    action: "remove",
    evidence: async (real) => {
      if (!real.startsWith(`${root}/`)) return `a link leads out of the cache "${cache}"`;
      return await isClaimed(root, "cache") ? undefined : await whyNotCache(root);
    },
    notes: ["kbuild removes only what it put there itself"],
  }, ownership);
}

/** The evidence of a cache without a mark: nothing else is in it. */
async function whyNotCache(path: string): Promise<string | undefined> {
  for await (const { name } of Deno.readDir(path)) {
    if (!KNOWN.includes(name) && !isSystemEntry(name)) return foreign(path, name);
    if (name !== "go") continue;
    const found = await entriesOf(join(path, name));
    if (found === undefined) return foreign(path, name);
    const other = found.find((entry) => !GO_ENTRY.test(entry.name));
    if (other !== undefined) return foreign(join(path, name), other.name);
  }
  return undefined;
}
