import { KbuildError } from "../errors.ts";
import { type Base, openBase } from "../image/mod.ts";
import type { Shell } from "../shell/mod.ts";
import { baseFor, type BaseImages } from "./images.ts";

/** What {@linkcode OpenBases} needs to open images. */
export interface OpenBasesOptions {
  /** Starts `docker`, for bases of its engine. */
  readonly shell?: Shell;
}

/** The bases of a release, each opened when an image first needs it; dispose of it after the last. */
export class OpenBases implements AsyncDisposable {
  /** Where they are. */
  readonly images: BaseImages;
  readonly #options: OpenBasesOptions;
  readonly #open = new Map<string, Promise<Base>>();

  /**
   * Opens nothing yet.
   *
   * @param images Where they are.
   */
  constructor(images: BaseImages, options: OpenBasesOptions = {}) {
    this.images = images;
    this.#options = options;
  }

  /**
   * The base of an image; an empty one if none was given.
   *
   * @param arch GOARCH value: "amd64".
   * @throws {KbuildError} What {@linkcode image.openBase} throws.
   */
  async open(reference: string, arch: string, signal?: AbortSignal): Promise<Base> {
    const key = JSON.stringify([reference, arch]);
    const known = this.#open.get(key);
    if (known !== undefined) return await known;
    const where = baseFor(this.images, reference) ?? "scratch";
    const from = typeof where === "string" ? where : where.files;
    const opened = openBase(from, { arch, ...this.#options, ...(signal && { signal }) });
    this.#open.set(key, opened);
    return await opened;
  }

  /**
   * An image that files are taken out of: without it another would lack them.
   *
   * @param forImage The image that wants them.
   * @throws {KbuildError} It was not given, or what {@linkcode image.openBase} throws.
   */
  async openNamed(
    reference: string,
    arch: string,
    { forImage, signal }: { forImage: string; signal?: AbortSignal | undefined },
  ): Promise<Base> {
    if (baseFor(this.images, reference) !== undefined) {
      return await this.open(reference, arch, signal);
    }
    throw new KbuildError(
      `Cannot make the image of "${forImage}" without files of "${reference}"`,
      {
        notes: [`Give that image: --base-image ${reference}=WHERE`],
      },
    );
  }

  /** Closes all that are open. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    for (const each of opened) {
      if (each.status === "fulfilled") await each.value[Symbol.asyncDispose]();
    }
  }
}
