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

/** `kbuild clean_generated`: port of `make clean_generated` (up to 1.25), for what git does not track. */
export const cleanGenerated: Command = {
  name: "clean_generated",
  group: "Maintenance",
  summary: "Remove generated Go files that git does not track",
  description:
    "Removes what builds and generated_files make and git does not have: zz_generated files, packed files of e2e.test. " +
    "A file is removed only if a comment in it says that it is generated, or kbuild has made it. make clean_generated " +
    "removes committed files, too; --all does so.",
  flags: [
    {
      name: "all",
      kind: "boolean",
      summary: "Remove all zz_generated files but those in staging, committed ones too",
    },
    DRY_RUN_FLAG,
  ],
  variables: [OUT_DIR_VARIABLE, OUTPUT_SUBPATH_VARIABLE],
  examples: [
    { command: "kbuild clean_generated", does: "Remove what builds have generated" },
    { command: "kbuild clean_generated --all --dry-run", does: "Show what make would remove" },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planCleanGenerated } = await import("./clean_generated_run.ts");
      return await planCleanGenerated(command, { all: input.boolean("all") === true });
    },
    async run(command, input) {
      const { cleanGeneratedFiles } = await import("./clean_generated_run.ts");
      await cleanGeneratedFiles(command, { all: input.boolean("all") === true });
    },
  }),
};

/** `kbuild clean_meta`: port of `make clean_meta` (up to 1.25). */
export const cleanMeta: Command = {
  name: "clean_meta",
  group: "Maintenance",
  summary: "Remove make's notes on generated files (.make)",
  description: "kbuild keeps its own notes in _output and needs no .make; clean removes both.",
  flags: [DRY_RUN_FLAG],
  variables: [],
  examples: [{ command: "kbuild clean_meta", does: "Remove .make" }],
  ...withDryRun({
    async plan(command) {
      const { planCleanMeta } = await import("./clean_generated_run.ts");
      return await planCleanMeta(await command.open());
    },
    async run(command) {
      const { removeMeta } = await import("./clean_generated_run.ts");
      const removed = await removeMeta(await command.open());
      if (command.globals.json) command.printJson({ removed });
    },
  }),
};
