import { dirname, join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  clearLeftovers,
  equalBytes,
  ifPossible,
  ifPresent,
  keepsTracked,
  moveFile,
  readFile,
  removeTree,
  writeFileAtomic,
} from "../files/mod.ts";
import { buildBinaries, prepareBuild, type PreparedBuild } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { ownershipContext } from "../lib/ownership.ts";
import { mapConcurrently, memoryBudget } from "../lib/util.ts";
import { compareGoVersions, type GoTool, isGoSince } from "../toolchain/mod.ts";
import type { GenerateOptions, GeneratorStamp } from "./generate.ts";
import { WORK } from "./generation_steps.ts";
import {
  BYTES_PER_GENERATOR,
  foundHeader,
  type GeneratorTask,
  planTasks,
  type TaskItem,
  YEAR,
} from "./generator_steps.ts";
import { type GenerationItem, type Generator, readGenerators } from "./items.ts";
import {
  contentOf,
  type ItemRecord,
  type ItemState,
  readItemState,
  seenFile,
  treeKey,
  writeItemState,
} from "./item_state.ts";
import type { GoSources } from "./go_sources.ts";
import { isPartial, type LeftOut } from "./package_generators.ts";
import { AsideFiles, mistakenSources } from "./set_aside.ts";
import { checkInCheckout, whyNotGenerated } from "./replaceable.ts";
import { compareItems, type Comparison, type StaleItem } from "./stale_items.ts";
import { checkViolations, placeViolations } from "./tool_command.ts";

/** What all generators of a checkout have to do. */
export interface GeneratorsPlan {
  /** Names and counts, in the order in which make runs them. */
  readonly generators: readonly GeneratorSummary[];
  /** Files to be made, and why. */
  readonly stale: readonly StaleItem[];
  /** Generated files of earlier runs that no generator makes any more; below the root. */
  readonly orphans: readonly string[];
  /** Generators that are not run, and why. */
  readonly leftOut: readonly LeftOut[];
  /** The build of the generators, for this machine; undefined when nothing is made. */
  readonly tools: PreparedBuild | undefined;
  /** Programs that make them, the longest first. */
  readonly tasks: readonly GeneratorTask[];
  /** How many tasks run at once. */
  readonly jobs: number;
  /** What is remembered if nothing is made. */
  readonly found: GeneratorFindings;
}

/** One generator of a plan. */
export interface GeneratorSummary extends Pick<Generator, "name" | "tool" | "source"> {
  /** Files that it makes. */
  readonly files: number;
  /** Files that are not up to date, of those that were asked for. */
  readonly stale: number;
}

/** What was found out of the tree. */
export interface GeneratorFindings {
  /** The Go that the files are made with. */
  readonly go: GoTool;
  /** Key of the tree; undefined where git cannot say, or a file has only just changed. */
  readonly key: string | undefined;
  /** What is remembered so far. */
  readonly state: ItemState;
  /** Digests of directories when the files were last made. */
  readonly directories: ItemState["directories"];
  /** All outputs of the checkout. */
  readonly outputs: ReadonlySet<string>;
  /** Sources that were read; undefined if none had to be. */
  readonly sources?: GoSources;
  /** Whether every file was looked at. */
  readonly isWhole: boolean;
  /** Whether there is anything new to remember. */
  readonly isNew: boolean;
}

/** Options of {@linkcode planGenerators}. */
export interface GeneratorsOptions extends Pick<GenerateOptions, "goflags" | "jobs"> {
  /** Gives what generators are stamped with; called when any has to be built. */
  readonly stamp: () => Promise<GeneratorStamp>;
  /** The Go to generate with. */
  readonly go: GoTool;
  /** Names of generators; default: all. */
  readonly names?: readonly string[];
  /** Whether files that are known to be up to date are generated, too. */
  readonly fromNothing?: boolean;
  /** Which packages: directories below the root, import paths, `*`, and `...` for all below. */
  readonly packages?: readonly string[];
}

/** Of a plan that builds nothing. */
const NO_STAMP = Object.freeze({ vars: undefined, epoch: 0 });

/**
 * Plans what `make generated_files` makes: every file whose inputs, generator or content is not what it was
 * when it was last generated here. Nothing is written. While no source has changed, the sources are not read.
 *
 * @throws {KbuildError} There is no generator of such a name, or the checkout has none.
 */
export async function planGenerators(
  context: KubeContext,
  checkout: Checkout,
  options: GeneratorsOptions,
): Promise<GeneratorsPlan> {
  const { go, names = [], packages = [], fromNothing = false, stamp, ...build } = options;
  const before = await readItemState(context);
  const known = new Set(Object.keys(before.items));
  const key = await treeKey(context, go, known);
  const isAsked = fromNothing || context.env["UPDATE_API_KNOWN_VIOLATIONS"] === "true";
  if (!isAsked && key !== undefined && before.key === key && isUnchanged(context, before)) {
    return upToDate(context, { go, state: before, outputs: known, names });
  }
  const read = await readGenerators(context, checkout);
  const { generators } = read;
  checkNames(context.root, names, generators);
  const isNamed = ({ name }: Generator) => names.length === 0 || names.includes(name);
  const isMeant = packageFilter(packages, checkout.goPackage.value);
  const chosen = new Set(generators.filter(isNamed).map(({ name }) => name));
  const wanted = (item: GenerationItem) => chosen.has(item.generator) && isMeant(item);
  if (packages.length > 0 && !generators.some(({ items }) => items.some(wanted))) {
    throw new KbuildError(`No generated file is in a package like "${packages.join(" ")}"`, {
      notes: [
        "Packages are directories, also with * and ...: --package staging/src/k8s.io/api/...",
      ],
      exitCode: 2,
    });
  }
  // Files that are made are set aside first (AsideFiles): what somebody has written into them counts for nothing.
  const own = generators.flatMap(({ items }) => items.filter(wanted)).map(({ output }) => output);
  const tree = { ...read, graph: read.graph.without(new Set(own)) };
  const found = await compareItems(context, go, tree, wanted, before);
  const { stale, records, directories } = fromNothing ? withAll(found, generators) : found;
  const outputs = new Set(generators.flatMap(({ items }) => items.map(({ output }) => output)));
  const whole = [...withSiblings(generators, stale)];
  const jobs = chooseJobs(build.jobs);
  const { vars, epoch } = stale.length === 0 ? NO_STAMP : await stamp();
  const tasks = await Promise.all(
    generators.map((generator) =>
      planTasks(context, checkout, go, {
        ...{ tree, generator, jobs, epoch },
        stale: whole.filter(({ item }) => item.generator === generator.name),
      })
    ),
  );
  const tools = [
    ...new Set(
      generators.filter(({ name }) => stale.some(({ item }) => item.generator === name))
        .map(({ tool }) => tool),
    ),
  ];
  const state: ItemState = {
    key: undefined,
    items: { ...await remembered(context, before.items, outputs), ...records },
    directories: { ...before.directories, ...directories },
    leftOut: tree.leftOut,
  };
  // A generated file that was not known yet counted as a source.
  const isKeyComplete = [...outputs].every((output) => known.has(output));
  return Object.freeze({
    generators: summaries(generators, stale),
    stale: Object.freeze(stale),
    orphans: orphansOf(context, state),
    leftOut: tree.leftOut,
    tools: vars === undefined ? undefined : await prepareBuild(context, checkout, {
      ...build,
      ...{ vars, epoch, go },
      matrix: [{ platform: go.host, targets: tools }],
    }),
    tasks: Object.freeze(tasks.flat().toSorted((a, b) => b.weight - a.weight)),
    jobs,
    found: {
      ...{ go, state, outputs, sources: tree.sources, directories: before.directories },
      key: isKeyComplete ? key : await treeKey(context, go, outputs),
      isWhole: names.length === 0 && packages.length === 0,
      isNew: true,
    },
  });
}

function upToDate(
  context: KubeContext,
  { go, state, outputs, names }: {
    go: GoTool;
    state: ItemState;
    outputs: ReadonlySet<string>;
    names: readonly string[];
  },
): GeneratorsPlan {
  const records = Object.values(state.items);
  const all = [...new Set(records.map(({ generator }) => generator))];
  checkNames(context.root, names, all.map((name) => ({ name })));
  return Object.freeze({
    generators: all.map((name) => ({
      ...{ name, tool: "", source: "" },
      files: records.filter(({ generator }) => generator === name).length,
      stale: 0,
    })),
    ...{ stale: [], tools: undefined, tasks: [], jobs: 1 },
    orphans: orphansOf(context, state),
    leftOut: state.leftOut,
    found: {
      ...{ go, key: state.key, state, outputs, directories: state.directories },
      ...{ isWhole: true, isNew: false },
    },
  });
}

/** Takes the files that are up to date for stale, too. */
function withAll(found: Comparison, generators: readonly Generator[]): Comparison {
  const known = new Map(found.stale.map((each) => [each.item.output, each]));
  const stale = generators.flatMap(({ items }) => items).flatMap((item): StaleItem[] => {
    const record = found.records[item.output];
    const each = known.get(item.output);
    if (each !== undefined) return [each];
    if (record === undefined) return [];
    return [{ item, inputs: record.inputs, tool: record.tool, why: "all are compared" }];
  });
  return { ...found, stale };
}

/** Whether all generated files are as they were left. */
function isUnchanged({ root }: KubeContext, { items }: ItemState): boolean {
  return Object.entries(items).every(([output, { seen }]) => seenFile(join(root, output)) === seen);
}

/** What is known of the outputs of this checkout, and of files that nothing makes any more. */
async function remembered(
  { root }: KubeContext,
  items: ItemState["items"],
  outputs: ReadonlySet<string>,
): Promise<Record<string, ItemRecord>> {
  const found: Record<string, ItemRecord> = {};
  for (const [output, record] of Object.entries(items)) {
    if (outputs.has(output)) {
      found[output] = { ...record, isOrphan: false };
      continue;
    }
    const path = join(root, output);
    const seen = seenFile(path);
    if (seen === "") continue;
    else if (seen === record.seen) found[output] = { ...record, isOrphan: true };
    else {
      const content = await contentOf(path);
      // What somebody has changed since is made again as soon as a generator has it.
      const inputs = content === record.output ? record.inputs : "";
      found[output] = { ...record, inputs, output: content, isOrphan: true, seen };
    }
  }
  return found;
}

/** Files that exist, though no generator makes them. */
function orphansOf({ root }: KubeContext, { items }: ItemState): readonly string[] {
  const unmade = Object.keys(items).filter((output) => {
    const { isMade, isOrphan } = items[output]!;
    return isOrphan === true || !isMade;
  });
  return Object.freeze(unmade.filter((output) => seenFile(join(root, output)) !== ""));
}

function checkNames(
  root: string,
  names: readonly string[],
  generators: readonly Pick<Generator, "name">[],
): void {
  const unknown = names.find((name) => !generators.some((each) => each.name === name));
  if (unknown === undefined) return;
  const known = generators.map(({ name }) => name);
  throw new KbuildError(`There is no generator "${unknown}"`, {
    notes: [
      ...didYouMean(nearest(unknown, known)),
      // swagger-docs …: scripts of their own.
      ...seenFile(join(root, `hack/update-${unknown}.sh`)) === ""
        ? []
        : [`The checkout has a script for it: kbuild update ${unknown}`],
      `Generators of this checkout: ${known.join(", ")}`,
    ],
    exitCode: 2,
  });
}

function summaries(
  generators: readonly Generator[],
  stale: readonly StaleItem[],
): readonly GeneratorSummary[] {
  return generators.map(({ name, tool, source, items }) =>
    Object.freeze({
      ...{ name, tool, source },
      files: items.length,
      stale: stale.filter(({ item }) => item.generator === name).length,
    })
  );
}

/** Stale files, and all others of a generator that has to read its packages together. */
function* withSiblings(
  generators: readonly Generator[],
  stale: readonly StaleItem[],
): Iterable<StaleItem> {
  for (const { name, rules, items } of generators) {
    const own = stale.filter(({ item }) => item.generator === name);
    yield* own;
    if (own.length === 0 || rules === undefined || isPartial(rules)) continue;
    for (const item of items) {
      if (own.some((each) => each.item === item)) continue;
      yield { item, inputs: "", why: "packages are read together" };
    }
  }
}

/** Whether a file is in one of the packages that were asked for. */
export function packageFilter(
  patterns: readonly string[],
  goPackage: string,
): (item: Pick<GenerationItem, "directory" | "output">) => boolean {
  if (patterns.length === 0) return () => true;
  const expressions = patterns.map((pattern) => {
    const plain = pattern.replace(/^\.\//, "").replace(/\/+$/, "");
    const source = plain.split(/(\/?\.\.\.|\*)/).map((part) =>
      part === "*"
        ? "[^/]*"
        : part === "/..."
        ? "(/.*)?"
        : part === "..."
        ? ".*"
        : part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")
    ).join("");
    return new RegExp(`^${source}$`);
  });
  return ({ directory, output }) => {
    const real = output.slice(0, output.lastIndexOf("/"));
    const vendored = real.replace(/^staging\/src\//, "");
    const names = [directory, real, vendored, `${goPackage}/${directory}`, `${goPackage}/${real}`];
    return expressions.some((expression) => names.some((name) => expression.test(name)));
  };
}

/** How many generators run at once: as many as are asked for, or as processors and memory allow. */
export function chooseJobs(requested: number | undefined): number {
  const fits = Math.floor(memoryBudget().bytes / BYTES_PER_GENERATOR);
  return requested ?? Math.max(1, Math.min(fits, navigator.hardwareConcurrency));
}

/** What a run of generators did. */
export interface GeneratorsResult {
  /** Files whose content changed, below the root. */
  readonly written: readonly string[];
  /** Files that would differ only in what a newer Go adds, and stay; below the root. */
  readonly newerGo: readonly string[];
  /** Files that exist, though their generator does not make them; below the root. */
  readonly unmade: readonly string[];
}

/**
 * Carries a {@linkcode GeneratorsPlan} out. Everything is generated aside first; then files appear by rename,
 * and only those whose content changed. When a generator fails, no file has changed.
 *
 * @throws {KbuildError} A generator failed, the API rule violations differ from the known ones, or a file
 * that nobody generated is in the way.
 */
export async function runGenerators(
  context: KubeContext,
  checkout: Checkout,
  plan: GeneratorsPlan,
): Promise<GeneratorsResult> {
  const { tools, tasks, found } = plan;
  const { go, key, outputs, isWhole } = found;
  // Also without anything to make, it puts back what a killed run has left.
  await using aside = new AsideFiles(context, outputs);
  await found.sources?.save();
  if (tools === undefined) {
    if (found.isNew) {
      await writeItemState(context, { ...found.state, key: isWhole ? key : undefined });
    }
    return Object.freeze({ written: [], newerGo: [], unmade: [] });
  }
  for (const { makes } of tasks) {
    for (const { item } of makes) await checkPlace(context, item.output, found.state);
  }
  const work = join(context.output, WORK);
  try {
    const tolerance = await toleranceOf(context, checkout, go);
    const isAccepted = context.env["UPDATE_API_KNOWN_VIOLATIONS"] === "true";
    await makeAside(context, checkout, plan, {
      built: async () => await aside.take(await mistakenSources(context, tasks, found)),
      async check({ file, work }) {
        if (file?.kind === "openapi" && !isAccepted) await checkViolations(context, file, work);
      },
    });
    // What comes out as it was stays, and is not reported as written.
    await aside.putBack();
    // Sources that changed meanwhile count for the next run.
    const isSame = key !== undefined && await treeKey(context, go, outputs) === key;
    const { missing, ...results } = await placeAll(context, tasks, tolerance);
    const items = { ...found.state.items };
    for (const { item, inputs, tool } of tasks.flatMap(({ makes }) => makes)) {
      const path = join(context.root, item.output);
      items[item.output] = {
        generator: item.generator,
        inputs: inputs === "" ? items[item.output]?.inputs ?? "" : inputs,
        tool: inputs === "" ? items[item.output]?.tool : tool,
        isMade: !missing.has(item.output),
        output: await contentOf(path),
        seen: seenFile(path),
      };
    }
    await writeItemState(context, {
      ...found.state,
      items,
      key: isWhole && isSame ? key : undefined,
    });
    const unmade = [...missing].filter((output) => items[output]?.output !== "");
    return Object.freeze({ ...results, unmade: Object.freeze(unmade) });
  } finally {
    await ifPossible(removeTree(work));
  }
}

/** @throws {KbuildError} A file may not be written: nobody generated what is there. */
export async function checkPlace(
  context: KubeContext,
  output: string,
  { items }: Pick<ItemState, "items">,
): Promise<void> {
  checkInCheckout(context, output);
  const path = join(context.root, output);
  const isRecorded = (items[output]?.output ?? "") !== "";
  const why = await whyNotGenerated(path, isRecorded);
  if (why === undefined) return;
  throw new KbuildError(`Cannot replace "${path}": ${why}`, {
    notes: ["Move it away; kbuild makes it from the checkout's sources"],
  });
}

/**
 * Builds the generators and runs the tasks of a plan; what they make is in their directories afterwards, which
 * the caller removes.
 *
 * @param steps.built Called before the first generator runs.
 * @param steps.check Looks at what a task has made.
 */
export async function makeAside(
  context: KubeContext,
  checkout: Checkout,
  { tools, tasks, jobs }: GeneratorsPlan,
  { built, check }: {
    built?: () => Promise<void>;
    check: (task: GeneratorTask) => Promise<void>;
  },
): Promise<void> {
  if (tools === undefined) return;
  const units = tasks.map(({ name }) => context.log.events.unit({ kind: "generate", name }));
  await buildBinaries(context, checkout, tools);
  await built?.();
  await removeTree(join(context.output, WORK));
  await mapConcurrently([...tasks.entries()], jobs, async ([index, task], signal) => {
    await units[index]!.run(async () => {
      await makeTask(context, task, signal);
      await check(task);
    }, signal);
  });
}

/** Runs the programs of a task; what they make is in its directory afterwards. */
async function makeTask(
  context: KubeContext,
  { work, header, processes }: GeneratorTask,
  signal: AbortSignal,
): Promise<void> {
  await Deno.mkdir(work, { recursive: true });
  if (header !== undefined) await writeFileAtomic(header.path, header.text);
  for (const { argv, cwd, env, label } of processes) {
    await context.builder.shell.run(argv, { cwd, env, label, signal });
  }
}

/** Puts all files into their places. */
async function placeAll(
  context: KubeContext,
  tasks: readonly GeneratorTask[],
  tolerance: Tolerance,
): Promise<Omit<GeneratorsResult, "unmade"> & { missing: ReadonlySet<string> }> {
  const written: string[] = [];
  const newerGo: string[] = [];
  const missing = new Set<string>();
  const isMove = await isOtherDevice(context);
  for (const { makes, file, work } of tasks) {
    for (const each of makes) {
      const result = await placeOne(context, each, { tolerance, isMove });
      if (result === "written") written.push(each.item.output);
      if (result === "none") missing.add(each.item.output);
      if (result === "newer Go") newerGo.push(each.item.output);
    }
    if (file?.kind !== "openapi" || context.env["UPDATE_API_KNOWN_VIOLATIONS"] !== "true") continue;
    const accepted = await placeViolations(context, file, work);
    if (accepted !== undefined) written.push(accepted);
  }
  return Object.freeze({ written: written.sort(), newerGo: newerGo.sort(), missing });
}

/** What a task has made, compared with the file that is there. */
export type Made =
  | { readonly result: "none" | "same" | "newer Go" }
  | {
    readonly result: "differs";
    /** Where it is; absolute. */
    readonly from: string;
    readonly wanted: Uint8Array;
    readonly existing: Uint8Array | undefined;
  };

/** Differences of generated files that count for nothing, so that a clean checkout stays clean. */
export interface Tolerance {
  /** What a newer Go adds. */
  readonly newerGo: boolean;
  /** The year in which a file was made. */
  readonly year: boolean;
}

/** Which differences count for nothing. */
export async function toleranceOf(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
): Promise<Tolerance> {
  return Object.freeze({
    newerGo: addsBuildLines(checkout, go),
    year: !context.strictParity && checkout.generated.value === "makefile" &&
      (await foundHeader(context))?.includes(YEAR) === true,
  });
}

/** Compares what a task has made with the file that is there. */
export async function compareMade(
  { made, output }: Pick<TaskItem, "made" | "output">,
  { newerGo, year }: Tolerance,
): Promise<Made> {
  let from: string | undefined;
  for (const path of made) from ??= await ifPresent(Deno.stat(path)) && path;
  // A package whose tag asks for nothing gets no file.
  if (from === undefined) return { result: "none" };
  const [wanted, existing] = await Promise.all([readFile(from), ifPresent(readFile(output))]);
  if (existing !== undefined) {
    if (equalBytes(wanted, existing)) return { result: "same" };
    const [made, before] = [wanted, existing].map((bytes) => {
      const text = new TextDecoder().decode(bytes);
      return year ? withoutYear(text) : text;
    }) as [string, string];
    if (year && made === before) return { result: "same" };
    if (newerGo && withoutNewer(made) === withoutNewer(before)) return { result: "newer Go" };
  }
  return { result: "differs", from, wanted, existing };
}

/** Puts a file into its place, unless the same content is there. */
export async function placeOne(
  context: KubeContext,
  item: Pick<TaskItem, "made" | "output">,
  { tolerance, isMove }: { tolerance: Tolerance; isMove: boolean },
): Promise<"none" | "same" | "written" | "newer Go"> {
  const { output } = item;
  const made = await compareMade(item, tolerance);
  if (made.result !== "differs") return made.result;
  const { from } = made;
  const mode = (await ifPresent(Deno.stat(output)))?.mode ?? 0o644;
  await Deno.chmod(from, mode & 0o777);
  // A killed run left something there if the outputs are on another file system.
  if (isMove) await clearLeftovers(dirname(output), keepsTracked(ownershipContext(context)));
  await moveFile(from, output);
  return "written";
}

/** Whether files are copied into the checkout: the outputs are on another file system. */
export async function isOtherDevice({ root, output }: KubeContext): Promise<boolean> {
  const [there, here] = await Promise.all([Deno.stat(root), ifPresent(Deno.stat(output))]);
  return here !== undefined && there.dev !== here.dev;
}

/** Whether this Go adds `//go:build` lines, which the checkout's own did not (1.17). */
function addsBuildLines(checkout: Checkout, go: GoTool): boolean {
  return isSince("1.17", checkout, go);
}

/** Whether this Go formats in a way that the checkout's own did not: since 1.19 it changes comments, too. */
export function formatsAnew(checkout: Checkout, go: GoTool): boolean {
  return ["1.17", "1.19"].some((release) => isSince(release, checkout, go));
}

/** Whether this Go does what a release began with, and the checkout's own does not. */
function isSince(release: string, { pinnedGo }: Checkout, go: GoTool): boolean {
  return pinnedGo !== undefined && !go.devel && compareGoVersions(pinnedGo.value, release) < 0 &&
    isGoSince(go, release);
}

/**
 * A file as far as no Go formats it in its own way: without `//go:build` lines (1.17) and the white space of
 * comments (1.19), and with `\x7f` for `\u007f` (1.16).
 */
function withoutNewer(text: string): string {
  return text.replace(/^\/\/go:build [^\n]*\n(?=\/\/ \+build )/m, "")
    .replace(/^\/\/[ \t]*\n/gm, "").replace(/^\/\/[ \t]+/gm, "// ").replaceAll("\\u007f", "\\x7f");
}

/** A file without the year of its header. */
function withoutYear(text: string): string {
  return text.replace(/^(Copyright )\d{4}(?= )/m, "$1");
}
