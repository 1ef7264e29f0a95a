/**
 * Container images as files, made without a daemon and without a builder.
 *
 * @example
 * ```ts
 * import { archive, image } from "@k8s/kbuild";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${dir}/kube-proxy`, "a program", { mode: 0o755 });
 * const created = 1700000000;
 * await using base = await image.openBase("scratch", { arch: "amd64" });
 * const binary = await archive.fileEntry("usr/local/bin/kube-proxy", `${dir}/kube-proxy`, {
 *   mtime: created,
 *   mode: 0o755,
 * });
 * const { imageId } = await image.writeImageArchive({
 *   out: `${dir}/kube-proxy.tar`,
 *   base,
 *   arch: "amd64",
 *   created,
 *   layers: [{
 *     entries: image.copyLayer(base.tree, [binary], { created }),
 *     createdBy: "COPY kube-proxy /usr/local/bin/kube-proxy",
 *   }],
 *   repoTags: ["registry.k8s.io/kube-proxy-amd64:v1.35.0"],
 * });
 * console.log(imageId);
 * await Deno.remove(dir, { recursive: true });
 * ```
 *
 * @module
 */
export { copyLayer, type NewDirectories, type Owner } from "./base_tree.ts";
export { type CopiedImage, copyImageArchive, type CopyImageOptions } from "./copy_image_archive.ts";
export { describeArchive, type DescribedImage } from "./describe_archive.ts";
export { applyDockerfile, type ApplyDockerfileOptions } from "./apply_dockerfile.ts";
export {
  type DockerImage,
  isDockerArchive,
  readDockerImage,
  readDockerManifest,
  repoTagsOf,
} from "./docker_archive.ts";
export {
  baseSettings,
  type ConfigChanges,
  configChanges,
  imageConfig,
  type ImageConfigOptions,
  rfc3339,
} from "./image_config.ts";
export { checkDigest, digestOf, hexOf, isDigest } from "./digest.ts";
export { engineReference, pinEngineImage } from "./engine_files.ts";
export { archiveFiles, type ImageFiles, readDocument } from "./image_files.ts";
export { canonicalJson, isObject, parseJson } from "./json.ts";
export { loadStream } from "./load_stream.ts";
export { checkBase, openBase, type OpenBaseOptions } from "./open_base.ts";
export { choose as choosePlatform, type Platform } from "./platform.ts";
export { parseRepoTag, type RepoTag } from "./repo_tag.ts";
export { CONTAINERD_ANNOTATION, NAME_ANNOTATION } from "./own_layout.ts";
export type {
  Base,
  BaseContent,
  BaseLayer,
  BaseNode,
  BaseTree,
  Json,
  JsonObject,
} from "./types.ts";
export {
  type ImageArchive,
  type ImageArchiveOptions,
  type ImageLayer,
  writeImageArchive,
} from "./write_image_archive.ts";
export {
  checkOciLayout,
  type OciLayout,
  probeOciLayout,
  writeOciLayout,
} from "./write_oci_layout.ts";
