import { KbuildError } from "../errors.ts";
import { entriesOf } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { OpenCheckout } from "./context.ts";

/** `_output/dockerized/bin` where anything is in it, else `_output/local/bin`. */
export async function existingBinPath(
  { context }: Pick<OpenCheckout, "context">,
): Promise<string> {
  const entries = await entriesOf(context.releaseBinPath) ?? [];
  return entries.length === 0 ? context.binPath : context.releaseBinPath;
}

/**
 * The error of a command that packages binaries and finds none.
 *
 * @param notes What to do beside building.
 */
export function nothingBuilt(
  { binPath, releaseBinPath, root }: KubeContext,
  notes: readonly string[] = [],
): KbuildError {
  const [first, second] = [releaseBinPath, binPath].map((path) => path.slice(root.length + 1));
  return new KbuildError(`Cannot package: there are no binaries in "${first}" or "${second}"`, {
    notes: [
      "Build and package at once: kbuild quick-release; or build first: kbuild cross",
      ...notes,
    ],
  });
}
