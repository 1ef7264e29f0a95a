import { KbuildError } from "../errors.ts";
import type { Logger } from "../lib/logging.ts";
import { ownershipContext } from "../lib/ownership.ts";
import {
  cacheDirectory,
  claimCache,
  createClient,
  inCache,
  isOffline,
  NetworkError,
  readBody,
  type RetryPolicy,
} from "../net/mod.ts";
import { type ArchivedName, archivedNames } from "./archived_image.ts";
import type { RegistryContext } from "./types.ts";
import { type Descriptor, getManifest } from "./manifest.ts";
import {
  type AttachmentSource,
  type ListedImage,
  planList,
  planLists,
  type PlannedPush,
  prepareImages,
} from "./prepare_push.ts";
import { checkPush, type PushedBlob } from "./push_blob.ts";
import { lookUpTag } from "./tags.ts";
import { pushEndpoint, type PushNames, pushNames, type TargetOptions } from "./push_names.ts";
import { Pusher, type PushResult } from "./pusher.ts";
import { type Endpoint, urlOf } from "./reference.ts";
import { openSession, type Session } from "./session.ts";

/** Options of {@linkcode pushImages} and {@linkcode pushLists}. */
export interface PushOptions extends TargetOptions {
  /** Whether a tag that stands for something else is replaced; default false. */
  readonly force?: boolean;
  /** Whether lists over the architectures are pushed with the images; default true. */
  readonly lists?: boolean;
  /** Documents that are attached to images; default: none. */
  readonly attachments?: AttachmentSource | undefined;
  /** How long servers are waited for. */
  readonly retryPolicy?: Partial<RetryPolicy>;
}

/**
 * Pushes image archives and, over each name's architectures, a list, as krel does
 * (kubernetes/release, pkg/release/images.go): `<reg>/<name>-<arch>:<v>`, then `<reg>/<name>:<v>`.
 * Layers are compressed, only what the registry lacks is sent, and all tags are looked at before
 * anything is.
 *
 * @param archives Paths.
 * @throws {KbuildError} Tags stand for something else already (all are named), an archive is
 * damaged, or the registry refuses.
 */
export async function pushImages(
  context: RegistryContext,
  archives: readonly string[],
  options: PushOptions = {},
): Promise<readonly PushResult[]> {
  return await pushArchives(context, await archivedNames(archives), options);
}

/**
 * Pushes archives as {@linkcode pushImages} does, under the names that {@linkcode planPush} gives for the
 * same values.
 *
 * @throws {KbuildError} Also if an archive does not hold that image any more.
 */
export async function pushArchives(
  context: RegistryContext,
  archives: readonly ArchivedName[],
  options: PushOptions = {},
): Promise<readonly PushResult[]> {
  const cache = cacheDirectory(context.env, context.host);
  if (cache === undefined) {
    throw new KbuildError("Cannot push: no directory is known to keep compressed layers in", {
      notes: ["Set KBUILD_CACHE to the absolute path of a directory"],
    });
  }
  return await withSession(context, options, async (session, pusher) => {
    await reachRegistries(session, archives, options);
    const images = await inCache(cache, async () => {
      await claimCache(cache, context.env, ownershipContext(context));
      return await prepareImages(context, archives, { ...options, cache });
    });
    const lists = options.lists === false ? [] : planLists(images);
    await refuseOverwriting(session, [...images, ...lists], { ...context, force: options.force });
    return [...await pusher.push(images), ...await pusher.push(lists)];
  });
}

/** Architectures that Kubernetes has ever been released for. */
const ARCHS = ["amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x"] as const;

/**
 * Pushes lists alone, over those images that the registry has: the last step where several machines
 * have each pushed their own.
 *
 * @param archs Those that must be there; undefined takes those that are.
 * @throws {KbuildError} An image is missing, or a tag stands for something else.
 */
export async function pushLists(
  context: RegistryContext,
  names: readonly Omit<ArchivedName, "path">[],
  archs: readonly string[] | undefined,
  options: PushOptions = {},
): Promise<readonly PushResult[]> {
  return await withSession(context, options, async (session, pusher) => {
    const wanted = new Map<string, Omit<ArchivedName, "path">>();
    for (const name of names) {
      wanted.set(pushNames(name.repoTag, name.arch, options).list, name);
    }
    const lists: PlannedPush[] = [];
    for (const { repoTag, arch: own } of wanted.values()) {
      const found: ListedImage[] = [];
      const plain = repoTag.replace(new RegExp(`-${own}(?=:[^:/]*$)`), "");
      for (const arch of archs ?? ARCHS) {
        const image = await imageThere(session, pushNames(plain, arch, options), arch);
        if (image !== undefined) found.push(image);
        else if (archs !== undefined) throw missing(pushNames(plain, arch, options).image);
      }
      const target = pushNames(plain, own, options);
      if (found.length === 0) throw missing(target.image);
      lists.push(planList(target, found));
    }
    await refuseOverwriting(session, lists, { ...context, force: options.force });
    return await pusher.push(lists);
  });
}

async function imageThere(
  session: Session,
  names: PushNames,
  arch: string,
): Promise<ListedImage | undefined> {
  const endpoint = pushEndpoint(names.image, names);
  const found = await lookUpTag(session, endpoint, names.tag);
  if (found.state === "missing") return undefined;
  if (found.state === "unknown") throw found.why;
  const { digest } = found;
  const manifest = await getManifest(session, endpoint, digest);
  const { mediaType, images, config, layers } = manifest;
  const bytes = new Uint8Array(manifest.bytes);
  if (images !== undefined) {
    throw new KbuildError(`Cannot list "${names.image}": it is a list itself`);
  }
  const platform = { os: "linux", architecture: arch };
  return Object.freeze({
    endpoint,
    bytes,
    described: { mediaType, digest, size: bytes.length, platform },
    blobs: [config!, ...layers].map((blob) => remoteBlob(session, endpoint, blob)),
    attachments: [],
  });
}

/** A blob of another repository, read from there where it cannot be mounted. */
function remoteBlob(
  session: Session,
  endpoint: Endpoint,
  { digest, size }: Descriptor,
): PushedBlob {
  const url = urlOf(endpoint, `blobs/${digest}`);
  return Object.freeze({
    digest,
    size,
    async *read(offset: number, size: number) {
      if (size === 0) return;
      const range = { range: `bytes=${offset}-${offset + size - 1}` };
      const answer = await session.send(endpoint, "pull,push", url, { headers: range });
      const isPart = answer.status === 206 || (answer.status === 200 && offset === 0);
      if (!isPart) throw await session.client.refusal(url, answer);
      for await (const chunk of readBody(url, answer, session.client)) {
        yield new Uint8Array(chunk);
      }
    },
  });
}

function missing(image: string): KbuildError {
  return new KbuildError(`Cannot make a list: the registry has no "${image}"`, {
    notes: ["Push it first: kbuild images push --no-manifest"],
  });
}

async function withSession(
  context: RegistryContext,
  { retryPolicy }: PushOptions,
  work: (session: Session, pusher: Pusher) => Promise<readonly PushResult[]>,
): Promise<readonly PushResult[]> {
  if (isOffline(context.env)) {
    throw new KbuildError("Cannot push: --offline forbids the network", { exitCode: 2 });
  }
  using client = await createClient(context, retryPolicy);
  const session = openSession(client, context);
  const pusher = new Pusher(session, context.log);
  try {
    return Object.freeze(await work(session, pusher));
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    const again = error.retry || error.status === undefined ? ": run the same command" : "";
    const next = pusher.begun
      ? `What was sent already is not sent again${again}`
      : "Nothing was sent yet; --registry names another registry";
    throw new KbuildError(`Cannot push to "${new URL(error.url).host}": ${error.reason}`, {
      notes: [...error.notes, next],
      cause: error,
    });
  }
}

/**
 * Asks each registry for one tag, before minutes go by with compressing. One that refuses to answer
 * may take a push all the same: that is asked for then.
 *
 * @throws {NetworkError} It cannot be reached, or wants another log-in.
 */
async function reachRegistries(
  session: Session,
  archives: readonly ArchivedName[],
  options: PushOptions,
): Promise<void> {
  const hosts = new Set<string>();
  for (const { repoTag, arch } of archives) {
    const names = pushNames(repoTag, arch, options);
    const endpoint = pushEndpoint(names.image, names);
    if (hosts.has(endpoint.origin)) continue;
    hosts.add(endpoint.origin);
    const { state } = await lookUpTag(session, endpoint, names.tag);
    if (state === "unknown") await checkPush(session, endpoint);
  }
}

/**
 * Looks at all tags before anything is sent. With `force` the answers do not matter, so nothing is
 * asked.
 *
 * @throws {KbuildError} Tags stand for something else.
 */
async function refuseOverwriting(
  session: Session,
  items: readonly PlannedPush[],
  { force = false, log }: { force?: boolean | undefined; log: Logger },
): Promise<void> {
  if (force) return;
  const differing: string[] = [];
  const unknown: string[] = [];
  for (const { name, tag, endpoint, described: { digest } } of items) {
    const found = await lookUpTag(session, endpoint, tag);
    if (found.state === "unknown") unknown.push(`${name}: ${found.why.reason}`);
    if (found.state !== "there" || found.digest === digest) continue;
    differing.push(`${name} is ${found.digest}, would become ${digest}`);
  }
  if (unknown.length > 0) {
    log.warn("The registry does not say whether these tags are there; they are pushed:", unknown);
  }
  if (differing.length === 0) return;
  const what = differing.length === 1 ? "a tag points" : `${differing.length} tags point`;
  throw new KbuildError(`Cannot push: ${what} to a different image already`, {
    notes: [...differing, "Nothing was pushed; --force replaces them, --tag names another"],
  });
}
