import { basename } from "@std/path";
import type { BashState, Builtin, BuiltinHost, Variable } from "../bash/mod.ts";
import {
  GOLANG,
  openBuildScripts,
  outputConstants,
  passedOnByMake,
  reasonAt,
  setByScripts,
  SETTING_UP,
  sourceOf,
} from "./build_scripts.ts";
import type { Checkout, Platform } from "./types.ts";

/** Inputs of {@linkcode readGoCalls} apart from the checkout. */
export interface GoCallInputs {
  /** What to build for. */
  readonly platform: Platform;
  /** Where it is built. */
  readonly host: Platform;
  /**
   * What to build, as `kube::golang::binaries_from_targets` or `normalize_go_targets` gives it:
   * `k8s.io/kubernetes/cmd/kubectl`, `k8s.io/kubernetes/test/e2e/e2e.test`.
   */
  readonly packages: readonly string[];
  /** Flags among the targets: `-v`. */
  readonly goflags: readonly string[];
  /** The environment: GOFLAGS, GOLDFLAGS (empty is not the same as unset), DBG, KUBE_RACE … */
  readonly variables: Readonly<Record<string, string>>;
  /** What `kube::version::ldflags` prints. */
  readonly versionLdflags: string;
  /** `KUBE_GOPATH`. */
  readonly gopath: string;
  /** Directory in which `go` runs: what `$(pwd)` gives. */
  readonly cwd: string;
}

/** One start of `go` that the checkout's scripts would make. */
export interface GoCall {
  /** `install`, `-gcflags=…`, `k8s.io/kubernetes/cmd/kubectl`: without the `go`. */
  readonly argv: readonly string[];
  /** What the scripts set for it: `GOOS`, `GOARCH`, `CGO_ENABLED`, `CC`, `GO111MODULE`, `GOPROXY`. */
  readonly env: Readonly<Record<string, string>>;
  /** Which of the packages come out of it: what it installs, or what `-o` names. */
  readonly makes: readonly string[];
  /** Where the scripts start it: `hack/lib/golang.sh:782`. */
  readonly source: string;
}

/** The calls, or why they are unknown: `hack/lib/golang.sh:812: "x" is not run`. */
export type GoCalls = { readonly calls: readonly GoCall[] } | { readonly why: string };

const FUNCTION = "kube::golang::build_binaries";
const BUILDING = new Set(["build", "generate", "install", "test"]);

/**
 * Tells which `go` commands the checkout's own `kube::golang::build_binaries` would start for one
 * platform, by interpreting it and the functions that it calls; nothing is run. The code around
 * it is left out: checking and setting up Go, bindata (1.5–1.8), the dummy tests of a coverage
 * build, finding packages.
 *
 * Up to 1.8 the Makefile hands GOFLAGS, GOLDFLAGS and GOGCFLAGS on as `KUBE_…` (v1.7.3 Makefile:52-54);
 * so does this.
 *
 * @returns The calls in order, or where and why the scripts could not be understood.
 */
export function readGoCalls(checkout: Checkout, inputs: GoCallInputs): GoCalls {
  const golang = checkout.scripts.find(({ path }) => path === GOLANG)?.text ?? "";
  const calls: GoCall[] = [];
  const before = new Map<string, Variable>();
  const record: Builtin = (host, args) => {
    calls.push(Object.freeze({
      argv: Object.freeze([...args]),
      env: Object.freeze(setByScripts(host, before)),
      makes: Object.freeze(madeBy(args, inputs.packages)),
      source: sourceOf(checkout.root, host.place),
    }));
    return 0;
  };
  const evaluator = openBuildScripts(checkout, {
    host: inputs.host,
    variables: environment(inputs, golang),
    constants: {
      ...outputConstants(checkout.root, inputs.variables),
      KUBE_GOPATH: inputs.gopath,
    },
    commands: commands(inputs, record),
    onCommand: (host, name, args) => name.endsWith("/go") && record(host, args, name) === 0,
  });
  if ("why" in evaluator) return evaluator;
  const definition = evaluator.state.functions.get(FUNCTION);
  if (definition === undefined) {
    return Object.freeze({ why: `${GOLANG}: ${FUNCTION} is not defined` });
  }
  useConfigured(evaluator.state, checkout);
  for (const [name, variable] of evaluator.state.exported()) before.set(name, variable);

  const result = evaluator.callFunction(FUNCTION, [...inputs.goflags, ...inputs.packages], true);
  if (typeof result !== "string") {
    return Object.freeze({ why: reasonAt(checkout.root, result) });
  }
  if (calls.length === 0 && inputs.packages.length > 0) {
    const where = sourceOf(checkout.root, { ...definition, line: definition.body.line });
    return Object.freeze({ why: `${where}: ${FUNCTION} starts no go` });
  }
  return Object.freeze({ calls: Object.freeze(calls) });
}

/** The packages that a call makes: what it installs, or what `-o` of `go test` and `go build` is. */
function madeBy(argv: readonly string[], packages: readonly string[]): readonly string[] {
  const [command, ...words] = argv;
  if (command === "install") return words.filter((word) => packages.includes(word));
  if (command !== "test" && command !== "build") return [];
  const goPackage = words.at(-1) ?? "";
  if (packages.includes(goPackage)) return [goPackage];
  const file = basename(words[words.indexOf("-o") + 1] ?? "").replace(/\.exe$/, "");
  return packages.filter((name) => name === `${goPackage}/${file}`);
}

function environment(inputs: GoCallInputs, golang: string): Readonly<Record<string, string>> {
  const variables = passedOnByMake(inputs.variables, golang);
  // What setup_env would have set; 1.6 and 1.8 compare it.
  variables["GOROOT"] ??= "/usr/local/go";
  variables["KUBE_BUILD_PLATFORMS"] = inputs.platform;
  delete variables["KUBE_FASTBUILD"];
  return variables;
}

/** Lists that a `kbuild.toml` changes. */
function useConfigured(state: BashState, checkout: Checkout): void {
  for (const name of ["KUBE_STATIC_LIBRARIES", "KUBE_STATIC_BINARIES"]) {
    const variable = state.get(name);
    if (variable?.value === undefined) continue;
    state.set(name, { ...variable, value: checkout.staticBinaries.value });
  }
}

/** The answers that take the place of functions and programs. */
function commands(inputs: GoCallInputs, record: Builtin): ReadonlyMap<string, Builtin> {
  const print = (lines: readonly string[]): Builtin => (host) => {
    for (const line of lines) host.print(`${line}\n`);
    return 0;
  };
  const nothing: Builtin = () => 0;
  return new Map<string, Builtin>([
    ...SETTING_UP.map((name) => [name, nothing] as const),
    ["go", (host, args, name) => go(host, args, name, inputs, record)],
    ["pwd", print([inputs.cwd])],
    ["kube::golang::binaries_from_targets", print(inputs.packages)],
    ["kube::golang::normalize_go_targets", print(inputs.packages)],
    ["kube::golang::host_platform", print([inputs.host])],
    ["kube::golang::get_physmem", print(["1"])],
    ["kube::version::ldflags", print([inputs.versionLdflags])],
    [
      "kube::log::error_exit",
      (host, args) => host.unsupported(`The script ends: ${args.join(" ")}`),
    ],
  ]);
}

function go(
  host: BuiltinHost,
  args: readonly string[],
  name: string,
  inputs: GoCallInputs,
  record: Builtin,
): number {
  const [command = "", ...rest] = args;
  if (BUILDING.has(command)) return record(host, args, name);
  // Packages are import paths: go gives them back.
  if (command === "list" && rest.length === 2 && rest[0] === "-find" && !/^\.|^-/.test(rest[1]!)) {
    host.print(`${rest[1]}\n`);
    return 0;
  }
  const [goos = "", goarch = ""] = inputs.host.split("/");
  const set = (variable: string) => {
    const value = host.state.get(variable)?.value;
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const answers = new Map([
    ["GOHOSTOS", goos],
    ["GOHOSTARCH", goarch],
    ["GOOS", set("GOOS") ?? goos],
    ["GOARCH", set("GOARCH") ?? goarch],
  ]);
  const answer = command === "env" && rest.length === 1 ? answers.get(rest[0]!) : undefined;
  host.print(`${answer ?? host.unsupported(`"go ${args.join(" ")}" is not run`)}\n`);
  return 0;
}
