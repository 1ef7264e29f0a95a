import { join, relative, resolve } from "@std/path";
import { type Checkout, findMakeTarget, readCheckout, searchRoot } from "../checkout/mod.ts";
import { UsageError } from "../errors.ts";
import { ifPossible, ifPresent, isDirectory } from "../files/mod.ts";
import { hostPlatform } from "../lib/util.ts";
import { entryOfScript, entryOfTarget, type EntryPoint, scriptPaths } from "./entry_points.ts";

/** What a word means in a checkout, and how it is run there without kbuild. */
interface Meaning {
  /** "a target of this checkout's Makefile (build/root/Makefile:128)". */
  readonly what: string;
  /** `make verify`. */
  readonly run: string;
  readonly entry: EntryPoint | undefined;
  /** What a rule runs, where no entry says what it does. */
  readonly recipe?: readonly string[];
}

/** What is known of a word that is not a command. */
export interface UnknownWord {
  readonly error: UsageError;
  /** Whether it is about this word: what it is, and what to do instead. */
  readonly isSpecific: boolean;
}

/**
 * The error for a word that is not a command, but has another known meaning: a make target or a
 * script of the checkout, a target to build, make itself.
 *
 * @param name The word in place of a command.
 * @param start Where to look for the checkout.
 * @returns Undefined where nothing is known of it.
 */
export async function explainUnknown(
  name: string,
  start: string,
): Promise<UnknownWord | undefined> {
  const { root } = await searchRoot(start);
  const meaning = await makeTarget(root, name) ?? await script(root, name, start);
  if (meaning !== undefined) return explain(name, meaning);
  if (root !== undefined) return await buildTarget(root, name, start);
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return undefined;
  return unknown(name, undefined, [
    "Names of directories in cmd/, such as kubectl, are commands inside of a checkout: change into one, " +
    "or name it with --root DIR",
  ]);
}

function unknown(
  name: string,
  reason: string | undefined,
  notes: readonly string[],
): UnknownWord {
  const why = reason === undefined ? "" : `: ${reason}`;
  const error = new UsageError(`Unknown command "${name}"${why}`, [
    ...notes,
    '"kbuild help" lists the commands, "kbuild help scripts" what they replace',
  ]);
  return { error, isSpecific: reason !== undefined };
}

async function makeTarget(root: string | undefined, name: string): Promise<Meaning | undefined> {
  const entry = entryOfTarget(name);
  const rule = root === undefined ? undefined : await findMakeTarget(root, name);
  if (rule === undefined) {
    if (entry === undefined) return undefined;
    const what = root === undefined
      ? "it is a make target of Kubernetes"
      : "it is a make target of other releases of Kubernetes";
    return { what, run: `make ${name}`, entry };
  }
  const { path, line, recipe } = rule;
  const what = `it is a target of this checkout's Makefile (${path}:${line})`;
  return { what, run: `make ${name}`, entry, recipe };
}

async function script(
  root: string | undefined,
  name: string,
  start: string,
): Promise<Meaning | undefined> {
  if (root === undefined) {
    const path = scriptPaths(name).find((each) => entryOfScript(each) !== undefined);
    if (path === undefined) return undefined;
    return { what: "it is a script of Kubernetes", run: path, entry: entryOfScript(path) };
  }
  const typed = relative(root, resolve(start, name));
  for (const path of [typed, ...scriptPaths(name)]) {
    if (!/\.(sh|py)$/.test(path)) continue;
    const info = await ifPresent(Deno.stat(join(root, path)));
    if (info?.isFile !== true) continue;
    const where = path === name ? "" : ` (${path})`;
    return {
      what: `it is a script of this checkout${where}`,
      run: path,
      entry: entryOfScript(path),
    };
  }
  return undefined;
}

function explain(name: string, { what, run, entry, recipe = [] }: Meaning): UnknownWord {
  if (entry === undefined) {
    const [first] = recipe;
    return unknown(name, what, [
      ...(first === undefined ? [] : [`It runs: ${recipe.slice(0, 3).join("; ")}`]),
      `kbuild does not know it: run ${run}`,
    ]);
  }
  const note = entry.note === undefined ? [] : [entry.note];
  return unknown(name, what, [`${entry.does}; ${instead(entry, run)}`, ...note]);
}

function instead({ command, without = "later" }: EntryPoint, run: string): string {
  if (command !== undefined) return `kbuild also does that: kbuild ${command}`;
  switch (without) {
    case "needless":
      return "with kbuild that is not needed";
    case "outside":
      return `kbuild does not do that: run ${run}`;
    case "later":
      return `kbuild cannot do that yet: run ${run}`;
  }
}

/** A directory or a binary that `kbuild all` would build. */
async function buildTarget(
  root: string,
  name: string,
  start: string,
): Promise<UnknownWord | undefined> {
  const [, arch = "amd64"] = hostPlatform().split("/");
  const checkout = await ifPossible(readCheckout(root, { variables: {}, hostArch: arch }));
  const listed = checkout === undefined ? undefined : targetNamed(checkout, name);
  if (listed !== undefined) {
    return unknown(name, `it is a target of this checkout (${listed})`, [
      `Run: kbuild all ${name}`,
    ]);
  }
  const path = relative(root, resolve(start, name));
  const isKnown = name.includes("/") && !path.startsWith("..") &&
    await isDirectory(join(root, path));
  if (!isKnown) return undefined;
  return unknown(name, "it is a directory of this checkout", [`Run: kbuild all ${path}`]);
}

function targetNamed({ targets }: Checkout, name: string): string | undefined {
  const path = name.replace(/^\.\//, "").replace(/\/+$/, "");
  return targets.all.value.find((target) => target === path || target.endsWith(`/${path}`));
}
