import { KbuildError } from "../errors.ts";
import { checkDigest, digestOf, hexOf } from "./digest.ts";
import { type ImageFiles, readDocument } from "./image_files.ts";
import { isObject, object, objects, parseJson, text } from "./json.ts";
import { choose, type Platform } from "./platform.ts";
import type { FoundImage, JsonObject } from "./types.ts";

const INDEXES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFESTS = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const MAX_DEPTH = 4;

interface Candidate {
  readonly digest: string;
  readonly mediaType: string;
  readonly platform: Platform;
}

/**
 * Finds the image for an architecture in an OCI layout, through indexes within the index.
 *
 * @throws {KbuildError} No such image or several; a document that is missing or has another digest.
 */
export async function findOciImage(files: ImageFiles, arch: string): Promise<FoundImage> {
  const { manifest, where } = await findOciManifest(files, arch);
  return {
    config: await readConfig(files, manifest, where),
    imageId: text(object(manifest["config"], where)["digest"], where),
    layers: objects(manifest["layers"], where).map((layer) => {
      const digest = text(layer["digest"], where);
      return { name: blobName(digest), digest, mediaType: text(layer["mediaType"], where) };
    }),
  };
}

/** A manifest that was found in an OCI layout. */
export interface FoundManifest {
  readonly manifest: JsonObject;
  readonly digest: string;
  readonly mediaType: string;
  readonly platform: Platform;
  /** Its name for messages. */
  readonly where: string;
}

/** The manifest of the image that {@linkcode findOciImage} finds. */
export async function findOciManifest(
  files: ImageFiles,
  arch: string,
): Promise<FoundManifest> {
  const index = parseJson(
    await readDocument(files, "index.json"),
    `"index.json" of "${files.label}"`,
  );
  const all = await candidates(files, object(index, `"index.json" of "${files.label}"`), 0);
  const unique = [...new Map(all.map((candidate) => [candidate.digest, candidate])).values()];
  const { digest, mediaType, platform } = choose(unique, arch, files.label);
  const manifest = await readBlob(files, digest);
  const where = `manifest "${digest}" of "${files.label}"`;
  return { manifest, digest, mediaType, platform, where };
}

/** The file of a blob. */
export function blobName(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

async function candidates(
  files: ImageFiles,
  index: JsonObject,
  depth: number,
): Promise<readonly Candidate[]> {
  if (depth > MAX_DEPTH) {
    throw new KbuildError(
      `Cannot use base image "${files.label}": its indexes are nested too deep`,
    );
  }
  const found: Candidate[] = [];
  for (const descriptor of objects(index["manifests"], `an index of "${files.label}"`)) {
    const digest = text(descriptor["digest"], `an index of "${files.label}"`);
    const mediaType = descriptor["mediaType"];
    if (INDEXES.includes(String(mediaType))) {
      found.push(...await candidates(files, await readBlob(files, digest), depth + 1));
    } else if (mediaType === undefined || MANIFESTS.includes(String(mediaType))) {
      const platform = descriptor["platform"];
      found.push({
        digest,
        mediaType: mediaType === undefined ? MANIFESTS[0]! : String(mediaType),
        platform: asPlatform(isObject(platform) ? platform : undefined) ??
          asPlatform(await configOf(files, digest)) ?? { os: "unknown", architecture: "unknown" },
      });
    }
  }
  return found;
}

function asPlatform(value: JsonObject | undefined): Platform | undefined {
  const { os, architecture, variant } = value ?? {};
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  return { os, architecture, ...(typeof variant === "string" ? { variant } : {}) };
}

async function configOf(files: ImageFiles, digest: string): Promise<JsonObject> {
  const where = `manifest "${digest}" of "${files.label}"`;
  return await readConfig(files, await readBlob(files, digest), where);
}

async function readConfig(
  files: ImageFiles,
  manifest: JsonObject,
  where: string,
): Promise<JsonObject> {
  return await readBlob(files, text(object(manifest["config"], where)["digest"], where));
}

async function readBlob(files: ImageFiles, digest: string): Promise<JsonObject> {
  const where = `blob "${digest}" of base image "${files.label}"`;
  const bytes = await readDocument(files, blobName(digest));
  checkDigest(where, digest, digestOf(bytes));
  return object(parseJson(bytes, where), where);
}
