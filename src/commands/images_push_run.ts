import type { Input } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import { counted } from "../lib/counted.ts";
import { hostPlatform } from "../lib/util.ts";
import {
  type ArchivedName,
  archivedNames,
  planPush,
  pushArchives,
  pushLists,
  type PushOptions,
  type PushResult,
} from "../registry/mod.ts";
import type { CommandContext, CommandPlan } from "./context.ts";
import { findArchives } from "./image_archives.ts";
import { noImages } from "./images_list_run.ts";
import { shortDigest } from "./short_digest.ts";
import type { PlanStep } from "./plan_steps.ts";

/** `kbuild images push`: archives, then lists over their architectures. */
export async function pushFound(command: CommandContext, input: Input): Promise<void> {
  const images = await archivesOf(command, input);
  const attachments = input.boolean("attest") === true
    ? await (await import("./attest_run.ts")).imageAttachments(command, images)
    : undefined;
  const options = { ...optionsOf(input, images), attachments };
  show(command, await pushArchives(contextOf(command), images, options));
}

/** What {@linkcode pushFound} would push; no registry is asked. */
export async function planPushes(
  command: CommandContext,
  input: Input,
): Promise<CommandPlan> {
  const images = await archivesOf(command, input);
  const pushes = planPush(images, optionsOf(input, images));
  const attached = input.boolean("attest") === true
    ? { attached: (await import("./attest_run.ts")).ATTACHED_TYPES }
    : {};
  return {
    steps: pushes.map((push): PlanStep => (
      { group: "push", kind: "push", ...push, ...push.path === undefined ? {} : attached }
    )),
  };
}

/** `kbuild images manifest`: lists over what the registry has. */
export async function listFound(command: CommandContext, input: Input): Promise<void> {
  const names = await namesOf(command, input.args);
  const options = optionsOf(input, names);
  show(command, await pushLists(contextOf(command), names, architecturesOf(input), options));
}

/** The lists that {@linkcode listFound} would push; no registry is asked. */
export async function planListPushes(
  command: CommandContext,
  input: Input,
): Promise<CommandPlan> {
  const names = await namesOf(command, input.args);
  const archs = architecturesOf(input) ?? [];
  const lists = planPush(names, optionsOf(input, names)).filter(({ path }) => path === undefined);
  return {
    steps: lists.map((list): PlanStep => ({ group: "push", kind: "push", ...list, archs })),
  };
}

/** `--platform` as architectures. */
function architecturesOf(input: Input): readonly string[] | undefined {
  return input.list("platform")?.map((platform) => platform.replace(/^linux\//, ""));
}

/** The archives that are pushed: those for the platforms of `--platform`. */
async function archivesOf(
  command: CommandContext,
  input: Input,
): Promise<readonly ArchivedName[]> {
  const platforms = input.list("platform");
  const all = await namesOf(command, input.args);
  const images = all.filter(({ arch }) => platforms?.includes(`linux/${arch}`) ?? true);
  if (images.length > 0) return images;
  throw noImages(platforms ?? [], all.map(({ arch }) => `linux/${arch}`));
}

/** Layers are not read for that. */
async function namesOf(
  command: CommandContext,
  words: readonly string[],
): Promise<readonly ArchivedName[]> {
  return await archivedNames((await findArchives(command, words)).map(({ path }) => path));
}

/**
 * The options of a push.
 *
 * @throws {UsageError} No registry is named: archives of Kubernetes are named after the registry that
 * the whole world pulls from.
 */
function optionsOf(input: Input, images: readonly ArchivedName[]): PushOptions {
  const registry = input.string("registry");
  const tag = input.string("tag");
  if (registry === undefined) {
    const [first, ...more] = planPush(images, { tag }).map(({ name }) => name);
    const place = first?.slice(0, first.lastIndexOf("/"));
    throw new UsageError(
      `Cannot push without --registry: "${first}"${
        more.length === 0 ? "" : ` and ${counted(more.length, "more name")}`
      } would go where the archives are named after`,
      [
        "Name your registry: --registry registry.example/kubernetes",
        `If that is what you want: --registry ${place}`,
      ],
    );
  }
  return {
    registry,
    tag,
    force: input.boolean("force") === true,
    lists: input.boolean("no-manifest") !== true,
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
    shortDigest(digest),
    unchanged ? "was there" : "pushed",
  ]);
  command.printTable([["IMAGE", "ARCH", "DIGEST", ""], ...rows], { cut: ["name"] });
}
