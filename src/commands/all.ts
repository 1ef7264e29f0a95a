import type { Command } from "./context.ts";
import { BUILD_FLAGS, BUILD_VARIABLES, VERSION_VARIABLES, WHAT } from "./flags.ts";

/** `kbuild all`: port of `make all` (`hack/make-rules/build.sh`). */
export const all: Command = {
  name: "all",
  group: "Build",
  summary: "Build WHAT or everything, for this or other platforms",
  description: "Binaries land in _output/local/bin/<os>/<arch>, and _output/bin is a link to the " +
    "host's. Targets are folders (cmd/kubectl), names (kubectl), test binaries " +
    "(test/e2e/e2e.test) or Go packages; words that start with a dash go to go.",
  args: [{ name: "WHAT", summary: "Targets; default: all", variadic: true }],
  flags: [WHAT, ...BUILD_FLAGS],
  variables: [...BUILD_VARIABLES, ...VERSION_VARIABLES],
  examples: [
    { command: "kbuild all WHAT=cmd/kubelet GOFLAGS=-v", does: "Build kubelet, as with make" },
    { command: "kbuild all kubectl --platform darwin/arm64", does: "kubectl for Apple silicon" },
  ],
  async run(command, input) {
    const { build } = await import("./all_run.ts");
    await build(command, {
      words: input.args,
      jobs: input.number("jobs"),
      dryRun: input.boolean("dry-run") ?? false,
      what: "all",
    });
  },
};

/** `kbuild cross`: port of `make cross` (`hack/make-rules/cross.sh`). */
export const cross: Command = {
  name: "cross",
  group: "Build",
  summary: "Build every target for every platform of its group",
  description: "Server, node, client, test and test-server targets, each for the platforms that " +
    "hack/lib/golang.sh lists for it. Where make runs five times, kbuild builds each platform once.",
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
  async run(command, input) {
    const { buildCross } = await import("./all_run.ts");
    await buildCross(command, {
      jobs: input.number("jobs"),
      dryRun: input.boolean("dry-run") ?? false,
    });
  },
};

/** `kbuild kubectl`: builds one folder of `cmd/`, as `make kubectl` does. */
export function commandFor(name: string, target: string): Command {
  return {
    ...all,
    name,
    summary: `Build ${target}`,
    args: [],
    flags: BUILD_FLAGS,
    examples: [{ command: `kbuild ${name}`, does: `Build ${target} for this machine` }],
    async run(command, input) {
      const { build } = await import("./all_run.ts");
      await build(command, {
        words: [target],
        jobs: input.number("jobs"),
        dryRun: input.boolean("dry-run") ?? false,
        what: name,
      });
    },
  };
}
