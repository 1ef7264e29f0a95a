import { UsageError } from "../errors.ts";
import { isLoopback } from "../net/mod.ts";
import type { ArchivedName } from "./archived_image.ts";
import { type Endpoint, endpointsFor, parseReference } from "./reference.ts";

/** Where images are pushed to. */
export interface TargetOptions {
  /** "registry.example/kubernetes", also with "http://" in front; default: as the archive says. */
  readonly registry?: string | undefined;
  /** Default: as the archive says. A "+" becomes "_". */
  readonly tag?: string | undefined;
}

/** What one image is pushed as. */
export interface PushNames {
  /** "registry.example/kube-proxy-amd64:v1.35.0". */
  readonly image: string;
  /** "registry.example/kube-proxy:v1.35.0": the list over all architectures. */
  readonly list: string;
  readonly tag: string;
  /** Scheme that `--registry` was written with. */
  readonly scheme: string | undefined;
}

/**
 * The names that an image is pushed under, as krel does it: the first name in its archive without
 * the architecture, then with it (kubernetes/release, pkg/release/images.go, `GetManifestImages`).
 * 1.7 leaves `-amd64` out; here it gets one.
 *
 * @param repoTag The first name in the archive: "registry.k8s.io/kube-proxy-amd64:v1.35.0".
 * @throws {UsageError} The registry or the tag cannot be part of a name.
 */
export function pushNames(repoTag: string, arch: string, options: TargetOptions): PushNames {
  const own = parseReference(repoTag);
  const [, scheme, given] = /^(?:(https?):\/\/)?(.*?)\/*$/.exec(options.registry ?? "") ?? [];
  const parts = own.repository.split("/");
  const last = parts.pop()!;
  const registry = given || [own.host, ...parts].join("/");
  const name = last.endsWith(`-${arch}`) ? last.slice(0, -arch.length - 1) : last;
  const tag = (options.tag || own.tag || "").replaceAll("+", "_");
  if (given && !/[.:]/.test(given.split("/")[0]!) && !isLoopback(given)) {
    throw new UsageError(
      `Cannot push to "${given}": it does not begin with the host of a registry`,
      [
        `Write it out: "docker.io/${given}", "registry.example/${given}"`,
      ],
    );
  }
  const image = `${registry}/${name}-${arch}:${tag}`;
  parseReference(image);
  return Object.freeze({ image, list: `${registry}/${name}:${tag}`, tag, scheme });
}

/** Mirrors are for what is taken in; what goes out goes where its name says. */
export function pushEndpoint(name: string, { scheme }: Pick<PushNames, "scheme">): Endpoint {
  const reference = parseReference(name);
  const { host } = reference;
  const itself = scheme === undefined ? [] : [{ prefix: host, where: [`${scheme}://${host}`] }];
  return { ...endpointsFor(itself, reference)[0]!, rule: undefined };
}

/** A name that would be pushed. */
export interface PlannedName {
  /** With registry and tag. */
  readonly name: string;
  /** The archive; undefined for a list over architectures. */
  readonly path: string | undefined;
  /** The one of an image, those of a list. */
  readonly archs: readonly string[];
  /** Types of the documents that are attached to an image; missing where there are none. */
  readonly attached?: readonly string[];
}

/**
 * The names that archives would be pushed under, images first, then the lists over them. No registry
 * is asked.
 *
 * @param options.lists Whether lists are pushed; default true.
 * @throws {UsageError} As {@linkcode pushNames}.
 */
export function planPush(
  images: readonly ArchivedName[],
  options: TargetOptions & { readonly lists?: boolean } = {},
): readonly PlannedName[] {
  const planned: PlannedName[] = [];
  const lists = new Map<string, string[]>();
  for (const { path, repoTag, arch } of images) {
    const { image, list } = pushNames(repoTag, arch, options);
    planned.push(Object.freeze({ name: image, path, archs: Object.freeze([arch]) }));
    lists.set(list, [...lists.get(list) ?? [], arch]);
  }
  if (options.lists === false) return Object.freeze(planned);
  for (const [name, archs] of lists) {
    const sorted = Object.freeze([...new Set(archs)].sort());
    planned.push(Object.freeze({ name, path: undefined, archs: sorted }));
  }
  return Object.freeze(planned);
}
