import { basename, dirname, join } from "@std/path";
import { digestOfFile, type HashAlgorithm, type Hasher } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  cannotWrite,
  ifPossible,
  ifPossibleSync,
  ifPresent,
  irregularKind,
  isDiskFull,
  lockFile,
  moveNew,
  readFileChunks,
  reasonOf,
  removeTree,
} from "../files/mod.ts";
import type { Client } from "./client.ts";
import { downloadInto } from "./download.ts";
import type { Candidate } from "./mirrors.ts";
import { tryCandidates, WrongContentError } from "./try_candidates.ts";

/** What a file must be. */
export interface FileDigest {
  /** What it is computed with. */
  readonly algorithm: HashAlgorithm;
  /** Lower-case hexadecimal. */
  readonly hex: string;
  /** Who says so, for messages: a URL, `line 3 of "/x/kbuild.lock"`. */
  readonly source?: string | undefined;
  /** What to do if a file has another one, for messages. */
  readonly advice?: string | undefined;
}

/** Notes of an error about a file that has another digest. */
function digestNotes({ source, advice }: FileDigest): readonly string[] {
  return [
    ...source === undefined ? [] : [`The digest is that of ${source}`],
    ...advice === undefined ? [] : [advice],
  ];
}

/** A file to fetch, whose digest is known. */
export interface FileRequest {
  /** What the user knows it by. */
  readonly what: string;
  /** Where it may come from, in the order in which they are tried. */
  readonly candidates: readonly Candidate[];
  /** Absolute path that it gets when all of it is there and right. */
  readonly path: string;
  /** What it must be. */
  readonly digest: FileDigest;
  /** Permission bits; default 0644. */
  readonly mode?: number;
  /** Looks at the complete file, whose digest is right, before it gets its name. */
  readonly check?: (path: string) => Promise<void>;
}

/** What became of a {@linkcode FileRequest}. */
export interface FetchedFile {
  /** Bytes. */
  readonly size: number;
  /** Whether it was there before. */
  readonly isReused: boolean;
}

/** What fetches files: see {@linkcode fetchFile}. */
export interface FetchOptions {
  /** What computes digests; default: the calling thread. */
  readonly hasher?: Hasher;
}

/** Begins the names of files that are under way. */
const PARTIAL_PREFIX = ".kbuild-part-";

/**
 * Where a file is while it comes: beside its place, under a name with its digest, so that nothing else is
 * ever resumed with it.
 */
export function partialPath({ path, digest }: Pick<FileRequest, "path" | "digest">): string {
  return join(dirname(path), `${PARTIAL_PREFIX}${digest.hex.slice(0, 32)}`);
}

/**
 * Fetches a file that appears under its name complete and with the right digest, or not at all. What an
 * interrupted run left is resumed. Of several kbuilds that want the same file, one fetches it, and the others
 * wait. Nothing is replaced.
 *
 * @throws {KbuildError} No candidate has it, the place is taken by something else, or it cannot be written.
 */
export async function fetchFile(
  client: Client,
  request: FileRequest,
  options: FetchOptions = {},
): Promise<FetchedFile> {
  const { path, mode = 0o644, check } = request;
  const { log, signal } = client;
  if (await isFetched(request)) return await keptFile(client, path);
  const partial = partialPath(request);
  using lock = await lockFile(partial, {
    signal,
    onWait: () => log.status(`Waiting for another kbuild that fetches "${basename(path)}"`),
    explain: (cause) => cannotWrite(path, cause),
  });
  await checkOwn(partial, lock.file);
  // Another kbuild may have finished it in the meantime.
  if (await isFetched(request)) {
    await removeTree(partial);
    return await keptFile(client, path);
  }
  try {
    await fill(client, request, { file: lock.file, path: partial }, options);
    await check?.(partial);
    signal?.throwIfAborted();
    await Deno.chmod(partial, mode);
    await moveNew(partial, path).catch((cause: unknown) => {
      throw cannotWrite(path, cause);
    });
    return Object.freeze({ size: (await lock.file.stat()).size, isReused: false });
  } catch (error) {
    // Nothing that could be resumed is left of what was wrong.
    if ((await lock.file.stat()).size === 0) await ifPossible(removeTree(partial));
    throw isDiskFull(error) ? diskIsFull(path, error) : error;
  }
}

/**
 * Checks that nobody else can write to a partial file: whoever made it, or has it by another name, could change it after its
 * digest was found right. Its name can be foretold, and directories such as /tmp are everybody's.
 *
 * @throws {KbuildError} Somebody can.
 */
async function checkOwn(path: string, file: Deno.FsFile): Promise<void> {
  const { nlink, uid } = await file.stat();
  const own = ifPossibleSync(() => Deno.uid()) ?? uid;
  const why = (nlink ?? 1) > 1
    ? "it has other names, too (hard links)"
    : uid !== own
    ? "it belongs to another user"
    : undefined;
  if (why === undefined) return;
  throw new KbuildError(`Cannot resume the partial download "${path}": ${why}`, {
    notes: ["Remove it, or choose another directory"],
  });
}

/**
 * Whether a file is in its place already.
 *
 * @throws {KbuildError} Something else is.
 */
export async function isFetched(
  { path, digest }: Pick<FileRequest, "path" | "digest">,
): Promise<boolean> {
  const info = await ifPresent(Deno.lstat(path));
  if (info === undefined) return false;
  const other = "Remove it, or choose another directory: --to DIR";
  const kind = irregularKind(info);
  if (kind !== undefined) {
    throw new KbuildError(`Cannot write "${path}": it is ${kind}`, { notes: [other] });
  }
  const found = await digestOfFile(path, digest.algorithm);
  if (found === digest.hex) return true;
  throw new KbuildError(`Cannot write "${path}": another file has this name`, {
    notes: [
      `Its ${nameOf(digest.algorithm)} is ${found}, not ${digest.hex}`,
      ...digestNotes(digest),
      other,
    ],
  });
}

/** Reports a file that {@linkcode isFetched}. */
export async function keptFile(
  { log }: Pick<Client, "log">,
  path: string,
): Promise<FetchedFile> {
  log.events.unit({ kind: "fetch", name: basename(path) }).reuse("it is there already");
  return Object.freeze({ size: (await Deno.stat(path)).size, isReused: true });
}

/** Brings what the partial file lacks. */
async function fill(
  client: Client,
  { what, candidates, path, digest }: FileRequest,
  partial: { file: Deno.FsFile; path: string },
  given: FetchOptions,
): Promise<void> {
  const { file } = partial;
  const { algorithm, hex } = digest;
  // A killed run may have left a complete one, of which a server has no further part.
  const left = (await file.stat()).size;
  if (left > 0 && await digestOfFile(partial.path, algorithm) === hex) return;
  const options = { ...given, algorithm, label: basename(path) };
  await tryCandidates(what, candidates, async ({ url }) => {
    const before = (await file.stat()).size;
    let found = await downloadInto(client, url, partial, options);
    if (found !== hex && before > 0) {
      client.log.status(`What was there of "${basename(path)}" does not fit; all of it is fetched`);
      await file.truncate(0);
      found = await downloadInto(client, url, partial, options);
    }
    if (found === hex) return;
    const isPage = await startsLikePage(partial.path);
    await file.truncate(0);
    throw isPage
      ? new WrongContentError(`Cannot use "${url}": a web page or an error in XML came instead`)
      : new WrongContentError(
        `Cannot use "${url}": its ${nameOf(algorithm)} is ${found}, not ${hex}`,
        { notes: digestNotes(digest) },
      );
  }, client);
}

/** No file of a release begins with `<`, after white space or not: neither gzip nor a program. */
async function startsLikePage(path: string): Promise<boolean> {
  for await (const chunk of readFileChunks(path)) {
    return /^(\uFEFF)?\s*</.test(new TextDecoder().decode(chunk.subarray(0, 256)));
  }
  return false;
}

/** `SHA-512`. */
export function nameOf(algorithm: HashAlgorithm): string {
  return algorithm.toUpperCase().replace("SHA", "SHA-");
}

function diskIsFull(path: string, error: unknown): KbuildError {
  const cause = error instanceof KbuildError ? error.cause : error;
  return new KbuildError(
    `Cannot write "${basename(path)}" in "${dirname(path)}": ${reasonOf(cause)}`,
    {
      notes: [
        "Free some disk space and run again: what has come is kept, and the rest is fetched",
        `Or remove what is kept: ${PARTIAL_PREFIX}* in that directory`,
      ],
      cause: error,
    },
  );
}
