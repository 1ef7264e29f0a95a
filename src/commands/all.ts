import type { Input } from "../cli/mod.ts";
import type { AllOptions } from "./all_run.ts";
import { type Command, type CommandContext, withDryRun } from "./context.ts";
import { BUILD_FLAGS, BUILD_VARIABLES, VERSION_VARIABLES, WHAT } from "./flags.ts";

/** What both commands do with the options that they read from their input. */
function work(
  what: string,
  options: (input: Input) => AllOptions,
): Pick<Command, "run" | "plan"> {
  return withDryRun({
    async plan(command: CommandContext, input: Input) {
      const { allRequest } = await import("./all_run.ts");
      const { planBuildSteps } = await import("./build_run.ts");
      const open = await command.open();
      return await planBuildSteps(open, await allRequest(open, options(input)));
    },
    async run(command: CommandContext, input: Input) {
      const { buildAll } = await import("./all_run.ts");
      await buildAll(command, { ...options(input), what });
    },
  });
}

/** `kbuild all`: port of `make all` (`hack/make-rules/build.sh`). */
export const all: Command = {
  name: "all",
  group: "Build",
  summary: "Build WHAT or everything, for this or other platforms",
  description:
    "Binaries are placed into _output/local/bin/<os>/<arch>, and _output/bin is a link to the " +
    "host's directory. Targets are directories (cmd/kubectl), names (kubectl), test binaries " +
    "(test/e2e/e2e.test) or Go packages; arguments that start with a dash are passed to go.",
  args: [{ name: "WHAT", summary: "Targets; all if omitted", variadic: true }],
  flags: [WHAT, ...BUILD_FLAGS],
  variables: [...BUILD_VARIABLES, ...VERSION_VARIABLES],
  examples: [
    { command: "kbuild all WHAT=cmd/kubelet GOFLAGS=-v", does: "Build kubelet, as with make" },
    {
      command: "kbuild all kubectl --platform darwin/arm64",
      does: "Build kubectl for Apple silicon",
    },
  ],
  ...work("all", (input) => ({ words: input.args, jobs: input.number("jobs"), cross: false })),
};

/** `kbuild cross`: port of `make cross` (`hack/make-rules/cross.sh`). */
export const cross: Command = {
  name: "cross",
  group: "Build",
  summary: "Build every target for every platform of its group",
  description: "Server, node, client, test and test-server targets, each for the platforms that " +
    "hack/lib/golang.sh lists for it. make runs five builds; kbuild builds each platform once.",
  args: [],
  flags: [WHAT, ...BUILD_FLAGS],
  variables: [...BUILD_VARIABLES, ...VERSION_VARIABLES],
  examples: [
    { command: "kbuild cross", does: "Build for all platforms" },
    {
      command: "kbuild cross KUBE_FASTBUILD=true",
      does: "Build for the platforms of quick-release",
    },
  ],
  ...work("cross", (input) => ({ words: [], jobs: input.number("jobs"), cross: true })),
};

/**
 * `kbuild kubectl`: builds one directory of `cmd/`, as `make kubectl` does, and others that are named
 * after it, as `make kubectl kubelet` does. `WHAT` has no effect on them, in make neither.
 *
 * @param find The target of a further name; it throws where there is none.
 */
export function commandFor(
  name: string,
  target: string,
  find: (name: string) => string,
): Command {
  return {
    ...all,
    name,
    summary: `Build ${target}`,
    args: [{
      name: "TARGET",
      summary: "More targets to build: names of directories in cmd/",
      variadic: true,
    }],
    flags: BUILD_FLAGS,
    examples: [{ command: `kbuild ${name}`, does: `Build ${target} for this machine` }],
    ...work(name, (input) => ({
      words: [target, ...input.args.map(find)],
      ignoreWhat: true,
      jobs: input.number("jobs"),
      cross: false,
    })),
  };
}
