import { dirname, join } from "@std/path";
import { type Codegen, type CodegenCall, type CodegenScript, PROTOC } from "../checkout/mod.ts";
import { ifPresent, ifPresentSync, readText, readTextSync } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { listCachedProtoc } from "../toolchain/mod.ts";
import { callsOf } from "./step_calls.ts";

/** Programs that are not built from the checkout, and that protobuf code is made with. */
export interface ProtocTools {
  /** Absolute path of protoc. */
  readonly path: string;
  /** What `protoc --version` prints: `libprotoc 23.4`. */
  readonly version: string;
  /** Directories with programs that generators find through PATH. */
  readonly directories: readonly string[];
  /** Why go-to-protobuf cannot run; undefined if it can. */
  readonly lacks: string | undefined;
}

/** Makes definitions from Go types, and Go from them with protoc. */
const GO_TO_PROTOBUF = "go-to-protobuf";
/** What go-to-protobuf formats with. */
const GOIMPORTS = "goimports";
/** Where `hack/install-protoc.sh` puts protoc. */
const INSTALLED = "third_party/protoc";
/** Source of go-to-protobuf that starts other programs, and where it was in 1.7. */
const STARTS = [
  "staging/src/k8s.io/code-generator/cmd/go-to-protobuf/protobuf/cmd.go",
  "cmd/libs/go2idl/go-to-protobuf/protobuf/cmd.go",
];
/** Definition that all of go-to-protobuf's import. */
const GOGO = "github.com/gogo/protobuf/gogoproto/gogo.proto";

/** Whether a program needs protoc, because it is protoc or starts it. */
export function startsProtoc({ program }: Pick<CodegenCall, "program">): boolean {
  return program === PROTOC || program === GO_TO_PROTOBUF;
}

/** Whether a generator needs protoc. */
export function needsProtoc({ steps }: Pick<Codegen, "steps">): boolean {
  return callsOf(steps).some(startsProtoc);
}

/** Whether a generator finds packages by their path in GOPATH, and writes there (up to 1.29). */
export function usesGopath({ program, args, moduleMode }: CodegenCall): boolean {
  return moduleMode === "off" ||
    (program === GO_TO_PROTOBUF && !args.some((word) => /^--output-(dir|base)\b/.test(word)));
}

/** Whether a program that the script builds is one that a protobuf call starts. */
export function isStartedBy(programs: readonly string[]): (tool: string) => boolean {
  return (tool) => tool !== GOIMPORTS || programs.includes(GO_TO_PROTOBUF);
}

/** Why a generator cannot run with these programs. */
export function whyWithout(
  { steps }: Pick<Codegen, "steps">,
  { lacks }: ProtocTools,
): string | undefined {
  return callsOf(steps).some(({ program }) => program === GO_TO_PROTOBUF) ? lacks : undefined;
}

/** Names of the files that a program makes; undefined if it can be any Go file. */
export function madeNames({ program }: CodegenCall): readonly string[] | undefined {
  return program === GO_TO_PROTOBUF ? ["generated.pb.go", "generated.proto"] : undefined;
}

/**
 * Finds the protoc that a checkout asks for: in PATH, where `hack/install-protoc.sh` puts it, or in kbuild's cache.
 *
 * @returns The programs, or why they cannot be used.
 */
export async function findProtoc(
  context: KubeContext,
  script: CodegenScript,
): Promise<ProtocTools | string> {
  const { builder, root } = context;
  const { protoc: wanted } = script;
  // Up to 1.27 scripts take any protoc 3.
  const begins = wanted ?? "3.";
  const found: string[] = [];
  const cached = (await listCachedProtoc(context))
    .filter(({ version }) => version.startsWith(begins)).map(({ program }) => program);
  for (const program of [PROTOC, join(root, INSTALLED, PROTOC), ...cached]) {
    const path = await builder.findProgram(program, builder.env["PATH"]);
    if (path === undefined) continue;
    const { stdout } = await builder.shell.run([path, "--version"], {
      label: "Asking protoc's version",
    });
    const version = stdout.trim();
    // As kube::protoc::check_protoc compares them.
    if (!version.startsWith(`libprotoc ${begins}`)) {
      found.push(`"${path}" is ${version.replace("libprotoc ", "") || "not protoc"}`);
      continue;
    }
    const others = await otherPrograms(context, script);
    const isThere = typeof others !== "string";
    return Object.freeze({
      path,
      version,
      directories: [dirname(path), ...isThere ? others : []],
      lacks: isThere ? undefined : others,
    });
  }
  const why = found.length === 0 ? "" : ` (${found.join(", ")})`;
  return `it needs protoc ${wanted ?? "3"}${why}: ${protocAdvice(wanted)}`;
}

/**
 * How to get a protoc.
 *
 * @param wanted The release; undefined for any protoc 3.
 */
export function protocAdvice(wanted: string | undefined): string {
  return `kbuild toolchain protoc ${wanted ?? "RELEASE"} fetches it, or put one into PATH`;
}

/** go-to-protobuf formats with goimports, which is not among the checkout's modules; since 1.30 the script builds it. */
async function otherPrograms(
  { builder, root }: KubeContext,
  { codegens }: CodegenScript,
): Promise<readonly string[] | string> {
  const isUsed = callsOf(codegens.flatMap(({ steps }) => steps))
    .some(({ program }) => program === GO_TO_PROTOBUF);
  if (!isUsed || codegens.some(({ tools }) => GOIMPORTS in tools)) return [];
  const texts = await Promise.all(STARTS.map((path) => ifPresent(readText(join(root, path)))));
  if (!texts.some((text) => text?.includes('"goimports"'))) return [];
  const path = await builder.findProgram(GOIMPORTS, builder.env["PATH"]);
  return path === undefined
    ? "it needs goimports in PATH: go install golang.org/x/tools/cmd/goimports@latest"
    : [dirname(path)];
}

/** Definitions that protoc reads for a program, with all that they import; below the root. */
export function protoFiles(call: CodegenCall, root: string): readonly string[] {
  const { program, args, cwd } = call;
  if (!startsProtoc(call)) return [];
  const places = args.flatMap((word) => /^--proto[_-](?:path|import)=(.+)/.exec(word)?.[1] ?? [])
    .map((path) => path.startsWith(`${root}/`) ? path.slice(root.length + 1) : join(cwd, path));
  const start = program === GO_TO_PROTOBUF ? [GOGO] : args.filter((word) => !word.startsWith("-"));
  const found = new Set<string>();
  const visit = (name: string): void => {
    for (const place of [...places, cwd]) {
      const path = join(place, name);
      if (found.has(path)) return;
      const text = ifPresentSync(() => readTextSync(join(root, path)));
      if (text === undefined) continue;
      found.add(path);
      for (const [, next] of text.matchAll(/^\s*import\s+(?:public\s+|weak\s+)?"([^"]+)"/gm)) {
        visit(next!);
      }
      return;
    }
  };
  for (const name of start) visit(name);
  return [...found].sort();
}
