import { KbuildError } from "../errors.ts";

/** What an image runs on. */
export interface Platform {
  /** Go's word: "linux". */
  readonly os: string;
  /** Go's word: "amd64". */
  readonly architecture: string;
  /** "v7" for 32-bit ARM. */
  readonly variant?: string;
}

/**
 * Chooses the image for linux and an architecture. Of several for arm the one for v7 is taken, which
 * is what Kubernetes is built for.
 *
 * @param label What the user knows the base by.
 * @throws {KbuildError} None (naming what there is), or several.
 */
export function choose<T extends { readonly platform: Platform }>(
  images: readonly T[],
  arch: string,
  label: string,
): T {
  const matching = images.filter(({ platform }) =>
    platform.os === "linux" && platform.architecture === arch
  );
  const preferred = matching.filter(({ platform }) => platform.variant === "v7");
  const left = arch === "arm" && preferred.length === 1 ? preferred : matching;
  if (left.length === 1) return left[0]!;
  if (left.length > 1) {
    throw new KbuildError(
      `Cannot use base image "${label}": it holds ${left.length} images for "linux/${arch}"`,
      { notes: ["Export the one image that you need"] },
    );
  }
  const known = images.map(({ platform }) => nameOf(platform)).filter((name) =>
    !name.startsWith("unknown")
  );
  throw new KbuildError(
    `Cannot use base image "${label}": it has no image for "linux/${arch}"`,
    { notes: [known.length === 0 ? "It holds no image" : `It has: ${known.join(", ")}`] },
  );
}

function nameOf({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === undefined ? "" : `/${variant}`}`;
}
