import { DRY_RUN_FLAG, type FlagSpec, type VariableSpec } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import {
  BLOB_CACHE_VARIABLE,
  BUILD_IMAGE,
  CACHE_VARIABLE,
  CONFIG,
  CONTAINER_VARIABLES,
  ENGINE,
  ENGINE_VARIABLES,
  NET_FLAGS,
  OUT_DIR_VARIABLE,
  VERSION_VARIABLES,
} from "./flags.ts";

/** What `run` and `shell` read. */
const RUN_VARIABLES: readonly VariableSpec[] = [
  ...ENGINE_VARIABLES,
  ...CONTAINER_VARIABLES,
  ...VERSION_VARIABLES,
  OUT_DIR_VARIABLE,
  CACHE_VARIABLE,
  BLOB_CACHE_VARIABLE,
];

const RUN_FLAGS: readonly FlagSpec[] = [ENGINE, BUILD_IMAGE, CONFIG, ...NET_FLAGS, DRY_RUN_FLAG];

/** `kbuild run`: port of `build/run.sh`. */
export const run: Command = {
  name: "run",
  group: "Container",
  summary: "Run a command in the build container (build/run.sh)",
  description:
    "The checkout is mounted into a container of kube-cross, at the place that Kubernetes' scripts use; " +
    "outputs go to _output/dockerized. The command has kbuild's stdin, terminal and signals, and its exit " +
    "status is kbuild's. The container is removed at the end. Options come before the command.",
  args: [
    { name: "COMMAND", summary: "Program to run in the container", required: true },
    { name: "ARGUMENT", summary: "Its arguments, as they are", variadic: true },
  ],
  passthrough: true,
  flags: RUN_FLAGS,
  variables: RUN_VARIABLES,
  examples: [
    { command: "kbuild run make all WHAT=cmd/kubectl", does: "Build with the checkout's own make" },
    {
      command: "kbuild run --build-image golang:1.24 go version",
      does: "Run a program of another image",
    },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planRun } = await import("./container_run.ts");
      return await planRun(command, input, input.args);
    },
    async run(command, input) {
      const { runCommand } = await import("./container_run.ts");
      await runCommand(command, input, input.args);
    },
  }),
};

/** `kbuild shell`: port of `build/shell.sh`. */
export const shell: Command = {
  ...run,
  name: "shell",
  summary: "Start a shell in the build container (build/shell.sh)",
  description: "As kbuild run bash: arguments go to bash.",
  args: [{ name: "ARGUMENT", summary: "Arguments of bash", variadic: true }],
  examples: [
    { command: "kbuild shell", does: "Look around in the build container" },
    { command: "kbuild shell -- -c 'go env GOROOT'", does: "Run a line of bash there" },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planRun } = await import("./container_run.ts");
      return await planRun(command, input, ["bash", ...input.args]);
    },
    async run(command, input) {
      const { runCommand } = await import("./container_run.ts");
      await runCommand(command, input, ["bash", ...input.args]);
    },
  }),
};
