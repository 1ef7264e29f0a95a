import { join } from "@std/path";
import { type Checkout, goWorkingDirectory } from "../../checkout/mod.ts";
import { isOffline } from "../../net/mod.ts";
import type { GoTool } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";
import { withoutDecided } from "./go_variables.ts";

/** The environment that every `go` of a build shares (`kube::golang::setup_env`). */
export function goEnv(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
): Record<string, string> {
  const { gopath, builder: { env } } = context;
  const shared: Record<string, string> = withoutDecided(env);
  const directories = [...(go.bin === undefined ? [] : [go.bin]), join(gopath, "bin"), env["PATH"]];
  shared["PATH"] = directories.filter((directory) => directory !== undefined && directory !== "")
    .join(":");
  // The choice is made already.
  shared["GOTOOLCHAIN"] = "local";
  delete shared["GOROOT"];
  if (go.goroot !== undefined) shared["GOROOT"] = go.goroot;
  if (isOffline(context.env)) shared["GOPROXY"] = "off";
  if (checkout.era.goMode === "gopath") {
    const extra = context.env["KUBE_EXTRA_GOPATH"];
    shared["GOPATH"] = extra ? `${gopath}:${extra}` : gopath;
    shared["GOCACHE"] = env["GOCACHE"] || join(gopath, "cache");
    shared["GO111MODULE"] = "off";
    return shared;
  }
  // A go.work of a directory above would not know the packages of these checkouts.
  if (checkout.era.goMode === "modules") shared["GOWORK"] = "off";
  shared["GOPATH"] = gopath;
  shared["GOCACHE"] = env["GOCACHE"] || join(gopath, "cache", "build");
  shared["GOMODCACHE"] = env["GOMODCACHE"] || join(gopath, "cache", "mod");
  return shared;
}

/** The environment for a `go` or a generator that runs in the checkout, host platform. */
export function hostGoEnv(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
): Readonly<Record<string, string>> {
  return Object.freeze({
    ...goEnv(context, checkout, go),
    PWD: goWorkingDirectory(context, checkout),
  });
}

/** The part of Go's environment that kbuild decides and plans show; empty values left out. */
export function shownGoEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const name of ["GOENV", "GOPATH", "GOCACHE", "GO111MODULE", "GOFLAGS", "GOWORK"]) {
    const value = env[name];
    if (value !== undefined && value !== "") shown[name] = value;
  }
  return shown;
}
