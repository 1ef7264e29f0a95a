import { bytesEntry, streamTar, type TarEntry } from "../archive/mod.ts";
import type { ImageFiles } from "./image_files.ts";
import { object, objects, text } from "./json.ts";
import { blobName, findOciManifest } from "./read_oci.ts";
import type { JsonObject } from "./types.ts";

/**
 * An image of an OCI layout as a docker archive, byte for byte as it is there: what `docker load` and
 * `podman load` read from stdin. The image has the same ID there.
 *
 * @param arch GOARCH value of the image: `amd64`.
 * @param repoTags Names with tags that the engine gives it.
 * @throws {KbuildError} There is no image for the architecture, or a part of it is missing.
 */
export async function* loadStream(
  files: ImageFiles,
  arch: string,
  repoTags: readonly string[],
): AsyncGenerator<Uint8Array> {
  const { manifest, where } = await findOciManifest(files, arch);
  const blob = (descriptor: JsonObject) => ({
    name: blobName(text(descriptor["digest"], where)),
    size: Number(descriptor["size"]),
  });
  const config = blob(object(manifest["config"], where));
  const layers = objects(manifest["layers"], where).map(blob);
  const index = [{
    Config: config.name,
    RepoTags: repoTags,
    Layers: layers.map(({ name }) => name),
  }];
  const unique = new Map([config, ...layers].map((each) => [each.name, each]));
  const entries: readonly TarEntry[] = [
    ...[...unique.values()].map(({ name, size }): TarEntry => ({
      ...{ name, size, type: "file", mode: 0o644, mtime: 0 },
      content: {
        label: `"${name}" of "${files.label}"`,
        async write(sink) {
          for await (const chunk of files.read(name)) await sink(chunk);
        },
      },
    })),
    bytesEntry("manifest.json", new TextEncoder().encode(JSON.stringify(index)), { mtime: 0 }),
  ];
  yield* streamTar(entries);
}
