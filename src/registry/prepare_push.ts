import { readFileChunks } from "../files/mod.ts";
import { createDeflater, type Deflater } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { digestOf } from "../image/mod.ts";
import { type ArchivedImage, type ArchivedName, openArchivedImage } from "./archived_image.ts";
import { blobsLimit, BlobStore } from "./blob_store.ts";
import { compressLayer, LAYER_LEVEL } from "./compress_layer.ts";
import type { Attachment } from "./attach.ts";
import type { RegistryContext } from "./types.ts";
import { type Descriptor, MEDIA } from "./manifest.ts";
import type { PushedBlob } from "./push_blob.ts";
import { pushEndpoint, type PushNames, pushNames, type TargetOptions } from "./push_names.ts";
import type { Endpoint } from "./reference.ts";

/** A manifest or a list, and the name that it gets. */
export interface PlannedPush {
  /** "registry.example/kube-proxy-amd64:v1.35.0". */
  readonly name: string;
  readonly tag: string;
  readonly endpoint: Endpoint;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly described: Descriptor;
  readonly archs: readonly string[];
  /** Digest of the configuration; undefined for a list. */
  readonly imageId: string | undefined;
  /** What must be there before; empty for a list. */
  readonly blobs: readonly PushedBlob[];
  /** Documents about it. */
  readonly attachments: readonly Attachment[];
  /** The images of a list: a registry wants them in the list's own repository. */
  readonly parts: readonly ListedImage[];
  readonly names: PushNames;
}

/** An image of a list, as it is in its own repository. */
export interface ListedImage {
  readonly endpoint: Endpoint;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly described: Descriptor;
  readonly blobs: readonly PushedBlob[];
  /** Documents about it. */
  readonly attachments: readonly Attachment[];
}

/**
 * Gives the documents about an image.
 *
 * @param path Its archive.
 * @param image Its name in the registry, and the digest of its manifest there: `sha256:…`.
 */
export type AttachmentSource = (
  path: string,
  image: { readonly name: string; readonly digest: string },
) => readonly Attachment[];

/**
 * Compresses the layers of archives and makes their manifests: docker's second schema, which every
 * engine reads. The configuration stays as it is, so the image ID does, too.
 *
 * @throws {KbuildError} An archive is damaged, or two make different images of one name.
 */
export async function prepareImages(
  context: RegistryContext,
  archives: readonly ArchivedName[],
  options: TargetOptions & { cache: string; attachments?: AttachmentSource | undefined },
): Promise<readonly PlannedPush[]> {
  const { cache } = options;
  const store = new BlobStore(cache);
  const limit = blobsLimit(context.env);
  const jobs = Math.min(navigator.hardwareConcurrency, 4);
  const deflater = createDeflater({ level: LAYER_LEVEL, jobs });
  try {
    const images = new Map<string, PlannedPush>();
    for (const { path, repoTag, arch } of archives) {
      await using image = await openArchivedImage(path);
      if (image.repoTag !== repoTag || image.platform.architecture !== arch) {
        throw new KbuildError(`Cannot push "${path}": it does not hold "${repoTag}" any more`, {
          notes: ["It was replaced meanwhile; run the same command again"],
        });
      }
      const planned = await prepareImage(context, image, { ...options, store, deflater });
      const other = images.get(planned.name);
      if (other !== undefined && other.described.digest !== planned.described.digest) {
        throw new KbuildError(`Cannot push two different images as "${planned.name}"`, {
          notes: [`One of them is "${path}"; name the archives to push`],
        });
      }
      images.set(planned.name, planned);
    }
    await store.sweep(limit);
    return Object.freeze([...images.values()]);
  } finally {
    deflater.close();
  }
}

async function prepareImage(
  context: RegistryContext,
  image: ArchivedImage,
  options: TargetOptions & {
    cache: string;
    store: BlobStore;
    deflater: Deflater;
    attachments?: AttachmentSource | undefined;
  },
): Promise<PlannedPush> {
  const { store, attachments = () => [] } = options;
  const { signal, log } = context;
  const { architecture } = image.platform;
  const names = pushNames(image.repoTag, architecture, options);
  const layers: Descriptor[] = [];
  const unit = log.events.unit({ kind: "compress", name: names.image });
  await unit.run(async () => {
    for (const [i, layer] of image.layers.entries()) {
      const label = `layer ${i + 1} of "${image.path}"`;
      unit.progress({ done: i + 1, total: image.layers.length, of: "layers" });
      layers.push(await compressLayer(layer, { ...options, label, signal }));
    }
  });
  const config = new Uint8Array(image.config);
  const imageId = digestOf(config);
  const bytes = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA.dockerManifest,
    config: { mediaType: MEDIA.dockerConfig, size: config.length, digest: imageId },
    layers: layers.map(({ mediaType, size, digest }) => ({ mediaType, size, digest })),
  }));
  const own: PushedBlob = {
    digest: imageId,
    size: config.length,
    read: async function* (offset, size) {
      yield config.slice(offset, offset + size);
    },
  };
  const blobs = [...layers.map((layer) => blobIn(store, layer)), own];
  const digest = digestOf(bytes);
  return Object.freeze({
    ...{ name: names.image, tag: names.tag, names, bytes, imageId, archs: [architecture] },
    endpoint: pushEndpoint(names.image, names),
    described: Object.freeze({
      mediaType: MEDIA.dockerManifest,
      digest,
      size: bytes.length,
      platform: image.platform,
    }),
    attachments: attachments(image.path, { name: names.image, digest }),
    blobs: [...new Map(blobs.map((blob) => [blob.digest, blob])).values()],
    parts: [],
  });
}

function blobIn(store: BlobStore, { digest, size }: Descriptor): PushedBlob {
  const path = store.path(digest);
  return Object.freeze({
    digest,
    size,
    read: (offset: number, size: number) => readFileChunks(path, { offset, size }),
  });
}

/** The list over the architectures of one name, in the order of their names. */
export function planList(names: PushNames, images: readonly ListedImage[]): PlannedPush {
  const archOf = ({ described }: ListedImage) => described.platform?.architecture ?? "";
  const unique = [...new Map(images.map((image) => [image.described.digest, image])).values()];
  const sorted = unique.sort((a, b) => archOf(a) < archOf(b) ? -1 : 1);
  const bytes = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA.dockerList,
    manifests: sorted.map(({ described: { mediaType, size, digest, platform } }) => (
      { mediaType, size, digest, platform }
    )),
  }));
  const described = { mediaType: MEDIA.dockerList, digest: digestOf(bytes), size: bytes.length };
  return Object.freeze({
    ...{ name: names.list, tag: names.tag, names, bytes, described, imageId: undefined },
    archs: sorted.map(archOf),
    endpoint: pushEndpoint(names.list, names),
    blobs: [],
    attachments: [],
    parts: sorted,
  });
}

/** The lists over images, one a name. */
export function planLists(images: readonly PlannedPush[]): readonly PlannedPush[] {
  const groups = Map.groupBy(images, ({ names }) => names.list);
  return [...groups.values()].map((group) => planList(group[0]!.names, group));
}
