import { basename, DELIMITER, dirname, join } from "@std/path";
import {
  type Checkout,
  CODECGEN,
  CODECGEN_SCRIPT,
  CODEGEN_SCRIPT,
  type CodegenCall,
  codegenNames,
  type CodegenScript,
  type CodegenScriptPath,
  PROTOBUF_SCRIPT,
  PROTOC,
  readCheckoutFile,
  readCodegenScript,
  toolModule,
} from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { ifPresentSync, readTextSync } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import type { GoTool } from "../toolchain/mod.ts";
import { listCodegenFiles } from "./codegen_files.ts";
import { type CodegenRecord, type CodegenState, readCodegenState } from "./codegen_state.ts";
import { codegenOrder } from "./codegen_order.ts";
import { type CodegenTask, codegenTasks } from "./codegen_tasks.ts";
import { type GenerationProcess, WORK } from "./generation_steps.ts";
import { generatorEnv } from "./generator_steps.ts";
import { GoGraph } from "./go_graph.ts";
import { digestOf, GoSources } from "./go_sources.ts";
import { contentOf, seenFile, treeKey } from "./item_state.ts";
import type { LeftOut } from "./package_generators.ts";
import { startsGo } from "./codecgen.ts";
import type { StaleTask } from "./stale_task.ts";
import { callsOf } from "./step_calls.ts";
import { findProtoc, needsProtoc, type ProtocTools, startsProtoc, usesGopath } from "./protoc.ts";
import { chooseJobs, type GeneratorSummary, packageFilter } from "./run_generators.ts";

/** What `hack/update-codegen.sh` has to do. */
export interface CodegenPlan {
  /** Names and counts, in the order of the script. */
  readonly generators: readonly GeneratorSummary[];
  /** Starts of generators whose files are not up to date, in the order of the script. */
  readonly stale: readonly StaleTask[];
  /** For each of them, the earlier ones that it waits for. */
  readonly order: readonly (readonly number[])[];
  /** How many run at once. */
  readonly jobs: number;
  /** Generators that are not run, and why. */
  readonly leftOut: readonly LeftOut[];
  /** The copy of the sources that generators work in; absolute. */
  readonly tree: string;
  /** What is remembered if nothing is made. */
  readonly found: CodegenFindings;
}

/** What was found out of the tree. */
export interface CodegenFindings {
  /** The Go that generates. */
  readonly go: GoTool;
  /** Key of the tree; undefined where git cannot say, or a file has only just changed. */
  readonly key: string | undefined;
  /** What is remembered so far. */
  readonly state: CodegenState;
  /** Position of a task in the script. */
  readonly ranks: CodegenRanks;
  /** Files that were made; below the root. */
  readonly outputs: ReadonlySet<string>;
  /** Files of the copy that generators work in; below the root. */
  readonly paths: readonly string[];
  /** Sources that were read; undefined if none had to be. */
  readonly sources: GoSources | undefined;
  /** What tasks are made from, by {@linkcode CodegenTask.id}. */
  readonly inputs: ReadonlyMap<string, TaskInputs>;
  /** Whether everything was looked at. */
  readonly isWhole: boolean;
  /** Which files are wanted. */
  readonly isMeant: (output: string) => boolean;
  /** Whether there is anything new to remember. */
  readonly isNew: boolean;
}

/** Options of {@linkcode planCodegen}. */
export interface CodegenOptions {
  /** The Go to generate with. */
  readonly go: GoTool;
  /** Patterns of names: regular expressions that fit a part of the name, as the script has it; default: all. */
  readonly names?: readonly string[];
  /** Arguments that every generator gets. */
  readonly flags?: readonly string[];
  /** Which packages: directories below the root, import paths, `*`, and `...` for all below. */
  readonly packages?: readonly string[];
  /** Whether files that are known to be up to date are generated, too. */
  readonly fromNothing?: boolean;
  /** How many generators run at once; default: by memory and processors. */
  readonly jobs?: number | undefined;
}

/** What the files of a task are made from. */
export interface TaskInputs {
  /** Digest of everything. */
  readonly inputs: string;
  /** Digests of the directories of packages. */
  readonly places: Readonly<Record<string, string>>;
  /** Directories that its programs are compiled from; below the root. */
  readonly compiled: readonly string[];
  /** Digests of single files, by path below the root. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Why a task is run whose files may be up to date: `UPDATE_API_KNOWN_VIOLATIONS=true`. */
export const ACCEPTS = "its API rule violations are to be accepted";

/** Variables that decide over what the script does. */
const VARIABLES = ["API_KNOWN_VIOLATIONS_DIR", "GENERATED_FILE_PREFIX"];

/** The script that says what {@linkcode planCodegen} plans. */
export function codegenScriptOf({ generated }: Pick<Checkout, "generated">): CodegenScriptPath {
  return generated.value === "makefile" ? PROTOBUF_SCRIPT : CODEGEN_SCRIPT;
}

/**
 * Plans what `hack/update-codegen.sh` (from 1.26 on) makes, or up to 1.25 the scripts beside the makefile
 * (`hack/update-generated-protobuf.sh`, `hack/update-codecgen.sh`): the files of
 * every start of a generator whose inputs, program or files are not what they were when it last ran here. Nothing is
 * written. While no source has changed, the sources are not read.
 *
 * @throws {KbuildError} No generator fits a name, or git cannot list the files.
 */
export async function planCodegen(
  context: KubeContext,
  checkout: Checkout,
  options: CodegenOptions,
): Promise<CodegenPlan> {
  const { root } = context;
  const { go, names = [], flags = [], packages = [], fromNothing = false } = options;
  if (context.env["LINT"]) {
    throw new KbuildError("Cannot lint: LINT is for hack/update-codegen.sh", {
      notes: ["Run the script itself, or leave LINT out to generate"],
      exitCode: 2,
    });
  }
  const path = codegenScriptOf(checkout);
  const text = await readCodegenText(root, path);
  const all = codegenNames(text, path).map(({ name }) => name)
    .filter((name) => name !== CODECGEN || exists(join(root, CODECGEN_SCRIPT)));
  const chosen = chooseCodegens(all, names);
  const before = await readCodegenState(context);
  const outputs = outputsOf(before.tasks);
  const key = await codegenKey(context, go, { outputs, flags });
  const isAccepted = context.env["UPDATE_API_KNOWN_VIOLATIONS"] === "true";
  if (
    !fromNothing && !isAccepted && key !== undefined && before.key === key &&
    isUnchanged(root, before)
  ) {
    return upToDate(before, { go, outputs, chosen });
  }
  const sources = await GoSources.open(context);
  const graph = new GoGraph(sources, checkout.goPackage.value);
  const files = await listCodegenFiles(context, sources, graph);
  const { UPDATE_API_KNOWN_VIOLATIONS: _, ...variables } = context.env;
  const script = readCodegenScript(root, {
    ...{ host: context.host, variables, files, flags, script: path },
    isWanted: (name) => chosen.has(name),
  });
  if (script === undefined) throw noScript(path);
  const goPackage = checkout.goPackage.value;
  const protoc = script.codegens.some(needsProtoc) ? await findProtoc(context, script) : "";
  const { tasks, ...read } = codegenTasks(script, {
    ...{ root, graph, goPackage, protoc, paths: files.paths },
  });
  const leftOut = [...read.leftOut, ...unread({ text, path }, chosen, script)];
  const filter = packageFilter(packages, goPackage);
  const isMeant = (output: string) => filter({ directory: dirname(output), output });
  const wanted = tasks.filter((task) =>
    packages.length === 0 || known(before, task).some(isMeant) ||
    task.inputs.some((directory) => isMeant(`${directory}/doc.go`))
  );
  if (packages.length > 0 && wanted.length === 0) {
    throw new KbuildError(`No generated file is in a package like "${packages.join(" ")}"`, {
      notes: [
        "Packages are directories, also with * and ...: --package staging/src/k8s.io/api/...",
      ],
      exitCode: 2,
    });
  }
  const ranks = codegenRanks(all, wanted);
  const isLater = laterFiles(ranks, before.tasks);
  const stale: { task: CodegenTask; why: string }[] = [];
  const records: Record<string, CodegenRecord> = {};
  const planned = new Map<string, TaskInputs>();
  for (const task of wanted) {
    const record = before.tasks[task.id];
    const made = taskInputs(context, go, graph, task, isLater(task));
    planned.set(task.id, made);
    const why = fromNothing
      ? "all are compared"
      : await whyStale(context, task, { ...made, record, outputs }) ??
        dependency(task, stale, graph) ?? sharing(task, stale, before) ??
        (isAccepted && task.compares.length > 0 ? ACCEPTS : undefined);
    if (why === undefined) records[task.id] = refreshed(root, record!);
    else stale.push({ task, why });
  }
  const isWhole = chosen.size === all.length && packages.length === 0;
  const state: CodegenState = {
    key: undefined,
    tasks: { ...isWhole ? {} : before.tasks, ...kept(before, wanted), ...records },
    leftOut,
  };
  const jobs = chooseJobs(options.jobs);
  const starts = Object.freeze(
    await planStale(context, checkout, go, { stale, before, current: outputsOf(records), jobs }),
  );
  return Object.freeze({
    generators: summaries([...chosen], tasks, stale, before),
    stale: starts,
    order: codegenOrder(starts, graph),
    jobs,
    leftOut,
    tree: codegenPlaces(context).tree,
    found: {
      ...{ go, key, state, outputs, sources, isWhole, isMeant },
      ranks,
      inputs: planned,
      paths: files.paths,
      isNew: true,
    },
  });
}

/** Generators that the text of the script has, and that were not found when it was interpreted. */
function unread(
  { text, path }: { text: string; path: CodegenScriptPath },
  chosen: ReadonlySet<string>,
  { codegens }: CodegenScript,
): readonly LeftOut[] {
  const found = new Set(codegens.map(({ name }) => name));
  return codegenNames(text, path).filter(({ name }) => chosen.has(name) && !found.has(name))
    .map(({ name, line }) =>
      Object.freeze({
        name,
        why: "it cannot be read: the script is not understood before it",
        source: `${path}:${line}`,
      })
    );
}

/** The generators whose name fits one of the patterns, in the order of the patterns, as the script runs them. */
function chooseCodegens(all: readonly string[], patterns: readonly string[]): ReadonlySet<string> {
  if (patterns.length === 0) return new Set(all);
  const chosen = new Set<string>();
  for (const pattern of patterns) {
    const found = all.filter((name) => expressionOf(pattern).test(name));
    if (found.length === 0) {
      throw new KbuildError(`No generator fits the pattern "${pattern}"`, {
        notes: [
          ...didYouMean(nearest(pattern, all)),
          `Generators of this checkout: ${all.join(", ")}`,
        ],
        exitCode: 2,
      });
    }
    for (const name of found) chosen.add(name);
  }
  return chosen;
}

function expressionOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new KbuildError(`"${pattern}" is not a regular expression`, { exitCode: 2 });
  }
}

/** Changes whenever the files or what is asked of the script may have. */
export async function codegenKey(
  context: KubeContext,
  go: GoTool,
  { outputs, flags }: { outputs: ReadonlySet<string>; flags: readonly string[] },
): Promise<string | undefined> {
  const key = await treeKey(context, go, outputs);
  const variables = VARIABLES.map((name) => context.env[name] ?? "");
  const groups = Object.entries(context.env).filter(([name]) => /_GROUP_VERSIONS$/.test(name));
  return key === undefined
    ? undefined
    : digestOf([key, ...variables, JSON.stringify(groups.sort()), ...flags]);
}

/** Whether all files are as they were left. */
function isUnchanged(root: string, { tasks }: CodegenState): boolean {
  return Object.values(tasks).every(({ outputs }) =>
    Object.entries(outputs).every(([path, { seen }]) => seenFile(join(root, path)) === seen)
  );
}

function upToDate(
  state: CodegenState,
  { go, outputs, chosen }: {
    go: GoTool;
    outputs: ReadonlySet<string>;
    chosen: ReadonlySet<string>;
  },
): CodegenPlan {
  return Object.freeze({
    generators: summaries([...chosen], [], [], state),
    stale: [],
    order: [],
    jobs: 1,
    leftOut: state.leftOut.filter(({ name }) => chosen.has(name)),
    tree: "",
    found: {
      ...{ go, key: state.key, state, outputs, paths: [], ranks: () => 0, sources: undefined },
      inputs: new Map(),
      isWhole: true,
      isMeant: () => true,
      isNew: false,
    },
  });
}

/** Records of tasks that the script still has. */
function kept(
  { tasks }: CodegenState,
  wanted: readonly CodegenTask[],
): Record<string, CodegenRecord> {
  return Object.fromEntries(
    wanted.flatMap(({ id }) => tasks[id] === undefined ? [] : [[id, tasks[id]!]]),
  );
}

function refreshed(root: string, record: CodegenRecord): CodegenRecord {
  return {
    ...record,
    outputs: Object.fromEntries(
      Object.entries(record.outputs).map(([path, { content }]) => [
        path,
        { content, seen: seenFile(join(root, path)) },
      ]),
    ),
  };
}

/** Files that a task made before, or that it removes before it makes new ones. */
function known({ tasks }: CodegenState, { id, step, removes }: CodegenTask): readonly string[] {
  const replaced = step.kind === "write" ? [step.path] : removes;
  return [...new Set([...Object.keys(tasks[id]?.outputs ?? {}), ...replaced])].sort();
}

/** Files of tasks that are up to date. */
function outputsOf(tasks: CodegenState["tasks"]): ReadonlySet<string> {
  return new Set(Object.values(tasks).flatMap(({ outputs }) => Object.keys(outputs)));
}

/** Position of a task in the order of the script. */
export type CodegenRanks = (task: { readonly id: string; readonly generator: string }) => number;

/** More tasks than a generator has. */
const MANY = 1e6;

/** @param names Of all generators, in the order of the script. */
function codegenRanks(names: readonly string[], tasks: readonly CodegenTask[]): CodegenRanks {
  const places = new Map(tasks.map(({ id }, at) => [id, at]));
  return ({ id, generator }) => names.indexOf(generator) * MANY + (places.get(id) ?? 0);
}

/**
 * Reads the script that says which generators run.
 *
 * @throws {KbuildError} There is none.
 */
export async function readCodegenText(
  root: string,
  path: CodegenScriptPath = CODEGEN_SCRIPT,
): Promise<string> {
  const { text } = await readCheckoutFile(root, path);
  if (text === undefined) throw noScript(path);
  return text;
}

function noScript(path: CodegenScriptPath): KbuildError {
  return new KbuildError(`Cannot tell what to generate: there is no "${path}"`, {
    notes: [
      path === PROTOBUF_SCRIPT
        ? "Up to 1.25 it says how protobuf code is made"
        : "From 1.26 on it says which generators run; up to 1.25 Makefile.generated_files does",
      `If git has it: git checkout HEAD -- ${path}`,
      "Builds do not need it: they take generated files as they are",
    ],
  });
}

/**
 * For a task, which files no earlier one makes, but it or a later one does. Generated from nothing they are not there yet
 * when it runs, so it does not depend on them.
 */
export function laterFiles(
  ranks: CodegenRanks,
  tasks: CodegenState["tasks"],
): (task: CodegenTask) => (path: string) => boolean {
  const first = new Map<string, number>();
  for (const [id, { generator, outputs }] of Object.entries(tasks)) {
    const rank = ranks({ id, generator });
    for (const path of Object.keys(outputs)) {
      first.set(path, Math.min(rank, first.get(path) ?? rank));
    }
  }
  return (task) => {
    const own = ranks(task);
    return (path) => (first.get(path) ?? -1) >= own;
  };
}

/**
 * Digest of everything that decides over the files of a task, and of each directory among it.
 *
 * @param isLater From {@linkcode laterFiles}.
 */
export function taskInputs(
  { root }: KubeContext,
  go: GoTool,
  graph: GoGraph,
  task: CodegenTask,
  isLater: (path: string) => boolean,
): TaskInputs {
  const roots = task.inputs.flatMap((place) => [place, ...graph.taggedPackages(place)]);
  const places: Record<string, string> = {};
  for (const place of [...new Set(roots.flatMap((each) => [...graph.closure(each)]))].sort()) {
    places[place] = graph.digest(place, "shape", isLater);
  }
  const printing = printers(task).map((program) => directoryOf(task, program, graph));
  const tools = [
    ...Object.keys(task.tools).filter((program) => !printers(task).includes(program))
      .map((program) => directoryOf(task, program, graph)),
    ...task.libraries.map((path) => graph.resolve(path) ?? path),
  ];
  const texts = Object.fromEntries(task.files.map((path) => [
    path,
    digestOf([ifPresentSync(() => readTextSync(join(root, path))) ?? ""]),
  ]));
  const { step } = task;
  const pieces = step.kind === "run" ? [step.call] : [step.isFormatted, ...step.pieces];
  const inputs = digestOf([
    go.description,
    graph.closureDigest(tools, "sources"),
    graph.closureDigest(printing, "content"),
    JSON.stringify(pieces).replaceAll(root, "").replace(/"source":"[^"]*"/g, ""),
    task.protoc?.version ?? "",
    ...Object.values(texts),
    ...Object.entries(places).flat(),
  ]);
  const compiled = [
    ...tools.flatMap((place) => [...graph.closure(place, "sources")]),
    ...printing.flatMap((place) => [...graph.closure(place, "content")]),
  ];
  return { inputs, places, compiled, texts };
}

/** Programs whose output another one reads: what is compiled into them counts, generated files too. */
function printers({ step }: CodegenTask): readonly string[] {
  const calls = step.kind === "run" ? [step.call] : [];
  return calls.flatMap(({ reads }) => reads.map(({ call }) => call.program));
}

function directoryOf({ tools }: CodegenTask, program: string, graph: GoGraph): string {
  const path = tools[program] ?? program;
  return path.startsWith("./") ? path.slice(2) : graph.resolve(path) ?? path;
}

async function whyStale(
  { root }: KubeContext,
  task: CodegenTask,
  { record, inputs, places, outputs }: {
    record: CodegenRecord | undefined;
    outputs: ReadonlySet<string>;
    inputs: string;
    places: Readonly<Record<string, string>>;
  },
): Promise<string | undefined> {
  if (record === undefined) return "it was not generated here yet";
  for (const [path, { content, seen }] of Object.entries(record.outputs)) {
    if (!exists(join(root, path))) return `${path} is missing`;
    if (seenFile(join(root, path)) === seen) continue;
    if (await contentOf(join(root, path)) !== content) return `${path} is not what was generated`;
  }
  // Git also lists what is tracked and not there any more.
  const foreign = task.removes.find((path) => !outputs.has(path) && exists(join(root, path)));
  if (foreign !== undefined) return `no generator made ${foreign}`;
  if (record.inputs === inputs) return undefined;
  const changed = [...new Set([...Object.keys(places), ...Object.keys(record.places)])]
    .filter((place) => places[place] !== record.places[place]).sort();
  const [first] = changed;
  return first === undefined
    ? "the generator, its flags or Go changed"
    : `${first} changed${changed.length > 1 ? `, and ${changed.length - 1} more` : ""}`;
}

function exists(path: string): boolean {
  return seenFile(path) !== "";
}

/** Whether a program that prints for the task is compiled from files that are to be made. */
function dependency(
  task: CodegenTask,
  stale: readonly { task: CodegenTask }[],
  graph: GoGraph,
): string | undefined {
  for (const program of printers(task)) {
    const closure = graph.closure(directoryOf(task, program, graph), "content");
    const made = stale.find(({ task: { trees, inputs } }) =>
      [...trees, ...inputs].some((place) => closure.has(place))
    );
    if (made !== undefined) return `${program} is compiled from files of ${made.task.generator}`;
  }
  return undefined;
}

/** Whether an earlier task makes a file of this one again: of several, the last one's file stays. */
function sharing(
  { id }: CodegenTask,
  stale: readonly { task: CodegenTask }[],
  { tasks }: CodegenState,
): string | undefined {
  const outputs = tasks[id]?.outputs ?? {};
  for (const { task } of stale) {
    const path = Object.keys(tasks[task.id]?.outputs ?? {}).find((path) => path in outputs);
    if (path !== undefined) return `${task.generator} makes ${path}, too`;
  }
  return undefined;
}

function summaries(
  names: readonly string[],
  tasks: readonly CodegenTask[],
  stale: readonly { task: CodegenTask }[],
  before: CodegenState,
): readonly GeneratorSummary[] {
  return names.map((name) => {
    const own = tasks.filter(({ generator }) => generator === name);
    const made = own.length > 0
      ? own.map((task) => known(before, task).length)
      : Object.values(before.tasks).filter(({ generator }) => generator === name)
        .map(({ outputs }) => Object.keys(outputs).length);
    const count = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0);
    return Object.freeze({
      name,
      tool: [...new Set(own.flatMap(({ tools }) => Object.values(tools)))].join(" "),
      source: own[0]?.source ?? CODEGEN_SCRIPT,
      files: count(made),
      stale: count(
        stale.filter(({ task }) => task.generator === name).map(({ task }) =>
          known(before, task).length
        ),
      ),
    });
  });
}

/** Directories of a generation, in the output. */
export function codegenPlaces(context: KubeContext): {
  readonly work: string;
  /** A copy of the sources. */
  readonly tree: string;
  /** GOPATH with a link to it, for generators that read packages so (up to 1.29). */
  readonly gopath: string;
  /** Generators, which stay. */
  readonly bin: string;
} {
  const work = join(context.output, WORK);
  return {
    work,
    tree: join(work, "tree"),
    gopath: join(work, "gopath"),
    bin: join(context.output, ".kbuild", "generators"),
  };
}

async function planStale(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  { stale, before, current, jobs }: {
    stale: readonly { task: CodegenTask; why: string }[];
    before: CodegenState;
    /** Files of tasks that are up to date: they stay for the generators to read. */
    current: ReadonlySet<string>;
    /** How many run at once. */
    jobs: number;
  },
): Promise<readonly StaleTask[]> {
  if (stale.length === 0) return [];
  const { tree, gopath, bin } = codegenPlaces(context);
  const { env, shownEnv } = await generatorEnv(context, checkout, go, jobs);
  const process = (
    argv: readonly string[],
    cwd: string,
    label: string,
    more: Readonly<Record<string, string>>,
  ): GenerationProcess =>
    Object.freeze({
      argv: Object.freeze(argv),
      cwd,
      label,
      env: Object.freeze({ ...env, PWD: cwd, ...more }),
      shownEnv: Object.freeze({ ...shownEnv, ...more }),
    });
  const call = (started: CodegenCall, protoc: ProtocTools | undefined): GenerationProcess => {
    const { program, args, cwd, moduleMode } = started;
    const isInGopath = usesGopath(started);
    const start = isInGopath ? join(gopath, "src", checkout.goPackage.value) : tree;
    const directories = startsProtoc(started)
      ? protoc === undefined ? undefined : [bin, ...protoc.directories]
      : startsGo(started)
      ? []
      : undefined;
    const path = directories === undefined
      ? undefined
      : [...directories, join(env["GOROOT"] ?? "", "bin"), env["PATH"] ?? ""];
    return process(
      [
        program === PROTOC ? protoc?.path ?? PROTOC : join(bin, program),
        ...args.map((word) => moved(word, context.root, tree)),
      ],
      join(start, cwd),
      `Generating with ${program}`,
      {
        // The examples of code-generator are a workspace of their own (1.35): Go fetches what they need, as for the script.
        ...isInGopath ? { GO111MODULE: moduleMode === "off" ? "off" : "on", GOPATH: gopath } : {},
        ...path === undefined ? {} : { PATH: path.join(DELIMITER) },
      },
    );
  };
  // As make builds them: some lists of modules are not complete for a newer Go.
  const isModule = checkout.generated.value !== "makefile";
  const install = (module: string, tools: readonly string[]): GenerationProcess => {
    const packages = tools.map((tool) => toolModule(tool).path);
    const words = [go.path, "install", "-trimpath", ...isModule ? ["-buildvcs=false"] : []];
    const label = `Building ${packages.map((path) => basename(path)).join(", ")}`;
    // Go fetches what a module beside the checkout's needs, as for the script.
    if (module !== "") {
      const own = { GOBIN: bin, GO111MODULE: "on" };
      return process([...words, ...packages], join(tree, module), label, own);
    }
    return process(
      [
        ...words,
        ...packages.map((path) => isModule || path.startsWith("./") ? path : `./vendor/${path}`),
      ],
      isModule ? tree : join(gopath, "src", checkout.goPackage.value),
      label,
      isModule
        ? { GOBIN: bin, GO111MODULE: "on", GOPROXY: "off" }
        : { GOBIN: bin, GO111MODULE: "off", GOPATH: gopath },
    );
  };
  const built = new Set<string>();
  // What is compiled must not have files of before, which may not fit the types any more.
  const compiling = stale.filter(({ task: { step } }) => callsOf([step]).some(startsGo));
  const compiled = compiling.flatMap(({ task: { step } }) =>
    step.kind === "write" ? [step.path] : []
  );
  return stale.map(({ task, why }): StaleTask => {
    const { step } = task;
    const removes = task === compiling[0]?.task ? compiled : task.removes;
    const packages = Object.values(task.tools).sort();
    // Programs that print for others are compiled from files that were made before them.
    const isBuilt = printers(task).length === 0 && packages.every((each) => built.has(each));
    for (const each of packages) built.add(each);
    const calls = callsOf([step]);
    const [main] = calls;
    return Object.freeze({
      task,
      why,
      outputs: Object.freeze(known(before, task)),
      removes: Object.freeze(removes.filter((path) => !current.has(path))),
      installs: Object.freeze(
        isBuilt ? [] : Object.entries(
          Object.groupBy(packages, (tool) => toolModule(tool).module),
        ).map(([module, tools = []]) => install(module, tools)),
      ),
      producers: calls.flatMap(({ reads }) =>
        reads.map((each) => ({
          process: call(each.call, task.protoc),
          to: moved(each.path, context.root, tree),
        }))
      ),
      process: main === undefined ? undefined : call(main, task.protoc),
      reads: main?.writes === undefined ? undefined : join(tree, main.writes),
      format: step.kind === "write" && step.isFormatted
        ? process(
          [join(env["GOROOT"] ?? "", "bin", "gofmt"), "-s", "-w", join(tree, step.path)],
          tree,
          `Formatting ${step.path}`,
          {},
        )
        : undefined,
    });
  });
}

/** A word of the command line, with paths of the checkout in the copy. */
function moved(word: string, root: string, tree: string): string {
  if (word === root || word.endsWith(`=${root}`)) return `${word.slice(0, -root.length)}${tree}`;
  return word.split(`${root}/`).length === 1 ? word : word.replaceAll(`${root}/`, `${tree}/`);
}
