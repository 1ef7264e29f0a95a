import { dirname, join, relative, resolve } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  copyFile,
  entriesOf,
  ifPossible,
  ifPresent,
  ifPresentSync,
  linkOrCopy,
  readText,
  removeTree,
  writeFileAtomic,
} from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { findSourceDate, getVersionVars } from "../lib/version/mod.ts";
import type { CodegenRecord } from "./codegen_state.ts";
import { writeCodegenState } from "./codegen_state.ts";
import { runInOrder } from "./codegen_order.ts";
import { withYear, YEAR } from "./generator_steps.ts";
import { GoGraph } from "./go_graph.ts";
import { GoSources } from "./go_sources.ts";
import { contentOf, seenFile } from "./item_state.ts";
import {
  codegenKey,
  codegenPlaces,
  type CodegenPlan,
  type CodegenRanks,
  laterFiles,
  type TaskInputs,
  taskInputs,
} from "./plan_codegen.ts";
import {
  checkPlace,
  compareMade,
  formatsAnew,
  type GeneratorsResult,
  isOtherDevice,
  placeOne,
  toleranceOf,
} from "./run_generators.ts";
import { DEFAULT_HEADERS } from "./stale_items.ts";
import type { StaleTask } from "./stale_task.ts";
import { acceptViolations, compareViolations } from "./tool_command.ts";
import type {
  GeneratedDifference,
  GeneratedViolations,
  GeneratorsVerdict,
} from "./verify_generators.ts";

/** What a run of `hack/update-codegen.sh`'s generators did. */
export interface CodegenResult extends GeneratorsResult {
  /** Files that no generator makes any more, which were removed as the script does; below the root. */
  readonly removed: readonly string[];
}

/** What one task has made. */
interface MadeFiles {
  readonly stale: StaleTask;
  /** Below the root. */
  readonly outputs: readonly string[];
  /** Sources that it has changed: go-to-protobuf numbers the fields of types. */
  readonly edits: readonly EditedSource[];
}

/** A source that a generator has changed. */
interface EditedSource {
  /** Below the root. */
  readonly path: string;
  /** Before. */
  readonly text: string;
  /** Afterwards. */
  readonly made: string;
}

/**
 * Carries a {@linkcode CodegenPlan} out. The generators work in a copy of the sources; when all have succeeded, files
 * whose content changed appear by rename, and those that no generator makes any more are removed. When a generator
 * fails, no file has changed. What is out of date because of these files is left to the next plan.
 *
 * @param options.flags As the plan was made with.
 * @throws {KbuildError} A generator failed, the API rule violations differ from the known ones, or a file that nobody
 * generated is in the way.
 */
export async function runCodegen(
  context: KubeContext,
  checkout: Checkout,
  plan: CodegenPlan,
  { flags = [] }: { flags?: readonly string[] } = {},
): Promise<CodegenResult> {
  const { stale, found } = plan;
  const { go, key, isWhole, isMeant, state } = found;
  await found.sources?.save();
  if (stale.length === 0) {
    if (found.isNew) {
      await writeCodegenState(context, { ...state, key: isWhole ? key : undefined });
    }
    return Object.freeze({ written: [], newerGo: [], unmade: [], removed: [] });
  }
  const isAccepted = context.env["UPDATE_API_KNOWN_VIOLATIONS"] === "true";
  const { work, tree } = codegenPlaces(context);
  try {
    const made = await makeAside(context, checkout, plan, async (task) => {
      // The script prints an error, and succeeds.
      if (!isAccepted && !context.strictParity) await checkReports(context, task);
    });
    const isSame = key !== undefined &&
      await codegenKey(context, go, { outputs: found.outputs, flags }) === key;
    const tolerance = await toleranceOf(context, checkout, go);
    const isMove = await isOtherDevice(context);
    const all = [...new Set(made.flatMap(({ outputs }) => outputs))].filter(isMeant).sort();
    const gone = goneFiles(plan, made).filter(isMeant);
    const recorded = { items: recordedItems(plan) };
    for (const path of [...all, ...gone]) await checkPlace(context, path, recorded);
    const edits = made.flatMap(({ edits }) => edits).filter(({ path }) => isMeant(path));
    for (const edit of edits) await checkUnedited(context, edit);
    const written: string[] = [];
    for (const { path, made } of edits) {
      const whole = join(context.root, path);
      await writeFileAtomic(whole, made, { mode: (await Deno.stat(whole)).mode! & 0o777 });
      written.push(path);
    }
    const newerGo: string[] = [];
    for (const path of all) {
      const item = { made: [join(tree, path)], output: join(context.root, path) };
      await ifPresent(Deno.stat(dirname(item.output))) ??
        await Deno.mkdir(dirname(item.output), { recursive: true });
      const result = await placeOne(context, item, { tolerance, isMove });
      if (result === "written") written.push(path);
      if (result === "newer Go") newerGo.push(path);
    }
    const removed: string[] = [];
    for (const path of gone) {
      if (seenFile(join(context.root, path)) === "") continue;
      await removeTree(join(context.root, path));
      removed.push(path);
    }
    if (isAccepted) {
      for (const { task } of stale) {
        for (const { known, report } of task.compares) {
          const accepted = await acceptViolations(context, {
            knownViolations: known,
            report: join(tree, report),
          });
          if (accepted !== undefined) written.push(accepted);
        }
      }
    }
    const records = await recordsOf(context, checkout, plan, made);
    const tasks = withLaterFiles(found.ranks, { ...state.tasks, ...records }, records);
    const outputs = new Set(
      Object.values(tasks).flatMap((record) => Object.keys(record.outputs)),
    );
    // Files that changed may be read by tasks that were up to date before: the next plan looks at all.
    const isSettled = isWhole && isSame && written.length + removed.length === 0 &&
      made.every(({ stale: { task } }) => records[task.id] !== undefined);
    await writeCodegenState(context, {
      ...state,
      tasks,
      key: isSettled ? await codegenKey(context, go, { outputs, flags }) : undefined,
    });
    return Object.freeze({ written: written.sort(), newerGo, unmade: [], removed });
  } finally {
    await ifPossible(removeTree(work));
  }
}

/**
 * Generates what is not known to be up to date in a copy of the sources, and compares it with the files of the checkout.
 * Nothing in the checkout changes.
 *
 * @throws {KbuildError} A generator failed.
 */
export async function verifyCodegen(
  context: KubeContext,
  checkout: Checkout,
  plan: CodegenPlan,
): Promise<GeneratorsVerdict> {
  const { found, stale } = plan;
  const differences: GeneratedDifference[] = [];
  const violations: GeneratedViolations[] = [];
  const newerGo: string[] = [];
  const { work, tree } = codegenPlaces(context);
  await found.sources?.save();
  try {
    const broken = new Set<string>();
    const made = stale.length === 0
      ? []
      : await makeAside(context, checkout, plan, async (task) => {
        try {
          await checkReports(context, task);
        } catch (error) {
          if (!(error instanceof KbuildError)) throw error;
          const { message, output = [], notes } = error;
          violations.push({ message, added: output, notes });
          broken.add(task.task.id);
        }
      });
    const tolerance = await toleranceOf(context, checkout, found.go);
    const differing = new Set<string>();
    for (const { stale: { task }, outputs, edits } of made) {
      for (const { path, text, made } of edits.filter(({ path }) => found.isMeant(path))) {
        broken.add(task.id);
        const why = "its tags are not those that the generator gives it";
        differences.push({ path, generator: task.generator, why, existing: text, made });
      }
      for (const path of outputs.filter(found.isMeant)) {
        const compared = await compareMade({
          made: [join(tree, path)],
          output: join(context.root, path),
        }, tolerance);
        if (compared.result === "newer Go") newerGo.push(path);
        if (compared.result !== "differs") continue;
        broken.add(task.id);
        if (differing.has(path)) continue;
        differing.add(path);
        const { existing, wanted } = compared;
        differences.push({
          path,
          generator: task.generator,
          why: existing === undefined ? "it is missing" : "it is not what its generator makes",
          existing: existing === undefined ? undefined : new TextDecoder().decode(existing),
          made: new TextDecoder().decode(wanted),
        });
      }
    }
    for (const path of goneFiles(plan, made).filter(found.isMeant)) {
      if (seenFile(join(context.root, path)) === "") continue;
      for (const { stale } of made) if (stale.outputs.includes(path)) broken.add(stale.task.id);
      const why = "no generator makes it any more";
      differences.push({ path, generator: "", why, existing: undefined, made: undefined });
    }
    if (found.isNew) {
      const sound = made.filter(({ stale: { task } }) => !broken.has(task.id));
      const records = await recordsOf(context, checkout, plan, sound);
      const { state } = found;
      await writeCodegenState(context, { ...state, tasks: { ...state.tasks, ...records } });
    }
  } finally {
    await ifPossible(removeTree(work));
  }
  return Object.freeze({
    differences: Object.freeze(differences.toSorted((a, b) => a.path < b.path ? -1 : 1)),
    violations: Object.freeze(violations),
    newerGo: Object.freeze(newerGo.sort()),
  });
}

/** Records in which files that a later task has made, too, are as that one leaves them. */
function withLaterFiles(
  ranks: CodegenRanks,
  tasks: Readonly<Record<string, CodegenRecord>>,
  made: Readonly<Record<string, CodegenRecord>>,
): Record<string, CodegenRecord> {
  const result = { ...tasks };
  const later: Record<string, CodegenRecord["outputs"][string]> = {};
  const ordered = Object.entries(tasks).map(([id, { generator }]) => ({ id, generator }))
    .sort((a, b) => ranks(b) - ranks(a));
  for (const { id } of ordered) {
    const record = result[id]!;
    const outputs = Object.keys(record.outputs).flatMap((path) =>
      later[path] === undefined ? [] : [[path, later[path]] as const]
    );
    result[id] = { ...record, outputs: { ...record.outputs, ...Object.fromEntries(outputs) } };
    if (id in made) {
      for (const [path, file] of Object.entries(made[id]!.outputs)) later[path] ??= file;
    }
  }
  return result;
}

/** What checkPlace() knows of files that kbuild has made before. */
function recordedItems({ found }: CodegenPlan) {
  return Object.fromEntries(
    Object.values(found.state.tasks).flatMap(({ generator, inputs, outputs }) =>
      Object.entries(outputs).map(([path, { content, seen }]) => [
        path,
        { generator, inputs, output: content, isMade: true, seen },
      ])
    ),
  );
}

/** Files that were there before, and that no task made again, nor has one that was not run. */
function goneFiles({ found }: CodegenPlan, made: readonly MadeFiles[]): readonly string[] {
  const ids = new Set(made.map(({ stale: { task } }) => task.id));
  const others = Object.entries(found.state.tasks).filter(([id]) => !ids.has(id));
  const all = new Set([
    ...made.flatMap(({ outputs }) => outputs),
    ...others.flatMap(([, { outputs }]) => Object.keys(outputs)),
  ]);
  const before = made.flatMap(({ stale: { outputs, removes } }) => [...outputs, ...removes]);
  return [...new Set(before)].filter((path) => !all.has(path)).sort();
}

async function recordsOf(
  context: KubeContext,
  checkout: Checkout,
  { found }: CodegenPlan,
  made: readonly MadeFiles[],
): Promise<Record<string, CodegenRecord>> {
  // What was generated is among the sources of others.
  const sources = await GoSources.open(context);
  const graph = new GoGraph(sources, checkout.goPackage.value);
  const records: Record<string, CodegenRecord> = {};
  // A source that was edited while generators ran: the next run makes its files.
  const ours = new Set(
    made.flatMap(({ stale, outputs, edits }) => [
      ...[...outputs, ...stale.outputs],
      ...edits.map(({ path }) => path),
    ]),
  );
  const compared = new Map<string, boolean>();
  const isAsPlanned = (place: string): boolean => {
    const known = compared.get(place);
    if (known !== undefined) return known;
    const planned = found.sources?.directory(place) ?? [];
    const contents = new Map(planned.map(({ name, content }) => [name, content]));
    const now = new Map(sources.directory(place).map(({ name, content }) => [name, content]));
    const isSame = [...new Set([...contents.keys(), ...now.keys()])].every((name) =>
      ours.has(`${place}/${name}`) || contents.get(name) === now.get(name)
    );
    compared.set(place, isSame);
    return isSame;
  };
  const isWholeAsPlanned = (before: TaskInputs | undefined, now: TaskInputs) =>
    before !== undefined &&
    Object.entries(now.texts).every(([path, text]) =>
      ours.has(path) || before.texts[path] === text
    ) &&
    [...new Set([before, now].flatMap((each) => [...Object.keys(each.places), ...each.compiled]))]
      .every(isAsPlanned);
  const isLater = laterFiles(found.ranks, {
    ...found.state.tasks,
    ...Object.fromEntries(made.map(({ stale: { task: { id, generator } }, outputs }) => [id, {
      ...{ generator, inputs: "", places: {} },
      outputs: Object.fromEntries(outputs.map((path) => [path, { content: "", seen: "" }])),
    }])),
  });
  for (const { stale: { task }, outputs } of made) {
    // Only some of its files were put into their places.
    if (!outputs.every(found.isMeant)) continue;
    const entries = await Promise.all(outputs.map(async (path) => {
      const whole = join(context.root, path);
      return [path, { content: await contentOf(whole), seen: seenFile(whole) }] as const;
    }));
    const now = taskInputs(context, found.go, graph, task, isLater(task));
    if (!isWholeAsPlanned(found.inputs.get(task.id), now)) continue;
    const { inputs, places } = now;
    records[task.id] = {
      ...{ generator: task.generator, inputs, places },
      outputs: Object.fromEntries(entries),
    };
  }
  await sources.save();
  return records;
}

async function checkReports(context: KubeContext, { task }: StaleTask): Promise<void> {
  const { tree } = codegenPlaces(context);
  for (const { known, report } of task.compares) {
    const name = known.slice(known.lastIndexOf("/") + 1).replace(
      /_?violation_exceptions\.list$/,
      "",
    );
    await compareViolations(context, {
      name: name === "" ? "KUBE" : name.toUpperCase(),
      knownViolations: known,
      report: join(tree, report),
    });
  }
}

/** Runs the tasks in a copy of the sources; what they make is there afterwards. */
async function makeAside(
  context: KubeContext,
  checkout: Checkout,
  { stale, found, order, jobs }: CodegenPlan,
  check: (task: StaleTask) => Promise<void>,
): Promise<readonly MadeFiles[]> {
  const units = stale.map(({ task: { name } }) =>
    context.log.events.unit({ kind: "generate", name })
  );
  await makeTree(context, checkout, found.paths);
  const isOtherFormat = formatsAnew(checkout, found.go);
  const made: MadeFiles[] = [];
  await runInOrder(order, jobs, async (index, signal) => {
    await units[index]!.run(async () => {
      const task = stale[index]!;
      const result = await makeTask(context, task, { isOtherFormat, signal });
      await check(task);
      made[index] = { stale: task, ...result };
    }, signal);
  });
  return made;
}

/** Fails if a source has changed since a generator read it. */
async function checkUnedited({ root }: KubeContext, { path, text }: EditedSource): Promise<void> {
  if (await ifPresent(readText(join(root, path))) === text) return;
  throw new KbuildError(`Cannot write "${path}": it was edited while generators ran`, {
    notes: ["Run the command again"],
  });
}

/**
 * Runs the programs of a task; returns what it has written.
 *
 * @param options.isOtherFormat Whether sources were formatted by a Go that formats in another way.
 */
async function makeTask(
  context: KubeContext,
  stale: StaleTask,
  { isOtherFormat, signal }: { isOtherFormat: boolean; signal: AbortSignal },
): Promise<Pick<MadeFiles, "outputs" | "edits">> {
  const { tree } = codegenPlaces(context);
  const { task, removes, installs, producers, process, format } = stale;
  const run = async ({ argv, cwd, env, label }: NonNullable<typeof process>) =>
    await context.builder.shell.run(argv, { cwd, env, label, signal });
  for (const path of removes) await removeTree(join(tree, path));
  for (const install of installs) await run(install);
  for (const { process, to } of producers) {
    await writeFileAtomic(to, (await run(process)).stdout);
  }
  const { step } = task;
  if (step.kind === "write") {
    const stdout = process === undefined ? "" : (await run(process)).stdout;
    const made = stale.reads === undefined ? stdout : await readText(stale.reads);
    const text = step.pieces.map((piece) => typeof piece === "string" ? piece : made).join("");
    await writeFileAtomic(join(tree, step.path), text);
    if (format !== undefined) await run(format);
    return { outputs: [step.path], edits: [] };
  }
  const before = await filesOf(tree, task);
  const sources = await sourcesOf(tree, stale, before);
  await run(process!);
  const after = await filesOf(tree, task);
  const outputs = [...after].filter(([path, seen]) => before.get(path) !== seen)
    .map(([path]) => path).sort();
  const edits: EditedSource[] = [];
  for (const [path, made] of await sourcesOf(tree, stale, before)) {
    const text = sources.get(path);
    if (text === undefined || text === made) continue;
    // It formats what it writes: a source that another Go has formatted stays as it is.
    if (isOtherFormat && tagsOf(text) === tagsOf(made)) continue;
    edits.push({ path, text, made });
  }
  return { outputs, edits };
}

/** The tags of fields in a source. */
function tagsOf(text: string): string {
  return (text.match(/`[^`]*`/g) ?? []).join("\n");
}

/**
 * Sources that a task may change beside the files that it makes, and their texts.
 *
 * @param made Files that it may make, by path below the root.
 */
async function sourcesOf(
  tree: string,
  { outputs, task: { inputs, removes, names } }: StaleTask,
  made: ReadonlyMap<string, unknown>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  if (names === undefined) return found;
  // Packages that are built into go-to-protobuf are not among its arguments: those with files of it.
  for (
    const directory of new Set([
      ...inputs,
      ...[...removes, ...outputs, ...made.keys()].map(dirname),
    ])
  ) {
    for (const { name, isFile } of await entriesOf(join(tree, directory)) ?? []) {
      if (!isFile || !name.endsWith(".go") || names.includes(name)) continue;
      const path = `${directory}/${name}`;
      found.set(path, await readText(join(tree, path)));
    }
  }
  return found;
}

/** Files that a task may make, in the directories that it may write to, and their sizes, inodes and times. */
async function filesOf(
  tree: string,
  { inputs, trees, names }: StaleTask["task"],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const isMade = (name: string) => names?.includes(name) ?? name.endsWith(".go");
  const visit = async (directory: string, isDeep: boolean): Promise<void> => {
    for (const { name, isFile, isDirectory } of await entriesOf(join(tree, directory)) ?? []) {
      const path = `${directory}/${name}`;
      if (isFile && isMade(name)) found.set(path, seenFile(join(tree, path)));
      if (isDirectory && isDeep) await visit(path, true);
    }
  };
  for (const directory of inputs) await visit(directory, false);
  for (const directory of trees) await visit(directory, true);
  return found;
}

/** Gives the headers that generators find by themselves the year of the sources. */
async function dateHeaders(context: KubeContext, tree: string): Promise<void> {
  let epoch: number | undefined;
  for (const path of DEFAULT_HEADERS.map((name) => join(tree, name))) {
    const text = await ifPresent(readText(path));
    if (text?.includes(YEAR) !== true) continue;
    epoch ??= (await findSourceDate(context, await getVersionVars(context))).epoch;
    await writeFileAtomic(path, withYear(text, epoch));
  }
}

/**
 * A copy of the sources for generators to work in. Files that generators may write to are copies; the others have a
 * second name there.
 */
async function makeTree(
  context: KubeContext,
  checkout: Checkout,
  paths: readonly string[],
): Promise<void> {
  const { root } = context;
  const { work, tree, gopath, bin } = codegenPlaces(context);
  await removeTree(work);
  const made = new Set<string>();
  const place = (directory: string) => {
    if (made.has(directory)) return;
    Deno.mkdirSync(directory, { recursive: true });
    made.add(directory);
  };
  const out: string[] = [];
  for (const path of paths) {
    const [from, to] = [join(root, path), join(tree, path)];
    const info = ifPresentSync(() => Deno.lstatSync(from));
    if (info === undefined || info.isDirectory) continue;
    place(dirname(to));
    if (info.isSymlink) {
      // A generator that writes through a link must not leave the copy.
      const target = relative(root, resolve(dirname(from), Deno.readLinkSync(from)));
      if (target.startsWith("..")) out.push(path);
      else Deno.symlinkSync(relative(dirname(to), join(tree, target)), to);
    } else if (/\.(go|proto)$/.test(path) && !path.startsWith("vendor/")) await copyFile(from, to);
    else await linkOrCopy(from, to);
  }
  if (out.length > 0) {
    context.log.warn("Generators do not see these links, which lead out of the checkout:", out);
  }
  for (const directory of [join(tree, "_output"), bin]) place(directory);
  // Later generators find no header by themselves.
  if (checkout.generated.value === "makefile") await dateHeaders(context, tree);
  const link = join(gopath, "src", checkout.goPackage.value);
  place(dirname(link));
  await Deno.symlink(tree, link);
}
