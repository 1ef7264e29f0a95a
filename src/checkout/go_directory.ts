import { join } from "@std/path";
import type { Checkout } from "./types.ts";

/**
 * Whether the checkout's scripts build through a link under the GOPATH: up to 1.29, which still has
 * `kube::golang::create_gopath_tree`, although its programs are built as modules.
 */
export function buildsThroughLink(checkout: Checkout): boolean {
  const golang = checkout.scripts.find(({ path }) => path === "hack/lib/golang.sh")?.text;
  if (golang === undefined) return checkout.era.goMode !== "workspace";
  return /^kube::golang::create_gopath_tree\(\)/m.test(golang);
}

/** The directory in which `go` runs: the link under the GOPATH up to 1.29, later the checkout. */
export function goWorkingDirectory(
  { root, gopath }: { readonly root: string; readonly gopath: string },
  checkout: Checkout,
): string {
  return buildsThroughLink(checkout) ? join(gopath, "src", checkout.goPackage.value) : root;
}
