import { dirname, join } from "@std/path";
import type { Checkout, EraName, GoCall, GoCallInputs, Platform } from "../../checkout/mod.ts";
import { binaryName } from "./targets.ts";

type Env = Readonly<Record<string, string>>;

/** What an era's `kube::golang::build_binaries` does to Go's flags. */
interface FlagRules {
  /** How source paths are kept out of the binaries. */
  readonly trim: "none" | "main-package" | "all-packages" | "flag";
  /** Whether `-ldflags` starts with `all=`. */
  readonly allPrefix: boolean;
  /** Tags that every build has. */
  readonly tags: readonly string[];
  /** How the default of GOLDFLAGS is applied: replaced by the variable, or appended to. */
  readonly goldflags: { readonly default: string; readonly appended: boolean };
  /** Suffix of the package directory of static builds: `-installsuffix`. */
  readonly installSuffix: string;
  /** Whether a flag and its value are one argument (`-tags=x`) or two. */
  readonly joined: boolean;
  /** Variables of `go install` and `go test`. */
  readonly env: { readonly install: Env; readonly test: Env };
}

const SELINUX = ["selinux", "notest"] as const;
const GOPATH_ENV = { install: { GO111MODULE: "off" }, test: { GO111MODULE: "off" } };
// 1.26-1.29: test binaries are still built in the GOPATH (v1.28.7 golang.sh:745-815).
const MODULES_ENV = {
  install: { GO111MODULE: "on", GOPROXY: "off" },
  test: { GO111MODULE: "off" },
};
const WORKSPACE: FlagRules = {
  trim: "flag",
  allPrefix: true,
  tags: [...SELINUX, "grpcnotrace"],
  goldflags: { default: "-s -w", appended: true },
  installSuffix: "static",
  joined: true,
  env: { install: { GOPROXY: "off" }, test: {} },
};

/**
 * One row per era, for a checkout whose own `golang.sh` cannot be read. Sources: `kube::golang::build_binaries` and
 * `kube::golang::build_binaries_for_platform` of v1.7.3 (golang.sh:536-690), v1.20.2
 * (golang.sh:636-868), 1.28.7 and the 1.35 scripts (golang.sh:750-1000).
 */
const RULES: Readonly<Record<EraName, FlagRules>> = {
  godeps: {
    trim: "none",
    allPrefix: false,
    tags: [],
    goldflags: { default: "", appended: false },
    installSuffix: "cgo",
    joined: false,
    env: GOPATH_ENV,
  },
  gopath: {
    trim: "main-package",
    allPrefix: false,
    tags: SELINUX,
    goldflags: { default: "-s -w -buildid=", appended: false },
    installSuffix: "static",
    joined: false,
    env: GOPATH_ENV,
  },
  modules: {
    trim: "all-packages",
    allPrefix: true,
    tags: SELINUX,
    goldflags: { default: "-s -w", appended: true },
    installSuffix: "static",
    joined: true,
    env: MODULES_ENV,
  },
  workspace: WORKSPACE,
  "workspace-bind": WORKSPACE,
};

/** Cross C compilers of `kube::golang::set_platform_envs`. */
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
 * What `readGoCalls` reads from a checkout, from the built-in table of its era: static programs,
 * the others, and one call for each test binary. Coverage builds need the checkout's own scripts.
 */
export function tableGoCalls(checkout: Checkout, inputs: GoCallInputs): readonly GoCall[] {
  const { packages, goflags } = inputs;
  const rules = RULES[checkout.era.name];
  const { gcflags, others, trimmed } = buildFlags(checkout, inputs, rules);
  const platform = platformEnv(checkout, inputs);
  const flag = (name: string, value: string) =>
    rules.joined ? [`-${name}=${value}`] : [`-${name}`, value];
  const calls: GoCall[] = [];
  const add = (argv: readonly string[], makes: readonly string[], env: Env) => {
    calls.push(Object.freeze({
      argv: Object.freeze([...argv]),
      env: Object.freeze({ ...platform, ...env }),
      makes: Object.freeze([...makes]),
      source: "built-in table",
    }));
  };
  const build = [...trimmed, ...goflags, ...gcflags, ...others];
  const programs = packages.filter((name) => !name.endsWith(".test"));
  const statics = programs.filter((name) => isStatic(checkout, inputs, name));
  const dynamics = programs.filter((name) => !statics.includes(name));
  if (statics.length > 0) {
    const suffix = flag("installsuffix", rules.installSuffix);
    const env = { ...rules.env.install, CGO_ENABLED: "0" };
    add(["install", ...suffix, ...build, ...statics], statics, env);
  }
  if (dynamics.length > 0) {
    // KUBE_RACE reaches programs that are not static since 1.35 (PR #133834).
    const race = checkout.era.goMode === "workspace" ? inputs.variables["KUBE_RACE"] : undefined;
    const words = race ? [race] : [];
    add(["install", ...build, ...words, ...dynamics], dynamics, rules.env.install);
  }
  for (const test of packages.filter((name) => name.endsWith(".test"))) {
    const directory = inputs.platform === inputs.host ? [] : [inputs.platform.replaceAll("/", "_")];
    const suffix = inputs.platform.startsWith("windows/") ? ".exe" : "";
    const file = join(inputs.gopath, "bin", ...directory, `${binaryName(test)}${suffix}`);
    add(["test", "-c", ...build, "-o", file, dirname(test)], [test], rules.env.test);
  }
  return calls;
}

function buildFlags(
  checkout: Checkout,
  { variables, versionLdflags, cwd }: GoCallInputs,
  rules: FlagRules,
): { trimmed: readonly string[]; gcflags: readonly string[]; others: readonly string[] } {
  const debug = variables["DBG"] === "1";
  const given = variables["GOGCFLAGS"] ?? "";
  const goldflags = rules.goldflags.appended
    ? [
      `${rules.allPrefix ? "all=" : ""}${versionLdflags} ${variables["GOLDFLAGS"] ?? ""}`,
      ...(debug ? [] : [rules.goldflags.default]),
    ].join(" ")
    : `${variables["GOLDFLAGS"] ?? (debug ? "" : rules.goldflags.default)} ${versionLdflags}`;
  const flag = (name: string, value: string) =>
    rules.joined ? [`-${name}=${value}`] : [`-${name}`, value];
  const trim = debug
    ? undefined
    : rules.trim === "main-package"
    ? `-trimpath=${checkout.root}`
    : rules.trim === "all-packages"
    ? `all=-trimpath=${cwd}`
    : undefined;
  const gcflags = debug ? `${given} all=-N -l` : trim === undefined ? given : `${given} ${trim}`;
  const tags = [
    ...rules.tags.filter((tag) => !(debug && tag === "grpcnotrace")),
    /^.*-tags=([^-]*).*$/s.exec(variables["GOFLAGS"] ?? "")?.[1]?.trim() ?? "",
  ].join(",");
  return {
    trimmed: rules.trim === "flag" && !debug ? ["-trimpath"] : [],
    gcflags: flag("gcflags", gcflags),
    others: [
      ...(trim === undefined ? [] : flag("asmflags", trim)),
      ...flag("ldflags", goldflags),
      ...(rules.tags.length === 0 ? [] : flag("tags", tags)),
    ],
  };
}

/** Port of `kube::golang::set_platform_envs`. */
function platformEnv(checkout: Checkout, { platform, host, variables }: GoCallInputs): Env {
  const [goos = "", goarch = ""] = platform.split("/");
  const base = { GOOS: goos, GOARCH: goarch };
  const named = variables[compilerVariable(platform)];
  const known = CROSS_COMPILERS[platform];
  // Up to 1.20 the scripts know cross compilers on linux/amd64 only, and none for amd64 itself.
  const crossHost = checkout.era.goMode !== "gopath" || host === "linux/amd64";
  const compiler = named || (platform !== host && crossHost ? known : undefined);
  return compiler === undefined ? base : { ...base, CGO_ENABLED: "1", CC: compiler };
}

/** Port of `kube::golang::is_statically_linked_library`. */
function isStatic(checkout: Checkout, inputs: GoCallInputs, goPackage: string): boolean {
  const name = binaryName(goPackage);
  const { platform, host, variables } = inputs;
  // Explicitly cgo: kubectl for darwin built on darwin.
  if (host.startsWith("darwin/") && platform.startsWith("darwin/") && name === "kubectl") {
    return false;
  }
  const list = (variable: string) => (variables[variable] ?? "").split(/\s+/);
  if (list("KUBE_CGO_OVERRIDES").includes(name)) return false;
  return checkout.staticBinaries.value.includes(name) ||
    list("KUBE_STATIC_OVERRIDES").includes(name);
}
