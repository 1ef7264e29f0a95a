import { join } from "@std/path";
import { ifPresent, replaceLink } from "../../files/mod.ts";
import { buildsThroughLink, type Checkout } from "../../checkout/mod.ts";
import type { KubeContext } from "../init.ts";
import { isHostLink } from "../outputs.ts";

/** A symbolic link of the outputs. */
export interface Link {
  /** Where it is; absolute. */
  readonly path: string;
  /** Where it leads. */
  readonly target: string;
}

/**
 * The link of `kube::golang::create_gopath_tree`, `<gopath>/src/k8s.io/kubernetes` to the checkout,
 * through which it builds up to 1.29; undefined where it builds in place.
 */
export function gopathLink(context: KubeContext, checkout: Checkout): Link | undefined {
  if (!buildsThroughLink(checkout)) return undefined;
  const path = join(context.gopath, "src", checkout.goPackage.value);
  return Object.freeze({ path, target: context.root });
}

/**
 * The link of `place_bins`, `_output/bin` to `<KUBE_OUTPUT_BINPATH>/<host platform>`. Anything else in
 * its place stays: only a link to such a directory is one that kbuild or the scripts made.
 *
 * @returns Without a link where something stays; with a line where a user may not expect that.
 */
export async function hostLink(
  { binPath, thisPlatformBin: path }: KubeContext,
  host: string,
): Promise<{ link?: Link; note?: string }> {
  const existing = await ifPresent(Deno.lstat(path));
  if (existing !== undefined && !existing.isSymlink) return {};
  const present = existing === undefined ? undefined : await Deno.readLink(path);
  const target = join(binPath, host);
  if (present === undefined || present === target || isHostLink(present)) {
    return { link: Object.freeze({ path, target }) };
  }
  return { note: `"${path}" stays a link to "${present}", which kbuild did not make` };
}

/** Makes a link, or changes where it leads; one that is right stays as it is. */
export async function makeLink({ path, target }: Link): Promise<void> {
  const info = await ifPresent(Deno.lstat(path));
  if (info?.isSymlink === true && await Deno.readLink(path) === target) return;
  await replaceLink(target, path);
}
