import { join } from "@std/path";
import { fileDigest } from "../archive/mod.ts";
import type { Checkout } from "../checkout/mod.ts";
import { askGit, type GitTree, openTree } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoTool } from "../toolchain/mod.ts";
import { neededFiles, needsOf, rememberedNeeds, withNeeds } from "./needed.ts";
import { type GeneratedFile, readGeneratedFiles } from "./sources.ts";
import {
  directoriesDigest,
  type GenerationRecord,
  type GenerationState,
  readState,
  treeKey,
} from "./state.ts";
import { findTagged, openapiPackages } from "./tagged.ts";
import { ifPresent } from "../files/mod.ts";

/**
 * The generated files that a build needs and git does not have (up to 1.25: OpenAPI definitions of
 * kube-apiserver; up to 1.21: bindata of e2e.test). What git has is never made or touched.
 */
export async function missingFromGit(
  context: KubeContext,
): Promise<readonly GeneratedFile[]> {
  const files = await readGeneratedFiles(context.root);
  if (files.length === 0) return files;
  const outputs = files.map(({ output }) => output);
  const { text } = await askGit(context, ["ls-files", "-z", "--", ...outputs]);
  const tracked = new Set(text?.split("\0"));
  const wanted: GeneratedFile[] = [];
  for (const file of files) {
    // Without git only a file that is not there is known to be needed.
    const isWanted = text === undefined
      ? !await fileExists(join(context.root, file.output))
      : !tracked.has(file.output);
    if (isWanted) wanted.push(file);
  }
  return Object.freeze(wanted);
}

async function fileExists(path: string): Promise<boolean> {
  return (await ifPresent(Deno.stat(path)))?.isFile === true;
}

/** Facts about a tree that are remembered for the next run. */
export interface GenerationFindings {
  /** Key of the tree; undefined where git cannot say. */
  readonly tree: string | undefined;
  /** By output: what the files that are up to date were made from. */
  readonly records: GenerationState["files"];
  /** Which files the targets of builds need. */
  readonly needs: GenerationState["needs"];
}

/** Files to be made, and facts about the rest. */
export interface Stale extends GenerationFindings {
  readonly files: readonly StaleFile[];
}

/** A file that has to be made. */
export interface StaleFile {
  readonly file: GeneratedFile;
  /** Digest of everything that it is made from. */
  readonly inputs: string;
  /** Packages that an OpenAPI file is made from. */
  readonly packages: readonly string[];
}

/**
 * Finds the files that some targets need and that are not up to date.
 *
 * @param options.targets As the checkout writes them; undefined: every file is needed.
 * @param options.tree What git said of the checkout a moment ago; enough to see that nothing is to be done.
 * @returns undefined when there is nothing to do and nothing new to remember.
 */
export async function findStale(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  { targets, tree: given }: { targets: readonly string[] | undefined; tree?: GitTree | undefined },
): Promise<Stale | undefined> {
  const [all, key, before] = await Promise.all([
    missingFromGit(context),
    treeKey(context, given),
    readState(context),
  ]);
  if (all.length === 0) return undefined;
  const knownIn = (tree: string | undefined) =>
    targets === undefined ? all : rememberedNeeds(needsOf(before, tree), all, targets);
  const present = async (files: readonly GeneratedFile[] | undefined) =>
    key !== undefined && files !== undefined && await allPresent(context, files, before, key);
  if (await present(all) || await present(knownIn(key))) return undefined;

  // What is remembered must be of the tree as it is when files are compared.
  const tree = given === undefined ? key : await treeKey(context, openTree(context));
  const needs = needsOf(before, tree);
  const known = knownIn(tree);

  // Go takes seconds to say what is needed: it is asked when a file was never made, or is stale.
  const ask = async () =>
    targets === undefined ? all : await neededFiles(context, checkout, go, { files: all, targets });
  const neverMade = all.some(({ output }) => before.files[output] === undefined);
  let needed = known ?? (neverMade ? await ask() : undefined);
  const { records, stale } = await compare(context, before, tree, needed ?? all);
  if (stale.length > 0) needed ??= await ask();
  return {
    tree,
    records,
    needs: needed === undefined || targets === undefined
      ? needs
      : withNeeds(needs, needed, targets),
    files: stale.filter(({ file }) => needed?.includes(file)),
  };
}

/** Compares files with what they would be made from. */
async function compare(
  context: KubeContext,
  before: GenerationState,
  tree: string | undefined,
  files: readonly GeneratedFile[],
): Promise<{ records: GenerationState["files"]; stale: readonly StaleFile[] }> {
  const tagged = files.some(({ kind }) => kind === "openapi")
    ? await findTagged(context.root, "openapi-gen")
    : [];
  const stale: StaleFile[] = [];
  const records: Record<string, GenerationRecord> = { ...before.files };
  for (const file of files) {
    const packages = file.kind === "openapi" ? openapiPackages(file.tagFiles, tagged) : [];
    const inputs = await inputsDigest(context, file, packages);
    const known = before.files[file.output];
    const output = await fileDigest(join(context.root, file.output));
    if (known !== undefined && known.inputs === inputs && known.output === output) {
      records[file.output] = { ...known, tree: tree ?? "" };
    } else {
      stale.push({ file, inputs, packages });
    }
  }
  return { records, stale };
}

async function allPresent(
  context: KubeContext,
  files: readonly GeneratedFile[],
  state: GenerationState,
  tree: string,
): Promise<boolean> {
  for (const file of files) {
    const known = state.files[file.output];
    if (known === undefined || known.tree !== tree) return false;
    if (await fileDigest(join(context.root, file.output)) !== known.output) return false;
  }
  return true;
}

/** Contents of everything that the output is made from: inputs, generator, arguments. */
async function inputsDigest(
  context: KubeContext,
  file: GeneratedFile,
  packages: readonly string[],
): Promise<string> {
  const own = file.kind === "openapi"
    ? await directoriesDigest(context.root, packages, {
      recursive: false,
      extra: [file.outputPackage, file.header ?? "", file.knownViolations ?? ""],
    })
    : await directoriesDigest(context.root, inputDirectories(file.args), {
      recursive: true,
      extra: file.args,
    });
  return await directoriesDigest(context.root, [file.tool.replace(/^\.\//, "")], {
    recursive: true,
    extra: [own],
  });
}

function inputDirectories(args: readonly string[]): readonly string[] {
  return args.filter((word) => word.endsWith("/...")).map((word) => word.slice(0, -4));
}
