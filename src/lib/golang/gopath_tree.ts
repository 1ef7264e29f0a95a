import { join } from "@std/path";
import { ifPresent, replaceLink } from "../../files/mod.ts";
import type { Checkout } from "../../checkout/mod.ts";
import type { KubeContext } from "../init.ts";

/**
 * Whether the checkout's scripts build through a link under the GOPATH: up to 1.29, which still has
 * `kube::golang::create_gopath_tree`, although its programs are built as modules.
 */
export function buildsThroughLink(checkout: Checkout): boolean {
  const golang = checkout.scripts.find(({ path }) => path === "hack/lib/golang.sh")?.text;
  if (golang === undefined) return checkout.era.goMode !== "workspace";
  return /^kube::golang::create_gopath_tree\(\)/m.test(golang);
}

/** The link through which a checkout builds; undefined where it builds in place. */
export function gopathLink(context: KubeContext, checkout: Checkout): string | undefined {
  if (!buildsThroughLink(checkout)) return undefined;
  return join(context.gopath, "src", checkout.goPackage.value);
}

/**
 * Port of `kube::golang::create_gopath_tree`: the link `<gopath>/src/k8s.io/kubernetes` to the
 * checkout, through which it builds up to 1.29. Does nothing in later checkouts.
 */
export async function createGopathTree(context: KubeContext, checkout: Checkout): Promise<void> {
  const link = gopathLink(context, checkout);
  if (link === undefined) return;
  const info = await ifPresent(Deno.lstat(link));
  if (info?.isSymlink === true && await Deno.readLink(link) === context.root) return;
  await replaceLink(context.root, link);
}
