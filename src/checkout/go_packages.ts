import type { Builtin } from "../bash/mod.ts";
import { GOLANG, openBuildScripts, reasonAt } from "./build_scripts.ts";
import { readGoCalls } from "./go_calls.ts";
import type { Checkout, Era } from "./types.ts";

/** Inputs of {@linkcode readGoPackages}. */
export interface GoPackageInputs {
  /** What to build, as `WHAT` has it: `cmd/kubectl`, `ginkgo`, `test/e2e/e2e.test`. */
  readonly targets: readonly string[];
  /** The answer of `go list -find ./cmd/kubectl`: the import path of a directory of the checkout. */
  readonly importPath: (path: string) => string;
}

/** The package of each target, in order, or why they are not known: `hack/lib/golang.sh:812: …`. */
export type GoPackages = { readonly packages: readonly string[] } | { readonly why: string };

/** Functions that turn targets into packages, the newest first (1.30 and later; up to 1.29). */
const FUNCTIONS = ["kube::golang::normalize_go_targets", "kube::golang::binaries_from_targets"];

/**
 * The Go package that each target is, as the checkout's own `kube::golang::normalize_go_targets` or
 * `kube::golang::binaries_from_targets` says, by interpreting it; nothing is run.
 */
export function readGoPackages(checkout: Checkout, inputs: GoPackageInputs): GoPackages {
  const list: Builtin = (host, args) => {
    const path = args.at(-1) ?? "";
    const flags = args.slice(1, -1);
    const understood = args[0] === "list" && args.length > 1 && !path.startsWith("-") &&
      flags.every((flag) => flag === "-find" || flag === "-e");
    if (!understood) host.unsupported(`"go ${args.join(" ")}" is not run`);
    host.print(`${inputs.importPath(path)}\n`);
    return 0;
  };
  const evaluator = openBuildScripts(checkout, {
    // What a target is does not depend on where it is built.
    host: "linux/amd64",
    variables: {},
    constants: {},
    commands: new Map([["go", list]]),
  });
  if ("why" in evaluator) return evaluator;
  const name = FUNCTIONS.find((name) => evaluator.state.functions.has(name));
  if (name === undefined) return Object.freeze({ why: `${GOLANG}: no ${FUNCTIONS.join(" or ")}` });
  const packages: string[] = [];
  for (const target of inputs.targets) {
    const found = evaluator.callFunction(name, [target], true);
    if (typeof found !== "string") {
      return Object.freeze({ why: reasonAt(checkout.root, found) });
    }
    if (!/^\S+$/.test(found)) {
      return Object.freeze({ why: `${GOLANG}: ${name} gives "${found}" for "${target}"` });
    }
    packages.push(found);
  }
  return Object.freeze({ packages: Object.freeze(packages) });
}

/** How Go finds the packages of programs and of test binaries. */
export interface GoModes {
  /** `kubectl` and the others. */
  readonly programs: Era["goMode"];
  /** `e2e.test` and the others: in the GOPATH up to 1.29. */
  readonly tests: Era["goMode"];
}

/**
 * How Go finds packages, as the `GO111MODULE` of the checkout's own scripts says; what they do not
 * say follows from the era. 1.25 builds programs as modules although its files are those of 1.24.
 */
export function readGoModes(checkout: Checkout): GoModes {
  const { era, goPackage } = checkout;
  const read = readGoCalls(checkout, {
    platform: "linux/amd64",
    host: "linux/amd64",
    packages: [`${goPackage.value}/cmd/probe`, `${goPackage.value}/test/probe.test`],
    goflags: [],
    variables: {},
    versionLdflags: "",
    gopath: "/gopath",
    cwd: "/gopath",
  });
  const calls = "calls" in read ? read.calls : [];
  const mode = (...commands: string[]): Era["goMode"] => {
    const found = calls.find(({ argv }) => commands.includes(argv[0] ?? ""));
    const set = found?.env["GO111MODULE"];
    if (set === "off") return "gopath";
    if (set === "on" && era.goMode === "gopath") return "modules";
    return era.goMode;
  };
  return Object.freeze({ programs: mode("install", "build"), tests: mode("test") });
}
