import {
  type Codegen,
  type CodegenCall,
  type CodegenScript,
  type CodegenStep,
  PROTOC,
  toolModule,
} from "../checkout/mod.ts";
import { compiledLibraries, startsGo } from "./codecgen.ts";
import type { GoGraph } from "./go_graph.ts";
import type { LeftOut } from "./package_generators.ts";
import {
  isStartedBy,
  madeNames,
  needsProtoc,
  protocAdvice,
  type ProtocTools,
  protoFiles,
  startsProtoc,
  whyWithout,
} from "./protoc.ts";
import { callsOf } from "./step_calls.ts";

/** One start of a generator that `hack/update-codegen.sh` makes, and what it reads and writes. */
export interface CodegenTask {
  /** Names it in the notes: stays the same while the script starts the same program for the same outputs. */
  readonly id: string;
  /** Name of the codegen: `deepcopy`, `subprojects`. */
  readonly generator: string;
  /** For people: `deepcopy-gen in 254 packages`. */
  readonly name: string;
  /** Where the script starts it. */
  readonly source: string;
  /** What is done. */
  readonly step: Exclude<CodegenStep, { kind: "compare" }>;
  /** Reports that are compared afterwards. */
  readonly compares: readonly { readonly known: string; readonly report: string }[];
  /** Programs that it starts, and the packages that they are built from. */
  readonly tools: Readonly<Record<string, string>>;
  /** Import paths of packages that are compiled into what it runs, apart from those of its programs. */
  readonly libraries: readonly string[];
  /** Directories of the packages that it reads, below the root with links followed. */
  readonly inputs: readonly string[];
  /** Single files that it reads, below the root: headers. */
  readonly files: readonly string[];
  /** Directories that it may write into, with all below them; below the root, links followed. */
  readonly trees: readonly string[];
  /** Files that the script removes before; below the root. */
  readonly removes: readonly string[];
  /**
   * Names of the files that it makes. It may change other Go files of its packages, too, which stay their author's.
   * Undefined if every Go file that it writes is one that it makes.
   */
  readonly names: readonly string[] | undefined;
  /** The programs that it needs for protobuf. */
  readonly protoc: ProtocTools | undefined;
}

/** Inputs of {@linkcode codegenTasks} that every task is read with. */
interface TaskContext {
  readonly root: string;
  readonly graph: GoGraph;
  readonly goPackage: string;
  /** Files of the checkout, below the root. */
  readonly paths: readonly string[];
}

/** What the script does, apart from what is left out. */
export interface CodegenTasks {
  readonly tasks: readonly CodegenTask[];
  readonly leftOut: readonly LeftOut[];
}

/** Flags that name what is written, or only a name. */
const NO_INPUT =
  /^--?(output-.*|O|p|o|r|report-filename|versioned-clientset-package|listers-package|apply-configuration-package|bounding-dirs|clientset-name|openapi-schema|plural-exceptions|v|logtostderr|prefers-protobuf|input-base|proto-import)$/;
const HEADER = /^--?(go-header-file|h)$/;

/**
 * Splits what the script does into tasks.
 *
 * @param options.root Root of the checkout, which absolute paths in arguments begin with.
 * @param options.paths Files of the checkout, below the root.
 * @param options.protoc What protobuf code is made with, or why it cannot be made.
 */
export function codegenTasks(
  { codegens, protoc: wanted }: CodegenScript,
  { protoc, ...options }: TaskContext & { protoc: ProtocTools | string },
): CodegenTasks {
  const leftOut: LeftOut[] = [];
  const tasks: CodegenTask[] = [];
  for (const codegen of codegens) {
    const why = whyLeftOut(codegen, wanted) ??
      (typeof protoc !== "string"
        ? whyWithout(codegen, protoc)
        : needsProtoc(codegen)
        ? protoc
        : undefined);
    if (why !== undefined) {
      leftOut.push(Object.freeze({ name: codegen.name, why, source: codegen.source }));
      continue;
    }
    const counts = new Map<string, number>();
    for (const step of codegen.steps) {
      if (step.kind === "compare") {
        const last = tasks.at(-1);
        const { known, report } = step;
        if (last === undefined || last.generator !== codegen.name || known === undefined) continue;
        tasks[tasks.length - 1] = { ...last, compares: [...last.compares, { known, report }] };
        continue;
      }
      const task = taskOf(codegen, step, {
        ...options,
        protoc: typeof protoc === "string" ? undefined : protoc,
      });
      const count = counts.get(task.id) ?? 0;
      counts.set(task.id, count + 1);
      tasks.push(count === 0 ? task : { ...task, id: `${task.id} ${count + 1}` });
    }
  }
  return { tasks: Object.freeze(tasks), leftOut: Object.freeze(leftOut) };
}

function whyLeftOut({ why, scripts }: Codegen, protoc: string | undefined): string | undefined {
  if (why !== undefined) return `it cannot be read: ${why}`;
  const [first] = scripts;
  if (first === undefined) return undefined;
  const script = first[0] ?? "";
  return `it needs protoc ${protoc ?? "3"}: ${
    protocAdvice(protoc)
  }, then run ${script} in the checkout`;
}

function taskOf(
  { name, tools }: Codegen,
  step: CodegenTask["step"],
  { protoc, ...options }: TaskContext & { protoc: ProtocTools | undefined },
): CodegenTask {
  const calls = callsOf([step]);
  const programs = [...calls, ...calls.flatMap(({ reads }) => reads.map(({ call }) => call))]
    .map(({ program }) => program);
  const read = calls.map((call) => inputsOf(call, options));
  const names = calls.flatMap((call) => madeNames(call) ?? []);
  const named = read.flatMap(({ directories }) => directories);
  // 1.7 names no packages: they are built into the program.
  const inputs = named.length > 0 || names.length === 0
    ? [...new Set(named)].sort()
    : directoriesWith(names, options.paths);
  // Packages that are built into go-to-protobuf are not among its arguments.
  const trees = names.length > 0
    ? [...new Set([...inputs, ...step.removes].map((path) => path.split("/")[0]!))].sort()
    : [...new Set(calls.flatMap((call) => treesOf(call, options)))];
  const isProtoc = calls.some(startsProtoc);
  const others = Object.keys(tools).filter(isStartedBy(programs));
  const built = isProtoc ? [...programs, ...others] : programs;
  const source = step.kind === "run" ? step.call.source : step.source;
  const [first = ""] = programs;
  const where = step.kind === "write"
    ? step.path
    : trees.length > 0
    ? trees.join(" ")
    : calls[0]?.cwd ?? "";
  const count = inputs.length === 1 ? inputs[0] : `${inputs.length} packages`;
  return Object.freeze({
    id: `${name}/${first} ${where}`.trim(),
    generator: name,
    name: step.kind === "write"
      ? step.path
      : `${first} for ${where === "" ? count : `${where} (${count})`}`,
    source,
    step,
    compares: [],
    tools: Object.fromEntries(
      built.filter((program) => program !== PROTOC).map((
        program,
      ): [string, string] => [program, tools[program] ?? program]),
    ),
    libraries: Object.freeze(calls.flatMap((call) => compiledLibraries(call, tools))),
    inputs: Object.freeze(inputs),
    files: Object.freeze([
      ...new Set([
        ...read.flatMap(({ files }) => files),
        ...calls.flatMap((call) => protoFiles(call, options.root)),
        ...isProtoc ? others.flatMap((program) => moduleFiles(tools[program] ?? "")) : [],
      ]),
    ].sort()),
    trees: Object.freeze(trees),
    // All go before the first of them is made: planCodegen() knows which that is.
    removes: calls.some(startsGo) ? [] : step.removes,
    names: names.length > 0 ? Object.freeze(names) : undefined,
    protoc: isProtoc ? protoc : undefined,
  });
}

/** Files that say which releases a program of another module is built from. */
function moduleFiles(tool: string): readonly string[] {
  const { module } = toolModule(tool);
  return module === "" ? [] : [`${module}/go.mod`, `${module}/go.sum`];
}

/** Directories of the checkout that have a file of such a name, without those of `vendor`. */
function directoriesWith(names: readonly string[], paths: readonly string[]): readonly string[] {
  const found = paths.filter((path) =>
    !path.startsWith("vendor/") && names.includes(path.slice(path.lastIndexOf("/") + 1))
  );
  return [...new Set(found.map((path) => path.slice(0, path.lastIndexOf("/"))))].sort();
}

/** The flags and values of a generator's arguments; plain words have no flag. */
function* flagsOf(args: readonly string[]): Iterable<{ flag: string; value: string }> {
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    const [, flag, value] = /^(--?[\w-]+)=([^]*)$/.exec(word) ?? [];
    if (flag !== undefined) yield { flag, value: value! };
    else if (/^--?[a-zA-Z]/.test(word)) {
      const next = args[at + 1];
      // A flag without a value: the word after it is another flag, or a package.
      const isAlone = next === undefined || /^--?[a-zA-Z]/.test(next) ||
        ["--logtostderr", "--single-directory", "--prefers-protobuf"].includes(word);
      yield { flag: word, value: isAlone ? "" : next };
      if (!isAlone) at++;
    } else yield { flag: "", value: word };
  }
}

function inputsOf(
  { program, args, cwd }: CodegenCall,
  { root, graph, goPackage }: TaskContext,
): { directories: readonly string[]; files: readonly string[] } {
  const directories: string[] = [];
  const files: string[] = [];
  // It reads definitions alone.
  if (program === PROTOC) return { directories, files };
  const place = (text: string) => placeOf(text, { cwd, root, graph, goPackage });
  const flags = [...flagsOf(args)];
  const base = flags.find(({ flag }) => flag === "--input-base")?.value;
  for (const { flag, value } of flags) {
    if (HEADER.test(flag)) {
      const path = fileOf(value, cwd, root);
      if (path !== undefined) files.push(path);
      continue;
    }
    if (value === "" || NO_INPUT.test(flag)) continue;
    for (const word of value.split(",")) {
      if (/\.go$/.test(word)) {
        const path = fileOf(word, cwd, root);
        if (path !== undefined) directories.push(graph.real(path.slice(0, path.lastIndexOf("/"))));
        continue;
      }
      const found = place(flag === "--input" && base !== undefined ? `${base}/${word}` : word);
      if (found !== undefined) directories.push(found);
    }
  }
  return { directories, files };
}

/** Directories that a generator writes to with all below them. */
function treesOf(
  { args, cwd }: CodegenCall,
  { root, graph, goPackage }: TaskContext,
): readonly string[] {
  const flags = [...flagsOf(args)];
  const value = (...names: string[]) => flags.find(({ flag }) => names.includes(flag))?.value;
  const directory = value("--output-dir");
  if (directory !== undefined) {
    const path = fileOf(directory, cwd, root);
    return path === undefined ? [] : [realOf(path, graph)];
  }
  const name = value("--output-package", "-p");
  if (name === undefined) return [];
  const base = value("--output-base");
  const path = base === undefined ? undefined : fileOf(`${base}/${name}`, cwd, root);
  if (path !== undefined) return [realOf(path, graph)];
  const found = name.startsWith(`${goPackage}/`)
    ? name.slice(goPackage.length + 1)
    : graph.resolve(name);
  return found === undefined ? [] : [realOf(found, graph)];
}

/** A package: a directory, or an import path. */
function placeOf(
  text: string,
  { cwd, root, graph, goPackage }: {
    cwd: string;
    root: string;
    graph: GoGraph;
    goPackage: string;
  },
): string | undefined {
  if (/^[./]/.test(text)) {
    const path = fileOf(text, cwd, root);
    return path === undefined || !graph.has(path) ? undefined : graph.real(path);
  }
  // GOPATH's spelling: k8s.io/kubernetes/vendor/k8s.io/api/core/v1.
  const own = `${goPackage}/`;
  if (text.startsWith(own) && graph.has(text.slice(own.length))) {
    return graph.real(text.slice(own.length));
  }
  const found = graph.resolve(text);
  if (found !== undefined) return found;
  const path = text.includes("/") ? fileOf(text, cwd, root) : undefined;
  return path === undefined || !graph.has(path) ? undefined : graph.real(path);
}

/** A path of an argument, below the root; undefined if it is elsewhere. */
function fileOf(text: string, cwd: string, root: string): string | undefined {
  const whole = text.startsWith("/") ? text : `${root}/${cwd === "" ? "" : `${cwd}/`}${text}`;
  const parts: string[] = [];
  for (const part of whole.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  const path = `/${parts.join("/")}`;
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;
}

/** Follows links of a directory that may not exist yet. */
function realOf(path: string, graph: GoGraph): string {
  if (graph.has(path)) return graph.real(path);
  const at = path.lastIndexOf("/");
  return at < 0 ? path : `${realOf(path.slice(0, at), graph)}/${path.slice(at + 1)}`;
}
