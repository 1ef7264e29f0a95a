import type { Checkout } from "../../checkout/mod.ts";
import { KbuildError } from "../../errors.ts";
import type { GoTool } from "../../toolchain/mod.ts";
import { type OverlayFile, requireOverlays } from "./overlay.ts";
import { binaryName } from "./targets.ts";

/**
 * The dummy test of a coverage binary, which go gets as an overlay. The scripts write it into the
 * package's directory and remove it at the end, unless they are killed (v1.20.2 golang.sh:589-632).
 *
 * @param goPackage `k8s.io/kubernetes/cmd/kube-apiserver`.
 * @throws {KbuildError} This Go has no overlays, or the checkout no such test.
 */
export function coverageTest(checkout: Checkout, go: GoTool, goPackage: string): OverlayFile {
  requireOverlays(go, "with coverage");
  const name = binaryName(goPackage);
  const relative = goPackage.slice(checkout.goPackage.value.length + 1);
  return {
    place: `${relative}/zz_generated_${name}_test.go`,
    text: dummyTest(checkout, name),
  };
}

/** The here-document in the checkout's `kube::golang::create_coverage_dummy_test`. */
function dummyTest(checkout: Checkout, name: string): string {
  const script = checkout.scripts.find(({ path }) => path === "hack/lib/golang.sh")?.text ?? "";
  const start = script.search(/^kube::golang::create_coverage_dummy_test\(\)/m);
  const body = start < 0 ? undefined : /<<EOF[^\n]*\n(.*?)\nEOF\n/s.exec(script.slice(start))?.[1];
  const text = body?.replaceAll("${name}", name).replaceAll('$(basename "${package}")', name);
  if (text === undefined || text.includes("$")) {
    throw new KbuildError("Cannot build with coverage: hack/lib/golang.sh does not say how", {
      notes: ['It has no plain here-document in "kube::golang::create_coverage_dummy_test"'],
    });
  }
  return `${text}\n`;
}
