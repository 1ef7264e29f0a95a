import type { Checkout } from "../../checkout/mod.ts";
import { UsageError } from "../../errors.ts";
import type { GoTool } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";
import { goList } from "./go_list.ts";
import type { PlatformTargets } from "./plan.ts";
import { isPattern } from "./targets.ts";

/**
 * Puts the programs that a pattern (`cmd/...`) stands for on each platform in its place.
 *
 * The scripts hand patterns to `go install`, which builds nothing through the link of the GOPATH
 * eras, and links everything with cgo later; here the programs are built as if they were named.
 *
 * @throws {UsageError} There is no program below a pattern.
 */
export async function expandPatterns(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  matrix: readonly PlatformTargets[],
): Promise<readonly PlatformTargets[]> {
  if (!matrix.some(({ targets }) => targets.some(isPattern))) return matrix;
  return await Promise.all(matrix.map(async ({ platform, targets }) => {
    const expanded: string[] = [];
    for (const target of targets) {
      if (!isPattern(target)) expanded.push(target);
      else expanded.push(...await programsBelow(context, checkout, go, platform, target));
    }
    return Object.freeze({ platform, targets: Object.freeze([...new Set(expanded)]) });
  }));
}

async function programsBelow(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  platform: string,
  pattern: string,
): Promise<readonly string[]> {
  const own = `${checkout.goPackage.value}/`;
  const inside = pattern.startsWith(own) ? pattern.slice(own.length) : pattern;
  const relative = /^(\.\/|([A-Za-z0-9]+\.)+[A-Za-z0-9]+\/)/.test(inside) ? inside : `./${inside}`;
  const [GOOS = "", GOARCH = ""] = platform.split("/");
  const format = '{{if eq .Name "main"}}{{.ImportPath}}{{end}}';
  const listed = await goList(context, checkout, go, ["-e", "-f", format, relative], {
    GOOS,
    GOARCH,
  });
  const packages = (listed ?? "").split("\n").filter((line) => line !== "");
  if (packages.length === 0) {
    throw new UsageError(`Cannot find a program below "${pattern}" for ${platform}`, [
      "Name the programs one by one; kbuild targets lists what the checkout has",
    ]);
  }
  return packages;
}
