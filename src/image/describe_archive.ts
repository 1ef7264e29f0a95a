import { KbuildError } from "../errors.ts";
import { readTar } from "../archive/mod.ts";
import { applyLayer, type LayerNode, nodeOf } from "./base_tree.ts";
import { decodeCapabilities } from "../dockerfile/mod.ts";
import {
  isDockerArchive,
  readDockerImage,
  readDockerManifest,
  repoTagsOf,
} from "./docker_archive.ts";
import { archiveFiles, type ImageFiles } from "./image_files.ts";
import type { BaseTree } from "./types.ts";

/** Description of an image in an archive, made without unpacking it. */
export interface DescribedImage {
  /** Names with tags, in the archive's order; none for an image without a name. */
  readonly repoTags: readonly string[];
  /** Digest of the configuration, docker's image ID: `sha256:…`. */
  readonly imageId: string;
  /** Go's words: "linux". */
  readonly os: string;
  /** Go's words: "amd64". */
  readonly architecture: string;
  /** How many layers it has, those of its base included. */
  readonly layers: number;
  /** Absolute path in the image -> `cap_net_bind_service=ep`. */
  readonly capabilities: Readonly<Record<string, string>>;
}

/**
 * Tells what images a docker archive holds (`manifest.json`), those that {@linkcode writeImageArchive}
 * and `docker save` write among them. Layers are read for the file capabilities in them.
 *
 * @throws {KbuildError} No docker archive, or a damaged one.
 */
export async function describeArchive(
  path: string,
  options: { signal?: AbortSignal } = {},
): Promise<readonly DescribedImage[]> {
  await using files = await archiveFiles(path);
  if (!await isDockerArchive(files)) {
    throw new KbuildError(`Cannot list "${path}": it is not a docker archive`, {
      notes: ['An image archive has a file "manifest.json", as docker save writes it'],
    });
  }
  const images: DescribedImage[] = [];
  for (const entry of await readDockerManifest(files)) {
    const { imageId, layers, platform: { os, architecture } } = await readDockerImage(files, entry);
    images.push(Object.freeze({
      repoTags: Object.freeze(repoTagsOf(files, entry)),
      imageId,
      os,
      architecture,
      layers: layers.length,
      capabilities: await capabilitiesOf(files, layers, options.signal),
    }));
  }
  return Object.freeze(images);
}

/** The capabilities of files, as all layers together show them. */
async function capabilitiesOf(
  files: ImageFiles,
  layers: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, string>>> {
  let tree: BaseTree = new Map();
  for (const layer of layers) {
    const label = `${files.label}: ${layer}`;
    const nodes: LayerNode[] = [];
    for await (const member of readTar(files.read(layer), { label, ...(signal && { signal }) })) {
      const node = nodeOf(member);
      if (node !== undefined) nodes.push(node);
    }
    tree = applyLayer(tree, nodes);
  }
  const found: Record<string, string> = {};
  for (const [path, { xattrs }] of tree) {
    const value = xattrs?.["security.capability"];
    if (value !== undefined) found[`/${path}`] = decodeCapabilities(value);
  }
  return Object.freeze(found);
}
