import { readFileChunks } from "../files/mod.ts";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import type { ImagePlan } from "./image_plan.ts";
import type { TarballPlan } from "./plan.ts";

/**
 * Stands for the MD5 of a program in the names of an {@linkcode ImagePlan}: the program is built after
 * the plan is made. No tag can have these characters.
 */
export const MD5_TAG = "<md5>";

/** Images and tarballs of a plan. */
export interface TaggedPlan {
  /** Every image archive. */
  readonly images: readonly ImagePlan[];
  /** Every tarball. */
  readonly tarballs: readonly TarballPlan[];
}

/**
 * The plan with the MD5 of each program where it stands for a tag (1.6), now that the programs are built.
 *
 * @param binPath Directory of the binaries: `<bin>/<os>/<arch>/<name>`.
 */
export async function withMd5Tags<T extends TaggedPlan>(plan: T, binPath: string): Promise<T> {
  const images = plan.images.map(async (image) => {
    if (image.md5Of === undefined) return image;
    const md5 = await md5Of(image.md5Of);
    const repoTags = image.repoTags.map((name) => name.replace(MD5_TAG, md5));
    return Object.freeze({ ...image, repoTags: Object.freeze(repoTags) });
  });
  const tarballs = plan.tarballs.map(async (tarball) => {
    const entries = tarball.entries.map(async ({ to, source }) => {
      if (!("md5Of" in source)) return { to, source };
      const { platform, name } = source.md5Of;
      return { to, source: { text: `${await md5Of(join(binPath, platform, name))}\n` } };
    });
    return Object.freeze({ ...tarball, entries: Object.freeze(await Promise.all(entries)) });
  });
  return Object.freeze({
    ...plan,
    images: Object.freeze(await Promise.all(images)),
    tarballs: Object.freeze(await Promise.all(tarballs)),
  });
}

/** The MD5 of a file, hexadecimal, as by `kube::release::md5`. */
async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of readFileChunks(path)) hash.update(chunk);
  return hash.digest("hex");
}
