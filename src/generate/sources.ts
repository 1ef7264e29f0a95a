import { join } from "@std/path";

/** A generated Go file that a build needs, and how `make generated_files` makes it. */
export type GeneratedFile =
  | {
    readonly kind: "openapi";
    /** `KUBE`, `AGGREGATOR` …: the name in `Makefile.generated_files`. */
    readonly name: string;
    /** Path below the root: `pkg/generated/openapi/zz_generated.openapi.go`. */
    readonly output: string;
    /** Folder below the root: `pkg/generated/openapi`. */
    readonly outputPackage: string;
    /** The known violations, below the root. */
    readonly knownViolations: string;
    readonly tool: string;
  }
  | {
    readonly kind: "bindata";
    readonly output: string;
    /** Arguments of go-bindata without `-o`; input folders are those that end in `/...`. */
    readonly args: readonly string[];
    readonly tool: string;
  };

const OPENAPI_GEN = "./vendor/k8s.io/kube-openapi/cmd/openapi-gen";

/**
 * Reads which files `make generated_files` makes, besides those that every checkout has in git:
 * the OpenAPI targets of `Makefile.generated_files` (v1.20.2: lines 520-640) and the calls of
 * go-bindata in `hack/generate-bindata.sh`. Trees without these files have nothing to generate.
 */
export async function readGeneratedFiles(root: string): Promise<readonly GeneratedFile[]> {
  const read = (path: string) => Deno.readTextFile(join(root, path)).catch(() => "");
  const [makefile, bindata] = await Promise.all([
    read("build/root/Makefile.generated_files"),
    read("hack/generate-bindata.sh"),
  ]);
  return Object.freeze([...openapiFiles(makefile), ...bindataFiles(bindata)]);
}

function openapiFiles(makefile: string): GeneratedFile[] {
  const variable = (name: string) =>
    new RegExp(`^${name}\\s*:?=[ \\t]*(.*)$`, "m").exec(makefile)?.[1]?.trim();
  const targets = variable("OPENAPI_TARGETS")?.split(/\s+/) ?? [];
  return targets.flatMap((name) => {
    const outputPackage = variable(`${name}_OPENAPI_OUTPUT_PKG`);
    const knownViolations = variable(`${name}_KNOWN_VIOLATION_FILENAME`);
    if (outputPackage === undefined || knownViolations === undefined) return [];
    return [Object.freeze({
      kind: "openapi" as const,
      name,
      output: `${outputPackage}/zz_generated.openapi.go`,
      outputPackage,
      knownViolations,
      tool: OPENAPI_GEN,
    })];
  });
}

function bindataFiles(script: string): GeneratedFile[] {
  const tool = /^go install \S+?\/(vendor\/\S+go-bindata)\s*$/m.exec(script)?.[1];
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
      tool: `./${tool}`,
    }));
  }
  return files;
}

/** Splits a simple command line: words, single and double quotes, no expansions. */
function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}
