import { join } from "@std/path";
import {
  BashEvaluator,
  type BashScript,
  type Builtin,
  type BuiltinHost,
  type Diagnostic,
  scriptOf,
} from "../bash/mod.ts";
import { reasonAt, sourceOf } from "./build_scripts.ts";
import {
  type CodegenFiles,
  CodegenFilesError,
  filesWith,
  grepExpression,
  pathspecs,
  within,
} from "./codegen_files.ts";
import { readCheckoutFileSync } from "./files.ts";
import { FindError, findListed } from "./find_files.ts";
import { kubernetesCommands } from "./kubernetes_bash.ts";
import type { Checkout, Platform } from "./types.ts";

/** The script that renews generated files, from 1.26 on. */
export const CODEGEN_SCRIPT = "hack/update-codegen.sh";

/** The script that renews protobuf code up to 1.25, where the other generated files are those of a makefile. */
export const PROTOBUF_SCRIPT = "hack/update-generated-protobuf.sh";

/** The name of protobuf's generator. */
export const PROTOBUF = "protobuf";

/** The name of the generator of `api.pb.go`, from definitions that were written by hand. */
export const PROTOBINDINGS = "protobindings";

/** The script that makes `types.generated.go` up to 1.8. */
export const CODECGEN_SCRIPT = "hack/update-codecgen.sh";

/** The name of its generator, and of the program. */
export const CODECGEN = "codecgen";

/** Scripts that make `api.pb.go` up to 1.25, one after the other (v1.7.3 to v1.25). */
const BINDING_SCRIPTS = [
  "runtime",
  "device-plugin",
  "kms",
  "kubelet-plugin-registration",
  "pod-resources",
  "proto-bindings",
].map((name) => `hack/update-generated-${name}.sh`);

/** A script whose starts of generators are read. */
export type CodegenScriptPath = typeof CODEGEN_SCRIPT | typeof PROTOBUF_SCRIPT;

/** The start of a generator. Paths in its arguments are those of the checkout. */
export interface CodegenCall {
  /** Base name of the program: `deepcopy-gen`. */
  readonly program: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Directory that it runs in, below the root, as the script names it: `vendor/k8s.io/metrics`. */
  readonly cwd: string;
  /** `GO111MODULE`, if the script sets it: `off`. */
  readonly moduleMode: string | undefined;
  /** Where the script starts it: `hack/update-codegen.sh:227`. */
  readonly source: string;
  /** The file that it leaves for the script, below the root; undefined if it is what the program prints. */
  readonly writes: string | undefined;
  /** Files among the arguments that have the output of another program. */
  readonly reads: readonly { readonly path: string; readonly call: CodegenCall }[];
}

/** What a script does after another: it runs a generator, or writes a file with what one prints. */
export type CodegenStep =
  | { readonly kind: "run"; readonly call: CodegenCall; readonly removes: readonly string[] }
  | {
    readonly kind: "write";
    /** Below the root. */
    readonly path: string;
    /** Texts, and programs whose output, or the file that they leave, takes their place. */
    readonly pieces: readonly (string | CodegenCall)[];
    /** Whether gofmt -s formats it. */
    readonly isFormatted: boolean;
    /** Files that are removed before; below the root. */
    readonly removes: readonly string[];
    readonly source: string;
  }
  | {
    /** A report of API rule violations is compared with the known ones. */
    readonly kind: "compare";
    /** The known ones; below the root, or undefined for `/dev/null`. */
    readonly known: string | undefined;
    /** The report, below the root. */
    readonly report: string;
    readonly source: string;
  };

/** One `codegen::NAME` of the script. */
export interface Codegen {
  /** `deepcopy`. */
  readonly name: string;
  /** Where it begins: `hack/update-codegen.sh:145`. */
  readonly source: string;
  /** What it does, in order. */
  readonly steps: readonly CodegenStep[];
  /**
   * Packages that are built, by program: `k8s.io/code-generator/cmd/deepcopy-gen`, `./cmd/genswaggertypedocs`, and of another
   * module `hack/tools:google.golang.org/protobuf/cmd/protoc-gen-go` ({@linkcode toolModule}).
   */
  readonly tools: Readonly<Record<string, string>>;
  /** Scripts that it starts and that cannot be read, with their arguments: they need protoc. */
  readonly scripts: readonly (readonly string[])[];
  /** Why it is not understood. */
  readonly why: string | undefined;
}

/** What a checkout's own {@linkcode CodegenScriptPath} would do. */
export interface CodegenScript {
  /** In the order of the script. */
  readonly codegens: readonly Codegen[];
  /** Version of protoc that protobuf code is made with: `23.4`. */
  readonly protoc: string | undefined;
}

/** Inputs of {@linkcode readCodegenScript}. */
export interface CodegenInputs {
  /** Where it runs. */
  readonly host: Platform;
  /** The environment: KUBE_VERBOSE, GENERATED_FILE_PREFIX, LINT … */
  readonly variables: Readonly<Record<string, string>>;
  /** The files of the checkout. */
  readonly files: CodegenFiles;
  /** Names of the generators to read; all if undefined. */
  readonly isWanted?: (name: string) => boolean;
  /** Arguments that every generator gets. */
  readonly flags?: readonly string[];
  /** The script; default: that of 1.26 and later. */
  readonly script?: CodegenScriptPath;
}

/** Loops over hundreds of files, for each of many packages. */
const MAX_STEPS = 3_000_000;
const PREFIX = "codegen::";
/** Precedes and follows the number of a program in what it prints. */
const MARK = "\u0001";

/** Functions and programs that change nothing that is made. */
const SETTING_UP = [
  ...["chmod", "mkdir", "touch", "umask", "wait"],
  ...[
    "kube::golang::setup_env",
    "kube::golang::setup_gomaxprocs",
    "kube::golang::verify_go_version",
  ],
  ...["kube::golang::internal::verify_go_version", "kube::golang::create_gopath_tree"],
  ...["kube::log::install_errexit", "kube::util::ensure-bash-version", "kube::util::trap_add"],
  ...["kube::protoc::check_protoc", "kube::protoc::install"],
];

/** The plugin that makes files for services: `--go-grpc_out`. */
const GRPC = "go-grpc";

/** What `hack/lib/logging.sh` sets in a script that finds the functions of the libraries, and so does not read them. */
const DEFAULTS = Object.freeze({ KUBE_VERBOSE: "2" });

/** What `go list` is asked for all that a package is compiled with. */
const DEPENDENCIES = '{{range .Deps}}{{.}}{{"\\n"}}{{end}}';

/** The compiler of protocol buffers. */
export const PROTOC = "protoc";

/** The directory of the module that a program of {@linkcode Codegen} is built from, and the package. */
export function toolModule(tool: string): { readonly module: string; readonly path: string } {
  const [, module = "", path = tool] = /^([\w./-]+):(.+)$/.exec(tool) ?? [];
  return { module, path };
}

/** The names of the generators in a script, in its order, and their lines, without reading what they do. */
export function codegenNames(
  text: string,
  script: CodegenScriptPath = CODEGEN_SCRIPT,
): readonly { readonly name: string; readonly line: number }[] {
  if (script === PROTOBUF_SCRIPT) {
    return Object.freeze([PROTOBUF, PROTOBINDINGS, CODECGEN].map((name) => ({ name, line: 1 })));
  }
  return Object.freeze(
    [...text.matchAll(/^[ \t]*(?:function\s+codegen::([\w-]+)|codegen::([\w-]+)\s*\(\))/gm)]
      .map(({ 1: word, 2: posix = "", index }) =>
        Object.freeze({ name: word ?? posix, line: text.slice(0, index).split("\n").length })
      ),
  );
}

/**
 * Tells which generators the checkout's own `hack/update-codegen.sh`, or up to 1.25 its
 * `hack/update-generated-protobuf.sh`, would start, with which arguments, by interpreting it and the scripts that it
 * starts; nothing is run.
 *
 * @param root Absolute.
 * @returns What the script does; a generator that is not understood says why. Undefined if there is no such script.
 */
export function readCodegenScript(root: string, inputs: CodegenInputs): CodegenScript | undefined {
  const { script = CODEGEN_SCRIPT, flags = [] } = inputs;
  const { text } = readCheckoutFileSync(root, script);
  if (text === undefined) return undefined;
  const reading = new Reading(root, inputs);
  const isWhole = script === PROTOBUF_SCRIPT;
  // Whatever directory kbuild was started in. Up to 1.25 generators find packages in GOPATH.
  const evaluatorOf = (path: string) =>
    reading.evaluator({
      ...inputs.variables,
      ...isWhole ? { GO111MODULE: "off" } : {},
      PWD: root,
    }, {
      KUBE_ROOT: root,
      BASH_SOURCE: join(root, path),
    }, path);
  const source = scriptOf({ path: script, text });
  if (isWhole) {
    const whole = (name: string, source: BashScript) =>
      reading.whole(evaluatorOf(source.path), name, source, flags);
    const isWanted = (name: string) => inputs.isWanted?.(name) !== false;
    const scriptsOf = (paths: readonly string[]) =>
      paths.flatMap((path) => {
        const { text } = readCheckoutFileSync(root, path);
        return text === undefined ? [] : [scriptOf({ path, text })];
      });
    const bindings = scriptsOf(BINDING_SCRIPTS);
    return Object.freeze({
      codegens: Object.freeze([
        ...isWanted(PROTOBUF) ? [whole(PROTOBUF, source)] : [],
        ...isWanted(PROTOBINDINGS) && bindings.length > 0
          ? [together(bindings.map((each) => whole(PROTOBINDINGS, each)))]
          : [],
        ...isWanted(CODECGEN)
          ? scriptsOf([CODECGEN_SCRIPT]).map((each) => whole(CODECGEN, each))
          : [],
      ]),
      protoc: undefined,
    });
  }
  const evaluator = evaluatorOf(script);
  evaluator.runScript(source);
  reading.share();
  const names = [...evaluator.state.functions.keys()].filter((name) => name.startsWith(PREFIX))
    .map((name) => name.slice(PREFIX.length));
  const protoc = evaluator.state.get("PROTOC_VERSION")?.value;
  return Object.freeze({
    codegens: Object.freeze(
      names.filter((name) => inputs.isWanted?.(name) !== false)
        .map((name) => reading.codegen(evaluator, name, flags)),
    ),
    protoc: typeof protoc === "string" && protoc !== "" ? protoc : undefined,
  });
}

/**
 * The release of protoc that a checkout pins (`hack/lib/protoc.sh` of 1.28 and later): `23.4`, as
 * {@linkcode readCodegenScript} finds it.
 *
 * @returns undefined where any protoc 3 will do (up to 1.27).
 */
export function readProtocVersion(
  { generated, root }: Pick<Checkout, "generated" | "root">,
  inputs: Pick<CodegenInputs, "host" | "variables">,
): string | undefined {
  if (generated.value === "makefile") return undefined;
  // Generators ask for files; what they share reads scripts, and steps into the checkout.
  const textOf = (path: string) => readCheckoutFileSync(root, path).text;
  const files: CodegenFiles = {
    ...{ paths: [], comments: () => [], lines: () => [], dependencies: () => [] },
    ...{ readText: textOf, has: (path) => textOf(path) !== undefined, real: (path) => path },
  };
  return readCodegenScript(root, { ...inputs, files, isWanted: () => false })?.protoc;
}

/** Several scripts as one generator; one that is not understood is why all of it is not. */
function together(codegens: readonly Codegen[]): Codegen {
  return Object.freeze({
    name: codegens[0]!.name,
    source: codegens[0]!.source,
    steps: Object.freeze(codegens.flatMap(({ steps }) => steps)),
    tools: Object.freeze(Object.assign({}, ...codegens.map(({ tools }) => tools))),
    scripts: Object.freeze(codegens.flatMap(({ scripts }) => scripts)),
    why: codegens.find(({ why }) => why !== undefined)?.why,
  });
}

/** A recorded step, before it is known which programs only print for others. */
type Recorded =
  | { kind: "run"; number: number; removes: readonly string[] }
  | {
    kind: "write";
    path: string;
    text: string;
    isFormatted: boolean;
    removes: readonly string[];
    source: string;
  }
  | { kind: "compare"; known: string | undefined; report: string; source: string };

/** What is recorded while the script is interpreted. */
class Reading {
  readonly #root: string;
  readonly #inputs: CodegenInputs;
  #calls: Omit<CodegenCall, "reads">[] = [];
  #recorded: Recorded[] = [];
  #tools: Record<string, string> = {};
  /** Programs by the absolute paths that the script builds them to. */
  readonly #built = new Map<string, string>();
  /** Programs that are built before any generator runs: goimports (1.30). */
  #shared: Readonly<Record<string, string>> = {};
  #scripts: (readonly string[])[] = [];
  #removes: string[] = [];
  /** All files that the generator has removed so far; below the root. */
  #gone = new Set<string>();
  /** Files with the output of `<(…)`. */
  readonly #outputs = new Map<string, string>();
  /** Files that the script has written, by path below the root or absolute. */
  readonly #written = new Map<string, { text: string; isFormatted: boolean }>();
  #files = 0;

  constructor(root: string, inputs: CodegenInputs) {
    this.#root = root;
    this.#inputs = inputs;
  }

  /** Interprets one `codegen::NAME`. */
  codegen(evaluator: BashEvaluator, name: string, flags: readonly string[]): Codegen {
    this.#forget();
    const result = evaluator.callFunction(`${PREFIX}${name}`, flags, true);
    const place = evaluator.state.functions.get(`${PREFIX}${name}`);
    return this.#found(
      name,
      { path: place?.path ?? "", line: place?.body.line ?? 0 },
      typeof result === "string" ? undefined : result,
    );
  }

  /** Interprets a script that is one generator. */
  whole(
    evaluator: BashEvaluator,
    name: string,
    script: BashScript,
    flags: readonly string[],
  ): Codegen {
    this.#forget();
    evaluator.state.positional = flags;
    evaluator.runScript(script);
    return this.#found(name, { path: script.path, line: 1 }, evaluator.diagnostics[0]);
  }

  /** What was built so far is there for all generators. */
  share(): void {
    this.#shared = { ...this.#tools };
  }

  #forget(): void {
    this.#calls = [];
    this.#recorded = [];
    this.#tools = { ...this.#shared };
    this.#scripts = [];
    this.#removes = [];
    this.#gone = new Set();
    this.#built.clear();
  }

  #found(
    name: string,
    place: { readonly path: string; readonly line: number },
    why: Diagnostic | undefined,
  ): Codegen {
    return Object.freeze({
      name,
      source: sourceOf(this.#root, place),
      ...this.#steps(),
      tools: Object.freeze(this.#tools),
      scripts: Object.freeze(this.#scripts),
      why: why === undefined ? undefined : reasonAt(this.#root, why),
    });
  }

  /** Puts programs whose output is used into the steps that use it. */
  #steps(): Pick<Codegen, "steps"> {
    const used = new Set<number>();
    const callOf = (number: number): CodegenCall => {
      const call = this.#calls[number]!;
      const reads = call.args.flatMap((path) => {
        const text = this.#outputs.get(path);
        const [, inner] = new RegExp(`^${MARK}(\\d+)${MARK}\\s*$`).exec(text ?? "") ?? [];
        if (inner === undefined) return [];
        used.add(Number(inner));
        return [{ path, call: callOf(Number(inner)) }];
      });
      return Object.freeze({ ...call, reads: Object.freeze(reads) });
    };
    const steps = this.#recorded.map((step): CodegenStep & { number?: number } => {
      if (step.kind === "compare") return step;
      if (step.kind === "run") {
        const { number, removes } = step;
        return { kind: "run", call: callOf(number), removes, number };
      }
      const pieces = step.text.split(MARK).map((piece, index) => {
        if (index % 2 === 0) return piece;
        used.add(Number(piece));
        return callOf(Number(piece));
      });
      const { path, isFormatted, removes, source } = step;
      return { kind: "write", path, pieces, isFormatted, removes, source };
    });
    // What a program removed before it printed for another is removed by the other.
    let removes: readonly string[] = [];
    return {
      steps: Object.freeze(steps.flatMap(({ number, ...step }): CodegenStep[] => {
        if (step.kind === "compare") return [step];
        if (number !== undefined && used.has(number)) {
          removes = [...removes, ...step.removes];
          return [];
        }
        const all = [...removes, ...step.removes];
        removes = [];
        return [Object.freeze({ ...step, removes: all })];
      })),
    };
  }

  evaluator(
    variables: Readonly<Record<string, string>>,
    constants: Readonly<Record<string, string>>,
    scriptName: string,
  ): BashEvaluator {
    const { host } = this.#inputs;
    const evaluator: BashEvaluator = new BashEvaluator({
      variables: { PATH: "", PWD: this.#root, ...variables },
      constants: {
        OSTYPE: host.startsWith("darwin/") ? "darwin" : "linux-gnu",
        ...constants,
      },
      scriptName,
      readFile: (path) => this.#readFile(evaluator, path),
      maxSteps: MAX_STEPS,
      commands: kubernetesCommands(host.split("/")[1] ?? "", this.#commands()),
      onCommand: (name, args) => this.#onCommand(evaluator, name, args),
      testFile: (op, path) => this.#testFile(evaluator, op, path),
      namesIn: (directory) => this.#namesIn(evaluator, directory),
      dropsFiles: true,
      writeFile: (path, text, { append }) => {
        const key = this.#key(evaluator, path);
        const before = append ? this.#written.get(key)?.text ?? "" : "";
        this.#written.set(key, { text: before + text, isFormatted: false });
      },
      keepOutput: (text) => {
        const path = join(this.#root, "_output", `.kbuild-output-${++this.#files}`);
        this.#outputs.set(path, text);
        return path;
      },
    });
    return evaluator;
  }

  #commands(): ReadonlyMap<string, Builtin> {
    const guarded = (builtin: Builtin): Builtin => (host, args, name) => {
      try {
        return builtin(host, args, name);
      } catch (error) {
        if (error instanceof CodegenFilesError) return host.unsupported(error.message);
        throw error;
      }
    };
    const commands: Record<string, Builtin> = {
      ...Object.fromEntries(SETTING_UP.map((name): [string, Builtin] => [name, () => 0])),
      cd: (host, args) => this.#cd(host, args),
      pushd: (host, [to = ""]) => {
        host.assign("KBUILD_PUSHED", [...list(host, "KBUILD_PUSHED"), cwdOf(host)]);
        return this.#cd(host, [to]);
      },
      popd: (host) => {
        const pushed = list(host, "KBUILD_PUSHED");
        host.assign("PWD", pushed.at(-1) ?? host.unsupported("popd: nothing was pushed"));
        host.assign("KBUILD_PUSHED", pushed.slice(0, -1));
        return 0;
      },
      pwd: (host, [flag]) => {
        const { real } = this.#inputs.files;
        const path = flag === "-P" ? join(this.#root, real(this.#below(host))) : cwdOf(host);
        return print(host, `${path.replace(/\/$/, "")}\n`);
      },
      "kube::realpath": (host, [path = ""]) =>
        print(host, `${join(this.#root, this.#inputs.files.real(this.#below(host, path)))}\n`),
      date: (host) => print(host, "0\n"),
      diff: (host, args) => this.#diff(host, args),
      find: (host, args) => this.#find(host, args),
      git: (host, args) => this.#git(host, args),
      go: (host, args) => this.#go(host, args),
      gofmt: (host, args) => {
        for (const path of args.filter((word) => !word.startsWith("-"))) {
          this.#format(host, path);
        }
        return 0;
      },
      grep: (host, args) => this.#grep(host, args),
      "kube::util::find-binary": (host, [name = ""]) => print(host, `${name}\n`),
      "kube::util::host_os": (host) => print(host, `${this.#inputs.host.split("/")[0]}\n`),
      list_codegens: () => 0,
      ls: () => 1,
      make: (host, args) => this.#make(host, args),
      mktemp: (host) =>
        print(host, `${join(this.#root, "_output", `.kbuild-output-${++this.#files}`)}\n`),
      mv: (host, args) => this.#move(host, args),
      rm: (host, args) => {
        this.#remove(
          args.filter((word) => !word.startsWith("-")).map((path) => this.#file(host, path)),
        );
        return 0;
      },
      type: (host, [flag, name = ""]) => {
        if (flag !== "-t") host.unsupported('"type" is not understood');
        return host.state.functions.has(name) ? print(host, "function\n") : 1;
      },
      which: (host, [name = ""]) => print(host, `${name}\n`),
      xargs: (host, args) => this.#xargs(host, args),
    };
    return new Map(Object.entries(commands).map(([name, each]) => [name, guarded(each)]));
  }

  #remove(paths: readonly string[]): void {
    this.#removes.push(...paths);
    for (const path of paths) this.#gone.add(path);
  }

  /** Files in a directory: of the checkout, without those that were removed, and those that were written. */
  #namesIn(host: BuiltinHost, directory: string): readonly string[] | undefined {
    const place = attempt(() => this.#inputs.files.real(this.#below(host, directory)));
    if (place === undefined) return undefined;
    const below = this.#inputs.files.paths.filter((path) => !this.#gone.has(path));
    const written = [...this.#written.keys()].filter((path) => path.startsWith(`${this.#root}/`))
      .map((path) => path.slice(this.#root.length + 1));
    const prefix = place === "" ? "" : `${place}/`;
    const found = [...below, ...written].filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length)).filter((name) => !name.includes("/"));
    return [...new Set(found)];
  }

  /** A path below the root, relative to the directory of the script; links are not followed. */
  #below(host: BuiltinHost, path = "."): string {
    return within(path, within(cwdOf(host), "", this.#root), this.#root);
  }

  /** Names a file that the script has written: absolute. */
  #key(host: BuiltinHost, path: string): string {
    const below = attempt(() => this.#file(host, path));
    return below === undefined ? path : join(this.#root, below);
  }

  /** A file below the root: links on the way to it are followed, it is not. */
  #file(host: BuiltinHost, path: string): string {
    const below = this.#below(host, path);
    const at = below.lastIndexOf("/");
    if (at < 0) return below;
    return `${this.#inputs.files.real(below.slice(0, at))}/${below.slice(at + 1)}`;
  }

  #cd(host: BuiltinHost, args: readonly string[]): number {
    const to = args.filter((word) => word !== "--")[0] ?? "";
    const below = this.#below(host, to);
    if (below !== "" && !this.#inputs.files.has(below)) return 1;
    host.assign("PWD", below === "" ? this.#root : join(this.#root, below));
    return 0;
  }

  #readFile(evaluator: BuiltinHost, path: string): string | undefined {
    const written = this.#written.get(this.#key(evaluator, path));
    if (written !== undefined) return written.text;
    const below = attempt(() => this.#below(evaluator, path));
    if (below === undefined) return undefined;
    // What protobuf's script takes from the libraries is among the commands here.
    const text = this.#inputs.files.readText(below);
    const isLibrary = this.#inputs.script === PROTOBUF_SCRIPT && below.startsWith("hack/lib/");
    if (!isLibrary) return text;
    // Where the checkout is, is known.
    return below === "hack/lib/protoc.sh" ? text?.replace(/^KUBE_ROOT=.*$/m, "") : "";
  }

  #testFile(evaluator: BuiltinHost, op: string, path: string): boolean {
    const below = attempt(() => this.#below(evaluator, path));
    if (below === undefined || op === "-x") return false;
    return this.#inputs.files.has(below);
  }

  #git(host: BuiltinHost, args: readonly string[]): number {
    const [command, ...rest] = args;
    const at = rest.indexOf("--");
    const isSpec = (word: string) => word.startsWith(":");
    const flags: string[] = [];
    const specs: string[] = at < 0 ? [] : rest.slice(at + 1);
    const patterns: string[] = [];
    const before = at < 0 ? rest : rest.slice(0, at);
    for (let index = 0; index < before.length; index++) {
      const word = before[index]!;
      if (word === "-e") patterns.push(before[++index] ?? "");
      else if (isSpec(word) || !word.startsWith("-")) specs.push(word);
      else flags.push(word);
    }
    const known = [
      "-c",
      "-m",
      "-o",
      "-cmo",
      "-z",
      "-l",
      "--files-with-matches",
      "--null",
      "--untracked",
      "--exclude-standard",
    ];
    const other = flags.find((flag) => !known.includes(flag));
    if (other !== undefined || (command !== "ls-files" && command !== "grep")) {
      host.unsupported(`"git ${args.join(" ")}" is not understood`);
    }
    const cwd = this.#inputs.files.real(this.#below(host));
    const fits = pathspecs(specs, cwd, this.#root);
    let paths = this.#inputs.files.paths.filter(fits);
    if (command === "grep") {
      if (!flags.some((flag) => ["-l", "--files-with-matches"].includes(flag))) {
        host.unsupported(`"git ${args.join(" ")}" is not understood`);
      }
      paths = [...filesWith(this.#inputs.files, paths, patterns, false)];
    }
    const end = flags.includes("-z") || flags.includes("--null") ? "\0" : "\n";
    print(host, paths.map((path) => relativeTo(cwd, path) + end).join(""));
    return command === "grep" && paths.length === 0 ? 1 : 0;
  }

  #grep(host: BuiltinHost, args: readonly string[]): number {
    const patterns: string[] = [];
    const operands: string[] = [];
    const excluded: string[] = [];
    let include = "";
    const flags = new Set<string>();
    for (let index = 0; index < args.length; index++) {
      const word = args[index]!;
      if (word === "-e") patterns.push(args[++index] ?? "");
      else if (word === "--include") include = args[++index] ?? "";
      else if (word === "--exclude-dir") excluded.push(args[++index] ?? "");
      else if (word === "--null") flags.add("0");
      else if (/^-[lrEqv]+$/.test(word)) { for (const flag of word.slice(1)) flags.add(flag); }
      else if (word.startsWith("-")) host.unsupported(`"grep ${word}" is not understood`);
      else operands.push(word);
    }
    if (patterns.length === 0) patterns.push(operands.shift() ?? "");
    if (flags.has("r")) {
      const found = operands.flatMap((start) => {
        const below = this.#inputs.files.real(this.#below(host, start));
        const paths = this.#inputs.files.paths.filter((path) =>
          path.startsWith(`${below}/`) && fitsName(path, include) &&
          !path.slice(below.length + 1).split("/").slice(0, -1).some((part) =>
            excluded.includes(part)
          )
        );
        return filesWith(this.#inputs.files, paths, patterns, flags.has("E"))
          .map((path) => `${start}${path.slice(below.length)}`);
      });
      return this.#printFound(host, found, flags);
    }
    if (flags.has("l")) {
      const found = operands.filter((path) =>
        filesWith(this.#inputs.files, [this.#file(host, path)], patterns, flags.has("E")).length > 0
      );
      return this.#printFound(host, found, flags);
    }
    if (operands.length > 0) host.unsupported(`"grep ${args.join(" ")}" is not understood`);
    const expressions = patterns.map((pattern) => grepExpression(pattern, flags.has("E")));
    const lines = (host.readInput() ?? host.unsupported("There is no input")).split("\n");
    if (lines.at(-1) === "") lines.pop();
    const kept = lines.filter((line) =>
      expressions.some((expression) => expression.test(line)) !== flags.has("v")
    );
    if (!flags.has("q")) print(host, kept.map((line) => `${line}\n`).join(""));
    return kept.length === 0 ? 1 : 0;
  }

  #printFound(host: BuiltinHost, found: readonly string[], flags: ReadonlySet<string>): number {
    print(host, found.map((path) => path + (flags.has("0") ? "\0" : "\n")).join(""));
    return found.length === 0 ? 1 : 0;
  }

  /** `find . -name types.go -exec dirname {} \;`, `find DIR -type f -name NAME -print0`, `find . -not \( … -prune \) …`. */
  #find(host: BuiltinHost, args: readonly string[]): number {
    const text = args.join(" ");
    const [, start, name, action] =
      /^(\S+)(?: -type f)? -name (\S+)(?: (-print0|-exec dirname \{\} ;))?$/.exec(text) ?? [];
    if (start === undefined || name === undefined) return print(host, this.#findListed(host, args));
    const below = this.#inputs.files.real(this.#below(host, start));
    const inside = below === "" ? "" : `${below}/`;
    const found = this.#inputs.files.paths.filter((path) =>
      path.startsWith(inside) && fitsName(path, name)
    ).map((path) => `${start}/${path.slice(inside.length)}`);
    if (action?.startsWith("-exec") === true) {
      return print(host, found.map((path) => `${path.slice(0, path.lastIndexOf("/"))}\n`).join(""));
    }
    return print(host, found.map((path) => path + (action === undefined ? "\n" : "\0")).join(""));
  }

  /** What was deleted is found, too, if what it is generated from is there: it is made again. */
  #findListed(host: BuiltinHost, args: readonly string[]): string {
    const { has, paths, real } = this.#inputs.files;
    const isToBeMade = (path: string) => has(path) || has(path.replace(/\.generated\.go$/, ".go"));
    try {
      return findListed(
        paths.filter(isToBeMade),
        (start) => real(this.#below(host, start)),
        args,
      );
    } catch (error) {
      if (error instanceof FindError) host.unsupported(error.message);
      throw error;
    }
  }

  #xargs(host: BuiltinHost, args: readonly string[]): number {
    const isNull = args[0]?.startsWith("-0") === true;
    const one = /^(-0 -n ?1|-0n1|-n ?1) /.test(`${args.join(" ")} `);
    const command = args.filter((word) => !word.startsWith("-") && word !== "1");
    const words = (host.readInput() ?? "").split(isNull ? "\0" : /\s+/).filter((word) =>
      word !== ""
    );
    if (command[0] === "dirname" && one) {
      return print(
        host,
        words.map((path) => `${path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "."}\n`)
          .join(""),
      );
    }
    if (command[0] !== "rm") host.unsupported(`"xargs ${args.join(" ")}" is not understood`);
    this.#remove(words.map((path) => this.#file(host, path)));
    return 0;
  }

  #go(host: BuiltinHost, args: readonly string[]): number {
    if (args[0] === "list" && args.at(-1) === "." && args.includes("-find")) {
      return print(host, `${this.#importPath(host)}\n`);
    }
    if (args[0] === "env" && args.length === 2) {
      return print(host, args[1] === "GOPATH" ? `${join(this.#root, "_output/go")}\n` : "\n");
    }
    if (args[0] === "list" && args[1] === "-f" && args[2] === DEPENDENCIES && args.length === 4) {
      const found = this.#inputs.files.dependencies(this.#file(host, args[3]!));
      return print(host, found.map((path) => `${path}\n`).join(""));
    }
    const [command, flag, to, built, ...others] = args;
    if (command === "build" && flag === "-o" && built !== undefined && others.length === 0) {
      this.#built.set(this.#key(host, to!), this.#tool(built));
      return 0;
    }
    // Another module: what it builds is for protobuf.
    const isOther = args[0] === "-C";
    const words = isOther ? args.slice(2) : args;
    if (words[0] !== "install") host.unsupported(`"go ${args.join(" ")}" is not understood`);
    const module = isOther ? this.#below(host, args[1]) : "";
    for (const path of words.slice(1).filter((word) => !word.startsWith("-"))) {
      this.#tool(path, module);
    }
    return 0;
  }

  /** Records what a program is built from: an import path, or a directory: `./cmd/genswaggertypedocs`. Returns its name. */
  #tool(path: string, module = ""): string {
    // GOPATH's spelling: k8s.io/kubernetes/vendor/k8s.io/code-generator/cmd/go-to-protobuf.
    const plain = path.replace(/@.*/, "").replace(/^.*\/vendor\//, "");
    const name = plain.slice(plain.lastIndexOf("/") + 1);
    this.#tools[name] = module === "" ? plain : `${module}:${plain}`;
    return name;
  }

  /** `make -C … WHAT="cmd/libs/go2idl/go-to-protobuf …"` builds programs (1.7). */
  #make(host: BuiltinHost, args: readonly string[]): number {
    // Those are generators of their own.
    if (args.length === 1 && args[0] === "generated_files") return 0;
    const what = args.flatMap((word) => /^WHAT=(.+)$/s.exec(word)?.[1] ?? []);
    if (what.length !== 1) host.unsupported(`"make ${args.join(" ")}" is not understood`);
    for (const path of what[0]!.split(/\s+/)) this.#tool(`./${path}`);
    return 0;
  }

  /** The import path of the directory of the script, by the go.mod around it. */
  #importPath(host: BuiltinHost): string {
    const { files } = this.#inputs;
    const place = files.real(this.#below(host));
    for (
      let directory = place;;
      directory = directory.slice(0, Math.max(directory.lastIndexOf("/"), 0))
    ) {
      const text = files.readText(directory === "" ? "go.mod" : `${directory}/go.mod`);
      const [, name] = /^module\s+"?([^\s"]+)/m.exec(text ?? "") ?? [];
      if (name !== undefined) {
        const rest = directory === "" ? `/${place}` : place.slice(directory.length);
        return place === directory ? name : `${name}${rest}`;
      }
      if (directory === "") return host.unsupported(`"${place}" is in no Go module`);
    }
  }

  #diff(host: BuiltinHost, args: readonly string[]): number {
    const [known, report] = args.filter((word) => !word.startsWith("-"));
    if (known === undefined || report === undefined) {
      host.unsupported(`"diff ${args.join(" ")}" is not understood`);
    }
    this.#recorded.push({
      kind: "compare",
      known: known === "/dev/null" ? undefined : this.#below(host, known),
      report: this.#below(host, report),
      source: sourceOf(this.#root, host.place),
    });
    return 0;
  }

  /** gofmt of a file that the script is about to move into its place, or has moved there. */
  #format(host: BuiltinHost, path: string): void {
    const key = this.#key(host, path);
    const file = this.#written.get(key);
    if (file !== undefined) {
      this.#written.set(key, { ...file, isFormatted: true });
      return;
    }
    const placed = this.#recorded.findLast((step) =>
      step.kind === "write" && join(this.#root, step.path) === key
    );
    if (placed?.kind !== "write") host.unsupported(`"${path}" was not written`);
    placed.isFormatted = true;
  }

  #move(host: BuiltinHost, args: readonly string[]): number {
    const [from, to] = args.filter((word) => !word.startsWith("-"));
    const key = this.#key(host, from ?? "");
    const file = this.#written.get(key);
    if (file === undefined || to === undefined) {
      host.unsupported(`"mv ${args.join(" ")}" is not understood`);
    }
    this.#written.delete(key);
    this.#written.delete(this.#key(host, to));
    this.#recorded.push({
      kind: "write",
      path: this.#file(host, to),
      ...file,
      removes: this.#removes.splice(0),
      source: sourceOf(this.#root, host.place),
    });
    return 0;
  }

  #onCommand(evaluator: BashEvaluator, name: string, args: readonly string[]): boolean {
    const [, base = name] = /\/([^/]+)$/.exec(name) ?? [];
    if (base === "run-in-gopath.sh" && args[0] !== undefined) {
      return this.#onCommand(evaluator, args[0], args.slice(1));
    }
    if (name === "./hack/update-codegen.sh") return this.#subproject(evaluator, name);
    const built = this.#built.get(this.#key(evaluator, name));
    if (built === CODECGEN) return this.#codecgen(evaluator, args);
    if (base in this.#tools) {
      evaluator.print(this.#start(evaluator, base, args, undefined));
      return true;
    }
    if (name === PROTOC) return this.#protoc(evaluator, args);
    // What it would start in a container.
    if (/(^|\/)build\/run\.sh$/.test(name) && args[0] !== undefined) {
      return this.#onCommand(evaluator, args[0], args.slice(1));
    }
    // Made to run in a container, too: it does the work itself, and needs protoc.
    if (base.endsWith("-dockerized.sh") && this.#script(evaluator, name, args)) return true;
    if (base.endsWith(".sh")) {
      this.#scripts.push(Object.freeze([name, ...args]));
      return true;
    }
    return false;
  }

  /** Records the start of a generator; returns what stands for its output. */
  #start(
    evaluator: BashEvaluator,
    program: string,
    args: readonly string[],
    writes: string | undefined,
  ): string {
    const number = this.#calls.length;
    const mode = evaluator.state.get("GO111MODULE")?.value;
    this.#calls.push(Object.freeze({
      program,
      args: Object.freeze([...args]),
      cwd: this.#below(evaluator),
      moduleMode: typeof mode === "string" ? mode : undefined,
      source: sourceOf(this.#root, evaluator.place),
      writes,
    }));
    this.#recorded.push({ kind: "run", number, removes: this.#removes.splice(0) });
    return `${MARK}${number}${MARK}`;
  }

  /** `codecgen -d 1234 -o types.generated.go types.go` leaves a file in the directory of the script. */
  #codecgen(evaluator: BashEvaluator, args: readonly string[]): true {
    const [path] = args.slice(args.indexOf("-o") + 1);
    if (!args.includes("-o") || path === undefined) {
      evaluator.unsupported(`"${CODECGEN} ${args.join(" ")}" is not understood`);
    }
    const made = this.#file(evaluator, path);
    const text = this.#start(evaluator, CODECGEN, args, made);
    this.#written.set(join(this.#root, made), { text, isFormatted: false });
    return true;
  }

  /**
   * `protoc … --gogo_out=…:DIR api.proto` leaves `api.pb.go` in a directory. Several plugins in one start do not know of each other:
   * each is a start of its own here.
   */
  #protoc(evaluator: BashEvaluator, args: readonly string[]): true {
    // Whether there is one that will do is looked up later.
    if (args[0] === "--version") {
      evaluator.print("libprotoc 3.0.0\n");
      return true;
    }
    const plugins = args.flatMap((word) => {
      const [, name, directory] = /^--([\w-]+)_out=(?:[^:]*:)?([^]+)$/.exec(word) ?? [];
      return name === undefined ? [] : [{ name, directory: directory! }];
    });
    const [source, ...others] = args.filter((word) => !word.startsWith("-"));
    if (source === undefined || others.length > 0 || plugins.length === 0) {
      evaluator.unsupported(`"protoc ${args.join(" ")}" is not understood`);
    }
    // What is left beside its definition; elsewhere the path depends on options.
    const beside = (directory: string) =>
      this.#below(evaluator, directory) === this.#below(evaluator) ||
      this.#below(evaluator, directory) === this.#below(evaluator, `${source}/..`);
    for (const { name, directory } of plugins) {
      if (!beside(directory)) {
        evaluator.unsupported(`"protoc ${args.join(" ")}" is not understood`);
      }
      const plugin = `protoc-gen-${name}`;
      if (!(plugin in this.#tools)) evaluator.unsupported(`nothing builds "${plugin}"`);
      const isGrpc = name === GRPC;
      // A definition without a service leaves none of its files.
      if (isGrpc && !/^\s*service\s/m.test(this.#readFile(evaluator, source) ?? "")) continue;
      const made = this.#file(
        evaluator,
        source.replace(/\.proto$/, isGrpc ? "_grpc.pb.go" : ".pb.go"),
      );
      const own = args.filter((word) => {
        const [, of] = /^--([\w-]+)_(?:out|opt)=/.exec(word) ?? [];
        return of === undefined || of === name;
      });
      const text = this.#start(evaluator, PROTOC, own, made);
      this.#written.set(join(this.#root, made), { text, isFormatted: false });
    }
    return true;
  }

  /** A script that another one starts; returns whether there is one. */
  #script(outer: BashEvaluator, name: string, args: readonly string[]): boolean {
    const path = this.#below(outer, name);
    const text = this.#inputs.files.readText(path);
    if (text === undefined) return false;
    this.#nested(outer, { path, text, args, functions: outer.state.functions }, {
      KUBE_ROOT: this.#root,
      BASH_SOURCE: join(this.#root, path),
    }, name);
    return true;
  }

  /** Interprets a script with the exported variables of the one that starts it. */
  #nested(
    outer: BashEvaluator,
    { path, text, args, functions }: {
      path: string;
      text: string;
      args: readonly string[];
      functions?: BashEvaluator["state"]["functions"];
    },
    constants: Readonly<Record<string, string>>,
    name: string,
  ): void {
    const variables: Record<string, string> = functions === undefined ? {} : { ...DEFAULTS };
    for (const [key, { value }] of outer.state.exported()) {
      if (typeof value === "string") variables[key] = value;
    }
    delete variables["BASH_SOURCE"];
    const inner = this.evaluator(variables, constants, name);
    inner.state.positional = args;
    // Libraries that are there already, which say so by a function of theirs.
    for (const [known, body] of functions ?? []) inner.state.setFunction(known, body);
    inner.runScript(scriptOf({ path, text }));
    const [first] = inner.diagnostics;
    if (first !== undefined) outer.unsupported(reasonAt(this.#root, first));
  }

  /** A sub-project has a script of its own, which is read in the same way. */
  #subproject(outer: BashEvaluator, name: string): boolean {
    const path = this.#below(outer, name);
    const text = this.#inputs.files.readText(path);
    if (text === undefined) outer.unsupported(`There is no "${path}"`);
    const generator = new Map(outer.state.exported()).get("CODEGEN_PKG")?.value;
    this.#nested(outer, { path, text, args: [] }, {
      BASH_SOURCE: name,
      ...typeof generator === "string" ? { KUBE_CODEGEN_ROOT: generator } : {},
    }, name);
    return true;
  }
}

function print(host: BuiltinHost, text: string): 0 {
  host.print(text);
  return 0;
}

function cwdOf(host: BuiltinHost): string {
  const value = host.state.get("PWD")?.value;
  return typeof value === "string" ? value : host.unsupported('"PWD" is not known');
}

function list(host: BuiltinHost, name: string): readonly string[] {
  const value = host.state.get(name)?.value ?? [];
  return typeof value === "string" ? [value] : value;
}

/** @param name May begin with a star: `*.go`. */
function fitsName(path: string, name: string): boolean {
  if (name === "") return true;
  const base = path.slice(path.lastIndexOf("/") + 1);
  return name.startsWith("*") ? base.endsWith(name.slice(1)) : base === name;
}

function relativeTo(cwd: string, path: string): string {
  if (cwd === "") return path;
  if (path.startsWith(`${cwd}/`)) return path.slice(cwd.length + 1);
  const parts = cwd.split("/");
  let common = 0;
  const wanted = path.split("/");
  while (common < parts.length && parts[common] === wanted[common]) common++;
  return [...parts.slice(common).map(() => ".."), ...wanted.slice(common)].join("/");
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof CodegenFilesError) return undefined;
    throw error;
  }
}
