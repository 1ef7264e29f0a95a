import { format as formatBytes } from "@std/fmt/bytes";
import { searchRoot } from "../checkout/mod.ts";
import { checkEnvironment, parseInput, undecidedVariables, type VariableSpec } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import { hostOf } from "../net/mod.ts";
import { quote, quoteCommand } from "../shell/mod.ts";
import { plannedGoUrls } from "../toolchain/mod.ts";
import type { Command, CommandContext, CommandPlan } from "./context.ts";
import { goText } from "./inspect_run.ts";
import { networkOf, printNetwork } from "./plan_network.ts";
import type { PlannedFetch, PlannedName } from "../registry/mod.ts";
import { type PlannedUnit, type PlanStep, pushLine } from "./plan_steps.ts";
import { shortPath } from "./short_path.ts";
import { ifPresent } from "../files/mod.ts";

/** One file that would be written, and the size of what is there now. */
interface PlannedFile {
  readonly kind: PlanStep["kind"];
  readonly path: string;
  /** The file that it is copied or moved from. */
  readonly from: string | undefined;
  /** The files that go into it as they are, where that is known. */
  readonly reads: readonly string[] | undefined;
  /** Bytes; undefined where there is no such file yet. */
  readonly size: number | undefined;
}

/** Files that are not there yet are new ones. */
const MADE: ReadonlySet<string> = new Set([
  ...[
    "binary",
    "checksums",
    "download",
    "generated",
    "image",
    "overlay",
    "package",
    "tarball",
    "version",
  ],
]);

/** Prints what a command would do with these arguments. */
export async function showPlan(
  command: CommandContext,
  planned: Command,
  words: readonly string[],
  { network, units, variables }: {
    network: boolean;
    units: boolean;
    variables: readonly VariableSpec[];
  },
): Promise<void> {
  if (network && units) throw new UsageError("Cannot use --network with --units");
  if (planned.plan === undefined) {
    const { reason, notes } = planned.unplanned ?? {
      reason: "it only looks",
      notes: ["Plans are for commands that change something"],
    };
    throw new UsageError(`Cannot plan "kbuild ${planned.name}": ${reason}`, notes);
  }
  const input = parseInput(words, planned, { otherVariables: variables });
  checkEnvironment(undecidedVariables(planned, input), command.globals.env);
  const context = command.forCommand(planned, input);
  const plan = await planned.plan(context, input);
  if (units) return printUnits(context, planned.name, await plan.units?.());
  if (network) return printNetwork(context, await fetchesOf(context, plan));
  if (context.globals.json) await printPlanJson(context, plan);
  else print(context, await rootOf(context), plan, await filesOf(plan.steps));
}

/** @throws {UsageError} The command is not made of units with keys. */
function printUnits(
  context: CommandContext,
  name: string,
  units: readonly PlannedUnit[] | undefined,
): void {
  if (units === undefined) {
    throw new UsageError(
      `Cannot show the units of "kbuild ${name}": it does not build or package`,
      [
        `The whole plan: kbuild plan ${name}`,
      ],
    );
  }
  if (context.globals.json) return context.printJson({ command: name, units });
  context.printTable([
    ["UNIT", "SECONDS", "KEY"],
    ...units.map(({ id, key, seconds, why }) => [
      id,
      seconds === null ? "" : seconds.toFixed(1),
      key ?? `none: ${why}`,
    ]),
  ], { align: ["left", "right"], cut: ["end", undefined, "end"] });
}

async function fetchesOf(
  command: CommandContext,
  { steps, go }: CommandPlan,
): Promise<readonly PlannedFetch[]> {
  const urls = go === undefined ? [] : await plannedGoUrls((await command.open()).context, go);
  return networkOf(steps, go, urls);
}

/** The checkout that paths are shown from; undefined outside of one. */
async function rootOf({ globals, cwd }: CommandContext): Promise<string | undefined> {
  return (await searchRoot(globals.root ?? cwd)).root;
}

/** Prints the steps of a command for a program: `kbuild plan --json`, `--dry-run --json`. */
export async function printPlanJson(
  context: CommandContext,
  plan: CommandPlan,
): Promise<void> {
  const { steps, go } = plan;
  const processes = steps.filter((step) => step.kind === "process")
    .map(({ kind: _kind, ...process }) => process);
  context.printJson({
    command: context.name,
    go: go ?? null,
    downloads: downloadsOf(plan),
    processes,
    files: await filesOf(steps),
    pushes: pushesOf(steps),
  });
}

/** What would be fetched before anything else. */
function downloadsOf(
  { steps, go }: CommandPlan,
): readonly { what: string; from: string }[] {
  const images = steps.filter((step) => step.kind === "fetch" || step.kind === "download")
    .map(({ what, urls }) => ({ what, from: hostOf(urls[0]?.url ?? "") }));
  if (go?.action !== "proxy" && go?.action !== "archive") return images;
  return [...images, {
    what: `Go ${go.version ?? go.want}`,
    from: go.url ?? "the module proxy (go env GOPROXY)",
  }];
}

function pushesOf(steps: readonly PlanStep[]): readonly PlannedName[] {
  return steps.filter((step) => step.kind === "push")
    .map(({ kind: _kind, group: _group, ...push }) => push);
}

async function filesOf(steps: readonly PlanStep[]): Promise<readonly PlannedFile[]> {
  const written = steps.filter((step) =>
    step.kind !== "process" && step.kind !== "fetch" && step.kind !== "push"
  );
  return await Promise.all(written.map(async (step) => {
    const { kind, path } = step;
    const info = await ifPresent(Deno.stat(path));
    const size = info?.isFile === true ? info.size : undefined;
    const from = "from" in step ? step.from : undefined;
    const reads = step.kind === "tarball"
      ? step.reads
      : step.kind === "package"
      ? step.programs
      : undefined;
    return Object.freeze({ kind, path, from, reads, size });
  }));
}

function print(
  command: CommandContext,
  root: string | undefined,
  plan: CommandPlan,
  files: readonly PlannedFile[],
): void {
  const { steps, go } = plan;
  const relative = (path: string) => root === undefined ? path : shortPath(path, root);
  if (go !== undefined) command.print(`Go         ${goText(go)}  (${go.why})`);
  const downloads = downloadsOf(plan).map(({ what, from }) => `${what} from ${from}`);
  command.print(`Downloads  ${downloads.length === 0 ? "none" : downloads.join(", ")}`);

  const processes = steps.filter((step) => step.kind === "process");
  command.print(`Processes  ${processes.length}`);
  for (const { group, argv, cwd, env, source } of processes) {
    const from = source === undefined ? "" : `  (${source})`;
    command.print(`  ${group}: in ${quote(cwd)}${from}`);
    for (const [name, value] of Object.entries(env)) command.print(`    ${name}=${quote(value)}`);
    command.print(`    ${quoteCommand(argv)}`);
  }
  command.print(`Files      ${files.length}`);
  const rows = files.map(({ kind, path, size }) => [
    kind,
    relative(path),
    size !== undefined ? `now ${formatBytes(size)}` : MADE.has(kind) ? "new" : "",
  ]);
  command.printTable(rows, { indent: "  ", cut: [undefined, "start"] });
  const reads = new Set(files.flatMap(({ reads }) => reads ?? []));
  if (reads.size > 0) command.print(`Reads      ${reads.size}`);
  for (const path of reads) command.print(`  ${relative(path)}`);
  const pushes = pushesOf(steps);
  if (pushes.length === 0) return;
  command.print(`Pushes     ${pushes.length}`);
  for (const push of pushes) command.print(`  ${pushLine(push)}`);
}
