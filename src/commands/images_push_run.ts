import { type Input, renderTable } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import { hostPlatform } from "../lib/util.ts";
import { pushImages, pushLists, type PushOptions, type PushResult } from "../registry/mod.ts";
import type { CommandContext } from "./context.ts";
import { readImages } from "./images_list_run.ts";

/** `kbuild images push`: archives, then lists over their architectures. */
export async function pushFound(
  command: CommandContext,
  input: Input,
  words: readonly string[],
): Promise<void> {
  const images = await readImages(command, words, input.list("platform"));
  if (images.length === 0) throw nothing(input);
  const paths = [...new Set(images.map(({ path }) => path))];
  const options = { ...optionsOf(input), lists: input.boolean("no-manifest") !== true };
  show(command, await pushImages(contextOf(command), paths, options));
}

/** `kbuild images manifest`: lists over what the registry has. */
export async function listFound(
  command: CommandContext,
  input: Input,
  words: readonly string[],
): Promise<void> {
  const images = await readImages(command, words, undefined);
  const names = images.flatMap(({ repoTags: [repoTag], architecture: arch }) =>
    repoTag === undefined ? [] : [{ repoTag, arch }]
  );
  if (names.length === 0) throw nothing(input);
  const archs = input.list("platform")?.map((platform) => platform.replace(/^linux\//, ""));
  show(command, await pushLists(contextOf(command), names, archs, optionsOf(input)));
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

function nothing(input: Input): UsageError {
  const platforms = input.list("platform")?.join(", ") ?? "";
  return new UsageError(`No image is for ${platforms || "these platforms"}`, [
    '"kbuild images" lists what there is',
  ]);
}

function show(command: CommandContext, results: readonly PushResult[]): void {
  if (command.globals.json) {
    command.print(JSON.stringify({ images: results }, null, 2));
    return;
  }
  const rows = results.map(({ name, archs, digest, unchanged }) => [
    name,
    archs.join(","),
    digest,
    unchanged ? "was there" : "pushed",
  ]);
  command.print(renderTable([["IMAGE", "ARCH", "DIGEST", ""], ...rows]).trimEnd());
}
