import { resolve } from "@std/path";
import { findRoot, searchRoot } from "../checkout/mod.ts";
import { wrap } from "../cli/mod.ts";
import {
  type Check,
  checkBuild,
  checkConfig,
  checkEngines,
  checkGit,
  checkGo,
  checkImages,
  checkMachine,
  checkPlace,
  checkProxies,
  checkRepository,
  checkSettings,
  type EngineName,
  ENGINES,
  examine,
  type Finding,
  type GroupName,
  GROUPS,
  type State,
} from "../doctor/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { counted } from "../lib/counted.ts";
import { type ContextOptions, createContext, type KubeContext } from "../lib/init.ts";
import { createLogger } from "../lib/logging.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { hostPlatform } from "../lib/util.ts";
import type { CommandContext, OpenCheckout } from "./context.ts";
import { CONFIG } from "./flags.ts";
import { prepareRelease } from "./release_run.ts";

/** Columns of lines, at most. */
const COLUMNS = 100;

const MARKS: Readonly<Record<State, string>> = { ok: "ok", warning: "warn", failure: "FAIL" };

/** Examines the machine and the checkout around, and prints each finding. */
export async function runDoctor(command: CommandContext, words: readonly string[]): Promise<void> {
  const subjects = words.map(subjectOf);
  const { json } = command.globals;
  const findings: Finding[] = [];
  const run = { known: new Set<string>(), signal: command.signal };
  for (const { group, checks } of await checksOf(command, subjects)) {
    if (subjects.length > 0 && !subjects.includes(group)) continue;
    for await (const finding of examine(await checks(), run)) {
      if (!json) show(command, finding, findings.at(-1)?.group);
      findings.push(finding);
    }
  }
  const failed = findings.filter(({ state }) => state === "failure").length;
  const warned = findings.filter(({ state }) => state === "warning").length;
  if (json) command.printJson({ ok: failed === 0, findings });
  if (failed > 0) {
    throw new KbuildError(`${failed} of ${counted(findings.length, "check")} failed`, {
      notes: json ? [] : ["What mends each is below it"],
    });
  }
  if (!json) {
    const some = warned === 0 ? "" : `; warnings: ${warned}`;
    command.print(
      `\nNothing is in the way of a build: ${counted(findings.length, "check")}${some}`,
    );
  }
}

/** Words that limit what is checked. */
type SubjectName = GroupName | EngineName;

function subjectOf(word: string): SubjectName {
  const names = [...Object.keys(GROUPS), ...Object.keys(ENGINES)] as SubjectName[];
  const found = names.find((name) => name === word);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot check "${word}": it is not one of ${names.join(", ")}`, [
    ...didYouMean(nearest(word, names)),
  ]);
}

/** Checks that one word names. */
interface Group {
  readonly group: SubjectName;
  checks(): readonly Check[] | Promise<readonly Check[]>;
}

/** Groups of checks, in order; later ones depend on what earlier ones read. */
async function checksOf(
  command: CommandContext,
  subjects: readonly SubjectName[],
): Promise<readonly Group[]> {
  const { cwd, globals, shell, signal } = command;
  // A check says itself what the work that it tries would log.
  const log = createLogger({ write: () => {} });
  const isInside = globals.root !== undefined || (await searchRoot(cwd)).root !== undefined;
  const { env } = command;
  const host = hostPlatform();
  const names = Object.keys(ENGINES) as EngineName[];
  const engines = names.filter((name) => subjects.includes(name)).map((name): Group => (
    { group: name, checks: () => checkEngines(shell, env, [name]) }
  ));
  const settings: Group = { group: "settings", checks: () => checkSettings(env, host) };
  if (!isInside) {
    const context = { env, host, log, shell, signal };
    return [
      settings,
      { group: "git", checks: () => [checkGit(shell, env)] },
      { group: "go", checks: () => [checkGo(context, undefined)] },
      { group: "machine", checks: () => checkMachine(shell, env) },
      { group: "network", checks: () => checkProxies(env) },
      ...engines,
    ];
  }
  const root = await findRoot(globals.root ?? cwd);
  const named = env[CONFIG.variable];
  const config = checkConfig(root, named ? resolve(cwd, named) : undefined);
  const allSettings: Group = {
    group: "settings",
    checks: () => [...checkSettings(env, host), config],
  };
  let opened: OpenCheckout;
  try {
    opened = await command.open();
  } catch (error) {
    if (!(error instanceof KbuildError)) throw error;
    const context = contextOf({ root, cwd, env, log, shell, signal });
    const goContext = { root, env, host, log, shell, signal };
    const repository = context === undefined ? [] : checkRepository(context);
    const place = context === undefined ? [] : checkPlace(context);
    return [
      allSettings,
      { group: "git", checks: () => [checkGit(shell, env), ...repository] },
      { group: "go", checks: () => [checkGo(goContext, undefined)] },
      {
        group: "checkout",
        checks: () => [{ group: "checkout", name: "files", examine: () => Promise.reject(error) }],
      },
      { group: "machine", checks: () => [...checkMachine(shell, env), ...place] },
      { group: "network", checks: () => checkProxies(env) },
      ...engines,
    ];
  }
  const open: OpenCheckout = { ...opened, context: Object.freeze({ ...opened.context, log }) };
  const { context, checkout } = open;
  let prepared: ReturnType<typeof prepareRelease> | undefined;
  const prepare = () =>
    prepared ??= prepareRelease(open, globals, {
      ...{ what: "quick-release", jobs: undefined, baseImages: [], bases: undefined },
      fastbuild: true,
    }, { fetch: false });
  // The check "quick-release" tells why there is no plan.
  const planned = () =>
    prepare().catch((error: unknown) => {
      if (error instanceof KbuildError) return undefined;
      throw error;
    });
  return [
    allSettings,
    { group: "git", checks: () => [checkGit(shell, env), ...checkRepository(context)] },
    {
      group: "go",
      checks: () => [
        checkGo(context, checkout),
        checkBuild(context, checkout, async () => {
          const build = (await planned())?.build;
          const isThere = build?.choice.action === "host" || build?.choice.action === "cached";
          return isThere ? build : undefined;
        }),
      ],
    },
    {
      group: "checkout",
      checks: () => [{
        group: "checkout",
        name: "quick-release",
        async examine() {
          const { plan } = await prepare();
          const { tarballs, images } = plan;
          return {
            state: "ok",
            says: `${counted(tarballs.length, "tarball")} and ${
              counted(images.length, "image")
            } can be made (${checkout.era.name})`,
          };
        },
      }],
    },
    { group: "machine", checks: () => [...checkMachine(shell, env), ...checkPlace(context)] },
    {
      group: "network",
      checks: async () => [
        ...checkProxies(env),
        ...checkImages(context, (await planned())?.bases ?? []),
      ],
    },
    ...engines,
  ];
}

/** A context of a checkout that cannot be read; undefined where its outputs are misplaced, too. */
function contextOf(options: ContextOptions): KubeContext | undefined {
  try {
    return createContext(options);
  } catch (error) {
    if (error instanceof KbuildError) return undefined;
    throw error;
  }
}

function show(command: CommandContext, finding: Finding, lastGroup: string | undefined): void {
  const { group, name, state, says, fixes } = finding;
  const columns = Math.min(command.globals.stdout.columns || COLUMNS, COLUMNS);
  if (group !== lastGroup) command.print(lastGroup === undefined ? group : `\n${group}`);
  const [first = "", ...rest] = wrap(`${name}: ${says}`, columns - 8);
  command.print(`  ${MARKS[state].padEnd(5)} ${first}`);
  for (const line of rest) command.print(`        ${line}`);
  // Not broken into lines: most are commands to copy.
  for (const fix of fixes) command.print(`        -> ${fix}`);
}
