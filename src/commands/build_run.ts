import { dirname } from "@std/path";
import type { PlatformSet } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { ensureGeneratedFiles, planGeneratedFiles } from "../generate/mod.ts";
import {
  buildBinaries,
  type BuildPlan,
  type BuiltBinary,
  gopathLink,
  type PlatformTargets,
  prepareBuild,
  selectTargets,
  verifyGoVersion,
} from "../lib/golang/mod.ts";
import {
  getVersionVars,
  requireVersion,
  sourceDateEpoch,
  type VersionVars,
} from "../lib/version.ts";
import { quote, quoteCommand } from "../shell/mod.ts";
import type { OpenCheckout } from "./context.ts";

/** The version of a checkout and the time that is stamped. */
export interface Stamp {
  readonly vars: VersionVars & { gitVersion: string };
  /** Seconds since 1970. */
  readonly epoch: number;
}

/** Reads version and time; a tree without a version stops here. */
export async function readStamp({ context }: OpenCheckout): Promise<Stamp> {
  const vars = requireVersion(await getVersionVars(context));
  return Object.freeze({ vars, epoch: await sourceDateEpoch(context, vars) });
}

/**
 * Targets per platform of `hack/make-rules/cross.sh`, whose five runs of make are one build here:
 * what a platform needs for several groups is built once.
 *
 * @param only Build these targets alone.
 */
export function crossMatrix(
  { checkout }: OpenCheckout,
  platforms: PlatformSet,
  only: readonly string[] | undefined,
): readonly PlatformTargets[] {
  const { targets } = checkout;
  const groups = [
    [targets.server.value, platforms.server],
    [targets.node.value, platforms.node],
    [targets.client.value, platforms.client],
    [targets.test.value, platforms.test],
    [targets.serverTest.value, platforms.testServer],
  ] as const;
  const matrix = new Map<string, string[]>();
  for (const [names, list] of groups) {
    for (const platform of list) {
      const wanted = matrix.get(platform) ?? [];
      for (const name of names) {
        const chosen = only === undefined || only.includes(name);
        if (chosen && !wanted.includes(name)) wanted.push(name);
      }
      if (wanted.length > 0) matrix.set(platform, wanted);
    }
  }
  return [...matrix].map(([platform, names]) => ({ platform, targets: names }));
}

/** What one build is asked for. */
export interface BuildRequest {
  readonly matrix: readonly PlatformTargets[];
  readonly goflags: readonly string[];
  readonly stamp: Stamp;
  readonly binPath: string;
  readonly jobs: number | undefined;
}

/** Makes missing generated files, then builds. */
export async function runBuild(
  { context, checkout }: OpenCheckout,
  request: BuildRequest,
): Promise<{ binaries: readonly BuiltBinary[]; generateMs: number; buildMs: number }> {
  const { matrix, goflags, stamp, binPath, jobs } = request;
  if (context.env["KUBE_BUILD_WITH_COVERAGE"]) {
    throw new KbuildError("Cannot build with coverage: kbuild does not have that yet", {
      notes: ["Unset KUBE_BUILD_WITH_COVERAGE"],
    });
  }
  const go = await verifyGoVersion(context, checkout);
  const options = { goflags, vars: stamp.vars, epoch: stamp.epoch, jobs, go };
  const started = performance.now();
  let generated = started;
  // What is built is looked at while the generated files are: mostly there is nothing to generate.
  const settled = ensureGeneratedFiles(context, checkout, options).then((written) => {
    generated = performance.now();
    return written.length === 0;
  });
  const binaries = await buildBinaries(context, checkout, { ...options, matrix, binPath, settled })
    .catch(async (error: unknown) => {
      // Nothing may be at work when the error is shown.
      await settled.catch(() => {});
      throw error;
    });
  const built = performance.now();
  return { binaries, generateMs: generated - started, buildMs: built - generated };
}

/** The exact commands and files of a build: `--dry-run`. */
export async function dryRunBuild(
  { context, checkout }: OpenCheckout,
  request: BuildRequest,
): Promise<readonly string[]> {
  const { matrix, goflags, stamp, binPath } = request;
  const options = { goflags, vars: stamp.vars, epoch: stamp.epoch };
  const go = await verifyGoVersion(context, checkout);
  const prepare = async (rows: readonly PlatformTargets[], folder: string) =>
    (await prepareBuild(context, checkout, { ...options, go, matrix: rows, binPath: folder })).plan;

  const lines: string[] = [];
  const link = gopathLink(context, checkout);
  if (link !== undefined) {
    lines.push(
      `mkdir -p ${quote(dirname(link))} && ln -sfn ${quote(context.root)} ${quote(link)}`,
    );
  }
  const { tools, work, commands } = await planGeneratedFiles(context, checkout, go.host);
  if (tools.length > 0) {
    const row = { platform: go.host, targets: tools };
    lines.push("# generated files that are not in git");
    const plan = await prepare([row], context.binPath);
    lines.push(...describePlan(plan));
    const outputs = plan.platforms.flatMap(({ steps }) => steps.flatMap((step) => step.outputs));
    for (const { built, placed } of outputs) {
      lines.push(`mkdir -p ${quote(dirname(placed))} && cp ${quote(built)} ${quote(placed)}`);
    }
    lines.push(`mkdir -p ${quote(work)}`);
  }
  for (const { argv, cwd, made, format, output } of commands) {
    const env = `GOPATH=${quote(context.gopath)} GO111MODULE=off`;
    lines.push(`cd ${quote(cwd)} && ${env} ${quoteCommand(argv)}`);
    if (format) lines.push(`gofmt -s -w ${quote(made)}`);
    lines.push(`mkdir -p ${quote(dirname(output))} && mv ${quote(made)} ${quote(output)}`);
  }
  return [...lines, ...describePlan(await prepare(matrix, binPath))];
}

function describePlan(plan: BuildPlan): readonly string[] {
  return plan.platforms.flatMap(({ platform, steps }) => [
    `# ${platform}`,
    ...steps.flatMap((step) => {
      const env = Object.entries(step.shownEnv).map(([name, value]) => `${name}=${quote(value)}`);
      return [
        `cd ${quote(step.cwd)} && ${env.join(" ")} ${quoteCommand(step.argv)}`,
        ...step.outputs.map(({ built, placed }) => `# ${built} -> ${placed}`),
      ];
    }),
  ]);
}

/** Sorts out `WHAT` and positional targets. */
export async function chooseTargets(
  { context, checkout }: OpenCheckout,
  words: readonly string[],
): Promise<{ targets: readonly string[]; goflags: readonly string[]; named: boolean }> {
  const all = [context.env["WHAT"] ?? "", ...words];
  const selection = await selectTargets(checkout, all);
  const named = all.join(" ").split(/\s+/).some((word) => word !== "" && !word.startsWith("-"));
  return { ...selection, named };
}
