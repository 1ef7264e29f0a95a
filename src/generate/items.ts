import type { Checkout } from "../checkout/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { isPruned, readGoDirectories } from "./go_directories.ts";
import { GoGraph } from "./go_graph.ts";
import { GoSources } from "./go_sources.ts";
import {
  type LeftOut,
  type MakefileGenerators,
  type PackageGenerator,
  type PackageTag,
  readPackageGenerators,
} from "./package_generators.ts";
import { type GeneratedFile, readGeneratedFiles } from "./sources.ts";
import { openapiPackages } from "./tagged.ts";
import { join } from "@std/path";

/** A generator of a checkout, and what it makes. */
export interface Generator {
  /** `deepcopy`, `openapi`, `bindata`: the name of its rule without `gen_`. */
  readonly name: string;
  /** What is built for it, as the checkout writes it. */
  readonly tool: string;
  /** Where that was read: `build/root/Makefile.generated_files:235`. */
  readonly source: string;
  /** Undefined for `openapi` and `bindata`, which make single files. */
  readonly rules: PackageGenerator | undefined;
  /** What it makes. */
  readonly items: readonly GenerationItem[];
}

/** A file that a generator makes. */
export interface GenerationItem {
  /** Name of the generator. */
  readonly generator: string;
  /** Path below the root, links followed: `staging/src/k8s.io/api/core/v1/zz_generated.deepcopy.go`. */
  readonly output: string;
  /** Directory of the package as generators receive it: `vendor/k8s.io/api/core/v1`. */
  readonly directory: string;
  /** How a single file is made; undefined for a file in each package. */
  readonly file: GeneratedFile | undefined;
  /** Directories of the packages that it is made from, but for what they import. */
  readonly packages: readonly string[];
}

/** Generators of a checkout, and the sources that they read. */
export interface GeneratorTree {
  /** In the order of make. */
  readonly generators: readonly Generator[];
  /** Generators that are not run. */
  readonly leftOut: readonly LeftOut[];
  /** Their files. */
  readonly sources: GoSources;
  /** Their imports. */
  readonly graph: GoGraph;
}

/** Finds all that `make generated_files` makes, as its makefile does: by tags, in the directories it walks. */
export async function readGenerators(
  context: KubeContext,
  checkout: Checkout,
): Promise<GeneratorTree> {
  const { root } = context;
  const [rules, files, sources, tagged] = await Promise.all([
    readPackageGenerators(root),
    readGeneratedFiles(root),
    GoSources.open(context),
    readGoDirectories(root),
  ]);
  const graph = new GoGraph(sources, checkout.goPackage.value);
  const directories = files.length + rules.generators.length === 0
    ? []
    : goDirectories(root, tagged);
  const tagFiles = directories.flatMap((directory) =>
    sources.directory(directory).filter(({ isTagged }) => isTagged)
      .map(({ name, tags }) => ({ path: `${directory}/${name}`, tags }))
  );
  const generators = [
    ...rules.generators.map((each) => packageGenerator(each, tagFiles, sources)),
    ...singleFiles(files, tagFiles),
  ];
  const leftOut = leftOutOf(rules, generators);
  return Object.freeze({ generators: Object.freeze(generators), leftOut, sources, graph });
}

/** Rules that cannot be read, and targets of `generated_files` that nothing was found for. */
function leftOutOf(
  { unreadable, wanted }: MakefileGenerators,
  generators: readonly Pick<Generator, "name">[],
): readonly LeftOut[] {
  const known = new Set([...generators, ...unreadable].map(({ name }) => name));
  const why = "its rule cannot be read: what it makes is not understood";
  return Object.freeze([
    ...unreadable,
    ...wanted.filter(({ name }) => !known.has(name)).map((each) => Object.freeze({ ...each, why })),
  ]);
}

/** A file with tags, under the name that the makefile has for it. */
interface TagFile {
  readonly path: string;
  readonly tags: readonly string[];
}

/** Generators of a checkout without the packages that they are for. */
export interface GeneratorRules {
  /** In the order of make. */
  readonly generators: readonly Pick<Generator, "name" | "tool" | "source">[];
  /** Those that are not run. */
  readonly leftOut: readonly LeftOut[];
}

/** The generators of a checkout without looking for packages: for `inspect`. */
export async function readGeneratorRules(root: string): Promise<GeneratorRules> {
  const [rules, files] = await Promise.all([
    readPackageGenerators(root),
    readGeneratedFiles(root),
  ]);
  const generators = [...rules.generators, ...singleFiles(files, [])];
  return Object.freeze({ generators, leftOut: leftOutOf(rules, generators) });
}

function packageGenerator(
  rules: PackageGenerator,
  tagFiles: readonly TagFile[],
  sources: GoSources,
): Generator {
  const { name, tool, source, fileName } = rules;
  const directories = new Set(
    tagFiles.filter(({ tags }) => tags.some((line) => hasTag(line, rules.tag)))
      .map(({ path }) => path.slice(0, path.lastIndexOf("/"))),
  );
  const items = [...directories].sort().map((directory) =>
    Object.freeze({
      generator: name,
      output: `${sources.real(directory)}/${fileName}`,
      directory,
      file: undefined,
      packages: Object.freeze([directory]),
    })
  );
  return Object.freeze({ name, tool, source, rules, items: Object.freeze(items) });
}

function hasTag(line: string, { text, isAtStart }: PackageTag): boolean {
  const at = line.indexOf(text);
  return at >= 0 && (!isAtStart || /^\/\/ *$/.test(line.slice(0, at)));
}

function singleFiles(
  files: readonly GeneratedFile[],
  tagFiles: readonly TagFile[],
): Generator[] {
  const openapi = tagFiles.filter(({ tags }) =>
    tags.some((line) => line.includes("+k8s:openapi-gen="))
  ).map(({ path }) => path);
  const kinds = [...new Set(files.map(({ kind }) => kind))];
  return kinds.map((kind) => {
    const own = files.filter((file) => file.kind === kind);
    const items = own.map((file) =>
      Object.freeze({
        generator: kind,
        output: file.output,
        directory: file.output.slice(0, file.output.lastIndexOf("/")),
        file,
        packages: file.kind === "openapi" ? openapiPackages(file.tagFiles, openapi) : [],
      })
    );
    const source = kind === "openapi" ? "Makefile.generated_files" : "hack/generate-bindata.sh";
    const [{ tool }] = own as [GeneratedFile];
    return Object.freeze({ name: kind, tool, source, rules: undefined, items });
  });
}

/** Directories with Go files, as `cache_go_dirs.sh` names them: staging modules as in `vendor`. */
function goDirectories(
  root: string,
  rules: Awaited<ReturnType<typeof readGoDirectories>>,
): readonly string[] {
  const found = new Set<string>();
  const visit = (directory: string): void => {
    let hasGo = false;
    for (const { name, isDirectory, isFile } of Deno.readDirSync(join(root, directory))) {
      const isGo = isFile && name.endsWith(".go");
      if (!isDirectory && (!isGo || hasGo)) continue;
      const path = directory === "" ? name : `${directory}/${name}`;
      if (isPruned(rules, { path: `./${path}`, name, directory: isDirectory })) continue;
      if (isDirectory) visit(path);
      else hasGo = true;
    }
    if (!hasGo) return;
    found.add(
      rules.stagingAsVendor ? directory.replace(/^staging\/src\//, "vendor/") : directory,
    );
  };
  for (const start of rules.starts) {
    // What one release lists and a fork has removed does not stop it; find also continues.
    if (isDirectorySync(join(root, start))) visit(start);
  }
  return [...found].sort();
}

function isDirectorySync(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
