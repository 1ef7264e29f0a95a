import { createHash } from "node:crypto";
import { join } from "@std/path";
import { askGit, type GitTree, openTree, statusEntries } from "../git/mod.ts";
import { countedVariables } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GenerationSteps } from "./generation_steps.ts";
import { fileDigest } from "./state.ts";

/** How generated files are made of their inputs. It grows when the same key would stand for other bytes. */
const RECIPE = 1;

/**
 * A digest of all sources of a checkout: git's own of the commit's tree, and the contents of what differs from
 * it. Outputs of generators do not count, as far as git ignores them.
 *
 * @param tree What git says of the checkout, if the caller asks more of it.
 * @returns undefined where git cannot say.
 */
export async function sourcesDigest(
  context: KubeContext,
  tree: GitTree = openTree(context),
): Promise<string | undefined> {
  const [{ text: id }, { text: status }] = await Promise.all([
    askGit(context, ["rev-parse", "--verify", "HEAD^{tree}"]),
    tree.everything(),
  ]);
  if (id === undefined || status === undefined) return undefined;
  const hash = createHash("sha256").update(`${id.trim()}\n`);
  for (const { code, path } of statusEntries(status)) {
    hash.update(`${code}\0${path}\0${await fileDigest(join(context.root, path)) ?? "none"}\n`);
  }
  return hash.digest("hex");
}

/**
 * The content key of a generated file.
 *
 * @param sources Of {@linkcode sourcesDigest}.
 * @param goKey Of `StepKeys`: generators are built with that Go, and read its library.
 */
export function generatedKey(
  { root, output, gopath }: KubeContext,
  { file, inputs, processes }: GenerationSteps,
  { sources, goKey }: { sources: string; goKey: string },
): string {
  const places = Object.entries({ gopath, output, root });
  const portable = (text: string) =>
    places.reduce((left, [name, place]) => left.replaceAll(place, `{${name}}`), text);
  const words = processes.map(({ argv: [program = "", ...args], env }) => [
    program.slice(program.lastIndexOf("/") + 1),
    ...args.map(portable),
    ...Object.entries(countedVariables(env)).flat().map(portable),
  ]);
  const all = ["generate", RECIPE, goKey, sources, file.output, inputs, words];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex");
}
