/** What the tests of packaging share: checkouts with made-up programs, and the content of an output. */
import { createHash } from "node:crypto";
import { constants, inflateRawSync } from "node:zlib";
import { join } from "@std/path";
import { openBlockCache } from "../../src/archive/mod.ts";
import { readCheckout, setupPlatforms } from "../../src/checkout/mod.ts";
import { planRelease, readReleaseLayout, requiredBinaries } from "../../src/release/mod.ts";
import { type TinyProgram, tinyProgram } from "../audit/_programs.ts";
import { ENV, listing, makeSample } from "./_program.ts";

/** Directories of a release below the output root. */
export const RELEASE_DIRECTORIES = ["release-tars", "release-images", "release-stage"] as const;
/** The directory of compressed blocks below the output root. */
export const CACHE_DIRECTORY = ".kbuild-cache";
/** Where `package-tarballs` finds programs, below the checkout. */
export const PROGRAMS = "_output/dockerized/bin/linux/amd64";
/** For the commands: made-up programs exist for one platform. */
export const AMD64 = ["KUBE_BUILD_PLATFORMS=linux/amd64"];

const LARGE = [
  ...["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"],
  ...["kubelet", "kubectl", "kubeadm", "e2e.test"],
];

/** Mulberry32: the same numbers from 0 to 1 for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A program that nobody built: whole headers, and behind them parts that compress well and parts that do not; the same for
 * a seed.
 */
export function madeUpProgram(
  size: number,
  seed: number,
  options: Pick<TinyProgram, "platform" | "versions"> = {},
): Uint8Array<ArrayBuffer> {
  const random = randomNumbers(seed);
  const bytes = new Uint8Array(size);
  const page = 1 << 16;
  const pieces = Array.from({ length: 512 }, () => {
    const length = 3 + Math.floor(random() * 9);
    return Uint8Array.from({ length }, () => Math.floor(random() * 256));
  });
  for (let start = 0; start < size; start += page) {
    const end = Math.min(start + page, size);
    if (random() < 0.3) {
      for (let at = start; at < end; at++) bytes[at] = random() * 256;
      continue;
    }
    for (let at = start; at < end;) {
      const piece = pieces[Math.floor(random() ** 2 * pieces.length)]!;
      bytes.set(piece.subarray(0, end - at), at);
      at += piece.length;
    }
  }
  bytes.set(tinyProgram({ ...options, extent: size }));
  return bytes;
}

/**
 * A sample checkout of 1.20 with made-up programs for linux/amd64 instead of built ones: eight of 8
 * to 12 MB times `scale`, the others small.
 */
export async function madeUpCheckout(dir: string, scale = 1): Promise<string> {
  const root = await makeSample("1.20", dir);
  const checkout = await readCheckout(root, { variables: ENV, hostArch: "amd64" });
  const platforms = setupPlatforms(checkout, { fastbuild: true, hostArch: "amd64" });
  const inputs = { platforms, version: "v1.20.2", only: undefined };
  const plans = planRelease(checkout, await readReleaseLayout(checkout), inputs);
  const programs = requiredBinaries(join(root, "_output/dockerized/bin"), plans);
  for (const [index, path] of programs.entries()) {
    await Deno.mkdir(join(path, ".."), { recursive: true });
    const large = LARGE.includes(path.slice(path.lastIndexOf("/") + 1));
    const size = large ? Math.floor((8 + index % 5) * 1e6 * scale) + index : 9000 + index;
    await Deno.writeFile(path, madeUpProgram(size, index), { mode: 0o755 });
  }
  return root;
}

/** Replaces a made-up program by another one, the same for the same seed. */
export async function changeProgram(
  root: string,
  name: string,
  seed: number,
  size = 9_000_000 + seed,
): Promise<void> {
  const path = join(root, PROGRAMS, name);
  // A new file: the old one is hard-linked into the last release.
  await Deno.remove(path);
  await Deno.writeFile(path, madeUpProgram(size, seed), { mode: 0o755 });
}

/** Path below the output root -> digest of a file or target of a link, for the release's directories. */
export function contentsOf(
  out: string,
  directories: readonly string[] = RELEASE_DIRECTORIES,
): Record<string, string> {
  const found: Record<string, string> = {};
  // A program is hard-linked to many places.
  const known = new Map<string, string>();
  for (const directory of directories) {
    for (const path of pathsBelow(join(out, directory))) {
      const full = join(out, directory, path);
      const info = Deno.lstatSync(full);
      if (info.isDirectory) continue;
      const inode = `${info.dev}:${info.ino}`;
      const digest = info.isSymlink
        ? `-> ${Deno.readLinkSync(full)}`
        : known.get(inode) ?? createHash("sha256").update(Deno.readFileSync(full)).digest("hex");
      known.set(inode, digest);
      found[`${directory}/${path}`] = digest;
    }
  }
  return found;
}

/** Paths whose digests are not the same, or that are in one of the two only. */
export function differences(
  found: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): string[] {
  const paths = new Set([...Object.keys(found), ...Object.keys(wanted)]);
  return [...paths].filter((path) => found[path] !== wanted[path]).sort();
}

/** Every path below a directory; none where there is no such directory. */
export function pathsBelow(directory: string): string[] {
  try {
    return listing(directory).map((line) => line.replace(/ \d+$/, ""));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Temporary names of kbuild below the output root. */
export function leftoversIn(out: string): string[] {
  return pathsBelow(out).filter((path) => path.includes(".kbuild-tmp-"));
}

/** Cached blocks: paths below the output root. */
export function cacheEntries(out: string): string[] {
  return pathsBelow(join(out, CACHE_DIRECTORY)).filter((path) => /\/[0-9a-f]{64}$/.test(path))
    .map((path) => `${CACHE_DIRECTORY}/${path}`);
}

/** What {@linkcode auditCache} found. */
export interface CacheAudit {
  /** Entries that inflate to the content whose digest they are named after. */
  readonly good: number;
  /** Entries that kbuild's reader takes for none. */
  readonly rejected: number;
  /** Entries that the reader takes, though they hold something else. */
  readonly poisoned: readonly string[];
}

/**
 * Reads every cached block as kbuild does, and looks with other means at what comes out.
 *
 * @param known Digests of entries that were good before, by name: they are inflated once only.
 */
export async function auditCache(
  out: string,
  known: Map<string, string> = new Map(),
): Promise<CacheAudit> {
  let good = 0;
  let rejected = 0;
  const poisoned: string[] = [];
  for (const path of cacheEntries(out)) {
    const [, level = "", , key = ""] = path.split("/");
    const bytes = await openBlockCache(join(out, CACHE_DIRECTORY, level)).read(key);
    if (bytes === undefined) {
      rejected += 1;
      continue;
    }
    const digest = createHash("sha256").update(bytes).digest("hex");
    const sound = known.get(key) === digest || inflatesTo(bytes, key);
    if (sound) {
      known.set(key, digest);
      good += 1;
    } else {
      poisoned.push(path);
    }
  }
  return { good, rejected, poisoned };
}

function inflatesTo(deflated: Uint8Array, key: string): boolean {
  try {
    const content = inflateRawSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH });
    return createHash("sha256").update(content).digest("hex") === key;
  } catch {
    return false;
  }
}
