import { join } from "@std/path";
import {
  BashEvaluator,
  type Builtin,
  type BuiltinHost,
  type Diagnostic,
  scriptOf,
  type Variable,
} from "../bash/mod.ts";
import { kubernetesCommands } from "./kubernetes_bash.ts";
import type { Checkout, Platform } from "./types.ts";

/** The script that builds. */
export const GOLANG = "hack/lib/golang.sh";
const SCRIPTS = ["hack/lib/init.sh", GOLANG];

/** What else the scripts do: directories, traps, the Go to use, what is generated before. */
export const SETTING_UP = [
  "cd",
  "chmod",
  "mkdir",
  "rm",
  "umask",
  "wait",
  "kube::golang::build_kube_toolchain",
  "kube::golang::create_coverage_dummy_test",
  "kube::golang::create_gopath_tree",
  "kube::golang::delete_coverage_dummy_test",
  // 1.5 to 1.8: takes `go build` where the standard library cannot be written to.
  "kube::golang::fallback_if_stdlib_not_installable",
  "kube::golang::setup_env",
  "kube::golang::setup_gomaxprocs",
  "kube::golang::verify_go_version",
  "kube::util::trap_add",
];

/** Inputs of {@linkcode openBuildScripts}. */
export interface BuildScriptOptions {
  /** Where the build runs. */
  readonly host: Platform;
  /** The environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Additional values that no assignment in a script changes; others follow from the root. */
  readonly constants: Readonly<Record<string, string>>;
  /** Answers that replace functions and programs. */
  readonly commands: ReadonlyMap<string, Builtin>;
  /** Receives the commands that are not known; true: it counts as done. */
  readonly onCommand?: (host: BuiltinHost, name: string, args: readonly string[]) => boolean;
  /** After so many commands the scripts count as endless; default 20,000. */
  readonly maxSteps?: number;
}

/**
 * Interprets `hack/lib/init.sh` and `hack/lib/golang.sh`, whose functions can be called afterwards.
 *
 * @returns The evaluator, or why there is none: `hack/lib/golang.sh: Missing`.
 */
export function openBuildScripts(
  checkout: Checkout,
  options: BuildScriptOptions,
): BashEvaluator | { readonly why: string } {
  const { host, variables, constants, commands, onCommand, maxSteps = 20_000 } = options;
  const sources = SCRIPTS.flatMap((path) => checkout.scripts.filter((file) => file.path === path));
  if (!sources.some(({ path }) => path === GOLANG)) {
    const noted = checkout.refusals.find((refusal) => refusal.startsWith(`${GOLANG}: `));
    return { why: noted?.replace(/; .*/, "") ?? `${GOLANG}: Missing` };
  }
  const evaluator: BashEvaluator = new BashEvaluator({
    variables,
    constants: {
      KUBE_ROOT: checkout.root,
      OSTYPE: host.startsWith("darwin/") ? "darwin" : "linux-gnu",
      ...constants,
    },
    readFile: (path) => sourced(checkout, path),
    maxSteps,
    commands: kubernetesCommands(host.split("/")[1] ?? "", commands),
    onCommand: (name, args) => onCommand?.(evaluator, name, args) === true,
    testFile: () => false,
    // Arguments of programs: no file of a checkout has such a name (--vmodule=garbagecollector*=6).
    isUnmatched: (pattern) => /^--?[a-z][\w-]*=/.test(pattern),
    dropsFiles: true,
  });
  for (const source of sources) evaluator.runScript(scriptOf(source));
  return evaluator;
}

/** A script that another one sources: known ones are read in their turn, others hold no builds. */
function sourced(checkout: Checkout, path: string): string | undefined {
  const relative = relativeTo(checkout.root, path);
  const found = checkout.scripts.find((script) => script.path === relative);
  if (found !== undefined && !SCRIPTS.includes(found.path)) return found.text;
  return path.endsWith(".sh") ? "" : undefined;
}

/**
 * Variables as the Makefile hands them on: up to 1.8 GOFLAGS, GOLDFLAGS and GOGCFLAGS as `KUBE_…`
 * (v1.7.3 Makefile:52-54).
 *
 * @param script The script that reads them.
 */
export function passedOnByMake(
  given: Readonly<Record<string, string>>,
  script: string,
): Record<string, string> {
  const variables = { ...given };
  for (const name of ["GOFLAGS", "GOLDFLAGS", "GOGCFLAGS"]) {
    const value = variables[name];
    if (value !== undefined && new RegExp(`\\bKUBE_${name}\\b`).test(script)) {
      variables[`KUBE_${name}`] ||= value;
    }
  }
  return variables;
}

/** What the scripts export to a program; of what they set up at first, only what is Go's. */
export function setByScripts(
  host: BuiltinHost,
  before: ReadonlyMap<string, Variable>,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, variable] of host.state.exported()) {
    if (variable.path === undefined) continue;
    if (before.get(name) === variable && !/^(GO|CGO_)/.test(name)) continue;
    if (variable.unknown !== undefined) host.unsupported(`"${name}" is not known`);
    if (typeof variable.value === "string") env[name] = variable.value;
  }
  return env;
}

/** `hack/lib/golang.sh:812` */
export function sourceOf(root: string, { path, line }: { path: string; line: number }): string {
  return `${relativeTo(root, path)}:${line}`;
}

/** `hack/lib/golang.sh:812: "x" is not run` */
export function reasonAt(root: string, { file: path, line, why }: Diagnostic): string {
  return `${sourceOf(root, { path, line })}: ${why}`;
}

/** Constants that follow from the root and `KUBE_OUTPUT_SUBPATH`. */
export function outputConstants(
  root: string,
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  const output = join(root, variables["KUBE_OUTPUT_SUBPATH"] ?? "_output/local");
  const bin = join(output, "bin");
  return { KUBE_OUTPUT: output, KUBE_OUTPUT_BIN: bin, KUBE_OUTPUT_BINPATH: bin };
}

function relativeTo(root: string, path: string): string {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}
