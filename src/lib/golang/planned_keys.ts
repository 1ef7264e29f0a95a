import { join, relative } from "@std/path";
import type { Checkout } from "../../checkout/mod.ts";
import type { KubeContext } from "../init.ts";
import type { PreparedBuild } from "./build.ts";
import type { PreparedSteps } from "./elsewhere.ts";
import { ifPresent, readText } from "../../files/mod.ts";
import type { BuildStep } from "./plan.ts";
import { openStepKeys, type StepKey } from "./step_key.ts";

/**
 * The keys of the steps of a build that has not begun. Nothing is written into the checkout: Go lists in a
 * directory of its own. A step whose sources are still to be generated has no key yet.
 */
export async function plannedKeys(
  context: KubeContext,
  checkout: Checkout,
  { plan, go, elsewhere }: PreparedBuild & { readonly elsewhere?: PreparedSteps | undefined },
): Promise<ReadonlyMap<BuildStep, StepKey>> {
  const { gopathLink: link } = plan;
  const keys = openStepKeys(context, checkout, go, elsewhere?.place);
  await using scratch = await context.builder.makeDirectory(
    link === undefined
      ? undefined
      : { path: relative(context.gopath, link.path), target: link.target },
  );
  const found = new Map<BuildStep, StepKey>();
  for (const step of plan.platforms.flatMap(({ steps }) => steps)) {
    const isReady = await Promise.all(
      step.files.map(async ({ path, text }) => await ifPresent(readText(path)) === text),
    );
    if (isReady.includes(false)) {
      found.set(step, { why: "files that go is to see in place of others are not written yet" });
      continue;
    }
    const moved = (path: string) =>
      link !== undefined && `${path}/`.startsWith(`${context.gopath}/`)
        ? join(scratch.path, relative(context.gopath, path))
        : path;
    const cwd = moved(step.cwd);
    const { GOPATH = "", GOMODCACHE = "" } = step.env;
    const env = {
      ...step.env,
      GOPATH: GOPATH.split(":").map(moved).join(":"),
      // Go writes there even if it only lists.
      ...GOMODCACHE === "" || await ifPresent(Deno.stat(GOMODCACHE)) !== undefined
        ? {}
        : { GOMODCACHE: join(scratch.path, "modules") },
      GOCACHE: join(scratch.path, "cache"),
      PWD: cwd,
    };
    found.set(step, await keys.keyOf(step, { place: { cwd, env } }));
  }
  return found;
}
