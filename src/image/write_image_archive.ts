import { crc32 } from "node:zlib";
import { writeFileAtomic } from "../files/mod.ts";
import {
  bytesEntry,
  type ByteSink,
  directoryEntry,
  type Hasher,
  inlineHasher,
  orderEntries,
  sinkOf,
  type TarEntry,
  writeTar,
} from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { digestOf, hexOf } from "./digest.ts";
import { type ConfigChanges, imageConfig } from "./image_config.ts";
import { canonicalJson } from "./json.ts";
import { CONTAINERD_ANNOTATION, INDEX_TYPE, NAME_ANNOTATION } from "./own_layout.ts";
import { blobName } from "./read_oci.ts";
import { parseRepoTag, type RepoTag } from "./repo_tag.ts";
import type { Base, Json, JsonObject } from "./types.ts";

const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

/** A new layer. */
export interface ImageLayer {
  /** Its members in their order; see {@linkcode copyLayer}. */
  readonly entries: readonly TarEntry[];
  /** What the image's history says of it: "COPY kube-proxy /usr/local/bin/kube-proxy". */
  readonly createdBy: string;
}

/** Options of {@linkcode writeImageArchive}. */
export interface ImageArchiveOptions {
  /** The file to write; its directory must exist. */
  out: string;
  /** What to build upon; stays open. */
  base: Base;
  /** Go's word: "amd64". */
  arch: string;
  /** Default "linux". */
  os?: "linux";
  /** Seconds since 1970, for the image and for all members of the archive. */
  created: number;
  /** New layers, lowest first. */
  layers: readonly ImageLayer[];
  /** Changes to the base's configuration. */
  config?: ConfigChanges;
  /** Names with tags, written in this order. */
  repoTags: readonly string[];
  /** Computes the digests; stays open. Default: {@linkcode archive.inlineHasher}. */
  hasher?: Hasher;
  /** Stops the writing; no file is left. */
  signal?: AbortSignal;
}

/** A finished image archive. */
export interface ImageArchive {
  /** The file, as it was asked for. */
  readonly path: string;
  /** Digest of the file, hexadecimal. */
  readonly sha256: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Digest of the configuration, docker's image ID: `sha256:…`. */
  readonly imageId: string;
  /** Digest of the OCI manifest: `sha256:…`. */
  readonly manifestDigest: string;
}

/**
 * Writes an image as one tar that is a docker archive (`manifest.json`, for `docker load`) and an
 * OCI layout (`index.json`, for containerd, podman and skopeo) at once, over the same blobs. All
 * layers are uncompressed in it, also those of a base that had them compressed: a docker archive
 * wants them so, and one copy serves both forms. Nothing in it depends on anything but the options
 * and the contents; it appears complete or not at all.
 *
 * New layers are read twice: once for their digest, which precedes them, once to write.
 *
 * @throws {KbuildError} A source that cannot be read or changes meanwhile, a base for another
 * architecture, a file that cannot be written.
 * @throws {UsageError} A name that is not an image's.
 */
export async function writeImageArchive(options: ImageArchiveOptions): Promise<ImageArchive> {
  const { out, base, arch, os = "linux", created, config: changes = {}, signal } = options;
  const { hasher = inlineHasher } = options;
  const tags = options.repoTags.map(parseRepoTag);
  const abort = signal === undefined ? {} : { signal };
  const added = await Promise.all(options.layers.map((layer) => planLayer(layer, hasher, abort)));
  const layers: PlannedLayer[] = [
    ...base.layers.map(({ diffID, tarSize, open }) => ({
      diffID,
      size: tarSize,
      write: async (sink: ByteSink) => {
        for await (const chunk of open()) await sink(chunk);
      },
    })),
    ...added,
  ];
  const config = canonicalJson(imageConfig({ base, arch, os, created, layers: added, changes }));
  const documents = planDocuments(config, layers, tags, JSON.parse(config));
  const entries = archiveEntries(documents, layers, created);

  return await writeFileAtomic(out, async (_file, path) => {
    using stream = hasher.open(["sha256"], { path, label: out });
    const sink = sinkOf((chunk) => stream.update(chunk), stream.copy);
    const size = await writeTar(entries, sink, abort);
    const [sha256 = ""] = await stream.digests();
    return Object.freeze({
      path: out,
      sha256,
      size,
      imageId: digestOf(config),
      manifestDigest: digestOf(documents.manifest),
    });
  }, abort);
}

interface PlannedLayer {
  readonly diffID: string;
  readonly size: number;
  /** Hands the layer's bytes on, read again each time. */
  write(sink: ByteSink): Promise<void>;
}

async function planLayer(
  layer: ImageLayer,
  hasher: Hasher,
  options: { signal?: AbortSignal },
): Promise<PlannedLayer & { createdBy: string }> {
  const { entries, createdBy } = layer;
  using stream = hasher.open(["sha256"]);
  const first = new Checksums(sinkOf((chunk) => stream.update(chunk), stream.copy));
  const size = await writeTar(entries, first.sink, options);
  const [digest] = await stream.digests();
  return {
    diffID: `sha256:${digest}`,
    size,
    createdBy,
    async write(sink) {
      const again = new Checksums(sink);
      await writeTar(entries, again.sink, options);
      if (again.text === first.text) return;
      throw new KbuildError(`Cannot write the layer of "${createdBy}": a file changed meanwhile`, {
        notes: ["Run again when no other program writes to it"],
      });
    },
  };
}

/**
 * Tells whether what is written is what was hashed: a checksum takes a tenth of a digest's time. What
 * is copied unread has checksums of its own, so both passes must go through sinks of one kind.
 */
class Checksums {
  readonly sink: ByteSink;
  readonly #copied: number[] = [];
  #written = 0;

  constructor(to: ByteSink) {
    const { copy } = to;
    const write = (chunk: Uint8Array) => {
      this.#written = crc32(chunk, this.#written);
      return to(chunk);
    };
    this.sink = sinkOf(
      write,
      copy && (async (part) => {
        const copied = await copy(part);
        this.#copied.push(copied.crc32);
        return copied;
      }),
    );
  }

  get text(): string {
    return [this.#written, ...this.#copied].join(" ");
  }
}

interface Documents {
  readonly config: string;
  readonly manifest: string;
  readonly index: string;
  readonly docker: string;
}

function planDocuments(
  config: string,
  layers: readonly PlannedLayer[],
  tags: readonly RepoTag[],
  { architecture, os, variant }: JsonObject,
): Documents {
  const manifest = canonicalJson({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptor(CONFIG_TYPE, digestOf(config), utf8Length(config)),
    layers: layers.map(({ diffID, size }) => descriptor(LAYER_TYPE, diffID, size)),
  });
  const image = {
    ...descriptor(MANIFEST_TYPE, digestOf(manifest), utf8Length(manifest)),
    platform: {
      architecture: architecture!,
      os: os!,
      ...(variant === undefined ? {} : { variant }),
    },
  };
  // One descriptor a name, as `docker save` and containerd write them.
  const named = tags.map(({ tag, full }) => ({
    ...image,
    annotations: { [CONTAINERD_ANNOTATION]: full, [NAME_ANNOTATION]: tag },
  }));
  const docker: Json = [{
    Config: blobName(digestOf(config)),
    RepoTags: tags.length === 0 ? null : tags.map(({ name }) => name),
    Layers: layers.map(({ diffID }) => blobName(diffID)),
  }];
  return {
    config,
    manifest,
    index: canonicalJson({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: named.length === 0 ? [image] : named,
    }),
    docker: canonicalJson(docker),
  };
}

function archiveEntries(
  { config, manifest, index, docker }: Documents,
  layers: readonly PlannedLayer[],
  mtime: number,
): readonly TarEntry[] {
  const document = (name: string, text: string) =>
    bytesEntry(name, new TextEncoder().encode(text), { mtime });
  const unique = new Map(layers.map((layer) => [layer.diffID, layer]));
  return orderEntries([
    directoryEntry("blobs", { mtime }),
    directoryEntry("blobs/sha256", { mtime }),
    document(blobName(digestOf(config)), config),
    document(blobName(digestOf(manifest)), manifest),
    ...[...unique.values()].map(({ diffID, size, write }): TarEntry => ({
      name: blobName(diffID),
      type: "file",
      mode: 0o644,
      mtime,
      size,
      content: { write, label: `layer ${hexOf(diffID).slice(0, 12)}` },
    })),
    document("index.json", index),
    document("manifest.json", docker),
    document("oci-layout", canonicalJson({ imageLayoutVersion: "1.0.0" })),
  ]);
}

function descriptor(mediaType: string, digest: string, size: number) {
  return { mediaType, digest, size };
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
