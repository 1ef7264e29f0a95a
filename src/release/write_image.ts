import { join } from "@std/path";
import type { Hasher } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  type Base,
  type BaseSettings,
  baseSettings,
  carryOut,
  configChanges,
  openBase,
  type OpenBaseOptions,
  planDockerfile,
  writeImageArchive,
} from "../image/mod.ts";
import type { FetchedImage } from "../registry/mod.ts";
import type { Shell } from "../shell/mod.ts";
import { baseFor, type BaseImages, type ImagePlan } from "./images.ts";

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

/** What {@linkcode writeImage} needs besides the plan. */
export interface WriteImageOptions {
  /** The folder that the plan's path is below. */
  readonly folder: string;
  /** Where the bases are. */
  readonly bases: BaseImages;
  /** Seconds since 1970. */
  readonly created: number;
  /** Computes digests. Default: in the calling thread. */
  readonly hasher?: Hasher;
  /** Stops the writing; no file is left. */
  readonly signal?: AbortSignal | undefined;
  /** Starts `docker`, for bases of its engine. */
  readonly shell?: Shell | undefined;
}

/**
 * Writes one image archive. A base that was not given is an empty one.
 *
 * @throws {KbuildError} An image that files are taken out of was not given, or what
 * {@linkcode openBase} and {@linkcode writeImageArchive} throw.
 */
export async function writeImage(
  plan: ImagePlan,
  options: WriteImageOptions,
): Promise<ImageArchive> {
  const { folder, bases, created, shell, signal } = options;
  const { arch, context, repoTags, source } = plan;
  await using opened = new OpenBases(bases, { shell, signal });
  const base = await opened.open(baseFor(bases, plan.base) ?? "scratch", arch);
  const dockerfile = planDockerfile(source.text, {
    ...source,
    arch,
    bases: { [plan.base]: baseSettings(base) satisfies BaseSettings },
  });
  const layers = await carryOut(dockerfile, {
    base,
    arch,
    created,
    context,
    openImage: (reference, arch) => opened.openNamed(reference, arch, plan.name),
  });
  const written = await writeImageArchive({
    out: join(folder, plan.path),
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

/** Bases that are open until the image is written. */
class OpenBases implements AsyncDisposable {
  readonly #bases: BaseImages;
  readonly #options: Pick<OpenBaseOptions, "shell" | "signal">;
  readonly #open: Base[] = [];

  constructor(bases: BaseImages, { shell, signal }: Pick<WriteImageOptions, "shell" | "signal">) {
    this.#bases = bases;
    this.#options = {
      ...(shell === undefined ? {} : { shell }),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  async open(where: string | FetchedImage, arch: string): Promise<Base> {
    const from = typeof where === "string" ? where : where.files;
    const base = await openBase(from, { arch, ...this.#options });
    this.#open.push(base);
    return base;
  }

  /** A base that files are taken out of: without it the image would lack them. */
  async openNamed(reference: string, arch: string, image: string): Promise<Base> {
    const where = baseFor(this.#bases, reference);
    if (where !== undefined) return await this.open(where, arch);
    throw new KbuildError(`Cannot make the image of "${image}" without files of "${reference}"`, {
      notes: [`Give that image: --base-image ${reference}=WHERE`],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const base of this.#open) await base[Symbol.asyncDispose]();
  }
}
