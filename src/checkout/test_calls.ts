import { join } from "@std/path";
import { type Builtin, scriptOf } from "../bash/mod.ts";
import {
  openBuildScripts,
  outputConstants,
  passedOnByMake,
  reasonAt,
  setByScripts,
  SETTING_UP,
  sourceOf,
} from "./build_scripts.ts";
import { readCheckoutFile } from "./files.ts";
import { print, searchCommands } from "./search_commands.ts";
import type { Checkout, Platform } from "./types.ts";

/** The script behind `make test`. */
export const TEST_SCRIPT = "hack/make-rules/test.sh";

/** Inputs of {@linkcode readTestScript}. */
export interface TestScriptInputs {
  /** Where the tests run. */
  readonly host: Platform;
  /** The environment: KUBE_TIMEOUT, KUBE_RACE, KUBE_TEST_ARGS, KUBE_TEST_API_VERSIONS … */
  readonly variables: Readonly<Record<string, string>>;
  /** `KUBE_GOPATH`. */
  readonly gopath: string;
}

/** One start of `go test` that the checkout's script would make. */
export interface TestCall {
  /** What follows `go test`, up to the packages: `-race`, `-timeout=180s`. */
  readonly before: readonly string[];
  /** What follows the packages: the words of KUBE_TEST_ARGS. */
  readonly after: readonly string[];
  /** What the script exports for it: `KUBE_CACHE_MUTATION_DETECTOR`, `KUBE_TEST_API`. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the script starts it: `hack/make-rules/test.sh:190`. */
  readonly source: string;
}

/** How the script finds the packages that are tested when none is named. */
export type TestPackages =
  /** In older releases it looks for files, and these are their packages, in order. */
  | { readonly packages: readonly string[] }
  /** In newer ones it asks Go, and leaves some out. */
  | {
    /** What follows `go list`; {@linkcode MODULES} stands for the modules of the workspace. */
    readonly list: readonly string[];
    /** Packages that fit one of these are left out. */
    readonly without: readonly RegExp[];
  };

/** What a checkout's own `hack/make-rules/test.sh` would do. */
export interface TestScript {
  /** The starts of `go test`, in order: several with several KUBE_TEST_API_VERSIONS (up to 1.14). */
  readonly calls: readonly TestCall[];
  /** Finds the packages of a run that names none, or says why they are unknown. */
  packages(): TestPackages | { readonly why: string };
}

/** Programs and functions around `go test`: what they do is checked, shown or reported by kbuild itself. */
const SURROUNDING = [
  ...["command", "prune-junit-xml", "tee", "which"],
  ...["kube::util::require-jq", "verifyPathsToPackagesUnderTest"],
];
/** Variables of reports and coverage, which this reading is without. */
const REPORTS = { ARTIFACTS: "", KUBE_COVER: "n", KUBE_JUNIT_REPORT_DIR: "" };
/** The list of packages is in a loop of the script. */
const MAX_STEPS = 200_000;

/** Stands for the modules of the workspace in {@linkcode TestPackages}. */
export const MODULES = "\u0002";
/** Stands for the packages in the script. */
const PACKAGES = "\u0001";
/** Stands for what `go list` prints. */
const LISTED = "\u0003";

/** A start of `go test` as the script makes it. */
interface RawCall {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly source: string;
}

/** What the script does with some arguments. */
interface Reading {
  readonly calls: readonly RawCall[];
  /** The arguments of `go list`, and which lines of its output `grep -v` takes out. */
  readonly list: readonly string[];
  readonly without: readonly RegExp[];
}

/**
 * Tells which `go test` commands the checkout's own `hack/make-rules/test.sh` would start, by interpreting
 * it; nothing is run. Reports and coverage are left out: kbuild makes those itself.
 *
 * @returns What the script does, or where and why it could not be understood.
 */
export async function readTestScript(
  checkout: Checkout,
  inputs: TestScriptInputs,
): Promise<TestScript | { readonly why: string }> {
  const { text } = await readCheckoutFile(checkout.root, TEST_SCRIPT);
  if (text === undefined) return { why: `${TEST_SCRIPT}: Missing` };
  const reading = interpret(checkout, inputs, text, [PACKAGES]);
  if ("why" in reading) return reading;
  const calls: TestCall[] = [];
  for (const { args, env, source } of reading.calls) {
    const at = args.indexOf(PACKAGES);
    if (at < 0) return { why: `${source}: The packages of go test are not known` };
    const [before, after] = [args.slice(0, at), args.slice(at + 1)];
    calls.push(
      Object.freeze({ before: Object.freeze(before), after: Object.freeze(after), env, source }),
    );
  }
  const [first] = calls;
  return Object.freeze<TestScript>({
    calls: Object.freeze(calls),
    packages() {
      const bare = interpret(checkout, inputs, text, []);
      if ("why" in bare) return bare;
      const { args } = bare.calls[0]!;
      // The arguments in the place of the packages.
      const found = args.slice(first!.before.length, args.length - first!.after.length);
      if (!found.includes(LISTED)) return Object.freeze({ packages: Object.freeze(found) });
      return Object.freeze({ list: bare.list, without: Object.freeze(bare.without) });
    },
  });
}

/** Interprets the script with some arguments. */
function interpret(
  checkout: Checkout,
  inputs: TestScriptInputs,
  text: string,
  positional: readonly string[],
): Reading | { readonly why: string } {
  const { root } = checkout;
  const calls: RawCall[] = [];
  const without: RegExp[] = [];
  let list: readonly string[] = [];

  const go: Builtin = (host, [command, ...args]) => {
    if (command === "list" && args.includes("-find")) {
      list = args;
      return print(host, `${LISTED}\n`);
    }
    // `go test -i` compiles what Go 1.10 and later keep anyway.
    if (command !== "test" || args[0] === "-i") return 0;
    const env = setByScripts(host, before);
    for (const name of Object.keys(REPORTS)) delete env[name];
    calls.push(Object.freeze({
      args: Object.freeze(args.filter((arg) => arg !== "-json")),
      env: Object.freeze(env),
      source: sourceOf(root, host.place),
    }));
    return 0;
  };
  // Newer releases start gotestsum: what follows `--` is what it runs.
  const gotestsum: Builtin = (host, args) => {
    const command = args.slice(args.indexOf("--") + 1);
    return command[0] === "go" ? go(host, command.slice(1), "go") : 0;
  };
  const commands = new Map<string, Builtin>([
    ...[...SETTING_UP, ...SURROUNDING].map((name): [string, Builtin] => [name, () => 0]),
    ["getopts", (host) => {
      host.assign("OPTIND", "1");
      return 1;
    }],
    ["ulimit", (host) => print(host, "1048576\n")],
    ["go", go],
    ["gotestsum", gotestsum],
    ["kube::log::run", (host, [name = "", ...args]) => {
      if (name === "gotestsum") return gotestsum(host, args, name);
      return name === "go" ? go(host, args, name) : 0;
    }],
    ["kube::golang::normalize_go_targets", (host, args) => print(host, args.join("\n") + "\n")],
    ["jq", (host) => print(host, `${MODULES}\n`)],
    ...searchCommands(root),
    ["grep", (host, args) => {
      if (args[0] === "-vE") {
        without.push(
          ...args.filter((_, index) => args[index - 1] === "-e").map((text) => new RegExp(text)),
        );
      }
      return print(host, host.readInput() ?? "");
    }],
  ]);
  const evaluator = openBuildScripts(checkout, {
    host: inputs.host,
    variables: {
      ...passedOnByMake(inputs.variables, text),
      ...REPORTS,
    },
    constants: {
      ...outputConstants(root, inputs.variables),
      KUBE_GOPATH: inputs.gopath,
      BASH_SOURCE: join(root, TEST_SCRIPT),
    },
    commands,
    maxSteps: MAX_STEPS,
  });
  if ("why" in evaluator) return evaluator;
  const before = new Map(evaluator.state.exported());
  evaluator.state.positional = positional;
  const known = evaluator.diagnostics.length;
  evaluator.runScript(scriptOf({ path: TEST_SCRIPT, text }));
  if (calls.length > 0) return { calls, list, without };
  const [first] = evaluator.diagnostics.slice(known);
  return {
    why: first === undefined ? `${TEST_SCRIPT}: It starts no go test` : reasonAt(root, first),
  };
}
