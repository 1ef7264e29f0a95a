import type { Checkout, EraName } from "../../checkout/mod.ts";
import type { Environment } from "../init.ts";

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
  /** Suffix of the package folder of static builds: `-installsuffix`. */
  readonly installSuffix: string;
  /** Whether a flag and its value are one argument (`-tags=x`) or two. */
  readonly joined: boolean;
}

const SELINUX = ["selinux", "notest"] as const;

/**
 * One row per era. Sources: `kube::golang::build_binaries` and
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
  },
  gopath: {
    trim: "main-package",
    allPrefix: false,
    tags: SELINUX,
    goldflags: { default: "-s -w -buildid=", appended: false },
    installSuffix: "static",
    joined: false,
  },
  modules: {
    trim: "all-packages",
    allPrefix: true,
    tags: SELINUX,
    goldflags: { default: "-s -w", appended: true },
    installSuffix: "static",
    joined: true,
  },
  workspace: {
    trim: "flag",
    allPrefix: true,
    tags: [...SELINUX, "grpcnotrace"],
    goldflags: { default: "-s -w", appended: true },
    installSuffix: "static",
    joined: true,
  },
  "workspace-bind": {
    trim: "flag",
    allPrefix: true,
    tags: [...SELINUX, "grpcnotrace"],
    goldflags: { default: "-s -w", appended: true },
    installSuffix: "static",
    joined: true,
  },
};

/** Go's flags for one kind of binary, values as `go` gets them. */
export interface GoFlags {
  /** `-installsuffix` for static binaries, as arguments. */
  readonly installSuffix: readonly string[];
  /** `-trimpath` and what the user gave, as arguments. */
  readonly extra: readonly string[];
  /** `-gcflags`, `-asmflags`, `-ldflags`, `-tags`, as arguments. */
  readonly build: readonly string[];
  /**
   * `build` for `go test -c`. The scripts' `-trimpath` in `-gcflags` replaces go's own, which would
   * cut the random work folder from the path of the generated main file, so that a test binary
   * differs from build to build; it is left out here, unless parity is strict.
   */
  readonly test: readonly string[];
}

/** What the flags depend on besides the checkout. */
export interface FlagInputs {
  readonly env: Environment;
  /** Flags among the targets: `WHAT="cmd/kubectl -v"`. */
  readonly goflags: readonly string[];
  /** The `-X …` flags of `version.ldflags`. */
  readonly versionLdflags: string;
  /**
   * Brings back 1.20's habit of pasting a GOFLAGS without `-tags=` whole into `-tags`, and test
   * binaries that differ from build to build.
   */
  readonly strictParity: boolean;
}

/** Computes Go's flags as the era's `kube::golang::build_binaries` does. Pure. */
export function goFlags(checkout: Checkout, inputs: FlagInputs): GoFlags {
  const { env, goflags, versionLdflags, strictParity } = inputs;
  const rules = RULES[checkout.era.name];
  const debug = env["DBG"] === "1";
  const root = checkout.root;

  const goldflags = rules.goldflags.appended
    ? [
      `${rules.allPrefix ? "all=" : ""}${versionLdflags} ${env["GOLDFLAGS"] ?? ""}`,
      ...(debug ? [] : [rules.goldflags.default]),
    ].join(" ")
    : `${env["GOLDFLAGS"] ?? (debug ? "" : rules.goldflags.default)} ${versionLdflags}`;

  let gcflags = env["GOGCFLAGS"] ?? "";
  const untrimmed = gcflags;
  if (debug) gcflags = `${gcflags} all=-N -l`;
  else if (rules.trim === "main-package") gcflags = `${gcflags} ${trimFlag(root, gcflags === "")}`;
  else if (rules.trim === "all-packages") gcflags = `${gcflags} all=${trimFlag(root, false)}`;

  const flag = (name: string, value: string) =>
    rules.joined ? [`-${name}=${value}`] : [`-${name}`, value];
  const asmflags = debug
    ? []
    : rules.trim === "main-package"
    ? flag("asmflags", trimFlag(root, true))
    : rules.trim === "all-packages"
    ? flag("asmflags", `all=${trimFlag(root, false)}`)
    : [];
  const tags = [
    ...rules.tags.filter((tag) => !(debug && tag === "grpcnotrace")),
    tagsOf(env["GOFLAGS"] ?? "", strictParity && checkout.era.name === "gopath"),
  ].join(",");

  const build = (compiler: string) =>
    Object.freeze([
      ...flag("gcflags", compiler),
      ...asmflags,
      ...flag("ldflags", goldflags),
      ...(rules.tags.length === 0 ? [] : flag("tags", tags)),
    ]);
  return Object.freeze({
    installSuffix: Object.freeze(flag("installsuffix", rules.installSuffix)),
    extra: Object.freeze([
      ...(rules.trim === "flag" && !debug ? ["-trimpath"] : []),
      ...goflags,
    ]),
    build: build(gcflags),
    test: build(debug || strictParity ? gcflags : untrimmed),
  });
}

/**
 * `-trimpath=<root>` inside `-gcflags` or `-asmflags`, which go divides at white space unless a word
 * stands in quotes (cmd/internal/quoted). Scripts fail in a folder with a blank in its name.
 *
 * @param first Whether the flag comes first. go takes what does not start with a dash for a pattern
 * of packages, so an empty `-trimpath=`, which the next one overrides, goes before a quoted word.
 */
function trimFlag(root: string, first: boolean): string {
  const word = `-trimpath=${root}`;
  if (!/\s/.test(root)) return word;
  const mark = root.includes("'") ? '"' : "'";
  return `${first ? "-trimpath= " : ""}${mark}${word}${mark}`;
}

/**
 * The tags in `GOFLAGS`: what follows `-tags=` up to the next dash, as the scripts cut it.
 *
 * @param wholeWithoutTags v1.20's `sed` has no `-n`: a value without `-tags=` comes out whole.
 */
function tagsOf(goflags: string, wholeWithoutTags: boolean): string {
  const found = /^.*-tags=([^-]*).*$/s.exec(goflags)?.[1];
  return (found ?? (wholeWithoutTags ? goflags : "")).trim();
}
