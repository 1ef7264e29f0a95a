import { dirname, join } from "@std/path";
import type { NativeScript } from "../checks/mod.ts";
import {
  CODECGEN,
  CODECGEN_SCRIPT,
  codegenNames,
  PROTOBINDINGS,
  PROTOBUF,
  PROTOBUF_SCRIPT,
  readCheckoutFile,
} from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  type CodegenOptions,
  type CodegenPlan,
  codegenScriptOf,
  type GeneratorsPlan,
  type GeneratorsResult,
  type GeneratorsVerdict,
  planCodegen,
  planGenerators,
  readCodegenText,
  readGeneratorRules,
  renewCodegen,
  runGenerators,
  verifyCodegen,
  verifyGenerators,
} from "../generate/mod.ts";
import { counted } from "../lib/counted.ts";
import type { Builder } from "../lib/init.ts";
import { type GoChoice, type GoTool, sayGo, takeGo } from "../toolchain/mod.ts";
import { buildSteps, linkStep, readStamp } from "./build_run.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import type { PlanStep } from "./plan_steps.ts";
import { withOutput } from "./with_output.ts";

/** Which generated files are asked for. */
export interface AskedGeneration {
  /** Names of generators; all if empty. */
  readonly names: readonly string[];
  /** Patterns of packages; all if empty. */
  readonly packages: readonly string[];
  /** Generators at once. */
  readonly jobs: number | undefined;
  /** Whether files that are known to be up to date are generated, too. */
  readonly fromNothing?: boolean;
  /** Whether no file is put into its place. */
  readonly isAside?: boolean;
  /** Arguments that every generator gets, from 1.26 on. */
  readonly flags?: readonly string[];
}

/** A plan, and why it has that Go. */
interface PlannedGeneration {
  readonly plan: SomePlan;
  readonly go: GoTool;
  readonly choice: GoChoice;
}

/** What both kinds of plans say: that of `Makefile.generated_files`, and that of `hack/update-codegen.sh`. */
interface SomePlan extends Pick<GeneratorsPlan, "generators" | "leftOut" | "orphans"> {
  /** Files to be made. */
  readonly stale: readonly StaleFile[];
  readonly steps: readonly PlanStep[];
  run(): Promise<GeneratorsResult & { readonly removed?: readonly string[] }>;
  verify(): Promise<GeneratorsVerdict>;
}

/** A file to be made. */
interface StaleFile {
  readonly generator: string;
  readonly path: string;
  readonly directory: string;
  readonly why: string;
}

async function prepare(
  open: OpenCheckout,
  { names, packages, jobs, fromNothing = false, isAside = false, flags = [] }: AskedGeneration,
  options: { fetch: boolean },
): Promise<PlannedGeneration> {
  const { context, checkout } = open;
  const scripts = await scriptedNames(context.root);
  const scripted = names.filter((name) => scripts.includes(name));
  const isMakefile = checkout.generated.value === "makefile" && scripted.length === 0;
  if (checkout.generated.value === "makefile" && !isMakefile && names.length > scripted.length) {
    throw new KbuildError(`Cannot generate ${names.join(" and ")} in one run`, {
      notes: [
        `Up to 1.25 make generated_files does not make ${scripts.join(", ")}: run them apart`,
      ],
      exitCode: 2,
    });
  }
  if (isMakefile && flags.length > 0) {
    throw new KbuildError(`Generators of "${checkout.generated.source}" take no flags`, {
      notes: ["Flags are for checkouts from 1.26 on, as hack/update-codegen.sh takes them"],
      exitCode: 2,
    });
  }
  // Before a Go is fetched.
  if (!isMakefile) await readCodegenText(context.root, codegenScriptOf(checkout));
  const { go, choice } = await takeGo(context, checkout, options);
  if (isMakefile) {
    const plan = await planGenerators(context, checkout, {
      ...{ go, names: names.map(ruleName), packages, jobs, fromNothing },
      stamp: () => readStamp(open),
    });
    return { plan: ofMakefile(open, plan, isAside), go, choice };
  }
  const asked = { go, names, flags, packages, fromNothing, jobs };
  const plan = await planCodegen(context, checkout, asked);
  return { plan: ofScript(open, plan, asked, isAside), go, choice };
}

/** A rule of the makefile, `gen_prerelease_lifecycle`, as the generators are called here. */
function ruleName(word: string): string {
  return word.replace(/^gen_/, "").replaceAll("_", "-");
}

function ofMakefile(
  { context, checkout }: OpenCheckout,
  plan: GeneratorsPlan,
  isAside: boolean,
): SomePlan {
  return {
    ...plan,
    stale: plan.stale.map(({ item: { generator, output, directory }, why }) => (
      { generator, path: output, directory, why }
    )),
    steps: stepsOf(plan, context.builder, isAside),
    run: () => runGenerators(context, checkout, plan),
    verify: () => verifyGenerators(context, checkout, plan),
  };
}

function ofScript(
  { context, checkout }: OpenCheckout,
  plan: CodegenPlan,
  asked: CodegenOptions,
  isAside: boolean,
): SomePlan {
  return {
    ...plan,
    orphans: [],
    stale: plan.stale.flatMap(({ task, why, outputs }) => {
      const [tree = ""] = task.trees;
      const paths = outputs.length === 0 ? [`${tree}/`] : outputs;
      return paths.map((path) => (
        { generator: task.generator, path, directory: dirname(path), why }
      ));
    }),
    steps: codegenSteps(context.root, plan, isAside),
    run: () => renewCodegen(context, checkout, plan, asked),
    verify: () => verifyCodegen(context, checkout, plan),
  };
}

/** Generates, and prints what changed. */
export async function generate(command: CommandContext, asked: AskedGeneration): Promise<void> {
  await withOutput(await command.open(), {
    what: command.name,
    check: (open) => prepare(open, asked, { fetch: true }),
    prepare: (open) => prepare(open, asked, { fetch: true }),
    needs: () => undefined,
    fetch: () => Promise.resolve(),
    work: async ({ context, checkout }, planned) => {
      const started = performance.now();
      const { plan, go } = planned;
      if (plan.stale.length > 0) {
        sayGo(context, planned);
        context.log.status(`Generating ${filesOf(plan)}:`, summaryLines(plan));
      }
      sayLeftOut(context.log, plan);
      const { written, newerGo, unmade, removed = [] } = await plan.run();
      sayOrphans(context.log, [...plan.orphans, ...unmade]);
      if (newerGo.length > 0) {
        context.log.status(
          `Left as they are: ${
            counted(newerGo.length, "file")
          } to which Go ${go.version} would only add "//go:build" lines`,
          [`The checkout's own Go (${checkout.pinnedGo?.value}) does not: --go ${checkout.pinnedGo?.value}`],
        );
      }
      command.logSummary();
      if (command.globals.json) {
        command.printJson({
          ...describe(plan),
          go: go.version,
          written,
          newerGo,
          unmade,
          removed,
          seconds: (performance.now() - started) / 1000,
        });
        return;
      }
      if (removed.length > 0) {
        context.log.status("No generator makes these files any more; they are removed:", removed);
      }
      for (const path of [...written, ...removed].sort()) command.print(path);
      if (written.length + removed.length === 0) {
        context.log.status("All generated files are up to date");
      }
    },
  });
}

/** Names of the generators up to 1.25. */
async function makefileNames(root: string): Promise<readonly string[]> {
  const { generators } = await readGeneratorRules(root);
  const { text } = await readCheckoutFile(root, PROTOBUF_SCRIPT);
  return [
    ...generators.map(({ name }) => name),
    ...text === undefined ? [] : await scriptedNames(root),
  ];
}

/** Names of the generators up to 1.25 that are scripts of their own: `make generated_files` does not start them. */
async function scriptedNames(root: string): Promise<readonly string[]> {
  const { text } = await readCheckoutFile(root, CODECGEN_SCRIPT);
  return [PROTOBUF, PROTOBINDINGS, ...text === undefined ? [] : [CODECGEN]];
}

/** Prints the names of the generators, as `hack/update-codegen.sh -?` does. */
export async function listCodegens(command: CommandContext): Promise<void> {
  const { context, checkout } = await command.open();
  const names = checkout.generated.value === "makefile"
    ? await makefileNames(context.root)
    : codegenNames(await readCodegenText(context.root)).map(({ name }) => name);
  if (command.globals.json) return command.printJson({ generators: names });
  command.print("available codegens:");
  for (const name of names) command.print(`    ${name}`);
}

/** Lines that are shown of a difference; --json has both files whole. */
const SHOWN_LINES = 12;

/** What a check of generated files found. */
interface GenerationVerdict {
  readonly verdict: GeneratorsVerdict;
  /** Number of generated files. */
  readonly files: number;
  /** Generators that were not run. */
  readonly leftOut: SomePlan["leftOut"];
}

/** Generates aside, and compares. */
async function generatedVerdict(
  opened: OpenCheckout,
  what: string,
  asked: AskedGeneration,
): Promise<GenerationVerdict> {
  return await withOutput(opened, {
    what,
    check: (open) => prepare(open, asked, { fetch: true }),
    prepare: (open) => prepare(open, asked, { fetch: true }),
    needs: () => undefined,
    fetch: () => Promise.resolve(),
    work: async ({ context }, planned) => {
      const { plan } = planned;
      if (plan.stale.length > 0) {
        sayGo(context, planned);
        context.log.status(
          `Generating ${filesOf(plan)} aside:`,
          summaryLines(plan),
        );
      }
      sayLeftOut(context.log, plan);
      const verdict = await plan.verify();
      const files = plan.generators.reduce((sum, { files }) => sum + files, 0);
      return { verdict, files, leftOut: plan.leftOut };
    },
  });
}

/**
 * The checkout's script that checks what kbuild generates: `hack/verify-generated-files.sh` up to 1.25,
 * `hack/verify-codegen.sh` from 1.26 on.
 *
 * @returns undefined where it does more than that, or kbuild cannot run all of its generators.
 */
export async function nativeGeneration(
  open: OpenCheckout,
  path: string,
): Promise<NativeScript | undefined> {
  const { context, checkout } = open;
  const isMakefile = checkout.generated.value === "makefile";
  const own = isMakefile ? "hack/verify-generated-files.sh" : "hack/verify-codegen.sh";
  if (path !== own) return undefined;
  const { text } = await readCheckoutFile(context.root, path);
  if (text === undefined || !checksOnly(text, isMakefile)) return undefined;
  const asked: AskedGeneration = { names: [], packages: [], jobs: undefined, isAside: true };
  return {
    summary: "generated files",
    async run(print) {
      const { plan } = await prepare(open, asked, { fetch: true });
      if (plan.leftOut.length > 0) return undefined;
      const { verdict, files } = await generatedVerdict(open, path, asked);
      for (const line of verdictLines(verdict)) print(`${line}\n`);
      const isSound = verdict.differences.length + verdict.violations.length === 0;
      if (isSound) print(`All ${files} generated files are what their generators make\n`);
      else print(`Run kbuild ${isMakefile ? "generated_files" : "update-codegen"}\n`);
      return isSound;
    },
  };
}

/** Whether a script generates in a copy and looks at what git says then, and does nothing else. */
function checksOnly(text: string, isMakefile: boolean): boolean {
  const code = text.replaceAll(/^[ \t]*#.*$/gm, "");
  const started = [
    ...code.matchAll(/(?:^|[\s;&|("/])((?:hack|build|vendor|staging)\/[\w./-]+\.sh|make\s+\w+)/g),
  ]
    .map(([, name = ""]) => name.replaceAll(/\s+/g, " "))
    .filter((name) => !name.startsWith("hack/lib/"));
  const wanted = isMakefile ? "make generated_files" : "hack/update-codegen.sh";
  const compares = /git status --porcelain|kube::verify::generated /.test(code);
  return compares && started.length > 0 &&
    started.every((name) =>
      name === wanted || code.includes(`Please run ${name}`) ||
      code.includes(`Please run '${name}'`)
    );
}

/** What differs, for people. */
function verdictLines({ differences, violations }: GeneratorsVerdict): readonly string[] {
  return [
    ...differences.flatMap(({ path, why, existing = "", made }) => [
      `${path}: ${why}`,
      ...made === undefined ? [] : firstDifference(existing, made).map((line) => `  ${line}`),
    ]),
    ...violations.flatMap(({ message, added }) => [message, ...added.map((line) => `  ${line}`)]),
  ];
}

/** Generates aside, compares, and prints what differs. */
export async function verifyGeneration(
  command: CommandContext,
  asked: AskedGeneration,
): Promise<void> {
  const { verdict, files, leftOut } = await generatedVerdict(
    await command.open(),
    command.name,
    asked,
  );
  command.logSummary();
  const { differences, violations, newerGo } = verdict;
  const isSound = differences.length === 0 && violations.length === 0;
  if (command.globals.json) {
    command.printJson({ ok: isSound, files, differences, violations, newerGo, leftOut });
  } else {
    for (const line of verdictLines(verdict)) command.print(line);
  }
  if (isSound) {
    const made = leftOut.length === 0 ? "All" : "Apart from what was left out, all";
    command.log.status(`${made} ${files} generated files are what their generators make`);
    return;
  }
  const renewal = [
    command.name === "verify-codegen" ? "update-codegen" : "generated_files",
    ...asked.names,
  ].join(" ");
  const notes = [
    ...differences.length === 0 ? [] : [`Renew the files: kbuild ${renewal}`],
    ...new Set(violations.flatMap(({ notes }) => notes)),
    ...violations.length === 0 ? [] : [
      `Accept violations: kbuild ${renewal.split(" ")[0]} openapi UPDATE_API_KNOWN_VIOLATIONS=true`,
    ],
  ];
  throw new KbuildError(
    `Generated files are not up to date: ${differences.length} differ, ` +
      `${counted(violations.length, "list")} of API rule violations`,
    { notes },
  );
}

/** The first lines in which two texts differ, as in a unified diff: `@@ line 12 @@`, `-old`, `+new`. */
function firstDifference(before: string, after: string): readonly string[] {
  const [old, made] = [before, after].map((text) => text === "" ? [] : text.split("\n"));
  let start = 0;
  while (start < old!.length && old![start] === made![start]) start++;
  let end = 0;
  const most = Math.min(old!.length, made!.length) - start;
  while (end < most && old!.at(-1 - end) === made!.at(-1 - end)) end++;
  const lines = [
    ...old!.slice(start, old!.length - end).map((line) => `-${line}`),
    ...made!.slice(start, made!.length - end).map((line) => `+${line}`),
  ];
  const more = lines.length - SHOWN_LINES;
  return [
    `@@ line ${start + 1} @@`,
    ...lines.slice(0, SHOWN_LINES),
    ...more > 0 ? [`… and ${counted(more, "more line")}`] : [],
  ];
}

/** What would be started, and why; nothing is written. */
export async function planGeneration(
  command: CommandContext,
  asked: AskedGeneration,
): Promise<CommandPlan> {
  const open = await command.open();
  const { plan, go, choice } = await prepare(open, asked, { fetch: false });
  const { log } = open.context;
  log.status(
    plan.stale.length === 0 ? "All generated files are up to date" : `To be made: ${filesOf(plan)}`,
    plan.stale.length === 0 ? [] : summaryLines(plan),
  );
  for (const { path, why } of plan.stale) log.status(`${path}: ${why}`, [], { v: 2 });
  sayLeftOut(log, plan);
  sayOrphans(log, plan.orphans);
  return Object.freeze({
    steps: Object.freeze(plan.steps),
    go: Object.freeze({ ...choice, tool: go }),
  });
}

/** A generator that is not run is never left out silently. */
function sayLeftOut(log: CommandContext["log"], { leftOut }: SomePlan): void {
  for (const { name, why, source } of leftOut) log.warn(`Left out: ${name} (${source}): ${why}`);
}

function sayOrphans(log: CommandContext["log"], orphans: readonly string[]): void {
  if (orphans.length === 0) return;
  log.warn("No generator makes these files any more; remove them if nothing uses them:", orphans);
}

/** How many files are made; a generator of 1.26 and later that never ran may make more than one. */
function filesOf({ stale }: SomePlan): string {
  const isOpen = stale.some(({ path }) => path.endsWith("/"));
  return `${counted(stale.length, "file")}${isOpen ? " or more" : ""}`;
}

/** A line for each generator that has something to do: how many files, and the first reason. */
function summaryLines({ generators, stale }: SomePlan): readonly string[] {
  return generators.flatMap(({ name, files, stale: count }) => {
    const own = stale.filter(({ generator }) => generator === name);
    if (own.length === 0) return [];
    return [
      // Which files it makes is known once it has run.
      count === 0 ? `${name}:` : `${name}: ${count} of ${files}`,
      ...reasonsOf(own).map((line) => `  ${line}`),
    ];
  });
}

/** Reasons that a line tells of. */
const SHOWN_REASONS = 3;

function reasonsOf(stale: readonly StaleFile[]): readonly string[] {
  const byReason = new Map<string, StaleFile[]>();
  for (const each of stale) byReason.set(each.why, [...byReason.get(each.why) ?? [], each]);
  const lines = [...byReason].map(([why, items]) => {
    const [first] = items as [StaleFile];
    return `${first.path}${items.length > 1 ? ` and ${items.length - 1} more` : ""}: ${why}`;
  });
  const more = lines.length - SHOWN_REASONS;
  return more > 0
    ? [...lines.slice(0, SHOWN_REASONS), `… and ${counted(more, "more reason")}`]
    : lines;
}

function describe(
  { generators, stale, orphans, leftOut }: SomePlan,
): Record<string, unknown> {
  return { generators, stale, orphans, leftOut };
}

const GROUP = "generated files";

/** What a generator makes is known once it has run: before, the plan has the directories that it may write to. */
function codegenSteps(
  root: string,
  { stale, tree }: CodegenPlan,
  isAside: boolean,
): readonly PlanStep[] {
  if (stale.length === 0) return [];
  const copy: PlanStep = { group: `${GROUP}: copy of the sources`, kind: "directory", path: tree };
  const steps = stale.flatMap(({ task, why, outputs, installs, producers, process, format }) => {
    const group = `${GROUP}: ${task.generator}`;
    const started = [...installs, ...producers.map(({ process }) => process), process, format]
      .filter((each) => each !== undefined);
    const work = started.map(({ argv, cwd, shownEnv }): PlanStep => (
      { group, kind: "process", argv, cwd, env: shownEnv }
    ));
    if (isAside) return work;
    return [
      ...work,
      ...outputs.map((path): PlanStep => (
        { group, kind: "generated", path: join(root, path), from: join(tree, path), why }
      )),
      ...(task.trees.length > 0 ? task.trees : task.inputs)
        .filter((place) => !outputs.some((path) => path.startsWith(`${place}/`)))
        .map((place): PlanStep => ({ group, kind: "directory", path: join(root, place) })),
    ];
  });
  return [copy, ...steps];
}

function stepsOf(
  { tools, tasks }: GeneratorsPlan,
  builder: Builder,
  isAside: boolean,
): readonly PlanStep[] {
  if (tools === undefined) return [];
  const { gopathLink, hostLink } = tools.plan;
  return [
    ...gopathLink === undefined ? [] : [linkStep("GOPATH", gopathLink)],
    ...buildSteps(tools.plan, builder).map((step) => ({ ...step, group: GROUP })),
    ...hostLink === undefined ? [] : [linkStep("generators of this machine", hostLink)],
    ...tasks.flatMap(({ generator, work, processes, makes }): PlanStep[] => {
      const group = `${GROUP}: ${generator}`;
      return [
        { group, kind: "directory", path: work },
        ...processes.map(({ argv, cwd, shownEnv }): PlanStep => (
          { group, kind: "process", argv, cwd, env: shownEnv }
        )),
        ...(isAside ? [] : makes).map(({ made: [from = ""], output, why }): PlanStep => (
          { group, kind: "generated", path: output, from, why }
        )),
      ];
    }),
  ];
}
