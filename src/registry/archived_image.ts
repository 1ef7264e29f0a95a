import { KbuildError } from "../errors.ts";
import {
  archiveFiles,
  type ImageFiles,
  isDockerArchive,
  type Platform,
  readDockerImage,
  readDockerManifest,
  repoTagsOf,
} from "../image/mod.ts";

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
  if (!await isDockerArchive(files)) throw wrong("it is not a docker archive");
  const entries = await readDockerManifest(files);
  const [entry] = entries;
  if (entries.length !== 1 || entry === undefined) {
    throw wrong(`it holds ${entries.length} images, want one`);
  }
  const [repoTag] = repoTagsOf(files, entry);
  if (repoTag === undefined) throw wrong("its image has no name");
  const { document, platform, layers, diffIDs } = await readDockerImage(files, entry);
  if (layers.length !== diffIDs.length) throw wrong("its configuration does not fit its layers");
  return {
    repoTag,
    config: document,
    platform,
    layers: Object.freeze(
      layers.map((name, i) => Object.freeze({ diffID: diffIDs[i]!, read: () => files.read(name) })),
    ),
  };
}
