import { join, resolve } from "@std/path";
import { compareNames } from "../archive/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import type { CommandContext } from "./context.ts";
import { entriesOf, ifPresent, isDirectory } from "../files/mod.ts";

/** An archive of a release, not opened yet. */
export interface FoundArchive {
  /** Absolute. */
  readonly path: string;
  /** `kube-proxy`, `conformance-amd64`: the file's name without `.tar`. */
  readonly name: string;
}

/**
 * The image archives that words name: archives and directories of them by their paths, others by the
 * names of the checkout's images; without words all of the checkout's.
 *
 * @param words A word with "/" in it, or that ends in ".tar", is a path.
 * @throws {KbuildError} There is no such archive.
 * @throws {UsageError} The release has no such image.
 */
export async function findArchives(
  command: CommandContext,
  words: readonly string[],
): Promise<readonly FoundArchive[]> {
  const isPath = (word: string) => word.includes("/") || word.endsWith(".tar") || word === ".";
  const named = words.filter((word) => !isPath(word));
  const found: FoundArchive[] = [];
  for (const word of words.filter(isPath)) {
    const path = resolve(command.cwd, word);
    const archives = await archivesAt(path);
    if (archives.length === 0) {
      throw new KbuildError(`Cannot find image archives in "${path}"`, {
        notes: ['An image archive ends in ".tar"'],
      });
    }
    found.push(...archives);
  }
  if (named.length > 0 || words.length === 0) found.push(...await ofCheckout(command, named));
  return Object.freeze([...new Map(found.map((archive) => [archive.path, archive])).values()]);
}

/** The archives of the checkout's release with these names; without names all. */
async function ofCheckout(
  command: CommandContext,
  names: readonly string[],
): Promise<readonly FoundArchive[]> {
  const { context } = await command.open();
  const all = await releasedArchives(context.outputRoot);
  if (all.length === 0) {
    throw new KbuildError(`Cannot find image archives in "${context.outputRoot}"`, {
      notes: ["Make them first: kbuild quick-release"],
    });
  }
  const known = [...new Set(all.flatMap(namesOf))];
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new UsageError(`This release has no image "${name}"`, [
      ...didYouMean(nearest(name, known)),
      `Its images: ${known.join(", ")}`,
    ]);
  }
  return names.length === 0
    ? all
    : all.filter((archive) => namesOf(archive).some((name) => names.includes(name)));
}

/** `conformance-amd64` is known by `conformance`, too. */
function namesOf({ name }: FoundArchive): readonly string[] {
  const plain = name.replace(/-(amd64|arm|arm64|ppc64le|riscv64|s390x)$/, "");
  return [...new Set([name, plain])];
}

/**
 * The archives below an output root: `release-images`, in 1.7 beside the server's programs in its
 * stage.
 */
async function releasedArchives(outputRoot: string): Promise<readonly FoundArchive[]> {
  const published = await archivesAt(join(outputRoot, "release-images"));
  if (published.length > 0) return published;
  const stage = join(outputRoot, "release-stage/server");
  const found: FoundArchive[] = [];
  for (const platform of await namesIn(stage)) {
    const bin = join(stage, platform, "kubernetes/server/bin");
    if (await isDirectory(bin)) found.push(...await archivesAt(bin));
  }
  return found;
}

/** An archive, or those in a directory and the directories below it. */
async function archivesAt(path: string): Promise<readonly FoundArchive[]> {
  const info = await ifPresent(Deno.stat(path));
  if (info === undefined) return [];
  if (!info.isDirectory) {
    const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.tar$/, "");
    return [Object.freeze({ path, name })];
  }
  const found: FoundArchive[] = [];
  for (const name of await namesIn(path)) {
    const below = join(path, name);
    if (await isDirectory(below) || name.endsWith(".tar")) found.push(...await archivesAt(below));
  }
  return found;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await entriesOf(directory) ?? []).map(({ name }) => name).sort(compareNames);
}
