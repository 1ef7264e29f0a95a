import { basename, join, resolve } from "@std/path";
import { digestOfFile } from "../archive/mod.ts";
import { compareFiles, type Finding, listReleaseFiles } from "../audit/mod.ts";
import type { Input } from "../cli/mod.ts";
import {
  downloadFiles,
  type DownloadPlan,
  findLockFile,
  type PlannedDownload,
  prepareDownload,
  publishedVersion,
  type SignatureContext,
} from "../download/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { ifPresent, removeTree, temporaryName, WorkDirectory } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";
import type { ScratchDirectory } from "../lib/init.ts";
import { lockOutput } from "../lib/lock.ts";
import { nameOf } from "../net/mod.ts";
import type { CommandContext } from "./context.ts";
import { findingWords } from "./finding_words.ts";
import { netContext } from "./net_context.ts";

/** Differences shown of one artifact; --json has all. */
const SHOWN = 20;

/** How a tarball of the checkout compares with the published one. */
interface ComparedTarball {
  readonly name: string;
  /** `same`: the published digest; `equal`: the same members in other bytes; `other`: they differ. */
  readonly result: "same" | "equal" | "other" | "not published";
  /** What differs, with causes where they are known. */
  readonly differences: readonly Finding[];
}

/** The published release that a word names; a file or directory of that name is meant before it. */
export async function namedRelease(word: string, cwd: string): Promise<string | undefined> {
  const version = publishedVersion(word);
  if (version === undefined) return undefined;
  return await ifPresent(Deno.lstat(resolve(cwd, word))) === undefined ? version : undefined;
}

/**
 * Is a release published? Asked before one is built to be compared with it.
 *
 * @throws {KbuildError} It is not, or its site cannot be reached.
 */
export async function checkPublished(command: CommandContext, version: string): Promise<void> {
  const tarballs = ["kubernetes.tar.gz"];
  await planPublished(command, await netContext(command), { version, tarballs, to: command.cwd });
}

/**
 * `kbuild verify-release v1.30.2`: holds tarballs against the published ones. A tarball with the published digest is
 * not downloaded.
 *
 * @param request.directory Absolute; the tarballs are in it, or in its `release-tars`.
 * @param request.isOwn Whether it is the output root of the checkout around.
 * @throws {KbuildError} Something differs.
 */
export async function verifyPublished(
  command: CommandContext,
  input: Input,
  { version, directory, isOwn }: { version: string; directory: string; isOwn: boolean },
): Promise<void> {
  const tarballs = await tarballsIn(directory);
  const named = input.string("published");
  // Other runs remove whatever has a temporary name in outputs, unless they wait.
  using _lock = isOwn && named === undefined
    ? await lockOutput(await command.locate(), command.name)
    : undefined;
  await using work = named === undefined ? await downloadsOf(directory, isOwn) : undefined;
  const context = await netContext(command);
  const plan = await planPublished(command, context, {
    ...{ version, tarballs: [...tarballs.keys()] },
    to: work?.path ?? resolve(command.cwd, named!),
  });
  for (const note of plan.notes) command.log.warn(note);
  const compared: ComparedTarball[] = [];
  const add = (each: ComparedTarball) => {
    compared.push(each);
    if (!command.globals.json) show(command, each);
  };
  for (const file of plan.files) {
    add(await compareTarball(context, plan, file, tarballs.get(file.name)!));
  }
  for (const name of plan.missing) add({ name, result: "not published", differences: [] });
  report(command, plan, compared);
}

/**
 * Tarballs of a release.
 *
 * @returns Absolute paths by name.
 * @throws {UsageError} There is no such directory.
 * @throws {KbuildError} It has none.
 */
async function tarballsIn(directory: string): Promise<ReadonlyMap<string, string>> {
  const found = await ifPresent(Deno.stat(directory));
  if (found?.isDirectory !== true) {
    throw new UsageError(
      `Cannot verify "${directory}": ${
        found === undefined ? "no such file or directory" : "it is not a directory"
      }`,
      ["Name the directory of a release: _output, or what kbuild download has made"],
    );
  }
  const { root, artifacts } = await listReleaseFiles(directory);
  const paths = artifacts.filter((name) =>
    /^(?:release-tars\/)?kubernetes[^/]*\.tar\.gz$/.test(name)
  );
  if (paths.length > 0) return new Map(paths.map((path) => [basename(path), join(root, path)]));
  throw new KbuildError(`Cannot find tarballs of a release in "${root}"`, {
    notes: ["Make them: kbuild quick-release", "Or name their directory"],
  });
}

/** A directory for what is downloaded: of a checkout's release in its outputs, on the same disk. */
async function downloadsOf(directory: string, isOwn: boolean): Promise<ScratchDirectory> {
  if (isOwn) return await WorkDirectory.make(temporaryName(join(directory, "published")));
  const path = await Deno.makeTempDir({ prefix: "kbuild-published-" });
  return { path, [Symbol.asyncDispose]: () => removeTree(path) };
}

async function planPublished(
  { cwd }: CommandContext,
  context: SignatureContext,
  { version, tarballs, to }: { version: string; tarballs: readonly string[]; to: string },
): Promise<DownloadPlan> {
  const { path, files } = await findLockFile(context.env["KBUILD_LOCK_FILE"], cwd);
  const plan = await prepareDownload(context, {
    ...{ version, tarballs, to, cwd, signatures: "none" },
    ...(files === undefined ? {} : { locked: { path, files } }),
  });
  return plan;
}

async function compareTarball(
  context: SignatureContext,
  plan: DownloadPlan,
  file: PlannedDownload,
  own: string,
): Promise<ComparedTarball> {
  const { name, digest: { algorithm, hex } } = file;
  if (await digestOfFile(own, algorithm) === hex) {
    return Object.freeze({ name, result: "same", differences: [] });
  }
  await downloadFiles(context, { ...plan, files: [file] });
  const { signal } = context;
  const differences = await compareFiles(own, file.path, signal === undefined ? {} : { signal });
  const isEqual = differences.every(({ minor }) => minor === true);
  return Object.freeze({ name, result: isEqual ? "equal" : "other", differences });
}

function show(command: CommandContext, { name, result, differences }: ComparedTarball): void {
  command.print(`${WORDS[result].padEnd(13)}  ${name}`);
  for (const difference of differences.slice(0, SHOWN)) {
    command.print(`               ${findingWords(difference)}`);
  }
  const more = differences.length - SHOWN;
  if (more > 0) command.print(`               … and ${more} more (--json has all)`);
}

const WORDS: Readonly<Record<ComparedTarball["result"], string>> = Object.freeze({
  same: "same bytes",
  equal: "same content",
  other: "different",
  "not published": "not published",
});

/** @throws {KbuildError} Something differs. */
function report(
  command: CommandContext,
  { version, files }: DownloadPlan,
  compared: readonly ComparedTarball[],
): void {
  const count = (result: ComparedTarball["result"]) =>
    compared.filter((each) => each.result === result).length;
  const counts = (["same", "equal", "other", "not published"] as const)
    .map((result) => `${count(result)} ${WORDS[result]}`).join(", ");
  const summary = `${counted(compared.length, "tarball")} against ${version}: ${counts}`;
  if (command.globals.json) {
    const algorithm = nameOf(files[0]!.digest.algorithm);
    command.printJson({ version, equal: count("other") === 0, algorithm, tarballs: compared });
  } else command.print(summary);
  if (count("other") > 0) throw new KbuildError(`The release differs from ${version}: ${summary}`);
}
