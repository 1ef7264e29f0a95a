import { KbuildError } from "../errors.ts";
import {
  archiveFiles,
  type ImageFiles,
  isObject,
  type Json,
  parseJson,
  type Platform,
  readDocument,
} from "../image/mod.ts";
import { platformOf } from "./manifest.ts";

/** An image in a docker archive, to be pushed. */
export interface ArchivedImage extends AsyncDisposable {
  /** The archive. */
  readonly path: string;
  /** The first of its names: an interface of krel. */
  readonly repoTag: string;
  /** Its configuration as it is; its digest is the image ID. */
  readonly config: Uint8Array;
  readonly platform: Platform;
  /** Lowest first. */
  readonly layers: readonly ArchivedLayer[];
}

/** A layer in an archive, not compressed. */
export interface ArchivedLayer {
  /** `sha256:…` of the tar, as the configuration says. */
  readonly diffID: string;
  /** The tar. */
  read(): AsyncGenerator<Uint8Array, void>;
}

/**
 * Opens the one image of an archive, as kbuild and `docker save` write them.
 *
 * @throws {KbuildError} It is not an image archive, or holds several images or one without a name.
 */
export async function openArchivedImage(path: string): Promise<ArchivedImage> {
  const files = await archiveFiles(path);
  try {
    return Object.freeze({
      ...await readImage(files, path),
      path,
      [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
    });
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

/** What {@linkcode openArchivedImage} finds before any layer is read. */
export interface ArchivedName {
  /** The archive. */
  readonly path: string;
  /** The first of its names, with a tag. */
  readonly repoTag: string;
  /** Go's word: "amd64". */
  readonly arch: string;
}

/**
 * The names and architectures of archives.
 *
 * @throws {KbuildError} As {@linkcode openArchivedImage}.
 */
export async function archivedNames(paths: readonly string[]): Promise<readonly ArchivedName[]> {
  const names: ArchivedName[] = [];
  for (const path of paths) {
    await using image = await openArchivedImage(path);
    const { repoTag, platform: { architecture: arch } } = image;
    names.push(Object.freeze({ path, repoTag, arch }));
  }
  return Object.freeze(names);
}

async function readImage(files: ImageFiles, path: string) {
  const wrong = (why: string) => new KbuildError(`Cannot push "${path}": ${why}`);
  if (!await files.has("manifest.json")) throw wrong("it is no docker archive");
  const manifest = parseJson(
    await readDocument(files, "manifest.json"),
    `the manifest of "${path}"`,
  );
  const images = Array.isArray(manifest) ? manifest : [];
  const [image] = images;
  if (images.length !== 1 || !isObject(image)) {
    throw wrong(`it holds ${images.length} images, want one`);
  }
  const strings = (value: Json | undefined): readonly string[] =>
    Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  const [repoTag] = strings(image["RepoTags"]);
  if (repoTag === undefined) throw wrong("its image has no name");
  const config = await readDocument(files, String(image["Config"]));
  const settings = parseJson(config, `the configuration in "${path}"`);
  const platform = isObject(settings) ? platformOf(settings) : undefined;
  const rootfs = isObject(settings) ? settings["rootfs"] : undefined;
  const diffIDs = strings(isObject(rootfs) ? rootfs["diff_ids"] : undefined);
  const names = strings(image["Layers"]);
  if (platform === undefined || names.length !== diffIDs.length) {
    throw wrong("its configuration does not fit its layers");
  }
  return {
    repoTag,
    config,
    platform,
    layers: Object.freeze(
      names.map((name, i) => Object.freeze({ diffID: diffIDs[i]!, read: () => files.read(name) })),
    ),
  };
}
