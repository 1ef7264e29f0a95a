import { KbuildError } from "../errors.ts";
import { maybeGunzip, readTar } from "../archive/mod.ts";
import { applyLayer, type LayerNode, nodeOf, resolveHardLinks } from "./base_tree.ts";
import { checkDigest, type Measure, measured, verified } from "./digest.ts";
import { archiveFiles, folderFiles, type ImageFiles } from "./image_files.ts";
import { strings } from "./json.ts";
import { findDockerImage } from "./read_docker.ts";
import { findOciImage } from "./read_oci.ts";
import type { Base, BaseLayer, BaseTree, FoundImage, FoundLayer, JsonObject } from "./types.ts";

/** Options of {@linkcode openBase}. */
export interface OpenBaseOptions {
  /** The wanted architecture, in Go's words: "amd64". */
  arch: string;
  /** Where a compressed archive may be unpacked; default: the system's place. */
  tempDir?: string;
  /** Stops the reading. */
  signal?: AbortSignal;
}

/**
 * Opens an image to build upon and reads it once, so that all its digests are checked and its files
 * are known.
 *
 * @param spec `scratch`, an OCI layout folder, or a file that `docker save` or
 * `skopeo copy … oci-archive:` made (gzip around it is allowed).
 * @returns The base; dispose of it when the last image is written.
 * @throws {KbuildError} Nothing there, neither of these forms, no image for `arch` (naming those it
 * has), damaged content, or zstd compression.
 */
export async function openBase(spec: string, options: OpenBaseOptions): Promise<Base> {
  const { arch, tempDir, signal } = options;
  if (spec === "scratch") {
    return Object.freeze({
      label: spec,
      layers: [],
      config: {},
      tree: new Map(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }
  const info = await Deno.stat(spec).catch((cause: unknown) => {
    throw new KbuildError(`Cannot open base image "${spec}": no such file or folder`, { cause });
  });
  const files = info.isDirectory ? folderFiles(spec) : await archiveFiles(spec, tempDir);
  try {
    const image = await find(files, arch);
    const { layers, tree } = await readLayers(files, image, signal);
    return Object.freeze({
      label: spec,
      layers,
      config: image.config,
      tree,
      [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
    });
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

async function find(files: ImageFiles, arch: string): Promise<FoundImage> {
  if (await files.has("oci-layout") && await files.has("index.json")) {
    return await findOciImage(files, arch);
  }
  if (await files.has("manifest.json")) return await findDockerImage(files, arch);
  throw new KbuildError(
    `Cannot use base image "${files.label}": it is neither an OCI layout nor a docker archive`,
    {
      notes: [
        'Make one with "docker save -o FILE IMAGE" or "skopeo copy docker://IMAGE oci:FOLDER"',
      ],
    },
  );
}

async function readLayers(
  files: ImageFiles,
  image: FoundImage,
  signal: AbortSignal | undefined,
): Promise<{ layers: readonly BaseLayer[]; tree: BaseTree }> {
  const rootfs = image.config["rootfs"] as JsonObject | undefined;
  const diffIDs = strings(rootfs?.["diff_ids"], `"rootfs.diff_ids" of "${files.label}"`);
  if (diffIDs.length !== image.layers.length) {
    throw new KbuildError(
      `Cannot use base image "${files.label}": its manifest has ${image.layers.length} layers, ` +
        `its configuration ${diffIDs.length}`,
    );
  }
  const layers: BaseLayer[] = [];
  let tree: BaseTree = new Map();
  for (const [i, found] of image.layers.entries()) {
    const { layer, nodes } = await readLayer(files, found, {
      diffID: diffIDs[i]!,
      index: i,
      signal,
    });
    layers.push(layer);
    tree = applyLayer(tree, nodes);
  }
  return { layers: Object.freeze(layers), tree };
}

async function readLayer(
  files: ImageFiles,
  found: FoundLayer,
  options: { diffID: string; index: number; signal: AbortSignal | undefined },
): Promise<{ layer: BaseLayer; nodes: readonly LayerNode[] }> {
  const { diffID, index, signal } = options;
  const label = `layer "${found.name}" of base image "${files.label}"`;
  const blob: Measure = { digest: "", size: 0 };
  const tar: Measure = { digest: "", size: 0 };
  const raw = refuseZstd(measured(files.read(found.name), blob), label);
  const nodes: LayerNode[] = [];
  const reading = { label: `${files.label}: ${found.name}`, ...(signal && { signal }) };
  for await (const member of readTar(measured(maybeGunzip(raw, found.name), tar), reading)) {
    const node = nodeOf(member, index);
    if (node !== undefined) nodes.push(node);
  }
  if (found.digest !== undefined) checkDigest(label, found.digest, blob.digest);
  checkDigest(label, diffID, tar.digest);
  const layer: BaseLayer = Object.freeze({
    diffID,
    digest: blob.digest,
    mediaType: found.mediaType,
    tarSize: tar.size,
    open: () => verified(maybeGunzip(files.read(found.name), found.name), diffID, label),
  });
  return { layer, nodes: resolveHardLinks(nodes) };
}

async function* refuseZstd(
  chunks: AsyncIterable<Uint8Array>,
  label: string,
): AsyncGenerator<Uint8Array, void> {
  let first = true;
  for await (const chunk of chunks) {
    if (first && [0x28, 0xb5, 0x2f, 0xfd].every((byte, i) => chunk[i] === byte)) {
      throw new KbuildError(`Cannot use ${label}: it is compressed with zstd`, {
        notes: ['Convert it with "skopeo copy --dest-compress-format gzip"'],
      });
    }
    first = false;
    yield chunk;
  }
}
