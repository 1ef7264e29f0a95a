import { join } from "@std/path";
import { ifPresentSync, readTextSync } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoTool } from "../toolchain/mod.ts";
import { digestOf } from "./go_sources.ts";
import type { GenerationItem, Generator, GeneratorTree } from "./items.ts";
import { contentOf, type ItemRecord, type ItemState, seenFile } from "./item_state.ts";
import { directoriesDigest } from "./state.ts";

/** A file to be made, and why. */
export interface StaleItem {
  /** What is made. */
  readonly item: GenerationItem;
  /** Digest of everything that it is made from. */
  readonly inputs: string;
  /** Digest of the generator, its flags, the headers and Go; undefined where `inputs` is not known. */
  readonly tool?: string | undefined;
  /** For people: "missing", "staging/src/k8s.io/api/batch/v1 changed". */
  readonly why: string;
}

/** Files compared with what they would be made from. */
export interface Comparison {
  /** In the order of the generators. */
  readonly stale: readonly StaleItem[];
  /** Of the files that are up to date, by output. */
  readonly records: Readonly<Record<string, ItemRecord>>;
  /** Digests of the directories that any of the files is made from. */
  readonly directories: Readonly<Record<string, string>>;
}

/** Headers that generators find by themselves: of code-generator, and up to 1.7 of the checkout. */
export const DEFAULT_HEADERS = [
  "vendor/k8s.io/code-generator/hack/boilerplate.go.txt",
  "hack/boilerplate/boilerplate.go.txt",
  "vendor/k8s.io/gengo/boilerplate/boilerplate.go.txt",
] as const;

/**
 * Compares files with what they would be made from, by content: the packages as generators see them, and what
 * those import; functions for conversions and defaults in other packages; the generator with all that it is
 * compiled from; its flags; the header; the Go.
 */
export async function compareItems(
  context: KubeContext,
  go: GoTool,
  tree: GeneratorTree,
  wanted: (item: GenerationItem) => boolean,
  before: ItemState,
): Promise<Comparison> {
  const stale: StaleItem[] = [];
  const records: Record<string, ItemRecord> = {};
  const directories: Record<string, string> = {};
  for (const generator of tree.generators) {
    const common = commonInputs(context, go, tree, generator);
    for (const item of generator.items.filter(wanted)) {
      const places = inputPlaces(tree, item);
      for (const place of places) directories[place] ??= tree.graph.digest(place, "shape");
      const inputs = digestOf([
        common.all,
        ...peerInputs(tree, generator, item),
        item.output,
        ...places.flatMap((place) => [place, directories[place]!]),
        ...await fileInputs(context, item),
      ]);
      const known = before.items[item.output];
      const path = join(context.root, item.output);
      const seen = seenFile(path);
      const output = known?.seen === seen ? known.output : await contentOf(path);
      const { tool } = common;
      const why = reasonFor({ known, inputs, tool, output, places, directories, before });
      if (acceptsViolations(context, item)) {
        stale.push({ item, inputs, tool, why: "its API rule violations are to be accepted" });
      } else if (context.env["KUBE_EXTRA_GOPATH"]) {
        const why = "KUBE_EXTRA_GOPATH has sources that are not looked at";
        stale.push({ item, inputs, tool, why });
      } else if (why === undefined) records[item.output] = { ...known!, isOrphan: false, seen };
      else stale.push({ item, inputs, tool, why });
    }
  }
  return { stale, records, directories };
}

/** Whether the violations of an OpenAPI file are to become the known ones. */
function acceptsViolations({ env }: KubeContext, { file }: GenerationItem): boolean {
  return env["UPDATE_API_KNOWN_VIOLATIONS"] === "true" && file?.kind === "openapi" &&
    file.knownViolations !== undefined;
}

function reasonFor({ known, inputs, tool, output, places, directories, before }: {
  known: ItemRecord | undefined;
  inputs: string;
  tool: string;
  output: string;
  places: readonly string[];
  directories: Readonly<Record<string, string>>;
  before: ItemState;
}): string | undefined {
  if (output === "" && (known === undefined || known.isMade)) return "it is missing";
  if (known === undefined) return "it was not generated here yet";
  if (known.inputs !== inputs) {
    const changed = places.filter((place) => before.directories[place] !== directories[place]);
    const [first] = changed;
    if (first !== undefined) {
      return `${first} changed${changed.length > 1 ? `, and ${changed.length - 1} more` : ""}`;
    }
    return known.tool === tool
      ? "what it is made from changed"
      : "the generator, its flags or Go changed";
  }
  return known.output === output ? undefined : "its content is not what was generated";
}

/** Directories whose shape decides over a file, sorted. */
function inputPlaces({ graph }: GeneratorTree, item: GenerationItem): readonly string[] {
  const roots = item.packages.flatMap((directory) => [
    directory,
    ...graph.taggedPackages(directory),
  ]);
  return [...new Set(roots.flatMap((directory) => [...graph.closure(directory)]))].sort();
}

/** What decides over all files of a generator, and the part of it that no package has. */
function commonInputs(
  { root }: KubeContext,
  go: GoTool,
  { graph }: GeneratorTree,
  { tool, rules, items }: Generator,
): { readonly all: string; readonly tool: string } {
  const tools = graph.closureDigest([tool.replace(/^\.\//, "")], "content");
  const headers = DEFAULT_HEADERS.map((path) =>
    ifPresentSync(() => readTextSync(join(root, path))) ?? ""
  );
  const others: string[] = [];
  for (const { name, value } of rules?.flags ?? []) {
    if (value === "all") {
      // Functions that were written by hand count wherever they are.
      const all = items.flatMap(({ directory }) => [
        directory,
        ...graph.taggedPackages(directory),
      ]);
      others.push(...[...new Set(all)].sort().map((place) => graph.digest(place, "functions")));
    } else if (typeof value === "object" && /^--?extra-(peer-)?dirs$/.test(name)) {
      const places = value.text.split(",").map((path) => graph.resolve(path));
      const found = places.filter((place) => place !== undefined);
      others.push(
        ...rules?.name === "conversion"
          ? found.map((place) => graph.digest(place, "functions"))
          : [graph.closureDigest(found, "shape")],
      );
    }
  }
  // Where all packages are read together, the functions of each count for all.
  if (rules?.name === "conversion") {
    others.push(...items.map(({ directory }) => graph.digest(directory, "functions")));
  }
  const own = digestOf([go.description, tools, JSON.stringify(rules?.flags ?? []), ...headers]);
  return { tool: own, all: digestOf([own, ...others]) };
}

/**
 * Peers that conversions of all packages look for types in, where one of them has a type of the same name: only then
 * do they count (`getPeerTypeFor` of conversion-gen).
 */
function peerInputs(
  { graph }: GeneratorTree,
  { rules }: Generator,
  { packages }: GenerationItem,
): readonly string[] {
  if (rules?.name !== "conversion") return [];
  const own = packages.flatMap((each) => [graph.real(each), ...graph.taggedPackages(each)]);
  const names = graph.types(own);
  return rules.flags.flatMap(({ name, value }) => {
    if (typeof value !== "object" || !/^--?extra-peer-dirs$/.test(name)) return [];
    const peers = value.text.split(",").map((path) => graph.resolve(path))
      .filter((place) => place !== undefined).filter((place) => !own.includes(place));
    const shared = peers.filter((place) => !names.isDisjointFrom(graph.types([place])));
    return shared.map((place) => graph.closureDigest([place], "shape"));
  });
}

/** Further inputs of a single file. */
async function fileInputs(
  { root }: KubeContext,
  { file, packages }: GenerationItem,
): Promise<readonly string[]> {
  if (file === undefined) return [];
  if (file.kind === "bindata") {
    const directories = file.args.filter((word) => word.endsWith("/..."))
      .map((word) => word.slice(0, -4));
    return [await directoriesDigest(root, directories, { recursive: true, extra: file.args })];
  }
  const texts = [file.header, file.knownViolations].map((path) =>
    path === undefined ? "" : ifPresentSync(() => readTextSync(join(root, path))) ?? ""
  );
  return [...texts, file.outputPackage, ...packages];
}
