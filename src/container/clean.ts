import type { Checkout } from "../checkout/mod.ts";
import { askGit } from "../git/mod.ts";
import { isObject, type JsonObject } from "../image/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { removeArguments } from "./arguments.ts";
import { parseAnswers } from "./engine.ts";
import { engineError } from "./explain.ts";
import { isLocked } from "./locks.ts";
import { hostnameOf, volumeName } from "./run.ts";
import { LABEL, rootHash } from "./names.ts";
import type { Engine } from "./types.ts";

/** A container that belongs to a checkout, or may. */
export interface FoundContainer {
  /** `kube-build-bd493105f5-6`. */
  readonly name: string;
  /** Image that it was started from, as it was named. */
  readonly image: string;
  readonly isRunning: boolean;
  /** Whether kbuild made it, for this checkout. */
  readonly isOwn: boolean;
}

/** What `make-clean` removes of an engine, and what it leaves. */
export interface EngineDisposal {
  /** Names of containers; their volumes go with them. */
  readonly containers: readonly string[];
  /** Names of volumes with copies of the checkout. */
  readonly volumes: readonly string[];
  /** Names of images, with tags. */
  readonly images: readonly string[];
  /** Whether the images are removed without those below, because one of these has no name and is not theirs. */
  readonly withoutParents: boolean;
  /** Containers that are in use, with the reason. */
  readonly left: readonly string[];
}

/** The hashes that a checkout's containers and images have, or had. */
export async function checkoutHashes(context: KubeContext): Promise<readonly string[]> {
  const { env, root } = context;
  const hostname = hostnameOf(env);
  const branches = [undefined, "", ...await knownBranches(context)];
  const hashes = branches.map((branch) => rootHash({ hostname, root, branch }));
  return Object.freeze([...new Set(hashes)]);
}

/** Branches of the repository, those that the checkout was on once included. */
async function knownBranches(context: KubeContext): Promise<readonly string[]> {
  const [heads, log] = await Promise.all([
    askGit(context, ["for-each-ref", "--format=%(refname:short)", "refs/heads"]),
    askGit(context, ["reflog", "show", "--format=%gs", "HEAD"]),
  ]);
  const lines = (text: string | undefined) =>
    (text ?? "").split("\n").filter((line) => line !== "");
  const moves = lines(log.text).flatMap((line) =>
    /^checkout: moving from (\S+) to (\S+)$/.exec(line)?.slice(1) ?? []
  );
  return [...new Set([...lines(heads.text), ...moves])];
}

/**
 * Which of an engine's containers are the checkout's: kbuild's have a label; those of the scripts are known by
 * the hash in their name, or by what they mount.
 *
 * @param inspected What the engine's `container inspect` prints.
 * @param hashes From {@linkcode checkoutHashes}.
 */
export function ownContainers(
  inspected: readonly JsonObject[],
  { root, hashes }: { readonly root: string; readonly hashes: readonly string[] },
): readonly FoundContainer[] {
  return Object.freeze(inspected.flatMap((container) => {
    const { Name: given, State: state, Config: config, Mounts: mounts } = container;
    const name = String(given).replace(/^\//, "");
    const hash = /^kube-(?:build-data|build|rsync)-([0-9a-f]{10})-/.exec(name)?.[1];
    const { Labels: labels, Image: image } = isObject(config) ? config : {};
    const isOwn = isObject(labels) && labels[LABEL] === root;
    const isMounted = Array.isArray(mounts) &&
      mounts.some((mount) => isObject(mount) && mount["Source"] === root);
    const isScripts = hash !== undefined && (hashes.includes(hash) || isMounted);
    const isRunning = isObject(state) && state["Running"] === true;
    return isOwn || isScripts
      ? [Object.freeze({ name, image: String(image), isRunning, isOwn })]
      : [];
  }));
}

/**
 * Which image names are those that the scripts gave to the checkout's build images.
 *
 * @param names Names with tags; podman puts `localhost/` in front.
 */
export function ownImages(
  names: readonly string[],
  { repository, hashes }: { readonly repository: string; readonly hashes: readonly string[] },
): readonly string[] {
  return Object.freeze(names.filter((name) => {
    const plain = name.replace(/^localhost\//, "");
    return hashes.some((hash) => plain.startsWith(`${repository}:build-${hash}-`));
  }));
}

/** Looks for what an engine has of a checkout. Removes nothing. */
export async function planEngineDisposal(
  context: KubeContext,
  { containerNames }: Checkout,
  engine: Engine,
): Promise<EngineDisposal> {
  const { root, shell } = context;
  const { program } = engine;
  const ask = async (words: readonly string[]) => {
    const { code, stdout, tail } = await shell.run([...program, ...words], { allowed: "any" });
    if (code === 0) return stdout;
    throw engineError(`Cannot ask ${engine.kind} for what it has`, tail, engine);
  };
  const lines = (text: string) => text.split("\n").map((line) => line.trim()).filter(Boolean);
  const [hashes, ids, names, volumes] = await Promise.all([
    checkoutHashes(context),
    ask(["ps", "--all", "--quiet", "--no-trunc", "--filter", "name=kube-"]).then(lines),
    ask(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]).then(lines),
    ask(["volume", "ls", "--quiet", "--filter", "name=kube-build-data-"]).then(lines),
  ]);
  const inspected = ids.length === 0
    ? []
    : parseAnswers(await ask(["container", "inspect", ...ids]));
  const containers: string[] = [];
  const left: (FoundContainer & { reason: string })[] = [];
  for (const container of ownContainers(inspected, { root, hashes })) {
    const reason = await whyInUse(context, engine, container);
    if (reason === undefined) containers.push(container.name);
    else left.push({ ...container, reason });
  }
  const isFree = (image: string) => !left.some((container) => container.image === image);
  const repository = containerNames.value.imageRepository ?? "kube-build";
  const images = ownImages(names, { repository, hashes }).filter(isFree).sort();
  return Object.freeze({
    containers: Object.freeze(containers.sort()),
    volumes: Object.freeze(
      left.length > 0 ? [] : volumes.filter((name) => name === volumeName(context)),
    ),
    images: Object.freeze(images),
    withoutParents: await haveUnnamedBase(ask, images),
    left: Object.freeze(left.map(({ name, reason }) => `${name}: ${reason}`)),
  });
}

/**
 * Whether an image starts from one that has no name any more: engines would remove that, too, when nothing else starts
 * from it. Steps of a build have no names either, but a parent.
 */
async function haveUnnamedBase(
  ask: (words: readonly string[]) => Promise<string>,
  images: readonly string[],
): Promise<boolean> {
  const inspect = async (ids: readonly string[]) =>
    ids.length === 0 ? [] : parseAnswers(await ask(["image", "inspect", ...ids]));
  const parentOf = (image: Readonly<Record<string, unknown>>) => String(image["Parent"] ?? "");
  const isListed = (value: unknown) => Array.isArray(value) && value.length > 0;
  let found = await inspect(images);
  while (found.length > 0) {
    const parents = new Set(found.map(parentOf).filter((parent) => parent !== ""));
    found = (await inspect([...parents]))
      .filter((image) => !(isListed(image["RepoTags"]) || isListed(image["RepoDigests"])));
    if (found.some((image) => parentOf(image) === "")) return true;
  }
  return false;
}

/** Why a container is left; undefined if it may go. */
async function whyInUse(
  context: KubeContext,
  { kind }: Engine,
  { name, isRunning, isOwn }: FoundContainer,
): Promise<string | undefined> {
  // That of rsync is a service, and nobody waits for its end.
  if (!isRunning || name.startsWith("kube-rsync-")) return undefined;
  if (!isOwn) return `a command runs in it (${kind} rm --force ${name} ends it)`;
  return await isLocked(context, name) ? "another kbuild runs a command in it" : undefined;
}

/** The programs of {@linkcode disposeOfEngine}, in order. */
export function disposalStarts(
  engine: Engine,
  { containers, images, volumes, withoutParents }: EngineDisposal,
): readonly (readonly string[])[] {
  return Object.freeze([
    ...containers.length === 0 ? [] : [removeArguments(engine, ...containers)],
    ...volumes.length === 0 ? [] : [Object.freeze([...engine.program, "volume", "rm", ...volumes])],
    ...images.length === 0 ? [] : [
      Object.freeze([
        ...engine.program,
        "rmi",
        ...withoutParents ? ["--no-prune"] : [],
        ...images,
      ]),
    ],
  ]);
}

/** Removes what {@linkcode planEngineDisposal} found. */
export async function disposeOfEngine(
  { shell }: Pick<KubeContext, "shell">,
  engine: Engine,
  disposal: EngineDisposal,
): Promise<void> {
  for (const argv of disposalStarts(engine, disposal)) {
    const { code, tail } = await shell.run(argv, { allowed: "any" });
    if (code !== 0) throw engineError(`Cannot remove what ${engine.kind} has`, tail, engine);
  }
}
