import type { PlannedFetch, PlannedUrl } from "../registry/mod.ts";
import type { GoDescription } from "../toolchain/mod.ts";
import type { CommandContext } from "./context.ts";
import type { PlanStep } from "./plan_steps.ts";

/**
 * All that a command would fetch: base images and Go.
 *
 * @param goUrls Where that Go would be fetched from, in order; empty when it is there.
 */
export function networkOf(
  steps: readonly PlanStep[],
  go: GoDescription | undefined,
  goUrls: readonly PlannedUrl[],
): readonly PlannedFetch[] {
  const images = steps.filter((step) => step.kind === "fetch" || step.kind === "download")
    .map(({ what, urls }) => Object.freeze({ what, urls }));
  if (goUrls.length === 0) return Object.freeze(images);
  const program = {
    what: `Go ${go?.version ?? go?.want}`,
    urls: goUrls,
  };
  return Object.freeze([...images, program]);
}

/** Prints what would be fetched, URL by URL. */
export function printNetwork(
  command: CommandContext,
  fetches: readonly PlannedFetch[],
): void {
  if (command.globals.json) {
    return command.printJson({ command: command.name, network: fetches });
  }
  if (fetches.length === 0) {
    command.print("Nothing would be fetched");
    return;
  }
  for (const { what, urls } of fetches) {
    command.print(what);
    for (const { url, rule, when } of urls) {
      const from = rule === undefined ? "" : `; mirror ${rule}`;
      command.print(`  ${url}  (${when}${from})`);
    }
  }
  if (fetches.some(({ urls }) => urls.some(({ url }) => url.includes("/v2/")))) {
    command.print("Registries may send on: to a token server, and to where they keep blobs");
  }
}
