import type { Command } from "./context.ts";
import {
  CONFIG,
  GO_FLAGS,
  GO_VARIABLES,
  PLATFORM,
  PLATFORM_VARIABLES,
  STRICT_PARITY,
  VERSION_VARIABLES,
} from "./flags.ts";

/** `kbuild inspect`: what kbuild knows of a checkout, and how it knows. */
export const inspect: Command = {
  name: "inspect",
  group: "Look",
  summary: "Show the values read from this checkout, and from where",
  description:
    "Every value is shown with the file and line that it comes from, or with the built-in table that " +
    "replaces it if it cannot be read. Values that cannot be read are named at the end; kbuild.toml " +
    "can set them. Nothing is downloaded or written.",
  flags: [PLATFORM, STRICT_PARITY, CONFIG, ...GO_FLAGS],
  variables: [
    ...VERSION_VARIABLES,
    ...GO_VARIABLES,
    ...PLATFORM_VARIABLES,
  ],
  examples: [
    { command: "kbuild inspect", does: "Show kbuild's decisions, and why" },
    { command: "kbuild inspect --json", does: "The same as JSON" },
  ],
  async run(command) {
    const { showCheckout } = await import("./inspect_run.ts");
    await showCheckout(command, await command.open());
  },
};
