import { dirname, join } from "@std/path";
import { temporaryName } from "../../archive/mod.ts";
import type { Checkout } from "../../checkout/mod.ts";
import type { KubeContext } from "../init.ts";

/** The link of the GOPATH eras through which they build; undefined in the module eras. */
export function gopathLink(context: KubeContext, checkout: Checkout): string | undefined {
  if (checkout.era.goMode !== "gopath") return undefined;
  return join(context.gopath, "src", checkout.goPackage.value);
}

/**
 * Port of `kube::golang::create_gopath_tree`: the link `<gopath>/src/k8s.io/kubernetes` to the
 * checkout, through which the GOPATH eras build. Does nothing in the module eras.
 */
export async function createGopathTree(context: KubeContext, checkout: Checkout): Promise<void> {
  const link = gopathLink(context, checkout);
  if (link === undefined) return;
  await Deno.mkdir(dirname(link), { recursive: true });
  const target = await Deno.readLink(link).catch(() => undefined);
  if (target === context.root) return;
  // A link is made beside the old one and renamed over it: another run never sees it missing.
  const temporary = temporaryName(link);
  await Deno.symlink(context.root, temporary);
  await Deno.rename(temporary, link);
}
