import type { Checkout } from "../checkout/mod.ts";
import { askGit } from "../git/mod.ts";
import { isObject, type JsonObject } from "../image/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { removeArguments } from "./arguments.ts";
import { inspectAll, linesOf } from "./engine.ts";
import { engineError, saysMissing } from "./explain.ts";
import { type CheckoutIdentity, identityOf, isAlive, ownerOf } from "./identity.ts";
import { isLocked } from "./locks.ts";
import { hostnameOf, volumeName } from "./run.ts";
import { IDENTITY_LABEL, rootHash } from "./names.ts";
import type { Engine } from "./types.ts";

/** A container that belongs to a checkout, or may. */
export interface FoundContainer {
  /** `kube-build-bd493105f5-6`. */
  readonly name: string;
  /** Image that it was started from, as it was named. */
  readonly image: string;
  readonly isRunning: boolean;
  /** Who made it: kbuild for this checkout, or for another one at this path, or the checkout's scripts. */
  readonly maker: "kbuild" | "other" | "scripts";
  /** Whether it says which checkout it is of; those of older kbuilds do not. */
  readonly isNamed: boolean;
  /** Names of volumes that are in it. */
  readonly volumes: readonly string[];
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
  /** Containers in use by other checkouts at this path, with the way to end them. Outputs do not depend on them. */
  readonly others: readonly string[];
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
 * Which of an engine's containers are the checkout's: kbuild's have labels; those of the scripts are known by
 * the hash in their name, or by what they mount. Those that other checkouts at this path use are found, too.
 *
 * @param inspected What the engine's `container inspect` prints.
 * @param hashes From {@linkcode checkoutHashes}.
 */
export function ownContainers(
  inspected: readonly JsonObject[],
  { hashes, ...own }: CheckoutIdentity & { readonly hashes: readonly string[] },
  engine: Pick<Engine, "isRemote">,
): readonly FoundContainer[] {
  return Object.freeze(inspected.flatMap((container) => {
    const { Name: given, State: state, Config: config, Mounts: mounts } = container;
    const name = String(given).replace(/^\//, "");
    const hash = /^kube-(?:build-data|build|rsync)-([0-9a-f]{10})-/.exec(name)?.[1];
    const { Labels: labels, Image: image } = isObject(config) ? config : {};
    const owner = ownerOf(container, own, engine);
    const mounted = Array.isArray(mounts) ? mounts.filter(isObject) : [];
    const isMounted = mounted.some((mount) => mount["Source"] === own.root);
    const isScripts = hash !== undefined && (hashes.includes(hash) || isMounted);
    const maker = owner === "own"
      ? "kbuild"
      : owner === "other" && isAlive(container)
      ? "other"
      : isScripts
      ? "scripts"
      : undefined;
    if (maker === undefined) return [];
    return [Object.freeze({
      ...{ name, image: String(image), maker },
      isRunning: isObject(state) && state["Running"] === true,
      isNamed: isObject(labels) && labels[IDENTITY_LABEL] !== undefined,
      volumes: Object.freeze(
        mounted.filter(({ Type }) => Type === "volume").map(({ Name }) => String(Name)),
      ),
    })];
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
  const [identity, hashes, ids, names, volumes] = await Promise.all([
    identityOf(root),
    checkoutHashes(context),
    ask(["ps", "--all", "--quiet", "--no-trunc", "--filter", "name=kube-"]).then(linesOf),
    ask(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]).then(linesOf),
    ask(["volume", "ls", "--quiet", "--filter", "name=kube-build-data-"]).then(linesOf),
  ]);
  // One that ends meanwhile is removed by the engine.
  const inspected = await inspectAll(context, engine, "container", ids);
  const containers: string[] = [];
  const kept: (FoundContainer & { reason: string })[] = [];
  for (const container of ownContainers(inspected, { root, hashes, identity }, engine)) {
    const reason = await whyInUse(context, engine, container);
    if (reason === undefined) containers.push(container.name);
    else kept.push({ ...container, reason });
  }
  const isFree = (image: string) => !kept.some((container) => container.image === image);
  // Of an older kbuild, it may be one of this checkout's.
  const isOther = ({ isNamed, maker }: FoundContainer) => isNamed && maker === "other";
  const left = kept.filter((container) => !isOther(container));
  const reasonsOf = (found: typeof kept) =>
    Object.freeze(found.map(({ name, reason }) => `${name}: ${reason}`));
  const repository = containerNames.value.imageRepository ?? "kube-build";
  const images = ownImages(names, { repository, hashes }).filter(isFree).sort();
  return Object.freeze({
    containers: Object.freeze(containers.sort()),
    volumes: Object.freeze(
      left.length > 0
        ? []
        : volumes.filter((name) =>
          name === volumeName(context) && !kept.some(({ volumes }) => volumes.includes(name))
        ),
    ),
    images: Object.freeze(images),
    withoutParents: await haveUnnamedBase(context, engine, images),
    left: reasonsOf(left),
    others: reasonsOf(kept.filter(isOther)),
  });
}

/**
 * Whether an image starts from one that has no name any more: engines would remove that, too, when nothing else starts
 * from it. Steps of a build have no names either, but a parent.
 */
async function haveUnnamedBase(
  context: Pick<KubeContext, "shell">,
  engine: Engine,
  images: readonly string[],
): Promise<boolean> {
  const inspect = (ids: readonly string[]) => inspectAll(context, engine, "image", ids);
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
  { name, isNamed, isRunning, maker }: FoundContainer,
): Promise<string | undefined> {
  const way = `${kind} rm --force ${name} ends it`;
  if (maker === "other") {
    return isNamed
      ? `another checkout at this path runs a command in it (${way})`
      : `an older kbuild runs a command in it, here or on another machine (${way})`;
  }
  // That of rsync is a service, and nobody waits for its end.
  if (!isRunning || name.startsWith("kube-rsync-")) return undefined;
  if (maker === "scripts") return `a command runs in it (${way})`;
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
    const said: string[] = [];
    const decoder = new TextDecoder();
    const { code, tail } = await shell.run(argv, {
      allowed: "any",
      onStderr: (chunk) => void said.push(decoder.decode(chunk, { stream: true })),
    });
    // What has gone by itself need not be removed.
    if (code !== 0 && !saysMissing(linesOf(said.join("")))) {
      throw engineError(`Cannot remove what ${engine.kind} has`, tail, engine);
    }
  }
}
