import { lockOutput } from "../lib/lock.ts";
import {
  type BuildRequest,
  chooseTargets,
  crossMatrix,
  dryRunBuild,
  readStamp,
  runBuild,
} from "./build_run.ts";
import { clearLeftovers } from "./clean_run.ts";
import type { CommandContext, OpenCheckout } from "./context.ts";
import { allPlatforms, groupPlatforms } from "./platform_choice.ts";

/** Builds targets for the host or `KUBE_BUILD_PLATFORMS`, or prints what would be done. */
export async function build(
  command: CommandContext,
  options: {
    words: readonly string[];
    jobs: number | undefined;
    dryRun: boolean;
    what: string;
  },
): Promise<void> {
  const open = await command.open();
  const { words, jobs } = options;
  const { targets, goflags } = await chooseTargets(open, words);
  const request: BuildRequest = {
    matrix: allPlatforms(open).map((platform) => ({ platform, targets })),
    goflags,
    stamp: await readStamp(open),
    binPath: open.context.binPath,
    jobs,
  };
  await execute(command, open, request, options);
}

/** Builds every group of targets for its platforms. */
export async function buildCross(
  command: CommandContext,
  options: { jobs: number | undefined; dryRun: boolean },
): Promise<void> {
  const open = await command.open();
  const { targets, goflags, named } = await chooseTargets(open, []);
  const request: BuildRequest = {
    matrix: crossMatrix(open, groupPlatforms(open), named ? targets : undefined),
    goflags,
    stamp: await readStamp(open),
    binPath: open.context.binPath,
    jobs: options.jobs,
  };
  await execute(command, open, request, { ...options, what: "cross" });
}

async function execute(
  command: CommandContext,
  open: OpenCheckout,
  request: BuildRequest,
  options: { dryRun: boolean; what: string },
): Promise<void> {
  if (options.dryRun) {
    for (const line of await dryRunBuild(open, request)) command.print(line);
    return;
  }
  const lock = await lockOutput(open.context, options.what);
  try {
    await clearLeftovers(open.context);
    const { binaries, generateMs, buildMs } = await runBuild(open, request);
    const relative = (path: string) => path.slice(open.context.root.length + 1);
    if (command.globals.json) {
      command.print(JSON.stringify(
        {
          version: request.stamp.vars.gitVersion,
          binaries: binaries.map((binary) => ({ ...binary, path: relative(binary.path) })),
          seconds: { generate: generateMs / 1000, build: buildMs / 1000 },
        },
        null,
        2,
      ));
    } else {
      for (const binary of binaries) command.print(relative(binary.path));
    }
  } finally {
    lock.release();
  }
}
