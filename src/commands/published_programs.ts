import { basename, join } from "@std/path";
import {
  addToLockFile,
  findLockFile,
  type KnownDigest,
  lockedDigest,
  type PlannedDownload,
  planSingleFile,
  readLockFile,
} from "../download/mod.ts";
import { KbuildError } from "../errors.ts";
import { ifPresent, removeTree } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { ownershipContext } from "../lib/ownership.ts";
import {
  cacheDirectory,
  checkInCache,
  claimCache,
  createClient,
  fetchFile,
  inCache,
  isFetched,
  isOffline,
  type RetryPolicy,
  withLock,
} from "../net/mod.ts";
import {
  parseTarballName,
  type ProgramTarball,
  readProgramTarball,
  type WantedTarball,
} from "../packages/mod.ts";
import type { PlanStep } from "./plan_steps.ts";

/** A published tarball, and whether it is in the cache. */
export interface PlannedProgram extends PlannedDownload {
  /** The package that it is for. */
  readonly package: string;
  /** Whether it is there, with the right digest. */
  readonly isThere: boolean;
}

/** What happens if programs cannot be fetched. */
export interface ProgramsWanted {
  /** Whether the user named the packages: then it is an error. Else they are left out, and the log says why. */
  readonly areNamed: boolean;
  /** Receives why programs were left out, by {@linkcode programKey}. */
  readonly reasons?: Map<string, string> | undefined;
}

/** Key of a package of a platform. */
export function programKey(name: string, platform: string): string {
  return `${name} ${platform}`;
}

/** Without a package that nobody named, the others can be made: its server is waited for briefly. */
const BRIEF: Partial<RetryPolicy> = { attempts: 1, headersMs: 5000 };

/** Name of the list of digests in the cache. */
const DIGESTS = "digests.lock";

/**
 * Plans the downloads of tarballs into the cache, as far as there are digests: those of the checkout, of
 * `kbuild.lock`, of earlier downloads, or of their project's site.
 *
 * @throws {KbuildError} A digest cannot be found.
 */
export async function planPrograms(
  context: KubeContext,
  wanted: readonly WantedTarball[],
  options: ProgramsWanted & { lockFile: string | undefined },
): Promise<readonly PlannedProgram[]> {
  // A wrong one is refused although nothing may be wanted.
  const lockFile = await findLockFile(options.lockFile, context.cwd);
  if (wanted.length === 0) return [];
  const directory = programsDirectory(context);
  if (directory === undefined) return [];
  const locked = await lockedDigests(lockFile, directory);
  const planned: PlannedProgram[] = [];
  for (const { name, url, sha256 } of wanted) {
    const known = sha256 === undefined ? locked(url) : ofCheckout(sha256);
    const path = join(directory, basename(url));
    try {
      const retryPolicy = options.areNamed ? undefined : BRIEF;
      const file = await planSingleFile(context, { url, path, known, retryPolicy });
      const isThere = await isSound(file);
      if (!isThere && isOffline(context.env)) throw notCached(file, directory);
      planned.push(Object.freeze({ ...file, package: name, isThere }));
    } catch (error) {
      context.signal?.throwIfAborted();
      if (!(error instanceof KbuildError)) throw error;
      leaveOut(context, { name, path, error }, options);
    }
  }
  return Object.freeze(planned);
}

/** @throws {KbuildError} The user named the package. */
function leaveOut(
  { log }: KubeContext,
  { name, path, error }: { name: string; path: string; error: KbuildError },
  { areNamed, reasons }: ProgramsWanted,
): void {
  const { platform } = parseTarballName(path)!;
  if (areNamed) throw cannotMake(name, platform, { path, error });
  log.warn(`No programs for ${name}: ${error.message}`, error.notes);
  reasons?.set(programKey(name, platform), error.message);
}

function cannotMake(
  name: string,
  platform: string,
  { path, error }: { path: string; error: KbuildError },
): KbuildError {
  return new KbuildError(`Cannot make ${name} for ${platform}: its programs cannot be fetched`, {
    notes: [
      error.message,
      ...error.notes,
      `Or download its published tarball and name it: --tarball ${basename(path)}`,
    ],
    cause: error,
  });
}

function notCached({ name }: PlannedDownload, directory: string): KbuildError {
  return new KbuildError(`"${name}" is not in "${directory}"`, {
    notes: ["Nothing may be fetched (--offline)"],
  });
}

function programsDirectory({ env, host }: KubeContext): string | undefined {
  const cache = cacheDirectory(env, host);
  return cache === undefined ? undefined : join(cache, "programs");
}

function ofCheckout(hex: string): KnownDigest {
  return { algorithm: "sha256", hex, digestFrom: "lock", source: "build/workspace.bzl" };
}

/** Digests by URL: those that the user committed, else those of earlier downloads. */
async function lockedDigests(
  lockFile: Awaited<ReturnType<typeof findLockFile>>,
  directory: string,
): Promise<(url: string) => KnownDigest | undefined> {
  const own = join(directory, DIGESTS);
  const files = await readLockFile(own);
  return (url) =>
    lockedDigest(lockFile, url) ?? lockedDigest({ path: own, files }, url, "run again");
}

/** Whether a file of the cache is there; a damaged one counts as missing. */
async function isSound(file: PlannedDownload): Promise<boolean> {
  try {
    return await isFetched(file);
  } catch (error) {
    if (!(error instanceof KbuildError)) throw error;
    return false;
  }
}

/**
 * Fetches planned tarballs into the cache, and keeps their digests.
 *
 * @returns The tarballs that are there now.
 * @throws {KbuildError} One cannot be fetched, or is not what its digest says.
 */
export async function fetchPrograms(
  context: KubeContext,
  planned: readonly PlannedProgram[],
  options: ProgramsWanted,
): Promise<readonly PlannedProgram[]> {
  const there = planned.filter(({ isThere }) => isThere);
  const missing = planned.filter(({ isThere }) => !isThere);
  const cache = cacheDirectory(context.env, context.host);
  if (missing.length === 0 || cache === undefined) return there;
  await inCache(cache, async () => {
    await claimCache(cache, context.env, ownershipContext(context));
    using client = await createClient(context, options.areNamed ? undefined : BRIEF);
    for (const file of missing) {
      try {
        // Another run may have fetched it meanwhile.
        if (!await isSound(file) && await ifPresent(Deno.lstat(file.path)) !== undefined) {
          await checkInCache(file.path, cache, ownershipContext(context));
          await removeTree(file.path);
        }
        await fetchFile(client, { ...file, what: file.name });
        const digests = new Map([[file.url, file.digest]]);
        const directory = join(cache, "programs");
        await withLock(directory, context, () => addToLockFile(join(directory, DIGESTS), digests));
        there.push({ ...file, isThere: true });
      } catch (error) {
        context.signal?.throwIfAborted();
        if (!(error instanceof KbuildError)) throw error;
        leaveOut(context, { name: file.package, path: file.path, error }, options);
      }
    }
  });
  return Object.freeze(there);
}

/** The tarballs, as packages are planned of them; of those that are not there yet, the programs are not known. */
export async function programTarballs(
  planned: readonly PlannedProgram[],
): Promise<readonly ProgramTarball[]> {
  return await Promise.all(planned.map(async ({ path, isThere }) => {
    if (isThere) return Object.freeze({ ...await readProgramTarball(path), isVerified: true });
    return Object.freeze({ ...parseTarballName(path)!, path, programs: [], isVerified: true });
  }));
}

/** What would be downloaded, as steps of a plan. */
export function programSteps(planned: readonly PlannedProgram[]): readonly PlanStep[] {
  return planned.filter(({ isThere }) => !isThere).map(({ name, candidates, path, digest }) => ({
    group: "programs",
    kind: "download",
    what: name,
    urls: candidates.map(({ url, rule }, i) => ({
      ...{ url, rule },
      when: i === 0 ? "first" : "if the one before fails",
    })),
    path,
    digest: `${digest.algorithm}:${digest.hex}`,
  }));
}
