import { encodeCapabilities } from "./capabilities.ts";
import type { ImageCopy, ImageStep } from "./types.ts";

/** The path that a copied file has in the image, if its target is not a directory there. */
export function destinationOf({ source, target }: Pick<ImageCopy, "source" | "target">): string {
  const name = source.slice(source.lastIndexOf("/") + 1);
  return target.endsWith("/") ? `${target}${name}` : target;
}

/** Puts the capabilities on the copy that made the file. */
export function withCapability(
  steps: readonly ImageStep[],
  path: string,
  capabilities: string,
): readonly ImageStep[] {
  const capability = encodeCapabilities(capabilities);
  if (capability === undefined) throw new SyntaxError(`capabilities "${capabilities}"`);
  const isIt = (change: ImageStep["changes"][number]): change is ImageCopy =>
    change.kind === "copy" && destinationOf(change) === path;
  if (!steps.some(({ changes }) => changes.some(isIt))) {
    throw new SyntaxError(`setcap on "${path}", which no COPY made`);
  }
  return steps.map((step) => ({
    ...step,
    changes: step.changes.map((change) => isIt(change) ? { ...change, capability } : change),
  }));
}
