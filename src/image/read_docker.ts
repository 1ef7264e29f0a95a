import { readDockerImage, readDockerManifest } from "./docker_archive.ts";
import type { ImageFiles } from "./image_files.ts";
import { choose } from "./platform.ts";
import type { FoundImage } from "./types.ts";

const TAR = "application/vnd.docker.image.rootfs.diff.tar";

/**
 * Finds the image for an architecture in what `docker save` writes. Its layers are checked by the
 * digests in the image's configuration, which itself has none to be checked by.
 *
 * @throws {KbuildError} No such image or several; a document that is missing or malformed.
 */
export async function findDockerImage(files: ImageFiles, arch: string): Promise<FoundImage> {
  const manifest = await readDockerManifest(files);
  const images = await Promise.all(manifest.map((entry) => readDockerImage(files, entry)));
  const unique = [...new Map(images.map((image) => [image.name, image])).values()];
  const { config, imageId, layers } = choose(unique, arch, files.label);
  return {
    config,
    imageId,
    layers: layers.map((name) => ({ name, digest: undefined, mediaType: TAR })),
  };
}
