import { DRY_RUN_FLAG } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import { OUT_DIR_VARIABLE, OUTPUT_SUBPATH_VARIABLE } from "./flags.ts";

/** `kbuild clean`: port of `make clean`, without the containers. */
export const clean: Command = {
  name: "clean",
  group: "Maintenance",
  summary: "Remove _output and make's leftovers (.make)",
  description:
    "Read-only directories (Go's module cache) are made writable first. Files that kbuild did not " +
    "make are kept: files that git tracks, other repositories, mounts, links to an output directory.",
  flags: [DRY_RUN_FLAG],
  variables: [OUT_DIR_VARIABLE, OUTPUT_SUBPATH_VARIABLE],
  examples: [{ command: "kbuild clean", does: "Remove all outputs" }],
  ...withDryRun({
    async plan(command) {
      const { planClean } = await import("./clean_run.ts");
      return await planClean(await command.open());
    },
    async run(command) {
      const { removeOutput } = await import("./clean_run.ts");
      const removed = await removeOutput(await command.open());
      if (command.globals.json) command.printJson({ removed });
    },
  }),
};
