import type { Command } from "./context.ts";
import {
  CONFIG,
  GO_FLAGS,
  GO_VARIABLES,
  PLATFORM,
  PLATFORM_VARIABLES,
  VERSION_VARIABLES,
} from "./flags.ts";

/** `kbuild doctor`: whether a release could be made here, and what is in the way. */
export const doctor: Command = {
  name: "doctor",
  group: "Look",
  summary: "Say what is in the way of a build here, and what mends it",
  description:
    "Checks variables and kbuild.toml, git, tags and version, Go, C compilers, memory, disk, file system, proxies, and whether the " +
    "registries have the base images of a quick release. Words limit it to some groups of checks. " +
    "Programs are checked only if they are named. " +
    "Nothing is written or fetched. Exits with 1 if a check fails. Works outside of a checkout, too.",
  args: [{
    name: "SUBJECT",
    summary:
      "Check settings, git, go, checkout, machine, network, docker, buildx, podman, etcd or protoc alone",
    variadic: true,
  }],
  flags: [PLATFORM, CONFIG, ...GO_FLAGS],
  variables: [...VERSION_VARIABLES, ...GO_VARIABLES, ...PLATFORM_VARIABLES],
  examples: [
    { command: "kbuild doctor", does: "Check what a quick release of this checkout needs" },
    {
      command: "kbuild doctor network docker",
      does: "Check the network and the Docker engine alone",
    },
    { command: "kbuild doctor --offline --json", does: "Check without a network, as JSON" },
  ],
  unplanned: { reason: "it changes nothing", notes: [] },
  async run(command, input) {
    const { runDoctor } = await import("./doctor_run.ts");
    await runDoctor(command, input.args);
  },
};
