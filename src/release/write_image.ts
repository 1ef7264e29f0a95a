import { join } from "@std/path";
import type { Hasher } from "../archive/mod.ts";
import { type BaseSettings, planDockerfile } from "../dockerfile/mod.ts";
import { applyDockerfile, baseSettings, configChanges, writeImageArchive } from "../image/mod.ts";
import type { ImagePlan } from "./image_plan.ts";
import type { OpenBases } from "./open_bases.ts";

/** A written image archive. */
export interface ImageArchive {
  /** `kube-apiserver`, `conformance`. */
  readonly name: string;
  /** Go's word: `amd64`. */
  readonly arch: string;
  /** The file. */
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Digest of the file, hexadecimal. */
  readonly sha256: string;
  /** Digest of the configuration: `sha256:…`. */
  readonly imageId: string;
  /** Names with tags, in their order. */
  readonly repoTags: readonly string[];
}

/** Options of {@linkcode writeImage}. */
export interface WriteImageOptions {
  /** The directory that the plan's path is below. */
  readonly directory: string;
  /** The bases; stay open. */
  readonly bases: OpenBases;
  /** Seconds since 1970. */
  readonly created: number;
  /** Computes digests. Default: in the calling thread. */
  readonly hasher?: Hasher;
  /** Stops the writing; no file is left. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes one image archive. A base that was not given is an empty one.
 *
 * @throws {KbuildError} An image that files are taken out of was not given, or what
 * {@linkcode image.openBase} and {@linkcode image.writeImageArchive} throw.
 */
export async function writeImage(
  plan: ImagePlan,
  options: WriteImageOptions,
): Promise<ImageArchive> {
  const { directory, bases, created, signal } = options;
  const { arch, context, repoTags, source } = plan;
  const base = await bases.open(plan.base, arch, signal);
  const dockerfile = planDockerfile(source.text, {
    ...source,
    arch,
    bases: { [plan.base]: baseSettings(base) satisfies BaseSettings },
  });
  const layers = await applyDockerfile(dockerfile, {
    base,
    arch,
    created,
    context,
    openImage: (reference, arch) =>
      bases.openNamed(reference, arch, { forImage: plan.name, signal }),
  });
  const written = await writeImageArchive({
    out: join(directory, plan.path),
    base,
    arch,
    created,
    layers,
    config: configChanges(dockerfile.stages.at(-1)!.settings),
    repoTags,
    ...(options.hasher === undefined ? {} : { hasher: options.hasher }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { imageId, sha256, size } = written;
  return Object.freeze({
    name: plan.name,
    arch,
    path: written.path,
    size,
    sha256,
    imageId,
    repoTags,
  });
}
