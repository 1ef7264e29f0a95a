import { dirname, join } from "@std/path";
import type { Checkout, Platform } from "../../checkout/mod.ts";
import type { KubeContext } from "../init.ts";
import type { GoFlags } from "./flag_rules.ts";
import type { GoTool } from "./go_tool.ts";
import { binaryName, goPackages } from "./targets.ts";

/** Where one binary is made and where it goes. */
export interface BinaryOutput {
  /** `kubectl`, `kubectl.exe`, `e2e.test`. */
  readonly name: string;
  /** Where `go` leaves it: `<gopath>/bin[/<os>_<arch>]/<name>`. */
  readonly built: string;
  /** Where it is placed: `<bin>/<os>/<arch>/<name>`. */
  readonly placed: string;
}

/** One start of `go`. */
export interface BuildStep {
  readonly platform: Platform;
  /** Without cgo, with cgo where the platform has it, or a test binary. */
  readonly kind: "static" | "dynamic" | "test";
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** The part of `env` that the plan decided, for people. */
  readonly shownEnv: Readonly<Record<string, string>>;
  readonly outputs: readonly BinaryOutput[];
  /**
   * Prints what the outputs are linked from; undefined where `go` itself sees that nothing has
   * changed.
   */
  readonly buildIds: readonly string[] | undefined;
}

/** Everything that a build will do. */
export interface BuildPlan {
  readonly platforms: readonly {
    readonly platform: Platform;
    readonly steps: readonly BuildStep[];
  }[];
  readonly targets: readonly string[];
}

/** Targets to build for one platform. */
export interface PlatformTargets {
  readonly platform: Platform;
  readonly targets: readonly string[];
}

/** What {@linkcode planBuild} needs besides context and checkout. */
export interface PlanInputs {
  readonly go: GoTool;
  readonly matrix: readonly PlatformTargets[];
  readonly flags: GoFlags;
  /** Folder that takes `<os>/<arch>/<name>`. */
  readonly binPath: string;
  /** The modules of the workspace (`workspaceModules`); empty in the GOPATH eras. */
  readonly modules: ReadonlyMap<string, string>;
}

/** Cross C compilers of `kube::golang::set_platform_envs`, and the variable that names another. */
const CROSS_COMPILERS: Readonly<Record<Platform, string>> = {
  "linux/amd64": "x86_64-linux-gnu-gcc",
  "linux/arm": "arm-linux-gnueabihf-gcc",
  "linux/arm64": "aarch64-linux-gnu-gcc",
  "linux/ppc64le": "powerpc64le-linux-gnu-gcc",
  "linux/s390x": "s390x-linux-gnu-gcc",
};

/** `KUBE_LINUX_ARM64_CC` for `linux/arm64`. */
export function compilerVariable(platform: Platform): string {
  return `KUBE_${platform.replaceAll("/", "_").toUpperCase()}_CC`;
}

/**
 * Port of `kube::golang::set_platform_envs`: `GOOS`, `GOARCH`, and for cross builds with cgo
 * `CGO_ENABLED` and `CC`.
 *
 * For the host's own platform cgo is asked for by name: Go would otherwise turn it off silently on
 * a machine without a C compiler, and the same command would make other binaries there.
 */
export function platformEnv(
  context: KubeContext,
  checkout: Checkout,
  platform: Platform,
  host: Platform,
): Readonly<Record<string, string>> {
  const { env } = context;
  const [goos = "", goarch = ""] = platform.split("/");
  const base: Record<string, string> = { GOOS: goos, GOARCH: goarch };
  const variable = compilerVariable(platform);
  const named = env[variable];
  const compiler = CROSS_COMPILERS[platform];
  // Up to 1.20 the scripts know cross compilers on linux/amd64 only, and none for amd64 itself.
  const crossHost = checkout.era.goMode !== "gopath" || host === "linux/amd64";
  if (platform !== host && crossHost && compiler !== undefined) {
    return { ...base, CGO_ENABLED: "1", CC: named || compiler };
  }
  if (named !== undefined && named !== "") return { ...base, CGO_ENABLED: "1", CC: named };
  return { ...base, CGO_ENABLED: env["CGO_ENABLED"] || (platform === host ? "1" : "0") };
}

/** Port of `kube::golang::is_statically_linked_library`. */
export function isStatic(
  context: KubeContext,
  checkout: Checkout,
  goPackage: string,
  platform: Platform,
  host: Platform,
): boolean {
  const name = binaryName(goPackage);
  // Explicitly cgo: kubectl for darwin built on darwin.
  if (host.startsWith("darwin/") && platform.startsWith("darwin/") && name === "kubectl") {
    return false;
  }
  const list = (variable: string) => (context.env[variable] ?? "").split(/\s+/);
  if (list("KUBE_CGO_OVERRIDES").includes(name)) return false;
  return checkout.staticBinaries.value.includes(name) ||
    list("KUBE_STATIC_OVERRIDES").includes(name);
}

/** The environment that every `go` of a build shares (`kube::golang::setup_env`). */
function goEnv(context: KubeContext, checkout: Checkout): Record<string, string> {
  const { env, gopath } = context;
  const shared: Record<string, string> = { ...env };
  delete shared["GOBIN"];
  delete shared["GO111MODULE"];
  delete shared["GOWORK"];
  shared["PATH"] = `${join(gopath, "bin")}:${env["PATH"] ?? ""}`;
  shared["GOTOOLCHAIN"] = env["GOTOOLCHAIN"] ?? "local";
  if (checkout.era.goMode === "gopath") {
    const extra = env["KUBE_EXTRA_GOPATH"];
    shared["GOPATH"] = extra ? `${gopath}:${extra}` : gopath;
    shared["GOCACHE"] = join(gopath, "cache");
    shared["GO111MODULE"] = "off";
    return shared;
  }
  shared["GOPATH"] = gopath;
  shared["GOCACHE"] = env["GOCACHE"] || join(gopath, "cache", "build");
  shared["GOMODCACHE"] = env["GOMODCACHE"] || join(gopath, "cache", "mod");
  return shared;
}

/** The folder in which `go` runs: under the GOPATH in the GOPATH eras, else the checkout. */
export function goWorkingDirectory(context: KubeContext, checkout: Checkout): string {
  return checkout.era.goMode === "gopath"
    ? join(context.gopath, "src", checkout.goPackage.value)
    : context.root;
}

/** The environment for a `go` or a generator that runs in the checkout, host platform. */
export function hostGoEnv(
  context: KubeContext,
  checkout: Checkout,
): Readonly<Record<string, string>> {
  return Object.freeze({
    ...goEnv(context, checkout),
    PWD: goWorkingDirectory(context, checkout),
  });
}

/**
 * Port of `kube::golang::build_binaries_for_platform`, as a plan: which `go` starts, in which
 * environment, and which files come out. Targets that share flags share one `go install`. Pure.
 */
export function planBuild(
  context: KubeContext,
  checkout: Checkout,
  inputs: PlanInputs,
): BuildPlan {
  const platforms = inputs.matrix.map(({ platform, targets }) =>
    Object.freeze({
      platform,
      steps: Object.freeze(platformSteps(context, checkout, inputs, platform, targets)),
    })
  );
  const targets = [...new Set(inputs.matrix.flatMap((row) => row.targets))];
  return Object.freeze({ platforms: Object.freeze(platforms), targets: Object.freeze(targets) });
}

function platformSteps(
  context: KubeContext,
  checkout: Checkout,
  inputs: PlanInputs,
  platform: Platform,
  targets: readonly string[],
): BuildStep[] {
  const { go, flags, binPath, modules } = inputs;
  const packages = goPackages(checkout, targets, modules);
  const tests = packages.filter((name) => name.endsWith(".test"));
  const programs = packages.filter((name) => !name.endsWith(".test"));
  const still = (name: string) => isStatic(context, checkout, name, platform, go.host);
  const statics = programs.filter(still);
  const dynamics = programs.filter((name) => !still(name));

  const cwd = goWorkingDirectory(context, checkout);
  const modular = checkout.era.goMode !== "gopath";
  const shared = goEnv(context, checkout);
  const steps: BuildStep[] = [];

  // Without a build ID in the binary go cannot tell that it is up to date.
  const relinks = flags.build.some((word) => /(^|[\s=])-buildid=(\s|$)/.test(word));
  const list = [go.path, "list", "-export", "-deps", "-f", "{{.BuildID}}"];
  const add = (
    kind: BuildStep["kind"],
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    names: readonly string[],
    listed: readonly string[] | undefined,
  ) => {
    const outputs = names.map((name) => output(context, platform, go.host, binPath, name));
    steps.push(Object.freeze({
      platform,
      kind,
      argv: Object.freeze([go.path, ...args]),
      cwd,
      // PWD tells go which of several paths to this folder is meant.
      env: Object.freeze({ ...shared, ...env, PWD: cwd }),
      shownEnv: Object.freeze({
        ...pick(shared, ["GOPATH", "GOCACHE", "GO111MODULE", "GOFLAGS"]),
        ...env,
      }),
      outputs: Object.freeze(outputs),
      buildIds: listed === undefined ? undefined : Object.freeze([...list, ...listed]),
    }));
  };

  const platformOnly = platformEnv(context, checkout, platform, go.host);
  const installEnv = modular ? { ...platformOnly, GOPROXY: "off" } : platformOnly;
  const { CC: _cc, ...withoutCompiler } = installEnv as Record<string, string>;
  if (statics.length > 0) {
    const args = [...flags.installSuffix, ...flags.extra, ...flags.build, ...statics];
    const env = { ...withoutCompiler, CGO_ENABLED: "0" };
    add("static", ["install", ...args], env, statics, relinks ? args : undefined);
  }
  if (dynamics.length > 0) {
    const race = modular ? raceFlags(context) : [];
    const args = [...flags.extra, ...flags.build, ...race, ...dynamics];
    add("dynamic", ["install", ...args], installEnv, dynamics, relinks ? args : undefined);
  }
  for (const test of tests) {
    const { built } = output(context, platform, go.host, binPath, test);
    const args = [...flags.extra, ...flags.test];
    const pkg = dirname(test);
    add("test", ["test", "-c", ...args, "-o", built, pkg], platformOnly, [test], [
      "-test",
      ...args,
      pkg,
    ]);
  }
  return steps;
}

/** `KUBE_RACE` reaches binaries that are not static since 1.35 (PR #133834). */
function raceFlags(context: KubeContext): readonly string[] {
  const race = context.env["KUBE_RACE"];
  return race === undefined || race === "" ? [] : [race];
}

/** Port of `kube::golang::outfile_for_binary`, and of where `place_bins` puts the file. */
function output(
  context: KubeContext,
  platform: Platform,
  host: Platform,
  binPath: string,
  goPackage: string,
): BinaryOutput {
  const suffix = platform.startsWith("windows/") ? ".exe" : "";
  const name = `${binaryName(goPackage)}${suffix}`;
  const folder = platform === host ? [] : [platform.replaceAll("/", "_")];
  return Object.freeze({
    name,
    built: join(context.gopath, "bin", ...folder, name),
    placed: join(binPath, platform, name),
  });
}

function pick(
  from: Readonly<Record<string, string>>,
  names: readonly string[],
): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = from[name];
    if (value !== undefined && value !== "") picked[name] = value;
  }
  return picked;
}
