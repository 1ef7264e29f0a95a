import { KbuildError } from "../errors.ts";
import { reasonOf } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";
import type { Shell } from "../shell/mod.ts";
import { type ByteSink, readTar } from "../archive/mod.ts";
import { applyLayer, type LayerNode, nodeOf, resolveHardLinks } from "./base_tree.ts";
import { checkDigest, type Measure, measured, verified } from "./digest.ts";
import { isDockerArchive } from "./docker_archive.ts";
import { engineFiles, engineReference } from "./engine_files.ts";
import { archiveFiles, directoryFiles, type ImageFiles } from "./image_files.ts";
import { strings } from "./json.ts";
import { LayerContents } from "./layer_contents.ts";
import { findDockerImage } from "./read_docker.ts";
import { findOciImage } from "./read_oci.ts";
import { unzipLayer } from "./unzip_layer.ts";
import type {
  Base,
  BaseContent,
  BaseLayer,
  BaseTree,
  FoundImage,
  FoundLayer,
  JsonObject,
} from "./types.ts";

/** Options of {@linkcode openBase}. */
export interface OpenBaseOptions {
  /** The wanted architecture, in Go's words: "amd64". */
  arch: string;
  /** Where a compressed archive may be unpacked; default: the system's place. */
  tempDir?: string;
  /** Stops the reading. */
  signal?: AbortSignal;
  /** Starts `docker`, for a base of its engine. */
  shell?: Shell;
}

/**
 * Opens an image to build upon and reads it once, so that all its digests are checked and its files
 * are known.
 *
 * @param spec `scratch`, an OCI layout directory, a file that `docker save` or
 * `skopeo copy … oci-archive:` made (gzip around it is allowed), or `docker:REFERENCE`, which the
 * engine that `docker` reaches is asked for; or the files of an image, which are disposed of with the
 * base. Layers may be compressed by gzip or zstd.
 * @returns The base; dispose of it when the last image is written.
 * @throws {KbuildError} Nothing there, neither of these forms, no image for `arch` (naming those it
 * has), damaged content.
 */
export async function openBase(
  spec: string | ImageFiles,
  options: OpenBaseOptions,
): Promise<Base> {
  const { arch, signal } = options;
  if (spec === "scratch") {
    return Object.freeze({
      label: spec,
      layers: [],
      config: {},
      tree: new Map(),
      writeContent: () => Promise.reject(new TypeError("An empty base holds no file")),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }
  const files = typeof spec === "string" ? await openFiles(spec, options) : spec;
  try {
    const image = await find(files, arch);
    const { layers, tree } = await readLayers(files, image, signal);
    const contents = new LayerContents(files.label, layers, options.tempDir);
    return Object.freeze({
      label: files.label,
      layers,
      config: image.config,
      imageId: image.imageId,
      tree,
      writeContent: (content: BaseContent, sink: ByteSink) => contents.write(content, sink),
      async [Symbol.asyncDispose]() {
        await contents[Symbol.asyncDispose]();
        await files[Symbol.asyncDispose]();
      },
    });
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Checks that {@linkcode openBase} finds an image for the architecture; its layers are not read.
 *
 * @param spec An OCI layout directory, or an archive.
 * @throws {KbuildError} As {@linkcode openBase}.
 */
export async function checkBase(spec: string, options: OpenBaseOptions): Promise<void> {
  await using files = await openFiles(spec, options);
  await find(files, options.arch);
}

async function openFiles(spec: string, options: OpenBaseOptions): Promise<ImageFiles> {
  const reference = engineReference(spec);
  if (reference !== undefined) return await engineFiles(reference, options);
  const info = await Deno.stat(spec).catch((cause: unknown) => {
    throw new KbuildError(`Cannot open base image "${spec}": ${reasonOf(cause)}`, { cause });
  });
  return info.isDirectory ? directoryFiles(spec) : await archiveFiles(spec, options.tempDir);
}

async function find(files: ImageFiles, arch: string): Promise<FoundImage> {
  if (await files.has("oci-layout") && await files.has("index.json")) {
    return await findOciImage(files, arch);
  }
  if (await isDockerArchive(files)) return await findDockerImage(files, arch);
  throw new KbuildError(
    `Cannot use base image "${files.label}": it is neither an OCI layout nor a docker archive`,
    {
      notes: [
        'Make one with "docker save -o FILE IMAGE" or "skopeo copy docker://IMAGE oci:DIR"',
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
      `Cannot use base image "${files.label}": its manifest has ${
        counted(image.layers.length, "layer")
      }, ` +
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
  const raw = measured(files.read(found.name), blob);
  const nodes: LayerNode[] = [];
  const reading = { label: `${files.label}: ${found.name}`, ...(signal && { signal }) };
  for await (const member of readTar(measured(unzipLayer(raw, found.name), tar), reading)) {
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
    open: () => verified(unzipLayer(files.read(found.name), found.name), diffID, label),
  });
  return { layer, nodes: resolveHardLinks(nodes) };
}
