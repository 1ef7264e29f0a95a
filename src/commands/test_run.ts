import { join, resolve } from "@std/path";
import { KbuildError, UsageError } from "../errors.ts";
import { ifPresent, readText, writeFileAtomic } from "../files/mod.ts";
import { ensureGeneratedFiles, type GenerationPlan } from "../generate/mod.ts";
import { counted } from "../lib/counted.ts";
import { makeLink } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { duration } from "../progress/mod.ts";
import {
  coveredPercent,
  type EtcdPlan,
  failureLines,
  installEtcd,
  junitOf,
  keepFailures,
  lcovOf,
  packageLine,
  type PackageResult,
  parseCoverage,
  planIntegrationTests,
  plannedEtcdUrls,
  planTests,
  readFailures,
  runTests,
  type Shard,
  startEtcd,
  summarize,
  summaryLine,
  type TestCommand,
  type TestPlan,
} from "../testing/mod.ts";
import { type GoChoice, type GoTool, sayGo, takeGo } from "../toolchain/mod.ts";
import { planPreparation, preparationSteps, whileGitLooks } from "./build_run.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import type { PlanStep } from "./plan_steps.ts";
import { withOutput } from "./with_output.ts";

/** What a command line asks of `kbuild test` or `kbuild test-integration`. */
export interface AskedTests {
  readonly command: TestCommand;
  readonly words: readonly string[];
  readonly run: string | undefined;
  readonly jobs: number | undefined;
  readonly since: string | undefined;
  readonly shard: Shard | undefined;
  /** Whether what failed is tested again. */
  readonly rerun: boolean;
  /** Whether a release follows: WHAT is then the release's, and the result is its. */
  readonly isPartOfRelease?: boolean;
}

/** Where reports go; undefined: they are not wanted. */
interface Reports {
  /** Path without an ending: `…/junit_20260518-151914`. */
  readonly junit: string | undefined;
  /** Directory. */
  readonly coverage: string | undefined;
}

interface PreparedTests {
  readonly plan: TestPlan & { readonly etcd?: EtcdPlan };
  readonly generation: GenerationPlan;
  readonly go: GoTool;
  readonly choice: GoChoice;
  readonly reports: Reports;
}

const PROFILE = "combined-coverage";

async function prepareTests(
  { context, checkout, go: given }: OpenCheckout,
  asked: AskedTests,
  options: { fetch: boolean },
): Promise<PreparedTests> {
  const { env } = context;
  const named = asked.isPartOfRelease === true ? [] : [env["WHAT"] ?? "", env["TESTS"] ?? ""];
  const words = [...named, ...asked.words]
    .flatMap((text) => text.split(/\s+/)).filter((word) => word !== "");
  const reports = reportsOf(context);
  const open = { context, checkout };
  const planAll = asked.command === "test" ? planTests : planIntegrationTests;
  return await whileGitLooks(open, async (tree) => {
    const chosen = given ?? await takeGo(context, checkout, options);
    const plan: PreparedTests["plan"] = await planAll(context, checkout, chosen.go, {
      ...asked,
      words: words.filter((word) => !word.startsWith("-")),
      goflags: words.filter((word) => word.startsWith("-")),
      failures: asked.rerun ? await readFailures(context, asked.command) : undefined,
      coverage: reports.coverage === undefined ? undefined : {
        profile: join(reports.coverage, `${PROFILE}.out`),
        mode: env["KUBE_COVERMODE"] || "atomic",
      },
    });
    const { targets } = plan;
    const generation = await planPreparation(open, chosen, { targets, tree });
    return Object.freeze({ plan, generation, ...chosen, reports });
  });
}

/** Port of `kube::util::sortable_date`: `date +%Y%m%d-%H%M%S`, local time. */
function sortableDate(now: Date): string {
  const parts = [
    now.getMonth() + 1,
    now.getDate(),
    now.getHours(),
    now.getMinutes(),
    now.getSeconds(),
  ];
  const [month, day, ...time] = parts.map((part) => String(part).padStart(2, "0"));
  return `${now.getFullYear()}${month}${day}-${time.join("")}`;
}

/** @throws {UsageError} Programs in a container cannot write to the directory for the coverage. */
function reportsOf({ builder, env, cwd, output }: KubeContext): Reports {
  const date = sortableDate(new Date());
  const junit = env["KUBE_JUNIT_REPORT_DIR"] || env["ARTIFACTS"];
  const isCovered = /^[yY]$/.test(env["KUBE_COVER"] ?? "");
  const isElsewhere = builder.image !== undefined;
  const usual = isElsewhere ? join(output, "k8s_coverage") : "/tmp/k8s_coverage";
  const coverage = resolve(cwd, env["KUBE_COVER_REPORT_DIR"] || join(usual, date));
  if (isCovered && isElsewhere && !coverage.startsWith(`${output}/`)) {
    throw new UsageError(
      `Cannot use KUBE_COVER_REPORT_DIR="${coverage}" with --container: it is not in the outputs`,
      [`Name a directory below "${output}"`],
    );
  }
  return {
    junit: junit ? join(resolve(cwd, junit), `junit_${date}`) : undefined,
    coverage: isCovered ? coverage : undefined,
  };
}

/** The etcd that tests need; undefined if nothing is tested. */
function etcdOf({ etcd, processes }: PreparedTests["plan"]): EtcdPlan | undefined {
  return processes.length === 0 ? undefined : etcd;
}

/** What testing would start. */
export async function planTestSteps(
  command: CommandContext,
  open: OpenCheckout,
  asked: AskedTests,
): Promise<CommandPlan> {
  const { builder } = open.context;
  const { plan, generation, go, choice } = await prepareTests(open, asked, { fetch: false });
  for (const note of plan.notes) command.log.status(note);
  const etcd = etcdOf(plan);
  const steps = Object.freeze([
    ...preparationSteps(plan.link, generation, builder),
    ...etcd?.release === undefined ? [] : [{
      ...{ group: "etcd", kind: "fetch", what: `etcd ${etcd.version}` } as const,
      urls: plannedEtcdUrls(open.context, etcd.release),
    }],
    ...etcd === undefined ? [] : [
      { group: "etcd", kind: "directory", path: etcd.directory } as const,
      {
        ...{ group: "etcd", kind: "process", argv: etcd.argv, cwd: etcd.directory } as const,
        env: etcd.env,
      },
    ],
    ...plan.processes.map(({ argv, cwd, env, shownEnv, source }): PlanStep => ({
      ...{ group: "tests", kind: "process" },
      ...builder.image === undefined
        ? { argv, cwd, env: shownEnv }
        : builder.startOf({ argv, cwd, env }),
      ...source === undefined ? {} : { source },
    })),
  ]);
  return Object.freeze({ steps, go: Object.freeze({ ...choice, tool: go }) });
}

/** Runs tests, and shows what came out of them. */
export async function runTestCommand(
  command: CommandContext,
  opened: OpenCheckout,
  asked: AskedTests,
): Promise<void> {
  // The lock is for what is written to the outputs; tests run without it, beside other builds.
  const { context, prepared } = await withOutput(opened, {
    what: asked.command,
    check: (open) => prepareTests(open, asked, { fetch: true }),
    prepare: (open) => prepareTests(open, asked, { fetch: true }),
    needs: ({ plan }) => etcdOf(plan)?.release ?? null,
    async fetch({ context }, release) {
      if (release !== null) await installEtcd(context, release);
    },
    async work({ context, checkout }, prepared) {
      const { plan, generation } = prepared;
      sayGo(context, prepared);
      for (const note of plan.notes) context.log.status(note);
      if (plan.link !== undefined) {
        await makeLink(plan.link);
        await context.builder.send([plan.link.path]);
      }
      await ensureGeneratedFiles(context, checkout, generation);
      return { context, prepared };
    },
  });
  const { plan, reports, go } = prepared;
  const at = new Date();
  const saveJunit = async (results: readonly PackageResult[]) => {
    if (reports.junit === undefined) return;
    const isPruned = context.env["KUBE_PRUNE_JUNIT_TESTS"] === "true";
    const report = junitOf(results, { go: go.description, at: at.toISOString(), isPruned });
    await writeFileAtomic(`${reports.junit}.xml`, report);
    context.log.status(`Saved JUnit XML test report to ${reports.junit}.xml`);
  };
  const ended: PackageResult[] = [];
  let packages: readonly PackageResult[];
  try {
    packages = await testAndReport(context, prepared, ended);
  } catch (error) {
    // After an interrupt, the report has those that have ended.
    await saveJunit(ended);
    throw error;
  }
  await keepFailures(context, packages, {
    isWhole: asked.run === undefined,
    command: asked.command,
  });
  await saveJunit(packages);
  const covered = reports.coverage === undefined
    ? undefined
    : await reportCoverage(context, prepared, reports.coverage);
  command.logSummary();
  const summary = summarize(packages);
  const { failed } = summary.packages;
  const repeating = context.builder.image === undefined
    ? asked.command
    : `${asked.command} --container`;
  const seconds = (Date.now() - at.getTime()) / 1000;
  const print = (line: string) =>
    asked.isPartOfRelease === true ? context.log.info(line) : command.print(line);
  if (command.globals.json && asked.isPartOfRelease !== true) {
    command.printJson({
      ...summary,
      ...covered === undefined ? {} : { coveredPercent: covered },
      results: packages.map(({ name, outcome, isCached, seconds, tests, output }) => ({
        ...{ name, outcome, cached: isCached, seconds, output },
        tests: tests.filter((test) => test.outcome !== "passed"),
      })),
      seconds,
    });
  } else {
    for (const line of failureLines(packages, plan.own, repeating)) print(line);
    if (packages.length > 0) {
      if (summary.packages.failed > 0) print("");
      print(`${summaryLine(summary, plan.own)}; ${duration(seconds * 1000)}`);
    }
    if (covered !== undefined) print(`Coverage: ${covered.toFixed(1)}% of statements`);
  }
  if (failed === 0) return;
  throw new KbuildError(`Tests failed in ${failed} of ${counted(packages.length, "package")}`, {
    notes: [`Test again what failed: kbuild ${repeating} --rerun-failed`],
  });
}

/**
 * Runs the tests; each package has a line when it has ended, with FULL_LOG or -v also what they print.
 *
 * @param ended Gets each package that has ended by itself.
 */
async function testAndReport(
  context: KubeContext,
  { plan, reports }: PreparedTests,
  ended: PackageResult[],
): Promise<readonly PackageResult[]> {
  const { env, log } = context;
  if (plan.processes.length === 0) return [];
  const isFull = Boolean(env["FULL_LOG"]) ||
    plan.processes.some(({ argv }) => argv.includes("-v")) ||
    /(^|\s)-v(\s|$)/.test(env["GOFLAGS"] ?? "");
  if (reports.coverage !== undefined) {
    await Deno.mkdir(reports.coverage, { recursive: true });
    await context.builder.send([reports.coverage]);
  }
  const keepsRaw = reports.junit !== undefined &&
    /^[yY]$/.test(env["KUBE_KEEP_VERBOSE_TEST_OUTPUT"] ?? "");
  if (reports.junit !== undefined) {
    await Deno.mkdir(join(reports.junit, ".."), { recursive: true });
  }
  using raw = keepsRaw
    ? await Deno.open(`${reports.junit}.stdout`, { write: true, create: true, truncate: true })
    : undefined;
  const planned = etcdOf(plan);
  await using etcd = planned === undefined ? undefined : await startEtcd(context, planned);
  if (etcd !== undefined) log.status(`Started etcd ${etcd.plan.version} at ${etcd.plan.url}`);
  const processes = plan.processes.map((each) => (
    { ...each, env: { ...each.env, ...etcd?.plan.testEnv } }
  ));
  const packages = await runTests(context, { ...plan, processes }, {
    onPackage(result) {
      // What an interrupt cuts off has not ended.
      if (context.signal?.aborted !== true) ended.push(result);
      const isQuiet = isFull || result.outcome === "skipped";
      if (!isQuiet) log.info(packageLine(result));
    },
    ...isFull ? { onOutput: (text: string) => log.events.log("output", text) } : {},
    ...raw === undefined ? {} : {
      onRaw: async (chunk: Uint8Array) => {
        for (let at = 0; at < chunk.length;) at += await raw.write(chunk.subarray(at));
      },
    },
  });
  etcd?.check();
  if (reports.coverage !== undefined) await context.builder.fetch([reports.coverage]);
  return packages;
}

/** Writes the reports of a coverage profile; returns how much was covered, in percent. */
async function reportCoverage(
  context: KubeContext,
  { plan, go }: PreparedTests,
  directory: string,
): Promise<number | undefined> {
  const path = (ending: string) => join(directory, `${PROFILE}.${ending}`);
  const profile = await ifPresent(readText(path("out")));
  if (profile === undefined) return undefined;
  const coverage = parseCoverage(profile);
  const { own } = plan;
  await writeFileAtomic(
    path("lcov"),
    lcovOf(coverage, (file) => {
      const inside = file.startsWith(`${own}/`) ? file.slice(own.length + 1) : file;
      const staged = inside.replace(/^vendor\//, "");
      return inside === file || staged !== inside ? `staging/src/${staged}` : inside;
    }),
  );
  const [first] = plan.processes;
  await context.builder.shell.run(
    [go.path, "tool", "cover", `-html=${path("out")}`, `-o=${path("html")}`],
    {
      ...first === undefined ? {} : { cwd: first.cwd, env: first.env },
      label: "Drawing the coverage",
    },
  );
  await context.builder.fetch([path("html")]);
  context.log.status("Combined coverage report:", [path("html"), path("lcov")]);
  return coveredPercent(coverage);
}
