import { digestOf } from "./digest.ts";
import { type ImageFiles, readDocument } from "./image_files.ts";
import { object, objects, parseJson, strings, text } from "./json.ts";
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
  const where = `"manifest.json" of "${files.label}"`;
  const manifest = parseJson(await readDocument(files, "manifest.json"), where);
  const images = await Promise.all(
    objects(manifest, where).map(async (image) => {
      const name = text(image["Config"], where);
      const inside = `"${name}" of "${files.label}"`;
      const bytes = await readDocument(files, name);
      const config = object(parseJson(bytes, inside), inside);
      return {
        name,
        config,
        imageId: digestOf(bytes),
        layers: strings(image["Layers"], where),
        platform: {
          os: text(config["os"], inside),
          architecture: text(config["architecture"], inside),
          ...(typeof config["variant"] === "string" ? { variant: config["variant"] } : {}),
        },
      };
    }),
  );
  const unique = [...new Map(images.map((image) => [image.name, image])).values()];
  const { config, imageId, layers } = choose(unique, arch, files.label);
  return {
    config,
    imageId,
    layers: layers.map((name) => ({ name, digest: undefined, mediaType: TAR })),
  };
}
