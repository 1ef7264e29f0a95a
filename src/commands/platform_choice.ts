import {
  checkBuildPlatforms,
  PLATFORM_GROUPS,
  type PlatformSet,
  setupPlatforms,
} from "../checkout/mod.ts";
import type { OpenCheckout } from "./context.ts";

/** The platforms of each group, after `KUBE_BUILD_PLATFORMS`, `KUBE_FASTBUILD` and the rest. */
export function groupPlatforms(
  { context, checkout }: OpenCheckout,
  fastbuild = context.env["KUBE_FASTBUILD"] === "true",
): PlatformSet {
  const [os = "", arch = ""] = context.host.split("/");
  const wanted = context.env["KUBE_BUILD_PLATFORMS"];
  return setupPlatforms(checkout, {
    ...(wanted === undefined || wanted.trim() === "" ? {} : { buildPlatforms: wanted }),
    fastbuild,
    builderOs: context.env["KUBE_BUILDER_OS"] || os,
    hostArch: arch,
    strictParity: context.strictParity,
  });
}

/** What `kbuild platforms` and `kbuild inspect` show: the chosen platforms, and the list's source. */
export function platformRows(
  open: OpenCheckout,
): readonly { group: string; platforms: readonly string[]; source: string }[] {
  const chosen = groupPlatforms(open);
  const { platforms } = open.checkout;
  return PLATFORM_GROUPS.map((group) => (
    { group, platforms: chosen[group], source: platforms[group].source }
  ));
}

/**
 * The platforms of `make all`: `KUBE_BUILD_PLATFORMS`, else the host's.
 *
 * @returns Also a line for each that no list of the checkout has.
 */
export function allPlatforms(
  { context, checkout }: OpenCheckout,
): { platforms: readonly string[]; notes: readonly string[] } {
  const wanted = context.env["KUBE_BUILD_PLATFORMS"]?.split(/[\s,]+/).filter((p) => p !== "");
  if (wanted === undefined || wanted.length === 0) return { platforms: [context.host], notes: [] };
  const { unlisted } = context.strictParity
    ? { unlisted: [] }
    : checkBuildPlatforms(checkout, wanted, context.host.split("/")[1] ?? "");
  const notes = unlisted.map((platform) =>
    `${platform} is not in the platform lists of this checkout; Go decides whether it builds`
  );
  return { platforms: [...new Set(wanted)], notes };
}
