import { DRY_RUN_FLAG, type FlagSpec, type VariableSpec } from "../cli/mod.ts";
import { YES } from "./confirm.ts";
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
  OUTPUT_SUBPATH_VARIABLE,
  SYNC,
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

/** Variables that decide over the image alone. */
const IMAGE_VARIABLES: readonly string[] = [
  ...["DOCKER_HOST", "DOCKER_OPTS", "KUBE_CROSS_IMAGE", "KUBE_CROSS_VERSION"],
  ...["KBUILD_CACHE", "KBUILD_BLOB_CACHE_MB"],
];

const IMAGE_FLAGS: readonly FlagSpec[] = [ENGINE, BUILD_IMAGE, CONFIG, ...NET_FLAGS, DRY_RUN_FLAG];

const RUN_FLAGS: readonly FlagSpec[] = [SYNC, ...IMAGE_FLAGS];

/** `kbuild run`: port of `build/run.sh`. */
export const run: Command = {
  name: "run",
  group: "Container",
  summary: "Run a command in the build container (build/run.sh)",
  description:
    "The checkout is mounted into a container of kube-cross, at the place that Kubernetes' scripts use; " +
    "outputs go to _output/dockerized. The command has kbuild's stdin, terminal and signals, and its exit " +
    "status is kbuild's. The container is removed at the end. Options come before the command. Of the environment it sees " +
    "what a build reads (KUBE_BUILD_PLATFORMS, GOFLAGS, GOLDFLAGS, GOPROXY and others of docs/containers.md), nothing else.",
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

/** `kbuild make-build-image`: port of `build/make-build-image.sh`. */
export const makeBuildImage: Command = {
  name: "make-build-image",
  group: "Container",
  summary: "Bring the build image into the engine",
  description:
    "As build/make-build-image.sh. Prints the image that containers start from, its ID and its platform. If the engine does " +
    "not have it, it is fetched through kbuild's mirrors and loaded. Nothing is built.",
  flags: IMAGE_FLAGS,
  variables: RUN_VARIABLES.filter(({ name }) => IMAGE_VARIABLES.includes(name)),
  examples: [{
    command: "kbuild make-build-image",
    does: "Have the build image ready for offline work",
  }],
  ...withDryRun({
    async plan(command, input) {
      const { planBuildImage } = await import("./container_run.ts");
      return await planBuildImage(command, input);
    },
    async run(command, input) {
      const { bringBuildImage } = await import("./container_run.ts");
      await bringBuildImage(command, input);
    },
  }),
};

/** `kbuild copy-output`: port of `build/copy-output.sh`. */
export const copyOutput: Command = {
  name: "copy-output",
  group: "Container",
  summary: "Copy outputs out of containers (build/copy-output.sh)",
  description:
    "Containers that have the checkout mounted write to its _output/dockerized, and there is nothing to copy. From the " +
    "volume of an engine elsewhere (--sync volume) programs and generated files are copied; a generated file that was changed here as well stays.",
  flags: [SYNC, ...IMAGE_FLAGS.filter(({ name }) => name !== DRY_RUN_FLAG.name)],
  variables: RUN_VARIABLES,
  examples: [{ command: "kbuild copy-output", does: "Print the directory of the programs" }],
  unplanned: {
    reason: "it only copies what containers have made",
    notes: ["What copies outputs after a command: kbuild plan run --sync volume COMMAND"],
  },
  async run(command, input) {
    const { copyOutput } = await import("./container_run.ts");
    await copyOutput(command, input);
  },
};

/** `kbuild make-clean`: port of `build/make-clean.sh`. */
export const makeClean: Command = {
  name: "make-clean",
  group: "Maintenance",
  summary: "Remove build containers, their images, and _output",
  description:
    "As build/make-clean.sh. Removes this checkout's build containers with their volumes, on whatever branch they were made, and the " +
    "build images of Kubernetes' own scripts; then it does what clean does. Containers in which a command " +
    "runs, kube-cross and everything of other checkouts are kept. Without an engine, only outputs are removed; one " +
    "that does not answer is an error, and nothing is removed (kbuild clean asks none). One engine is asked: what another one " +
    "has, --engine removes. On a terminal it asks before it removes what an engine has.",
  flags: [ENGINE, YES, DRY_RUN_FLAG],
  variables: [...ENGINE_VARIABLES, OUT_DIR_VARIABLE, OUTPUT_SUBPATH_VARIABLE],
  examples: [
    { command: "kbuild make-clean --dry-run", does: "Show what would be removed" },
    { command: "kbuild make-clean --yes", does: "Remove it without asking" },
    {
      command: "kbuild make-clean --engine podman",
      does: "Remove what podman has, and the outputs",
    },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planMakeClean } = await import("./make_clean_run.ts");
      return await planMakeClean(command, input);
    },
    async run(command, input) {
      const { runMakeClean } = await import("./make_clean_run.ts");
      await runMakeClean(command, input);
    },
  }),
};
