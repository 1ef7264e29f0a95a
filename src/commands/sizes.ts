import type { FlagSpec } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { CONFIG, OUT_DIR_VARIABLE, OUTPUT_SUBPATH_VARIABLE } from "./flags.ts";

const AGAINST: FlagSpec = {
  name: "against",
  kind: "string",
  placeholder: "PATH",
  summary: "Compare with these: a directory of binaries or of a release, a tarball, or a binary",
};

const FAIL_OVER: FlagSpec = {
  name: "fail-over",
  kind: "number",
  placeholder: "PERCENT",
  summary: "Fail if a binary grew by more than so much",
  check: (value) => Number(value) >= 0 ? undefined : { reason: "want a percentage from 0 on" },
};

const TOP: FlagSpec = {
  name: "top",
  kind: "number",
  placeholder: "N",
  minimum: 0,
  summary: "Packages shown of each binary: the largest, or those that changed most",
  default: "5",
};

/** `kbuild sizes`: what is large in binaries, and what grew. */
export const sizes: Command = {
  name: "sizes",
  group: "Look",
  summary: "Show the sizes of binaries and packages, and what grew",
  description:
    "Reads the binaries of _output/dockerized/bin, or else of _output/local/bin, or those in PATH, and " +
    "shows for each its size and how much machine code is of which Go package, by Go's table of functions, " +
    "which stripped binaries have, too. With --against, what grew and shrank.\n\n" +
    "PATH and --against may be a directory with binaries, an _output, a directory with a downloaded " +
    "release, a tarball of a release, or a binary. --json also has the sections of ELF files.",
  args: [{ name: "PATH", summary: "Binaries to look at; this checkout's if omitted" }],
  flags: [AGAINST, FAIL_OVER, TOP, CONFIG],
  variables: [OUT_DIR_VARIABLE, OUTPUT_SUBPATH_VARIABLE],
  examples: [
    { command: "kbuild sizes", does: "Show the binaries of this checkout" },
    {
      command: "kbuild sizes --against ~/Downloads/v1.20.1 --fail-over 2",
      does: "Compare with a downloaded release, and fail if a binary grew by more than 2 %",
    },
  ],
  async run(command, input) {
    const { showSizes } = await import("./sizes_run.ts");
    await showSizes(command, input);
  },
};
