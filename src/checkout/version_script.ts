import { BashEvaluator, type BashSource, type Builtin, parseBash, scriptOf } from "../bash/mod.ts";
import { readCheckoutFile, readCheckoutFileSync } from "./files.ts";
import { kubernetesCommands } from "./kubernetes_bash.ts";

/** Path of the script from the root. */
export const VERSION_SCRIPT = "hack/lib/version.sh";

/** What `kube::version::get_version_vars` sets, in the order in which the scripts save it. */
export const VERSION_VARIABLES = [
  "KUBE_GIT_COMMIT",
  "KUBE_GIT_TREE_STATE",
  "KUBE_GIT_VERSION",
  "KUBE_GIT_MAJOR",
  "KUBE_GIT_MINOR",
] as const;

/** One of {@linkcode VERSION_VARIABLES}. */
export type VersionVariable = typeof VERSION_VARIABLES[number];

/** Inputs of {@linkcode readVersionVars}. */
export interface VersionScriptInputs {
  /** Root of the checkout. */
  readonly root: string;
  /** The environment. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * What git printed, by its arguments after `--work-tree ROOT`, separated by spaces; undefined where
   * it failed.
   */
  readonly git: ReadonlyMap<string, string | undefined>;
}

/** What the script sets a variable to, and where: `hack/lib/version.sh:87`. */
export interface VersionValue {
  /** Undefined: unset. */
  readonly value: string | undefined;
  /** Undefined where the environment has set it. */
  readonly source: string | undefined;
}

/** What the script sets, or what has to be known first, or why it is unknown. */
export type VersionScriptResult =
  | { readonly kind: "sets"; readonly values: Readonly<Record<VersionVariable, VersionValue>> }
  /** It asks git; each is a list of arguments, as the keys of `git` are made of. */
  | { readonly kind: "asks"; readonly questions: readonly (readonly string[])[] }
  /** It ends the build; with what it prints. */
  | { readonly kind: "ends"; readonly output: string }
  | { readonly kind: "unknown"; readonly why: string };

/** Reads `hack/lib/version.sh`; why it cannot be read is what `readCheckout` lists. */
export async function readVersionScript(root: string): Promise<BashSource | undefined> {
  const { path, text } = await readCheckoutFile(root, VERSION_SCRIPT);
  return text === undefined ? undefined : Object.freeze({ path, text });
}

/**
 * Tells what `kube::version::get_version_vars` of a checkout sets, by interpreting it; nothing is run.
 * A fork may have code of its own there.
 */
export function readVersionVars(
  source: BashSource,
  { root, variables, git }: VersionScriptInputs,
): VersionScriptResult {
  const questions: (readonly string[])[] = [];
  let values: Record<string, VersionValue> | undefined;
  let why: string | undefined;
  const commands = new Map<string, Builtin>();
  commands.set("git", (host, args) => {
    const question = args[0] === "--work-tree" ? args.slice(2) : args;
    const key = question.join(" ");
    if (!git.has(key)) {
      if (!onlyLooks(question)) host.unsupported(`"git ${key}" is not run`);
      questions.push(question);
      host.unsupported(`"git ${key}" is not answered yet`);
    }
    const text = git.get(key);
    if (text === undefined) return 128;
    host.print(text);
    return 0;
  });
  commands.set(DONE, (host) => {
    values = {};
    for (const name of VERSION_VARIABLES) {
      const variable = host.state.get(name);
      if (variable?.unknown !== undefined) {
        const { file, line, why: reason } = variable.unknown;
        why ??= `${file}:${line}: ${reason}`;
      }
      values[name] = Object.freeze({
        value: typeof variable?.value === "string" ? variable.value : undefined,
        source: variable?.path === undefined ? undefined : `${variable.path}:${variable.line}`,
      });
    }
    return 0;
  });
  const evaluator = evaluatorFor(source, { root, variables, commands });
  if (!evaluator.state.functions.has("kube::version::get_version_vars")) {
    return { kind: "unknown", why: `${source.path}: get_version_vars is not defined` };
  }
  const output = evaluator.callFunction(WRAPPER, []);
  if (questions.length > 0) return { kind: "asks", questions: Object.freeze(questions) };
  if (values === undefined) {
    return typeof output === "string"
      ? { kind: "ends", output }
      : { kind: "unknown", why: `${output.file}:${output.line}: ${output.why}` };
  }
  return why === undefined
    ? { kind: "sets", values: Object.freeze(values as Record<VersionVariable, VersionValue>) }
    : { kind: "unknown", why };
}

/** Inputs of {@linkcode readVersionLdflags}. */
export interface VersionLdflagsInputs {
  /** Root of the checkout. */
  readonly root: string;
  /** `KUBE_GO_PACKAGE`. */
  readonly goPackage: string;
  /** The environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** What `get_version_vars` has set. */
  readonly vars: Readonly<Partial<Record<VersionVariable, string>>>;
  /** What `date` prints: `2021-01-13T13:20:00Z`. */
  readonly buildDate: string;
}

/**
 * Tells what `kube::version::ldflags` of a checkout prints for given variables, by interpreting it.
 *
 * @returns The text, or why it is unknown.
 */
export function readVersionLdflags(
  source: BashSource,
  inputs: VersionLdflagsInputs,
): { readonly ldflags: string } | { readonly why: string } {
  const { root, goPackage, vars, buildDate } = inputs;
  const variables: Record<string, string> = { ...inputs.variables };
  for (const name of VERSION_VARIABLES) delete variables[name];
  const nothing: Builtin = () => 0;
  const commands = new Map<string, Builtin>([
    ["kube::version::get_version_vars", (host) => {
      for (const [name, value] of Object.entries(vars)) host.assign(name, value);
      return 0;
    }],
    ["kube::util::ensure-gnu-date", (host) => {
      host.assign("DATE", "date");
      return 0;
    }],
    ["date", (host) => {
      host.print(`${buildDate}\n`);
      return 0;
    }],
    [DONE, nothing],
  ]);
  const evaluator = evaluatorFor(source, { root, variables, commands, goPackage });
  const output = evaluator.callFunction("kube::version::ldflags", [], true);
  return typeof output === "string"
    ? { ldflags: output }
    : { why: `${output.file}:${output.line}: ${output.why}` };
}

const WRAPPER = "kbuild_get_version_vars";
const DONE = "kbuild_have_version_vars";

function evaluatorFor(
  source: BashSource,
  options: {
    root: string;
    variables: Readonly<Record<string, string>>;
    commands: ReadonlyMap<string, Builtin>;
    goPackage?: string;
  },
): BashEvaluator {
  const { root, variables, commands, goPackage = "k8s.io/kubernetes" } = options;
  const evaluator = new BashEvaluator({
    variables,
    constants: { KUBE_ROOT: root, KUBE_GO_PACKAGE: goPackage },
    readFile: (path) => fileOf(root, path),
    maxSteps: 20_000,
    commands: kubernetesCommands("", commands),
    dropsFiles: true,
  });
  evaluator.runScript(scriptOf(source));
  const wrapper = `${WRAPPER}() { kube::version::get_version_vars; ${DONE}; }`;
  evaluator.runScript(parseBash(WRAPPER, wrapper));
  return evaluator;
}

/** A file of the checkout that the script reads. */
function fileOf(root: string, path: string): string | undefined {
  if (!path.startsWith(`${root}/`) || path.split("/").includes("..")) return undefined;
  return readCheckoutFileSync(root, path.slice(root.length + 1)).text;
}

/** Commands of git that only look, whatever their arguments. */
const LOOKING = new Set([
  "describe",
  "for-each-ref",
  "name-rev",
  "rev-list",
  "rev-parse",
  "status",
]);

/** Whether git only looks when it gets these arguments. */
function onlyLooks([command = "", ...args]: readonly string[]): boolean {
  if (LOOKING.has(command)) return true;
  switch (command) {
    case "log":
    case "show":
      return args.every((arg) =>
        /^(-1|-s|-n1|-q|--no-patch|--(format|pretty|date|abbrev)=.*|[A-Za-z0-9][\w./^{}~-]*)$/
          .test(arg)
      );
    case "symbolic-ref":
      return args.filter((arg) => !arg.startsWith("-")).length === 1 &&
        args.every((arg) => /^(-q|--quiet|--short|[A-Z_]+)$/.test(arg));
    case "tag":
      return /^(-l|--list|--points-at|--contains|--merged)(=|$)/.test(args[0] ?? "") &&
        args.every((arg) =>
          /^(-l|--(list|points-at|contains|merged)(=.*)?|--sort=.*|[\w*][\w.*?/^{}~-]*)$/.test(arg)
        );
    default:
      return false;
  }
}
