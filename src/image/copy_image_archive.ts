import { bytesEntry, type TarEntry, writeTar } from "../archive/mod.ts";
import { writeAll, writeFileAtomic } from "../files/mod.ts";
import { verified } from "./digest.ts";
import type { ImageFiles } from "./image_files.ts";
import { canonicalJson, object, objects, text } from "./json.ts";
import { CONTAINERD_ANNOTATION, INDEX_TYPE, NAME_ANNOTATION } from "./own_layout.ts";
import { blobName, findOciManifest } from "./read_oci.ts";
import { parseRepoTag } from "./repo_tag.ts";
import { readDocument } from "./image_files.ts";
import type { JsonObject } from "./types.ts";

/** Inputs of {@linkcode copyImageArchive}. */
export interface CopyImageOptions {
  /** GOARCH value of the image: `amd64`. */
  readonly arch: string;
  /** Names with tags that the image gets; at least one. */
  readonly names: readonly string[];
  /** Time of the archive's members, in seconds since 1970. */
  readonly mtime: number;
  /** Stops the copying; no file is left. */
  readonly signal?: AbortSignal | undefined;
}

/** An image in an archive of its own. */
export interface CopiedImage {
  /** Digest of the configuration, docker's image ID: `sha256:…`. */
  readonly imageId: string;
  /** Digest of the manifest: `sha256:…`. */
  readonly manifest: string;
}

/**
 * Copies an image, byte for byte as it is, into an archive that is a docker archive and an OCI layout. Its manifest,
 * and so its digest in a registry, stays the same; only its names are others. The archive appears complete or not at all.
 *
 * @param out The archive to write.
 * @param files An OCI layout, or an archive that is one, too.
 * @throws {KbuildError} There is no image for the architecture; a part of it is missing or has another digest.
 */
export async function copyImageArchive(
  out: string,
  files: ImageFiles,
  { arch, names, mtime, signal }: CopyImageOptions,
): Promise<CopiedImage> {
  const { manifest, digest, mediaType, platform, where } = await findOciManifest(files, arch);
  const document = await readDocument(files, blobName(digest));
  const config = object(manifest["config"], where);
  const layers = objects(manifest["layers"], where);
  const { os, architecture, variant } = platform;
  const descriptor = {
    ...{ mediaType, digest, size: document.length },
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
  };
  const index = canonicalJson({
    ...{ schemaVersion: 2, mediaType: INDEX_TYPE },
    manifests: names.map((name) => ({
      ...descriptor,
      annotations: {
        [CONTAINERD_ANNOTATION]: parseRepoTag(name).full,
        [NAME_ANNOTATION]: name,
      },
    })),
  });
  const digestIn = (part: JsonObject) => text(part["digest"], where);
  const docker = canonicalJson([{
    Config: blobName(digestIn(config)),
    Layers: layers.map((layer) => blobName(digestIn(layer))),
    RepoTags: names,
  }]);
  const encode = (value: string) => new TextEncoder().encode(value);
  const blobs = new Map([config, ...layers].map((part) => [digestIn(part), part]));
  const entries: readonly TarEntry[] = [
    bytesEntry(blobName(digest), document, { mtime }),
    ...[...blobs].map(([blob, { size }]): TarEntry => ({
      ...{ name: blobName(blob), size: Number(size), type: "file", mode: 0o644, mtime },
      content: {
        label: `"${blobName(blob)}" of "${files.label}"`,
        async write(sink) {
          for await (const chunk of verified(files.read(blobName(blob)), blob, blobName(blob))) {
            await sink(chunk);
          }
        },
      },
    })),
    bytesEntry("index.json", encode(index), { mtime }),
    bytesEntry("manifest.json", encode(docker), { mtime }),
    bytesEntry("oci-layout", encode('{"imageLayoutVersion":"1.0.0"}'), { mtime }),
  ];
  const abort = signal === undefined ? {} : { signal };
  await writeFileAtomic(out, async (file) => {
    await writeTar(entries, (chunk) => writeAll(out, file, chunk), abort);
  }, abort);
  return Object.freeze({ imageId: digestIn(config), manifest: digest });
}
