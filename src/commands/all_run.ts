import { type BuildRequest, chooseTargets, crossMatrix, readStamp, runBuild } from "./build_run.ts";
import type { CommandContext, OpenCheckout } from "./context.ts";
import { allPlatforms, groupPlatforms } from "./platform_choice.ts";
import { withOutput } from "./with_output.ts";

/** What `kbuild all` and `kbuild cross` were asked for. */
export interface AllOptions {
  /** Targets of the command line; those of `WHAT` come first. */
  words: readonly string[];
  /** Leaves out `WHAT`, as make does with a target of its own; default false. */
  ignoreWhat?: boolean;
  jobs: number | undefined;
  /** Every group for its platforms, as `make cross`; default: all targets for the host. */
  cross: boolean;
}

/** What would be built, sorted out. */
export async function allRequest(
  open: OpenCheckout,
  { words, ignoreWhat = false, jobs, cross }: AllOptions,
): Promise<BuildRequest> {
  const what = open.context.env["WHAT"] ?? "";
  if (ignoreWhat && what !== "") {
    open.context.log.warn(`WHAT="${what}" has no effect here: only ${words.join(", ")} is built`);
  }
  const { targets, goflags, named } = await chooseTargets(
    open,
    ignoreWhat ? words : [what, ...words],
  );
  return {
    matrix: cross
      ? crossMatrix(open, groupPlatforms(open), named ? targets : undefined)
      : allPlatforms(open).map((platform) => ({ platform, targets })),
    goflags,
    stamp: await readStamp(open),
    binPath: open.context.binPath,
    jobs,
  };
}

/** Builds, and prints what was built. */
export async function buildAll(
  command: CommandContext,
  options: AllOptions & { what: string },
): Promise<void> {
  await withOutput(await command.open(), {
    what: options.what,
    prepare: (open) => allRequest(open, options),
    fetch: () => Promise.resolve(),
    work: async (open, request) => {
      const { binaries, generateMs, buildMs } = await runBuild(open, request);
      const relative = (path: string) => path.slice(open.context.root.length + 1);
      if (command.globals.json) {
        command.printJson({
          version: request.stamp.vars.gitVersion,
          binaries: binaries.map((binary) => ({ ...binary, path: relative(binary.path) })),
          seconds: { generate: generateMs / 1000, build: buildMs / 1000 },
        });
      } else {
        for (const binary of binaries) command.print(relative(binary.path));
      }
    },
  });
}
