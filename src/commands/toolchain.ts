import type { Command } from "./context.ts";
import { GO_FLAGS, GO_VARIABLES } from "./flags.ts";

/** `kbuild toolchain`: the Go that checkouts are built with. */
export const toolchain: Command = {
  name: "toolchain",
  group: "Maintenance",
  summary: "List, fetch, find or remove the Go to build with",
  description:
    "list shows the Go in PATH and those in kbuild's cache, and in a checkout which one " +
    "builds it and why. install fetches releases in advance, or without a release the one of this " +
    "checkout: Go itself fetches 1.21 and later through GOPROXY, others come as archives. path " +
    "prints the folder (GOROOT) of the Go that would be used here. remove deletes from the cache.",
  args: [
    { name: "list|install|path|remove", summary: "What to do (default: list)" },
    { name: "VERSION", summary: "Releases of Go: 1.21.7", variadic: true },
  ],
  flags: GO_FLAGS,
  variables: GO_VARIABLES,
  examples: [
    {
      command: "kbuild toolchain",
      does: "Which Go builds this checkout, and which ones there are",
    },
    { command: "kbuild toolchain install 1.24.3", does: "Have it for work without a network" },
    { command: "kbuild toolchain remove 1.24.3", does: "Free the disk space" },
  ],
  async run(command, input) {
    const { runToolchain } = await import("./toolchain_run.ts");
    const [action = "list", ...versions] = input.args;
    await runToolchain(command, action, versions);
  },
};
