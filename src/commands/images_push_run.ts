import { type Input, renderTable } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import { hostPlatform } from "../lib/util.ts";
import {
  type ArchivedName,
  archivedNames,
  pushImages,
  pushLists,
  type PushOptions,
  type PushResult,
} from "../registry/mod.ts";
import type { CommandContext } from "./context.ts";
import { findArchives } from "./image_archives.ts";

/** `kbuild images push`: archives, then lists over their architectures. */
export async function pushFound(
  command: CommandContext,
  input: Input,
  words: readonly string[],
): Promise<void> {
  const platforms = input.list("platform");
  const images = (await namesOf(command, words))
    .filter(({ arch }) => platforms === undefined || platforms.includes(`linux/${arch}`));
  if (images.length === 0) {
    throw new UsageError(`No image is for ${platforms?.join(", ") || "these platforms"}`, [
      '"kbuild images" lists what there is',
    ]);
  }
  const options = { ...optionsOf(input), lists: input.boolean("no-manifest") !== true };
  const paths = images.map(({ path }) => path);
  show(command, await pushImages(contextOf(command), paths, options));
}

/** `kbuild images manifest`: lists over what the registry has. */
export async function listFound(
  command: CommandContext,
  input: Input,
  words: readonly string[],
): Promise<void> {
  const names = await namesOf(command, words);
  const archs = input.list("platform")?.map((platform) => platform.replace(/^linux\//, ""));
  show(command, await pushLists(contextOf(command), names, archs, optionsOf(input)));
}

/** Layers are not read for that. */
async function namesOf(
  command: CommandContext,
  words: readonly string[],
): Promise<readonly ArchivedName[]> {
  return await archivedNames((await findArchives(command, words)).map(({ path }) => path));
}

function optionsOf(input: Input): PushOptions {
  return {
    registry: input.string("registry"),
    tag: input.string("tag"),
    force: input.boolean("force") === true,
  };
}

function contextOf({ env, log, shell, signal }: CommandContext) {
  return { env, log, shell, signal, host: hostPlatform() };
}

function show(command: CommandContext, results: readonly PushResult[]): void {
  if (command.globals.json) {
    return command.printJson({ images: results });
  }
  const rows = results.map(({ name, archs, digest, unchanged }) => [
    name,
    archs.join(","),
    digest,
    unchanged ? "was there" : "pushed",
  ]);
  command.print(renderTable([["IMAGE", "ARCH", "DIGEST", ""], ...rows]).trimEnd());
}
