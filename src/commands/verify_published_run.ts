import { basename, join, resolve } from "@std/path";
import { digestOfFile } from "../archive/mod.ts";
import { compareFiles, type Finding, listReleaseFiles } from "../audit/mod.ts";
import type { Input } from "../cli/mod.ts";
import {
  downloadFiles,
  type DownloadPlan,
  findLockFile,
  isPublishedVersion,
  type PlannedDownload,
  prepareDownload,
} from "../download/mod.ts";
import { KbuildError } from "../errors.ts";
import { ifPresent, temporaryName, WorkDirectory } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";
import type { KubeContext } from "../lib/init.ts";
import { lockOutput } from "../lib/lock.ts";
import { nameOf } from "../net/mod.ts";
import type { CommandContext } from "./context.ts";

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

/** Whether a word names a published release; a file or directory of that name is meant before it. */
export async function namesRelease(word: string, cwd: string): Promise<boolean> {
  return isPublishedVersion(word) &&
    await ifPresent(Deno.lstat(resolve(cwd, word))) === undefined;
}

/**
 * `kbuild verify-release v1.30.2`: holds the tarballs of the checkout against the published ones. A tarball with
 * the published digest is not downloaded.
 *
 * @throws {KbuildError} Something differs.
 */
export async function verifyPublished(
  command: CommandContext,
  input: Input,
  { version, outputRoot }: { version: string; outputRoot: string },
): Promise<void> {
  const context = await command.locate();
  const { artifacts } = await listReleaseFiles(outputRoot);
  const tarballs = artifacts.filter((name) => /^release-tars\/[^/]+\.tar\.gz$/.test(name))
    .map((name) => basename(name));
  if (tarballs.length === 0) {
    throw new KbuildError(`Cannot find tarballs in "${join(outputRoot, "release-tars")}"`, {
      notes: ["Make them: kbuild quick-release"],
    });
  }
  const named = input.string("published");
  // Other runs remove whatever has a temporary name in outputs, unless they wait.
  using _lock = named === undefined ? await lockOutput(context, command.name) : undefined;
  await using work = named === undefined
    ? await WorkDirectory.make(temporaryName(join(outputRoot, "published")))
    : undefined;
  const plan = await planPublished(command, context, {
    ...{ version, tarballs },
    to: work?.path ?? resolve(command.cwd, named!),
  });
  const compared: ComparedTarball[] = [];
  const add = (each: ComparedTarball) => {
    compared.push(each);
    if (!command.globals.json) show(command, each);
  };
  for (const file of plan.files) {
    add(await compareTarball(context, plan, file, join(outputRoot, "release-tars", file.name)));
  }
  for (const name of plan.missing) add({ name, result: "not published", differences: [] });
  report(command, plan, compared);
}

async function planPublished(
  { cwd, log }: CommandContext,
  context: KubeContext,
  { version, tarballs, to }: { version: string; tarballs: readonly string[]; to: string },
): Promise<DownloadPlan> {
  const { path, files } = await findLockFile(context.env["KBUILD_LOCK_FILE"], cwd);
  const plan = await prepareDownload(context, {
    ...{ version, tarballs, to, cwd, signatures: "none" },
    ...(files === undefined ? {} : { locked: { path, files } }),
  });
  for (const note of plan.notes) log.warn(note);
  return plan;
}

async function compareTarball(
  context: KubeContext,
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
  for (const { path, text } of differences.slice(0, SHOWN)) {
    command.print(`               ${[...path, text].join(": ")}`);
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
