import { join } from "@std/path";
import { type Checkout, readGoModes } from "../../checkout/mod.ts";
import type { GoTool } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";
import { hostGoEnv } from "./go_env.ts";

/**
 * Asks `go list` about a checkout without writing into it: GOPATH (up to 1.25, with the link to the
 * checkout) and cache are temporary.
 *
 * @param args What follows `go list`; relative paths begin at the root.
 * @param env Further variables: GOOS, GOARCH, CGO_ENABLED; GO111MODULE where it is not that of
 * programs.
 * @returns What go printed, or undefined when it failed.
 */
export async function goList(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const place = join("src", checkout.goPackage.value);
  const isLinked = checkout.era.goMode === "gopath";
  await using scratch = await context.builder.makeDirectory(
    isLinked ? { path: place, target: context.root } : undefined,
  );
  const top = scratch.path;
  const cwd = isLinked ? join(top, place) : context.root;
  const extra = context.env["KUBE_EXTRA_GOPATH"];
  const listed = await context.builder.shell.run([go.path, "list", ...args], {
    cwd,
    env: {
      ...hostGoEnv(context, checkout, go),
      GOPATH: extra ? `${top}:${extra}` : top,
      GOCACHE: join(top, "cache"),
      GO111MODULE: readGoModes(checkout).programs === "gopath" ? "off" : "on",
      GOPROXY: "off",
      PWD: cwd,
      ...env,
    },
    allowed: "any",
    doing: "go list",
  });
  return listed.code === 0 ? listed.stdout : undefined;
}
