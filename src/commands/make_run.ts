import { join, resolve } from "@std/path";
import { findRoot, type Makefile, readMakefile } from "../checkout/mod.ts";
import { type Input, parseInput, variablesOf } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { ifPresent, isDirectory, readText, removeTree } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import type { Command, CommandContext } from "./context.ts";
import { withMake } from "./make_shim.ts";
import { scriptOf } from "./plan_steps.ts";

/** Exit status of make when a target fails. */
const FAILED = 2;

/** What `kbuild make` asks about the commands that it runs. */
export interface MakeSources {
  /** The command that does what a target of make does; undefined where there is none. */
  find(goal: string, start: string): Promise<Command | undefined>;
}

/** What the targets of one command line share. */
interface Run {
  readonly command: CommandContext;
  readonly input: Input;
  readonly sources: MakeSources;
  readonly root: string;
  readonly makefile: Makefile;
  /** Environment of recipes: what the Makefile exports, with this kbuild as `make`. */
  readonly env: Readonly<Record<string, string>>;
  /** Targets that were begun: a circle of them ends, as with make. */
  readonly begun: Set<string>;
}

/** Runs make's command line. */
export async function runMake(
  command: CommandContext,
  input: Input,
  sources: MakeSources,
): Promise<void> {
  const { cwd, globals, env } = command;
  const root = await findRoot(resolve(cwd, input.string("directory") ?? globals.root ?? "."));
  const text = await ifPresent(readText(join(root, "Makefile"))) ?? "";
  const makefile = readMakefile(text, { variables: env, overrides: input.variables });
  const goals = input.args.length > 0 ? input.args : ["all"];
  const bin = await Deno.makeTempDir({ prefix: "kbuild-make-" });
  try {
    const exported = { ...env, ...exportedBy(makefile, env), MAKELEVEL: "1" };
    const recipeEnv = await withMake(exported, bin);
    const begun = new Set<string>();
    const run: Run = { command, input, sources, root, makefile, env: recipeEnv, begun };
    const failures: unknown[] = [];
    for (const goal of goals) {
      try {
        await makeGoal(run, goal);
      } catch (error) {
        if (input.boolean("keep-going") !== true || command.signal.aborted) throw asMake(error);
        command.reportError(error);
        failures.push(error);
      }
    }
    if (failures.length > 0) {
      throw new KbuildError(`${failures.length} of ${counted(goals.length, "target")} failed`, {
        exitCode: FAILED,
      });
    }
  } finally {
    await removeTree(bin);
  }
}

/** The error with the exit status that make would have. */
function asMake(error: unknown): unknown {
  if (!(error instanceof KbuildError) || error.exitCode !== 1) return error;
  const { message, notes, output } = error;
  return new KbuildError(message, { notes, output, exitCode: FAILED, cause: error });
}

/** Makes one target, and what it needs before. */
async function makeGoal(run: Run, goal: string): Promise<void> {
  const { command, sources, root, makefile, begun } = run;
  if (begun.has(goal)) return;
  begun.add(goal);
  const help = await helpOf(run, goal);
  if (help !== undefined) return command.print(help);
  const rules = makefile.rules.filter(({ targets, holds }) => holds && targets.includes(goal));
  const planned = await sources.find(goal, root);
  if (planned !== undefined) return await runCommand(run, planned);
  const rule = rules.findLast(({ recipe }) => recipe.length > 0);
  if (rules.length === 0) throw noRule(makefile, goal);
  for (const needed of rules.flatMap(({ prerequisites }) => prerequisites)) {
    const { text, isComplete } = makefile.expand(needed);
    if (!isComplete) throw notUnderstood(goal, needed);
    for (const name of text.split(/\s+/).filter((word) => word !== "")) {
      await makeGoal(run, name);
    }
  }
  for (const [index, line] of (rule?.recipe ?? []).entries()) {
    await runRecipe(run, goal, line, rule?.mayFail.includes(index) === true);
  }
  if (rule === undefined) command.log.status(`Nothing to do for ${goal}`, [], { v: 2 });
}

/** Runs a command of kbuild, with the variables of make's command line. */
async function runCommand({ command, input, root }: Run, planned: Command): Promise<void> {
  const known = new Set(variablesOf(planned).map(({ name }) => name));
  const words = Object.entries(input.variables).filter(([name]) => known.has(name))
    .map(([name, value]) => `${name}=${value}`);
  const given = parseInput([...words, "--root", root], planned);
  const context = command.forCommand(planned, given);
  if (input.boolean("just-print") !== true) return await planned.run(context, given);
  if (planned.plan === undefined) return command.print(`kbuild ${planned.name}`);
  for (const line of scriptOf((await planned.plan(context, given)).steps)) command.print(line);
}

/** Stands for a dollar sign that is the shell's. */
const DOLLAR = "\ue000";

/** Whether a text has only variables in it that are known, or that nobody sets: those are empty for make. */
function isPlain({ variables, expand }: Makefile, text: string): boolean {
  const rest = text.replaceAll(
    /\$\(([\w.-]+)\)|\$\{([\w.-]+)\}/g,
    (whole, one: string, two: string) => {
      const name = one ?? two;
      return !variables.has(name) || expand(whole).isComplete ? "" : "$";
    },
  );
  return !rest.includes("$");
}

/** Runs one line of a recipe, as make hands it to the shell. */
async function runRecipe(
  run: Run,
  goal: string,
  line: string,
  mayFail: boolean,
): Promise<void> {
  const { command, input, makefile, root, env } = run;
  const marked = line.replaceAll("$$", DOLLAR).replaceAll(/\$@|\$\(@\)/g, goal);
  if (!isPlain(makefile, marked)) throw notUnderstood(goal, line);
  const { text } = makefile.expand(marked.replaceAll(/\$\(MAKE\)|\$\{MAKE\}/g, "make"));
  const script = text.replaceAll(DOLLAR, "$");
  if (input.boolean("just-print") === true) return command.print(script);
  const { code } = await command.shell.run(["bash", "-c", script], {
    cwd: root,
    env: { ...env, ...variablesOfTarget(makefile, goal) },
    output: "inherit",
    allowed: "any",
    label: `Making ${goal}`,
  });
  if (code === 0) return;
  if (mayFail) {
    return command.log.warn(`A command of "${goal}" exited with status ${code}, which is ignored`);
  }
  throw new KbuildError(`Cannot make "${goal}": its recipe exited with status ${code}`, {
    notes: [`It ran: ${script.length > 200 ? `${script.slice(0, 200)}…` : script}`],
    exitCode: FAILED,
  });
}

/** Variables that hold for one target: `quick-release-images: KUBE_FASTBUILD = true`. */
function variablesOfTarget({ lines, expand }: Makefile, goal: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of lines) {
    const [, targets = "", name, value = ""] =
      /^([^\t#:=]+):[ \t]*([A-Za-z_]\w*)[ \t]*[:?]?=[ \t]*(.*)$/.exec(line) ?? [];
    if (name !== undefined && targets.split(/\s+/).includes(goal)) found[name] = expand(value).text;
  }
  return found;
}

/** Variables that the Makefile exports to recipes: all of its own, if it says so. */
function exportedBy(
  makefile: Makefile,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  if (!makefile.lines.some((line) => /^\.EXPORT_ALL_VARIABLES:/.test(line))) return {};
  const exported: Record<string, string> = {};
  for (const [name, value] of makefile.variables) {
    // What the environment has is handed on as it is.
    if (value === env[name]) continue;
    const { text, isComplete } = makefile.expand(value);
    if (isComplete && !/^(SHELL|MAKE.*)$/.test(name)) exported[name] = text;
  }
  return exported;
}

/**
 * What the checkout's Makefile says of a target: `make all PRINT_HELP=y`.
 *
 * @returns undefined where it says nothing: the target is then made, as with make.
 */
async function helpOf(
  { command: { env }, makefile: { expand, rules, templates, variables }, root }: Run,
  goal: string,
): Promise<string | undefined> {
  if (env["PRINT_HELP"] !== "y") return undefined;
  for (const { holds, recipe, targets } of rules) {
    const [, name] = recipe.map((line) => /"\$\$(\w*HELP_INFO)"/.exec(line))
      .find((match) => match !== null) ?? [];
    if (!holds || name === undefined) continue;
    // $(notdir $(abspath $(wildcard cmd/*/))): the directories of programs; later in $(CMD_TARGET).
    const written = targets.join(" ").replaceAll(
      /\$\((\w+)\)/g,
      (word, variable) => variables.get(variable) ?? word,
    );
    const [, above] = /\$\(wildcard ([\w/]+\/)\*\/\)/.exec(written) ?? [];
    const isTarget = targets.includes(goal) ||
      above !== undefined && await isDirectory(join(root, above, goal));
    const text = templates.get(name)?.replaceAll("$$", DOLLAR);
    if (isTarget && text !== undefined) return expand(text).text.replaceAll(DOLLAR, "$");
  }
  return undefined;
}

function noRule({ rules }: Makefile, goal: string): UsageError {
  const names = rules.flatMap(({ targets, holds }) => holds ? targets : []);
  return new UsageError(`No rule to make target "${goal}"`, [
    ...didYouMean(nearest(goal, names)),
    "It is neither a target of the checkout's Makefile nor a directory in cmd/",
  ]);
}

function notUnderstood(goal: string, text: string): KbuildError {
  return new KbuildError(`Cannot make "${goal}": kbuild does not understand "${text}"`, {
    notes: [`Run it with make: make ${goal}`],
    exitCode: FAILED,
  });
}
