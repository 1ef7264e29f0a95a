import { KbuildError } from "../errors.ts";
import {
  digestOf,
  hexOf,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  type Platform,
} from "../image/mod.ts";
import { downloadBytes, WrongContentError } from "../net/mod.ts";
import { type Endpoint, urlOf } from "./reference.ts";
import type { Session } from "./session.ts";

/** Media types of manifests: docker's second schema and OCI's. */
export const MEDIA = Object.freeze({
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
});

/** Media types of the manifests that kbuild understands. */
export const ACCEPTED: readonly string[] = [
  MEDIA.ociIndex,
  MEDIA.dockerList,
  MEDIA.ociManifest,
  MEDIA.dockerManifest,
];

/** Bytes of a manifest; registries take up to 4 MiB. */
export const MAX_MANIFEST = 8 << 20;

/** Something in a registry that a manifest names. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Platform;
}

/** A manifest or an index, checked. */
export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** Images by platform; undefined for the manifest of one image. */
  readonly images: readonly Descriptor[] | undefined;
  /** The configuration of one image. */
  readonly config: Descriptor | undefined;
  /** The layers of one image, lowest first. */
  readonly layers: readonly Descriptor[];
}

/**
 * Gets a manifest, and checks it against the digest that was asked for and the one that the registry
 * gives.
 *
 * @param which A tag or a digest.
 * @throws {NetworkError} It cannot be fetched.
 * @throws {WrongContentError} It is something else.
 */
export async function getManifest(
  session: Session,
  endpoint: Endpoint,
  which: string,
): Promise<Manifest> {
  const url = urlOf(endpoint, `manifests/${which}`);
  const { bytes, headers } = await downloadBytes(session.client, url, {
    send: (asked, request) => session.send(endpoint, "pull", asked, request),
    most: MAX_MANIFEST,
    headers: { accept: ACCEPTED.join(", ") },
  });
  const digest = digestOf(bytes);
  const said = headers.get("docker-content-digest");
  const wanted = which.startsWith("sha256:") ? which : undefined;
  if (wanted !== undefined && digest !== wanted) {
    throw new WrongContentError(`Its digest is "${digest}", want "${wanted}"`);
  }
  if (said?.startsWith("sha256:") === true && said !== digest) {
    throw new WrongContentError(`Its digest is "${digest}", but the registry says "${said}"`);
  }
  try {
    return parseManifest(bytes, headers.get("content-type") ?? undefined);
  } catch (error) {
    if (!(error instanceof KbuildError)) throw error;
    throw new WrongContentError(error.message, { notes: error.notes, cause: error });
  }
}

/**
 * Reads a manifest or an index.
 *
 * @param contentType What the registry says; needed where the document does not say it.
 * @throws {KbuildError} It is neither, or of the first schema.
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest {
  const value = parseJson(bytes, "the manifest");
  if (!isObject(value)) throw new KbuildError("Cannot read the manifest: it is not a JSON object");
  if (value["schemaVersion"] === 1 || value["fsLayers"] !== undefined) {
    throw new KbuildError(
      "Its manifest is of docker's first schema, which has no digests to check",
      {
        notes: ["Pull it with docker and push it again, or export it: --base-image NAME=FILE"],
      },
    );
  }
  const list = value["manifests"];
  const own = typeof value["mediaType"] === "string" ? value["mediaType"] : undefined;
  const mediaType = own ?? contentType?.split(";")[0]?.trim() ?? "";
  const isList = Array.isArray(list);
  if (!isList && !isObject(value["config"])) {
    throw new KbuildError("Cannot read the manifest: it has neither images nor a configuration");
  }
  return Object.freeze({
    digest: digestOf(bytes),
    bytes,
    mediaType: ACCEPTED.includes(mediaType)
      ? mediaType
      : isList
      ? MEDIA.ociIndex
      : MEDIA.ociManifest,
    images: isList ? Object.freeze(list.map(descriptor)) : undefined,
    config: isList ? undefined : descriptor(value["config"]),
    layers: isList ? [] : Object.freeze(listOf(value["layers"]).map(descriptor)),
  });
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function descriptor(value: Json | undefined): Descriptor {
  const { mediaType, digest, size, platform } = isObject(value) ? value : {} as JsonObject;
  if (typeof digest !== "string" || typeof size !== "number" || !(size >= 0)) {
    throw new KbuildError("Cannot read the manifest: it names something without digest or size");
  }
  hexOf(digest);
  const known = isObject(platform) ? platformOf(platform) : undefined;
  return Object.freeze({
    mediaType: typeof mediaType === "string" ? mediaType : "",
    digest,
    size,
    ...(known === undefined ? {} : { platform: known }),
  });
}

/** What an index or a configuration says that an image runs on. */
export function platformOf({ os, architecture, variant }: JsonObject): Platform | undefined {
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  return Object.freeze({
    os,
    architecture,
    ...(typeof variant === "string" && variant !== "" ? { variant } : {}),
  });
}
