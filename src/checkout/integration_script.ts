import { join } from "@std/path";
import { type Builtin, scriptOf } from "../bash/mod.ts";
import { openBuildScripts, outputConstants, reasonAt, SETTING_UP } from "./build_scripts.ts";
import { readCheckoutFile } from "./files.ts";
import { readBash } from "./kubernetes_bash.ts";
import { print, searchCommands } from "./search_commands.ts";
import type { TestScriptInputs } from "./test_calls.ts";
import type { Checkout } from "./types.ts";

/** The script behind `make test-integration`. */
export const INTEGRATION_SCRIPT = "hack/make-rules/test-integration.sh";
/** Its functions around etcd. */
const ETCD_SCRIPT = "hack/lib/etcd.sh";

/** What a checkout's own `hack/make-rules/test-integration.sh` hands to `make test`. */
export interface IntegrationScript {
  /** Variables: `KUBE_TEST_ARGS`, `KUBE_TIMEOUT`, `KUBE_RACE`, `GOFLAGS` … */
  readonly variables: Readonly<Record<string, string>>;
  /** Packages of a run that names none; undefined: the `test/integration` of all modules. */
  readonly packages: readonly string[] | undefined;
}

/** The etcd that a checkout's tests want, by its `hack/lib/etcd.sh`. */
export interface EtcdWanted {
  /** The oldest release: `3.4.13`. */
  readonly version: string;
  /** Whether the tests use its API v2: up to 1.14. */
  readonly isV2: boolean;
}

const API_VERSIONS = "KUBE_TEST_API_VERSIONS";
/** Variables that `make test` reads. */
const HANDED = [
  ...["GOFLAGS", "KUBE_RACE", API_VERSIONS, "KUBE_TEST_ARGS", "KUBE_TIMEOUT"],
  ...["GOMAXPROCS", "KUBE_CACHE_MUTATION_DETECTOR", "KUBE_PANIC_WATCH_DECODE_ERROR"],
] as const;
/** What the script does around the tests, which kbuild does itself. */
const SURROUNDING = [
  ...["kube::etcd::cleanup", "kube::etcd::start", "kube::etcd::start_scraping"],
  ...["kube::util::require-jq", "kube::util::ensure-gnu-sed", "which"],
];
/** The list of packages is in a loop of the script. */
const MAX_STEPS = 200_000;
/** Stands for packages that Go has to list. */
const LISTED = "\u0003";

/**
 * Tells what the checkout's own `hack/make-rules/test-integration.sh` would hand to `make test`, by
 * interpreting it; nothing is run.
 *
 * @returns What the script does, or where and why it could not be understood.
 */
export async function readIntegrationScript(
  checkout: Checkout,
  inputs: TestScriptInputs,
): Promise<IntegrationScript | { readonly why: string }> {
  const { root } = checkout;
  const { text } = await readCheckoutFile(root, INTEGRATION_SCRIPT);
  if (text === undefined) return { why: `${INTEGRATION_SCRIPT}: Missing` };
  const calls: Record<string, string>[] = [];
  const make: Builtin = (host, args) => {
    if (!args.includes("test")) return 0;
    const found: Record<string, string> = {};
    for (const [name, { value }] of host.state.exported()) {
      if (typeof value === "string") found[name] = value;
    }
    for (const arg of args) {
      const [, name, value = ""] = /^([A-Z_]+)=(.*)$/s.exec(arg) ?? [];
      if (name !== undefined) found[name] = value;
    }
    calls.push(found);
    return 0;
  };
  const commands = new Map<string, Builtin>([
    ...[...SETTING_UP, ...SURROUNDING].map((name): [string, Builtin] => [name, () => 0]),
    ...searchCommands(root),
    ["make", make],
    ["kube::test::find_integration_test_pkgs", (host) => print(host, `${LISTED}\n`)],
  ]);
  const evaluator = openBuildScripts(checkout, {
    host: inputs.host,
    variables: inputs.variables,
    constants: {
      ...outputConstants(root, inputs.variables),
      KUBE_GOPATH: inputs.gopath,
      BASH_SOURCE: join(root, INTEGRATION_SCRIPT),
    },
    commands,
    maxSteps: MAX_STEPS,
  });
  if ("why" in evaluator) return evaluator;
  const known = evaluator.diagnostics.length;
  evaluator.runScript(scriptOf({ path: INTEGRATION_SCRIPT, text }));
  const [call] = calls;
  if (call === undefined) {
    const [first] = evaluator.diagnostics.slice(known);
    const why = `${INTEGRATION_SCRIPT}: It starts no make test`;
    return { why: first === undefined ? why : reasonAt(root, first) };
  }
  const variables: Record<string, string> = {};
  for (const name of HANDED) if (call[name] !== undefined) variables[name] = call[name];
  // 1.7 starts make for each list of API versions.
  if (calls.length > 1) {
    variables[API_VERSIONS] = calls.map((each) => each[API_VERSIONS] ?? "").join(";");
  }
  const what = (call["WHAT"] ?? "").split(/\s+/).filter((word) => word !== "");
  return Object.freeze({
    variables: Object.freeze(variables),
    packages: what.includes(LISTED) ? undefined : Object.freeze(what),
  });
}

/** Reads which etcd the checkout's tests want; without the script, any. */
export async function readEtcdWanted(
  { root }: Pick<Checkout, "root">,
  variables: Readonly<Record<string, string>>,
): Promise<EtcdWanted> {
  const { text = "" } = await readCheckoutFile(root, ETCD_SCRIPT);
  const files = [{ path: ETCD_SCRIPT, text }];
  const version = readBash({ files, variables, hostArch: "amd64" }).get("ETCD_VERSION");
  return Object.freeze({ version: version ?? "0", isV2: text.includes("/v2/keys/") });
}
