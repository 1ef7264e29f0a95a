import { join } from "@std/path";
import { readCheckoutFile } from "../checkout/mod.ts";
import { isOffline } from "../net/mod.ts";
import { ifPossible } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { findProgram } from "../lib/util.ts";
import type { Check } from "./list.ts";

/** Something that a script needs beside bash, git and Go. */
export type Need =
  | "network"
  | "docker"
  | "etcd"
  | "python3"
  | "python"
  | "PyYAML"
  | "jq"
  | "GNU sed"
  | "curl"
  | "openssl"
  | "make";

/** Where needs are looked for. */
export type NeedsContext =
  & Pick<KubeContext, "env" | "host" | "root" | "shell">
  & {
    /** Whether scripts find kbuild as `make`. */
    readonly hasMake: boolean;
    /** Whether they find kbuild in place of GNU programs that the machine does not have. */
    readonly hasGnuTools: boolean;
  };

/** What in a line of a script, comments left out, needs what. */
const SIGNS: readonly (readonly [need: Need, pattern: RegExp])[] = [
  ["docker", /\bbuild\/run\.sh\b|\bkube::build::|\bdocker (run|build|pull)\b|"docker" "run"/],
  ["etcd", /\bkube::etcd::start\b/],
  ["python3", /\bpython3\b/],
  ["python", /\bpython2?(\.7)?\s/],
  ["PyYAML", /^\s*import yaml\b/],
  ["jq", /\bkube::util::require-jq\b|\|\s*jq\b/],
  ["GNU sed", /\bkube::util::ensure-gnu-sed\b/],
  ["curl", /\bcurl\s/],
  ["openssl", /\bopenssl\s|\bkube::util::test_openssl_installed\b/],
  ["make", /(^|[\s;&|(])make\s/],
  [
    "network",
    /hack\/tools\b|\bgo install \S+@|\bgo mod (download|graph|tidy|vendor)\b|\bgo get\b|\bgodep\b|\bbazel\b|kube::util::ensure-\w*godep|hack\/update-vendor\.sh|hack\/lint-dependencies\.sh/,
  ],
];
/** Other scripts that a script starts: their needs are its own. */
const STARTED = /\b((?:hack|build|third_party|test|cmd|pkg)\/[\w./-]+\.(?:sh|py))\b/g;
/** A variable that a script gives a value without blanks. */
const ASSIGNED = /^\s*(?:local |readonly )?(\w+)="?([^\s"']+)"?$/;
/** Libraries of functions, of which a script uses some; and what starts containers, which is a need itself. */
const LIBRARIES =
  /^(hack\/lib\/.*|build\/(common|run|util)\.sh|third_party\/forked\/shell2junit\/.*)$/;
/** How many scripts a script may lead to. */
const MAX_SCRIPTS = 30;

/** A script of a checkout, as it is written. */
export interface ScriptText {
  /** From the root. */
  readonly path: string;
  /** All lines but comments. */
  readonly lines: readonly string[];
  /** The first line: what it is started with. */
  readonly first: string;
}

/**
 * A script and those that it starts, by what is written in them; libraries of functions are left out.
 *
 * @param path From the root.
 * @returns `isComplete`: whether all of them could be followed.
 */
export async function scriptTexts(
  root: string,
  path: string,
): Promise<{ readonly texts: readonly ScriptText[]; readonly isComplete: boolean }> {
  const seen = new Set<string>();
  const texts: ScriptText[] = [];
  const waiting = [path];
  while (waiting.length > 0 && seen.size < MAX_SCRIPTS) {
    const next = waiting.shift()!;
    if (seen.has(next) || LIBRARIES.test(next)) continue;
    seen.add(next);
    const { text } = await readCheckoutFile(root, next);
    if (text === undefined) continue;
    const all = text.split("\n");
    const lines = all.filter((each) => !/^\s*#/.test(each));
    texts.push({ path: next, lines, first: all[0] ?? "" });
    const values = new Map<string, string>();
    for (const line of lines) {
      // boiler="${boilerDir}/boilerplate.py"
      const whole = line.replaceAll(/\$\{?(\w+)\}?/g, (word, name) => values.get(name) ?? word);
      const [, name, value] = ASSIGNED.exec(whole) ?? [];
      if (name !== undefined && value !== undefined) values.set(name, value);
      for (const [, started = ""] of whole.matchAll(STARTED)) waiting.push(started);
    }
  }
  return Object.freeze({ texts: Object.freeze(texts), isComplete: waiting.length === 0 });
}

/**
 * What a script and those that it starts need, by what is written in them.
 *
 * @param path From the root.
 */
export async function scriptNeeds(root: string, path: string): Promise<readonly Need[]> {
  return needsIn((await scriptTexts(root, path)).texts);
}

/** What scripts need, by what is written in them. */
export function needsIn(texts: readonly ScriptText[]): readonly Need[] {
  const needs = new Set<Need>();
  for (const { path: each, first, lines } of texts) {
    if (each.endsWith(".py")) needs.add(/python3/.test(first) ? "python3" : "python");
    for (const line of lines) {
      for (const [need, pattern] of SIGNS) if (pattern.test(line)) needs.add(need);
    }
  }
  return Object.freeze([...needs]);
}

/**
 * What the scripts need and this machine does not have.
 *
 * @returns By the script's path, only where something is missing.
 */
export async function findNeeds(
  context: NeedsContext,
  checks: readonly Pick<Check, "argv" | "path">[],
): Promise<ReadonlyMap<string, readonly Need[]>> {
  const known = new Map<Need, Promise<boolean>>();
  const has = (need: Need) => {
    let answer = known.get(need);
    if (answer === undefined) known.set(need, answer = isThere(context, need));
    return answer;
  };
  const missing = new Map<string, readonly Need[]>();
  for (const { path, argv } of checks) {
    // .py files are started with python3, whatever their first line says.
    const needs = new Set(await scriptNeeds(context.root, path));
    if (argv[0] === "python3" && needs.delete("python")) needs.add("python3");
    const lacking: Need[] = [];
    for (const need of needs) if (!await has(need)) lacking.push(need);
    if (lacking.length > 0) missing.set(path, Object.freeze(lacking));
  }
  return missing;
}

async function isThere(context: NeedsContext, need: Need): Promise<boolean> {
  const { env, host, root, shell } = context;
  const inPath = async (name: string) => await findProgram(name, env["PATH"]) !== undefined;
  const succeeds = async (...argv: string[]) =>
    await ifPossible(shell.run(argv, { env })) !== undefined;
  switch (need) {
    // Whether modules are in Go's cache only Go can tell.
    case "network":
      return !isOffline(env);
    case "docker":
      return await inPath("docker") && await succeeds("docker", "info");
    case "etcd":
      return await inPath("etcd") ||
        await findProgram(join(root, "third_party/etcd/etcd"), undefined) !== undefined;
    case "PyYAML":
      return await inPath("python3") && await succeeds("python3", "-c", "import yaml");
    case "GNU sed":
      // On other systems kbuild has a stand-in, where it can be started from scripts.
      return host.startsWith("linux/") || context.hasGnuTools || await inPath("gsed");
    case "make":
      return context.hasMake || await inPath("make");
    default:
      return await inPath(need);
  }
}
