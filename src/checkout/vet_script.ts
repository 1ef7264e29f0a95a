import { join } from "@std/path";
import { type Builtin, scriptOf } from "../bash/mod.ts";
import {
  openBuildScripts,
  outputConstants,
  passedOnByMake,
  reasonAt,
  SETTING_UP,
  sourceOf,
} from "./build_scripts.ts";
import { readCheckoutFile } from "./files.ts";
import { print } from "./search_commands.ts";
import type { TestScriptInputs } from "./test_calls.ts";
import type { Checkout } from "./types.ts";

/** The script behind `make vet`. */
export const VET_SCRIPT = "hack/make-rules/vet.sh";

/** The `go vet` that a checkout's own `hack/make-rules/vet.sh` would start. */
export interface VetScript {
  /** What follows `go vet`; undefined: the packages that Go lists. */
  readonly args: readonly string[] | undefined;
  /** Packages that fit one of these are left out of what Go lists. */
  readonly without: readonly RegExp[];
  /** Where the script starts it: `hack/make-rules/vet.sh:53`. */
  readonly source: string;
}

/** Stands for the packages that Go lists. */
const LISTED = "\u0003";

/**
 * Tells which `go vet` the checkout's own `hack/make-rules/vet.sh` (up to 1.25) would start, by interpreting it;
 * nothing is run.
 *
 * @param words What follows the script: packages, and flags for Go.
 * @returns What the script does, or where and why it could not be understood.
 */
export async function readVetScript(
  checkout: Checkout,
  inputs: TestScriptInputs,
  words: readonly string[],
): Promise<VetScript | { readonly why: string }> {
  const { root } = checkout;
  const { text } = await readCheckoutFile(root, VET_SCRIPT);
  if (text === undefined) return { why: `${VET_SCRIPT}: Missing` };
  const without: RegExp[] = [];
  const calls: Omit<VetScript, "without">[] = [];
  const go: Builtin = (host, [command, ...args]) => {
    if (command === "list") return print(host, `${LISTED}\n`);
    if (command !== "vet") return 0;
    const source = sourceOf(root, host.place);
    calls.push({ args: args.includes(LISTED) ? undefined : Object.freeze(args), source });
    return 0;
  };
  const evaluator = openBuildScripts(checkout, {
    host: inputs.host,
    variables: { ...passedOnByMake(inputs.variables, text), CALLED_FROM_MAIN_MAKEFILE: "1" },
    constants: {
      ...outputConstants(root, inputs.variables),
      KUBE_GOPATH: inputs.gopath,
      BASH_SOURCE: join(root, VET_SCRIPT),
    },
    commands: new Map<string, Builtin>([
      ...SETTING_UP.map((name): [string, Builtin] => [name, () => 0]),
      ["make", () => 0],
      ["go", go],
      ...["grep", "egrep"].map((name): [string, Builtin] => [name, (host, args) => {
        const flags = [...args.slice(0, -1), ...name === "egrep" ? ["-E"] : []].join(" ");
        if (!/^-(E -v|v -E|Ev|vE)$/.test(flags)) {
          host.unsupported(`"${name} ${args.join(" ")}" is not understood`);
        }
        without.push(new RegExp(args.at(-1) ?? ""));
        return print(host, host.readInput() ?? "");
      }]),
    ]),
  });
  if ("why" in evaluator) return evaluator;
  evaluator.state.positional = words;
  const known = evaluator.diagnostics.length;
  evaluator.runScript(scriptOf({ path: VET_SCRIPT, text }));
  const [call] = calls;
  if (call !== undefined) return Object.freeze({ ...call, without: Object.freeze(without) });
  const [first] = evaluator.diagnostics.slice(known);
  const why = `${VET_SCRIPT}: It starts no go vet`;
  return { why: first === undefined ? why : reasonAt(root, first) };
}
