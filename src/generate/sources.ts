import { type Makefile, readCheckoutFile, readMakefile } from "../checkout/mod.ts";

/** A generated Go file that a build needs, and how `make generated_files` makes it. */
export type GeneratedFile =
  | {
    readonly kind: "openapi";
    /** `KUBE`, `AGGREGATOR` …: the name in `Makefile.generated_files`; `KUBE` where there is one. */
    readonly name: string;
    /** Path below the root: `pkg/generated/openapi/zz_generated.openapi.go`. */
    readonly output: string;
    /** Directory below the root: `pkg/generated/openapi`. */
    readonly outputPackage: string;
    /** Which of the tagged files count: `*_OPENAPI_TAG_FILES`. */
    readonly tagFiles: TagFiles;
    /** File with the header, below the root; undefined: the generator's own (1.6–1.9). */
    readonly header: string | undefined;
    /** The known violations, below the root; undefined where none are reported (1.6–1.10). */
    readonly knownViolations: string | undefined;
    readonly tool: string;
  }
  | {
    readonly kind: "bindata";
    readonly output: string;
    /** Arguments of go-bindata without `-o`; input directories are those that end in `/...`. */
    readonly args: readonly string[];
    readonly tool: string;
  };

/** A `$(filter …)` or `$(filter-out …)`: patterns in which `%` stands for anything. */
export interface TagFiles {
  /** `filter`, which keeps what matches, or `filter-out`. */
  readonly keep: boolean;
  /** Patterns in which `%` stands for anything. */
  readonly patterns: readonly string[];
}

const MAKEFILES = ["build/root/Makefile.generated_files", "Makefile.generated_files"];

/**
 * Reads which files `make generated_files` makes, apart from those that every checkout has in git:
 * the OpenAPI targets of `Makefile.generated_files` (one up to 1.14, v1.7.3: lines 500-570; several
 * later, v1.20.2: lines 520-640) and the calls of go-bindata in `hack/generate-bindata.sh`. Deep
 * copies, defaults, conversions and lifecycles are in git in every version that was looked at.
 * Trees without these files have nothing to generate.
 */
export async function readGeneratedFiles(root: string): Promise<readonly GeneratedFile[]> {
  const read = async (path: string) => (await readCheckoutFile(root, path)).text ?? "";
  const [inBuild, atRoot, script, golang] = await Promise.all([
    ...MAKEFILES.map(read),
    read("hack/generate-bindata.sh"),
    read("hack/lib/golang.sh"),
  ]);
  const makefile = readMakefile(inBuild || atRoot, {
    // Those of the Makefile that calls this one.
    variables: { GENERATED_FILE_PREFIX: "zz_generated.", PRJ_SRC_PATH: "k8s.io/kubernetes" },
  });
  return Object.freeze([
    ...openapiFiles(makefile),
    ...bindataFiles(script ?? "", bindataTool(script ?? "", makefile, golang ?? "")),
  ]);
}

function openapiFiles(makefile: Makefile): GeneratedFile[] {
  const tool = builtTarget(makefile, "$(OPENAPI_GEN)");
  if (tool === undefined) return [];
  const call = makefile.lines.find((line) => /run-in-gopath\.sh +\$+\(OPENAPI_GEN\)/.test(line)) ??
    "";
  const header = /\s-h +\$+\((\w+)\)/.test(call)
    ? textOf(makefile, /\s-h +\$+\((\w+)\)/.exec(call)?.[1] ?? "")
    : undefined;
  const reports = /\s-r\s/.test(call);
  const base = textOf(makefile, "OPENAPI_BASENAME") ?? "zz_generated.openapi";
  const names = textOf(makefile, "OPENAPI_TARGETS")?.split(/\s+/);
  const described = names === undefined
    ? [{ name: "KUBE", prefix: "" }]
    : names.map((name) => ({ name, prefix: `${name}_` }));
  return described.flatMap(({ name, prefix }) => {
    const outputPackage = textOf(makefile, `${prefix}OPENAPI_OUTPUT_PKG`);
    const knownViolations = textOf(makefile, `${prefix}KNOWN_VIOLATION_FILENAME`);
    if (outputPackage === undefined) return [];
    return [Object.freeze({
      kind: "openapi" as const,
      name,
      output: `${outputPackage}/${base}.go`,
      outputPackage,
      tagFiles: tagFiles(makefile, `${prefix}OPENAPI_TAG_FILES`),
      header,
      knownViolations: reports ? knownViolations : undefined,
      tool,
    })];
  });
}

/** Reads `$(filter PATTERNS, $(ALL_K8S_TAG_FILES))`; everything where there is no such variable. */
function tagFiles(makefile: Makefile, name: string): TagFiles {
  const [, word, patterns] = /^\$\((filter|filter-out)\s+(.*),\s*\$\(\w+\)\)$/.exec(
    makefile.variables.get(name) ?? "",
  ) ?? [];
  if (word === undefined || patterns === undefined) return { keep: false, patterns: [] };
  const filled = patterns.replace(/\$\((\w+)\)/g, (_match, inner) => textOf(makefile, inner) ?? "");
  return {
    keep: word === "filter",
    patterns: filled.split(/\s+/).filter((pattern) => pattern !== ""),
  };
}

/** The text of a variable; undefined if missing, or if it needs what only make knows. */
function textOf(makefile: Makefile, name: string): string | undefined {
  const { text, isComplete } = makefile.expand(`$(${name})`);
  return isComplete && !text.includes("$(") ? text : undefined;
}

/** What a makefile gives to `hack/make-rules/build.sh` in a rule. */
function builtTarget(makefile: Makefile, rule: string): string | undefined {
  const recipe = makefile.rules.flatMap(({ targets, recipe }) =>
    targets.includes(rule) ? recipe : []
  );
  return /build\.sh +(\S+)/.exec(recipe.join("\n"))?.[1];
}

/** The target of go-bindata: its own line in the script, the makefile's, or golang.sh's toolchain. */
function bindataTool(script: string, makefile: Makefile, golang: string): string | undefined {
  const installed = /^go install \S+?\/(vendor\/\S+go-bindata)\s*$/m.exec(script)?.[1];
  if (installed !== undefined) return `./${installed}`;
  return builtTarget(makefile, "$(BINDATA_GEN)") ??
    /^\s*(vendor\/\S+\/go-bindata)\s*$/m.exec(golang)?.[1];
}

function bindataFiles(script: string, tool: string | undefined): GeneratedFile[] {
  if (tool === undefined) return [];
  const joined = script.replaceAll("\\\n", " ");
  const files: GeneratedFile[] = [];
  let output: string | undefined;
  for (const line of joined.split("\n")) {
    output = /^BINDATA_OUTPUT="([^"$]+)"/.exec(line)?.[1] ?? output;
    if (!line.startsWith("go-bindata ") || output === undefined) continue;
    const words = shellWords(line).slice(1);
    const at = words.indexOf("-o");
    if (at >= 0) words.splice(at, 2);
    files.push(Object.freeze({
      kind: "bindata" as const,
      output,
      args: Object.freeze(words),
      tool,
    }));
  }
  return files;
}

/** Splits a simple command line: words, single and double quotes, no expansions. */
function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}
