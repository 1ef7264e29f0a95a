import type { Input } from "../cli/mod.ts";
import type { Ask } from "./all_run.ts";
import type { Command, OpenCheckout } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import {
  BUILD_FLAGS,
  BUILD_VARIABLES,
  CONTAINER_BUILD_FLAGS,
  CONTAINER_BUILD_VARIABLES,
  VERSION_VARIABLES,
  WATCH,
  WHAT,
} from "./flags.ts";
import { inPlaceOfBuild, planPlaceOfBuild } from "./build_place.ts";
import { openDockerized } from "./dockerized.ts";

/**
 * What each of these commands does; the work is loaded when it is done.
 *
 * @param options.watchable Whether the command has `--watch`.
 * @param options.dockerized Whether it builds here into the directory of containers.
 */
function work(
  what: string,
  ask: (run: typeof import("./all_run.ts"), input: Input) => Ask,
  { watchable = true, dockerized = false }: { watchable?: boolean; dockerized?: boolean } = {},
): Required<Pick<Command, "run" | "plan">> {
  return withDryRun({
    async plan(command, input) {
      const run = await import("./all_run.ts");
      const plan = (open: OpenCheckout) => run.planAll(open, ask(run, input));
      if (dockerized) return await plan(await openDockerized(command));
      return await planPlaceOfBuild(command, input, plan);
    },
    async run(command, input) {
      const run = await import("./all_run.ts");
      const isWatched = watchable && input.boolean(WATCH.name) === true;
      const build = async (open: OpenCheckout) => {
        await (isWatched ? run.watchAll : run.buildAll)(command, open, what, ask(run, input));
      };
      if (dockerized) return await build(await openDockerized(command));
      await inPlaceOfBuild(command, input, build);
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
  flags: [WHAT, WATCH, ...CONTAINER_BUILD_FLAGS, ...BUILD_FLAGS],
  variables: [...BUILD_VARIABLES, ...VERSION_VARIABLES, ...CONTAINER_BUILD_VARIABLES],
  examples: [
    { command: "kbuild all kubectl --watch", does: "Build kubectl whenever its sources change" },
    { command: "kbuild all WHAT=cmd/kubelet GOFLAGS=-v", does: "Build kubelet, as with make" },
    {
      command: "kbuild all kubectl --platform darwin/arm64",
      does: "Build kubectl for Apple silicon",
    },
    {
      command: "kbuild all kubelet --container",
      does: "Build kubelet with the Go and the C compiler of kube-cross",
    },
  ],
  ...work("all", ({ askAll }, input) => askAll(input.args, input.number("jobs"))),
};

/** `kbuild cross`: port of `make cross` (`hack/make-rules/cross.sh`). */
export const cross: Command = {
  name: "cross",
  group: "Build",
  summary: "Build every target for every platform of its group",
  description: "Server, node, client, test and test-server targets, each for the platforms that " +
    "hack/lib/golang.sh lists for it. make runs five builds; kbuild builds each platform once.",
  args: [],
  flags: [WHAT, ...CONTAINER_BUILD_FLAGS, ...BUILD_FLAGS],
  variables: [...BUILD_VARIABLES, ...VERSION_VARIABLES, ...CONTAINER_BUILD_VARIABLES],
  examples: [
    { command: "kbuild cross", does: "Build for all platforms" },
    {
      command: "kbuild cross KUBE_FASTBUILD=true",
      does: "Build for the platforms of quick-release",
    },
  ],
  ...work("cross", ({ askCross }, input) => askCross(input.number("jobs")), {
    watchable: false,
  }),
};

/** `kbuild cross-in-a-container`: port of `make cross-in-a-container`, for those who are in one. */
export const crossInAContainer: Command = {
  ...cross,
  name: "cross-in-a-container",
  summary: "Build as cross does, into _output/dockerized",
  description:
    "For a container that the checkout is in already, where make cross-in-a-container is run. No container is " +
    "started: that is kbuild cross --container.",
  flags: [WHAT, ...BUILD_FLAGS],
  variables: [...BUILD_VARIABLES, ...VERSION_VARIABLES],
  examples: [{
    command: "kbuild cross-in-a-container && kbuild package-tarballs",
    does: "Make a release in a container",
  }],
  ...work("cross-in-a-container", ({ askCross }, input) => askCross(input.number("jobs")), {
    ...{ watchable: false, dockerized: true },
  }),
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
    flags: [WATCH, ...CONTAINER_BUILD_FLAGS, ...BUILD_FLAGS],
    examples: [{ command: `kbuild ${name}`, does: `Build ${target} for this machine` }],
    ...work(
      name,
      ({ askOnly }, input) => askOnly([target, ...input.args.map(find)], input.number("jobs")),
    ),
  };
}
