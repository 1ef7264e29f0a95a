import { UsageError } from "../errors.ts";
import { HOST, REPOSITORY, TAG } from "../lib/image_name.ts";
import { type Candidate, candidatesFor, type MirrorTable, parseMirrors } from "../net/mod.ts";

/** The name of an image in a registry, taken apart. */
export interface Reference {
  /** As it was written: "busybox". */
  readonly text: string;
  /** The registry: "docker.io". */
  readonly host: string;
  /** The name there: "library/busybox". */
  readonly repository: string;
  /** Both together, which mirrors are looked up by: "docker.io/library/busybox". */
  readonly name: string;
  /** "latest" where neither tag nor digest is written. */
  readonly tag: string | undefined;
  /** `sha256:…`; it decides where both are written. */
  readonly digest: string | undefined;
}

const IS_REPOSITORY = new RegExp(`^${REPOSITORY}$`);
const IS_HOST = new RegExp(`^${HOST}$`);
const IS_TAG = new RegExp(`^${TAG}$`);
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Reads the name of an image as docker does: without a registry it is Docker Hub's, without a tag
 * "latest". github.com/distribution/reference, `ParseNormalizedNamed`.
 *
 * @throws {UsageError} It is not such a name.
 */
export function parseReference(text: string): Reference {
  const wrong = (why: string) =>
    new UsageError(`Cannot use "${text}" as an image: ${why}`, [
      'Write it so: "registry.example/path/name:tag" or "…/name@sha256:<64 hex>"',
    ]);
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !DIGEST.test(digest)) throw wrong(`"${digest}" is not a digest`);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(":");
  const tagged = colon > named.lastIndexOf("/");
  const tag = tagged ? named.slice(colon + 1) : digest === undefined ? "latest" : undefined;
  if (tag !== undefined && !IS_TAG.test(tag)) throw wrong(`"${tag}" is not a tag`);
  const [host, repository] = split(tagged ? named.slice(0, colon) : named);
  if (!IS_HOST.test(host)) throw wrong(`"${host}" is not a registry`);
  if (!IS_REPOSITORY.test(repository)) {
    throw wrong(
      /[A-Z]/.test(repository)
        ? "capital letters are not allowed"
        : `"${repository}" is not a name`,
    );
  }
  return Object.freeze({ text, host, repository, name: `${host}/${repository}`, tag, digest });
}

function split(name: string): [host: string, repository: string] {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:A-Z]/.test(first) || first === "localhost";
  if (!isHost) return ["docker.io", slash < 0 ? `library/${name}` : name];
  const host = /^(index|registry-1)\.docker\.io$/.test(first) ? "docker.io" : first;
  const repository = name.slice(slash + 1);
  const official = host === "docker.io" && !repository.includes("/");
  return [host, official ? `library/${repository}` : repository];
}

/** Where an image is in one registry. */
export interface Endpoint extends Candidate {
  /** "https://mirror.example:5000". */
  readonly origin: string;
  /** The name there: "k8s/pause". */
  readonly repository: string;
}

/** Docker Hub's registry does not answer under its own name. */
const HUB = "https://registry-1.docker.io";

/** The registries that may have an image, in order. */
export function endpointsFor(
  table: MirrorTable,
  { name }: Pick<Reference, "name">,
): readonly Endpoint[] {
  return Object.freeze(candidatesFor(table, name).map(endpointOf));
}

/** Registries that have moved, and where to: the new one speaks for the old one. */
const MOVED = parseMirrors("preset:moved");

/** The registry that says what a name's tags stand for. */
export function originOf(name: Pick<Reference, "name">): Endpoint {
  return { ...endpointsFor(MOVED, name)[0]!, rule: undefined };
}

/** Whether an endpoint is a name's own registry, under its old address or its new one. */
export function isOrigin({ url }: Endpoint, name: Pick<Reference, "name">): boolean {
  return [...endpointsFor([], name), originOf(name)].some((own) => own.url === url);
}

function endpointOf({ url, rule }: Candidate): Endpoint {
  const { origin, pathname } = new URL(url);
  const repository = decodeURIComponent(pathname.slice(1));
  const hub = /^https:\/\/(index\.)?docker\.io$/.test(origin) ? HUB : origin;
  return Object.freeze({ url: `${hub}/${repository}`, rule, origin: hub, repository });
}

/** The URL of something of an image: `manifests/v1`, `blobs/sha256:…`. */
export function urlOf({ origin, repository }: Endpoint, path: string): string {
  return `${origin}/v2/${repository}/${path}`;
}
