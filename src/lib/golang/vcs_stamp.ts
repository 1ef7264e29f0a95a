import type { Checkout } from "../../checkout/mod.ts";
import {
  explainFailure,
  findRepository,
  type GitTree,
  gitVariables,
  openTree,
} from "../../git/mod.ts";
import { type GoTool, isGoSince } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";

/** What becomes of the commit that Go writes into programs of module mode since 1.18. */
export interface VcsStamp {
  /** For every `go install`, `go test` and `go list`. */
  readonly flags: readonly string[];
  /** For the git that Go starts. */
  readonly env: Readonly<Record<string, string>>;
  /** What a user may not expect of it. */
  readonly note?: string;
}

const NOTHING: VcsStamp = Object.freeze({ flags: Object.freeze([]), env: {} });

/**
 * Go asks git for the commit, and fails where git does: in a repository of another user, or one that
 * cannot be read. There `-buildvcs=false` leaves it out. Without git in `PATH` Go does that itself.
 *
 * @param tree What git says of the checkout, if the caller asks more of it.
 */
export async function vcsStamp(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  tree: GitTree = openTree(context),
): Promise<VcsStamp> {
  if (!await stampsCommit(context, checkout, go)) return NOTHING;
  const { failure } = await tree.status();
  if (failure === undefined) return { flags: [], env: await gitVariables(context) };
  const { why } = await explainFailure(context, failure);
  const note = `Programs do not name their commit (vcs.revision): ${why}`;
  return { flags: failure.kind === "no git" ? [] : ["-buildvcs=false"], env: {}, note };
}

/** Whether this Go writes the commit into programs of the checkout, if nothing says otherwise: 1.18 and later. */
export function mayStampCommit({ era }: Checkout, go: GoTool): boolean {
  return era.goMode !== "gopath" && isGoSince(go, "1.18");
}

/** Whether Go asks git for the commit of its own accord; where GOFLAGS says what to do, that stays. */
export async function stampsCommit(
  context: Pick<KubeContext, "env" | "root">,
  checkout: Checkout,
  go: GoTool,
): Promise<boolean> {
  if (!mayStampCommit(checkout, go) || /-buildvcs\b/.test(context.env["GOFLAGS"] ?? "")) {
    return false;
  }
  return await findRepository(context.root) !== undefined;
}
