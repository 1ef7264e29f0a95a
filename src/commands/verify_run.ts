import { join, relative, resolve } from "@std/path";
import {
  type Check,
  checkReport,
  type CheckResult,
  findNeeds,
  listChecks,
  listUpdates,
  type NativeScript,
  nativeScript,
  type Need,
  openUndo,
  openVerdicts,
  runCheck,
  runChecks,
  scriptEnv,
  type Verdicts,
} from "../checks/mod.ts";
import { readVerifyLists } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { removeTree, writeFileAtomic } from "../files/mod.ts";
import { ensureGeneratedFiles } from "../generate/mod.ts";
import { counted } from "../lib/counted.ts";
import { gopathLink, hostGoEnv, type Link, makeLink } from "../lib/golang/mod.ts";
import { type GoChoice, type GoTool, sayGo, takeGo } from "../toolchain/mod.ts";
import { linkStep, planPreparation, preparationSteps } from "./build_run.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { nativeGeneration } from "./generate_run.ts";
import { launcherOf } from "./launcher.ts";
import { nativeProgram } from "./program_check_run.ts";
import { standInsOf, withMake } from "./make_shim.ts";
import type { PlanStep } from "./plan_steps.ts";
import { withOutput } from "./with_output.ts";

/** What a command line asks of `kbuild verify` or `quick-verify`. */
export interface AskedChecks {
  readonly words: readonly string[];
  readonly isQuick: boolean;
  readonly jobs: number | undefined;
}

interface PreparedChecks {
  /** All of them, also those that do not run. */
  readonly checks: readonly Check[];
  /** What is missing for them, by path. */
  readonly missing: ReadonlyMap<string, readonly Need[]>;
  /** Whether they were named. */
  readonly isNamed: boolean;
  readonly go: GoTool;
  readonly choice: GoChoice;
  /** The link through which the scripts run Go: two that make it at once get in each other's way. */
  readonly link: Link | undefined;
  /** Scripts whose work kbuild does itself, by path. */
  readonly natives: ReadonlyMap<string, NativeScript>;
}

function namesOf({ env }: CommandContext, { words }: AskedChecks): readonly string[] {
  return [env["WHAT"] ?? "", ...words].flatMap((text) => text.split(/\s+/))
    .filter((word) => word !== "");
}

async function prepare(
  command: CommandContext,
  open: OpenCheckout,
  asked: AskedChecks,
  options: { what: "verify" | "update"; fetch: boolean },
): Promise<PreparedChecks> {
  const { context, checkout } = open;
  const names = namesOf(command, asked);
  const checks = options.what === "update"
    ? await listUpdates(checkout, names)
    : await listChecks(checkout, { names, isQuick: asked.isQuick, variables: context.env });
  const hasMake = launcherOf(context.env) !== undefined;
  const hasGnuTools = standInsOf(context.env) !== undefined;
  const needed = checks.filter(({ skipped }) => skipped === undefined);
  const { go, choice } = await takeGo(context, checkout, options);
  const missing = await findNeeds({ ...context, hasMake, hasGnuTools }, needed);
  const link = gopathLink(context, checkout);
  const natives = await findNatives(open, needed, go);
  return Object.freeze({ checks, missing, isNamed: names.length > 0, go, choice, link, natives });
}

/** Scripts whose work kbuild does itself; with `--strict-parity` none. */
async function findNatives(
  open: OpenCheckout,
  checks: readonly Check[],
  go: GoTool,
): Promise<ReadonlyMap<string, NativeScript>> {
  const { context, checkout } = open;
  const natives = new Map<string, NativeScript>();
  if (context.strictParity) return natives;
  const env = scriptEnv(context.env, goVariables(context, checkout, go));
  for (const check of checks) {
    const native = await nativeScript(context, check, env) ??
      await nativeGeneration(open, check.path) ?? await nativeProgram(open, check.path);
    if (native !== undefined) natives.set(check.path, native);
  }
  return natives;
}

/** Checks that passed before; with `--strict-parity` all of them run. */
async function verdictsOf(
  context: OpenCheckout["context"],
  { checkout }: OpenCheckout,
  { go, natives }: PreparedChecks,
  kbuild: string,
): Promise<Verdicts | undefined> {
  if (context.strictParity) return undefined;
  const env = scriptEnv(context.env, goVariables(context, checkout, go));
  return await openVerdicts(context, {
    ...{ env, kbuild, go: `${go.path} ${go.description}` },
    isUnderstood: ({ path }) => natives.get(path)?.keepsNoRecord === true,
  });
}

/** Those that run. */
function running({ checks, missing, natives }: PreparedChecks): readonly Check[] {
  return checks.filter(({ skipped, path }) =>
    skipped === undefined && (natives.has(path) || !missing.has(path))
  );
}

/** Those that cannot run here. */
function lackingOf({ missing, natives }: PreparedChecks): readonly (readonly [
  path: string,
  needs: readonly Need[],
])[] {
  return [...missing].filter(([path]) => !natives.has(path));
}

/** Why a script cannot run here. */
function whyNot({ missing }: PreparedChecks): (check: Check) => string | undefined {
  return ({ path }) => {
    const needs = missing.get(path);
    return needs === undefined ? undefined : `Skipped: ${needsOf(needs)}`;
  };
}

function needsOf(needs: readonly Need[]): string {
  return `it needs ${needs.join(", ")}`;
}

function stepsOf(
  { context }: OpenCheckout,
  prepared: PreparedChecks,
): readonly PlanStep[] {
  return running(prepared).filter(({ path }) => !prepared.natives.has(path))
    .map(({ argv, directory }): PlanStep => ({
      ...{ group: "scripts", kind: "process", argv, cwd: join(context.root, directory), env: {} },
    }));
}

/** Plans say what no program is started for. */
function sayNatives({ log }: CommandContext, { natives }: PreparedChecks): void {
  for (const [path, { summary }] of natives) {
    log.status(`${path} is not started: kbuild does its work itself (${summary})`);
  }
}

/** What `kbuild verify` would start. */
export async function planChecks(
  command: CommandContext,
  asked: AskedChecks,
): Promise<CommandPlan> {
  const open = await command.open();
  const prepared = await prepare(command, open, asked, { what: "verify", fetch: false });
  sayNatives(command, prepared);
  for (const [path, needs] of lackingOf(prepared)) {
    command.log.status(`${path} is skipped: ${needsOf(needs)}`);
  }
  const steps = Object.freeze([
    ...prepared.link === undefined ? [] : [linkStep("GOPATH", prepared.link)],
    ...stepsOf(open, prepared),
  ]);
  return Object.freeze({ steps, go: Object.freeze({ ...prepared.choice, tool: prepared.go }) });
}

/** Runs checks, and reports them. */
export async function runVerify(command: CommandContext, asked: AskedChecks): Promise<void> {
  const opened = await command.open();
  const { context, prepared } = await takePrepared(command, opened, asked, "verify");
  const { env, log, output } = context;
  const { checks, isNamed, natives } = prepared;
  const missing = new Map(lackingOf(prepared));
  const { reportsErrors } = await readVerifyLists(context, env);
  const isSilent = env["SILENT"] === "true";
  const results = new Map<string, CheckResult>();
  const report = env["KUBE_JUNIT_REPORT_DIR"] || env["ARTIFACTS"];
  for (const { file, path, skipped } of checks) {
    if (skipped === "excluded") log.info(`Skipping ${file}`);
    if (skipped === "slow") log.info(`Skipping ${file} in quick mode`);
    const needs = missing.get(path);
    if (needs !== undefined) log.status(`Skipping ${file}: ${needsOf(needs)}`);
  }
  try {
    await inScripts(context, prepared, opened, async (scripts) => {
      await runChecks(context, running(prepared), {
        env: scripts,
        logs: join(output, ".kbuild", "verify"),
        onOutput: env["SILENT"] === "false" ? (text) => show(context, text) : undefined,
        natives,
        verdicts: await verdictsOf(context, opened, prepared, command.globals.version),
        whyNot: whyNot(prepared),
      }, {
        jobs: asked.jobs ?? navigator.hardwareConcurrency,
        onEnd(result) {
          results.set(result.check.path, result);
          const { check, isReused, outcome, seconds, tail } = result;
          if (outcome === "skipped") return log.status(`Skipping ${check.file}: ${tail[0]}`);
          const word = outcome === "passed" ? "SUCCESS " : "FAILED  ";
          const unchanged = isReused === true ? " (unchanged since it passed)" : "";
          log.info(`${word} ${check.file}\t${Math.round(seconds)}s${unchanged}`);
          if (outcome === "failed" && !isSilent) {
            for (const line of tail) log.info(`    ${line}`);
          }
        },
      });
    });
  } finally {
    // After an interrupt, the report has those that have ended.
    if (report) {
      const path = join(resolve(context.cwd, report), "junit_verify.xml");
      await Deno.mkdir(resolve(context.cwd, report), { recursive: true });
      await writeFileAtomic(path, checkReport(allOf(prepared, results), { reportsErrors }));
      log.status(`Saved JUnit XML report to ${path}`);
    }
  }
  const all = allOf(prepared, results);
  const skipped = all.filter(({ outcome }) => outcome === "skipped");
  const failed = all.filter(({ outcome }) =>
    outcome === "failed" || (outcome === "skipped" && isNamed)
  );
  const passed = all.filter(({ outcome }) => outcome === "passed").length;
  command.logSummary();
  if (command.globals.json) {
    command.printJson({
      checks: all.map(({ check, isReused, outcome, seconds, tail, log }) => ({
        ...{ name: check.name, path: check.path, outcome, seconds },
        ...isReused === true ? { reused: true } : {},
        ...outcome === "passed" ? {} : { output: tail },
        ...log === undefined ? {} : { log },
      })),
      counts: {
        passed,
        failed: all.filter(({ outcome }) => outcome === "failed").length,
        skipped: skipped.length,
      },
    });
  } else {
    printFailed(command, context.root, failed);
    const more = skipped.length === 0
      ? ""
      : `, ${skipped.length} skipped (${skipped.map(({ check }) => check.name).join(", ")})`;
    const reused = all.filter(({ isReused }) => isReused === true).length;
    const before = reused === 0 ? "" : ` (${reused} of them before, and not started again)`;
    command.print(
      `Checks: ${passed} passed${before}, ${all.length - passed - skipped.length} failed${more}`,
    );
  }
  if (failed.length === 0) return;
  throw new KbuildError(`${failed.length} of ${counted(all.length, "check")} failed`, {
    notes: [`Run them again: kbuild verify ${failed.map(({ check }) => check.name).join(" ")}`],
  });
}

/** As the script ends: what failed, and where all that it printed is. */
function printFailed(
  command: CommandContext,
  root: string,
  failed: readonly CheckResult[],
): void {
  if (failed.length === 0) return;
  const rule = "=".repeat(24);
  for (const line of [rule, "FAILED TESTS", rule]) command.print(line);
  for (const { check, log, tail } of failed) {
    const why = log === undefined ? tail.join(" ") : `log: ${relative(root, log)}`;
    command.print(`${check.path}  (${why})`);
  }
}

/** Those that ran, and those that cannot, in order. */
function allOf(
  prepared: PreparedChecks,
  results: ReadonlyMap<string, CheckResult>,
): readonly CheckResult[] {
  const missing = new Map(lackingOf(prepared));
  return prepared.checks.flatMap((check): readonly CheckResult[] => {
    const needs = missing.get(check.path);
    const result = results.get(check.path);
    if (result !== undefined) return [result];
    if (needs === undefined) return [];
    return [{
      ...{ check, outcome: "skipped", seconds: 0, tail: [`Skipped: ${needsOf(needs)}`] },
      ...{ errors: [], log: undefined },
    }];
  });
}

/** Prepares, under the lock of the outputs; the scripts themselves run without it, for they build. */
async function takePrepared(
  command: CommandContext,
  opened: OpenCheckout,
  asked: AskedChecks,
  what: "verify" | "update",
): Promise<{ context: OpenCheckout["context"]; prepared: PreparedChecks }> {
  const ask = (open: OpenCheckout) => prepare(command, open, asked, { what, fetch: true });
  return await withOutput(opened, {
    what: command.name,
    check: ask,
    prepare: ask,
    needs: () => undefined,
    fetch: () => Promise.resolve(),
    async work({ context, checkout }, prepared) {
      sayGo(context, prepared);
      if (prepared.link !== undefined) await makeLink(prepared.link);
      // As in the Makefile up to 1.25: scripts of updates compile what these files belong to.
      if (what === "update") {
        const generation = await planPreparation({ context, checkout }, prepared);
        await ensureGeneratedFiles(context, checkout, generation);
      }
      return { context, prepared };
    },
  });
}

/** Does something in the environment of the checkout's scripts, in which this kbuild is make. */
async function inScripts<T>(
  context: OpenCheckout["context"],
  { go }: PreparedChecks,
  { checkout }: OpenCheckout,
  work: (env: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const bin = await Deno.makeTempDir({ prefix: "kbuild-make-" });
  try {
    const chosen = goVariables(context, checkout, go);
    const branch = context.env["BRANCH"];
    const given = branch ? { ...context.env, KUBE_VERIFY_GIT_BRANCH: branch } : context.env;
    return await work(await withMake(scriptEnv(given, chosen), bin));
  } finally {
    await removeTree(bin);
  }
}

/** Variables that decide over Go. */
function goVariables(
  context: OpenCheckout["context"],
  checkout: OpenCheckout["checkout"],
  go: GoTool,
): Readonly<Record<string, string>> {
  const { PATH = "", GOTOOLCHAIN = "", GOROOT } = hostGoEnv(context, checkout, go);
  return { PATH, GOTOOLCHAIN, ...GOROOT === undefined ? {} : { GOROOT } };
}

function show({ log }: OpenCheckout["context"], text: string): void {
  log.events.log("output", text);
}

/** Scripts that change the checkout run one after the other. */
function updatesOf(words: readonly string[]): AskedChecks {
  return { words, isQuick: false, jobs: 1 };
}

/** What `kbuild update` would start. */
export async function planUpdates(
  command: CommandContext,
  words: readonly string[],
): Promise<CommandPlan> {
  const open = await command.open();
  const prepared = await prepare(command, open, updatesOf(words), {
    what: "update",
    fetch: false,
  });
  const { context } = open;
  const generation = await planPreparation(open, prepared);
  sayNatives(command, prepared);
  for (const [path, needs] of lackingOf(prepared)) {
    command.log.warn(`${path} cannot run: ${needsOf(needs)}`);
  }
  const steps = [
    ...preparationSteps(prepared.link, generation, context.builder),
    ...stepsOf(open, prepared),
  ];
  const go = Object.freeze({ ...prepared.choice, tool: prepared.go });
  return Object.freeze({ steps: Object.freeze(steps), go });
}

/** Puts the checkout back as it was before a script that failed; what that left is kept. */
async function putBack(
  { log, output, root }: OpenCheckout["context"],
  { name }: Check,
  undo: Awaited<ReturnType<typeof openUndo>>,
): Promise<readonly string[]> {
  if (undo === undefined) return ["What it changed stays: git cannot say how the files were"];
  const { paths, left, problems, aside } = await undo.run(
    join(output, ".kbuild", "update", `${name}.undone`),
  );
  if (paths.length > 0) log.status("Put back as they were before:", paths);
  return [
    ...paths.length === 0 ? [] : [
      `As before it: ${counted(paths.length, "file")}${
        aside === undefined ? "" : `; what it made of them: ${relative(root, aside)}`
      }`,
    ],
    ...left.length === 0 ? [] : [`These stay as it left them: ${left.join(", ")}`],
    ...problems,
  ];
}

/** Runs the scripts that bring generated files up to date. */
export async function runUpdate(
  command: CommandContext,
  words: readonly string[],
): Promise<void> {
  const opened = await command.open();
  const isForced = opened.context.env["FORCE_ALL"] === "true";
  const { context, prepared } = await takePrepared(
    command,
    opened,
    updatesOf(words),
    "update",
  );
  const { env, log, output, root, strictParity } = context;
  const lacking = lackingOf(prepared).map(([path, needs]) => `${path}: ${needsOf(needs)}`);
  if (lacking.length > 0 && !isForced) {
    throw new KbuildError("Cannot update: scripts cannot run here, and nothing was changed", {
      notes: [...lacking, `Name others: kbuild update ${running(prepared)[0]?.name ?? "gofmt"}`],
    });
  }
  for (const line of lacking) log.warn(`Skipped ${line}`);
  const results: CheckResult[] = [];
  let undone: readonly string[] = [];
  await inScripts(context, prepared, opened, async (scripts) => {
    for (const check of running(prepared)) {
      log.status(`Running ${check.file.replace(/\.sh$/, "")}`);
      const undo = isForced || strictParity ? undefined : await openUndo(context);
      const result = await runCheck(context, check, {
        env: scripts,
        logs: join(output, ".kbuild", "update"),
        onOutput: (text, stream) => {
          if (stream === "stderr" || env["SILENT"] === "false") show(context, text);
        },
        natives: prepared.natives,
        whyNot: whyNot(prepared),
      });
      results.push(result);
      if (result.outcome !== "failed") continue;
      log.info(`Running ${check.file.replace(/\.sh$/, "")} FAILED`);
      if (isForced) continue;
      undone = await putBack(context, check, undo);
      break;
    }
  });
  const failed = results.filter(({ outcome }) => outcome === "failed");
  command.logSummary();
  if (command.globals.json) {
    command.printJson({
      scripts: results.map(({ check, outcome, seconds, log }) => (
        { name: check.name, path: check.path, outcome, seconds, log }
      )),
      skipped: lackingOf(prepared).map(([path]) => path),
    });
  }
  if (failed.length + lacking.length > 0 && !(strictParity && isForced)) {
    const [first] = failed;
    const what = first === undefined
      ? `${counted(lacking.length, "script")} could not run`
      : isForced
      ? `${failed.length} of ${counted(results.length, "script")} failed`
      : `${first.check.path} failed`;
    const logs = failed.flatMap(({ log }) => log === undefined ? [] : [relative(root, log)]);
    throw new KbuildError(`Cannot update everything: ${what}`, {
      notes: [
        ...logs.length === 0 ? [] : [`All that it printed: ${logs.join(", ")}`],
        ...undone,
        "What was changed so far: git status",
      ],
      output: first?.tail ?? [],
    });
  }
  if (!command.globals.json) command.print("Update scripts completed successfully");
}
