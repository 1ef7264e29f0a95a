import type { Checkout } from "../checkout/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { checkCompilers, type PreparedBuild } from "../lib/golang/mod.ts";
import { describeGo, type GoContext } from "../toolchain/mod.ts";
import type { Check } from "./types.ts";

/** Which Go there is, or will be. */
export function checkGo(context: GoContext, checkout: Checkout | undefined): Check {
  return {
    group: "Go",
    name: "toolchain",
    async examine() {
      const { action, have, notes, problem, url, version, why } = await describeGo(
        context,
        checkout,
      );
      const which = version ?? (have?.version || "devel");
      if (problem !== undefined) return { state: "failure", says: problem, fixes: notes };
      if (action === "host") return { state: "ok", says: `Go ${which} in PATH (${why})` };
      if (action === "cached") {
        return { state: "ok", says: `Go ${which} in kbuild's cache (${why})` };
      }
      return {
        state: "warning",
        says: `Go ${which} is to be fetched from ${url} (${why})`,
        fixes: [`Fetch it in advance: kbuild toolchain install ${which}`],
      };
    },
  };
}

/**
 * Whether the C compilers of a build are there.
 *
 * @param plan Makes the plan of the build; undefined where its Go is still to be fetched.
 */
export function checkBuild(
  context: KubeContext,
  checkout: Checkout,
  plan: () => Promise<PreparedBuild | undefined>,
): Check {
  return {
    group: "Go",
    name: "C compilers",
    async examine() {
      const planned = await plan();
      if (planned === undefined) return undefined;
      await checkCompilers(context, checkout, planned.go, planned.plan);
      const platforms = planned.plan.platforms.map(({ platform }) => platform).join(", ");
      return { state: "ok", says: `Everything that needs one finds it: ${platforms}` };
    },
  };
}
