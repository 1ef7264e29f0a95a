import { digestOf } from "./digest.ts";
import { type ImageFiles, readDocument } from "./image_files.ts";
import { isObject, object, objects, parseJson, strings, text } from "./json.ts";
import type { Platform } from "./platform.ts";
import type { JsonObject } from "./types.ts";

const MANIFEST = "manifest.json";

/** An image in a docker archive, as `docker save` writes it. */
export interface DockerImage {
  /** Name of the configuration in the archive. */
  readonly name: string;
  /** The configuration, byte for byte. */
  readonly document: Uint8Array;
  /** The configuration. */
  readonly config: JsonObject;
  /** Digest of the configuration, docker's image ID: `sha256:…`. */
  readonly imageId: string;
  /** Platform that the configuration names. */
  readonly platform: Platform;
  /** Names of the layers in the archive, lowest first. */
  readonly layers: readonly string[];
  /** Digests of the layers that the configuration names, lowest first: `sha256:…`. */
  readonly diffIDs: readonly string[];
}

/** Whether files are a docker archive. */
export function isDockerArchive(files: ImageFiles): Promise<boolean> {
  return files.has(MANIFEST);
}

/**
 * Reads the entries of `manifest.json`, one an image.
 *
 * @throws {KbuildError} The document is missing or malformed.
 */
export async function readDockerManifest(files: ImageFiles): Promise<readonly JsonObject[]> {
  const where = nameIn(files, MANIFEST);
  return objects(parseJson(await readDocument(files, MANIFEST), where), where);
}

/** Names with tags of an entry of {@linkcode readDockerManifest}. */
export function repoTagsOf(files: ImageFiles, entry: JsonObject): readonly string[] {
  return strings(entry["RepoTags"], nameIn(files, MANIFEST));
}

/**
 * Reads the image of an entry of {@linkcode readDockerManifest}.
 *
 * @throws {KbuildError} A document is missing or malformed.
 */
export async function readDockerImage(files: ImageFiles, entry: JsonObject): Promise<DockerImage> {
  const where = nameIn(files, MANIFEST);
  const name = text(entry["Config"], where);
  const inside = nameIn(files, name);
  const document = await readDocument(files, name);
  const config = object(parseJson(document, inside), inside);
  const { rootfs, variant } = config;
  return {
    name,
    document,
    config,
    imageId: digestOf(document),
    platform: {
      os: text(config["os"], inside),
      architecture: text(config["architecture"], inside),
      ...(typeof variant === "string" && variant !== "" ? { variant } : {}),
    },
    layers: strings(entry["Layers"], where),
    diffIDs: strings(isObject(rootfs) ? rootfs["diff_ids"] : undefined, inside),
  };
}

function nameIn(files: ImageFiles, name: string): string {
  return `"${name}" of "${files.label}"`;
}
