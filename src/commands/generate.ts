import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import {
  CONFIG,
  GENERATION_VARIABLES,
  GO_FLAGS,
  GO_VARIABLES,
  OUTPUT_SUBPATH_VARIABLE,
  STRICT_PARITY,
  VERSION_VARIABLES,
} from "./flags.ts";
import { DRY_RUN_FLAG, type FlagSpec, type Input, type VariableSpec } from "../cli/mod.ts";

const PACKAGE: FlagSpec = {
  name: "package",
  kind: "list",
  placeholder: "PATTERN",
  summary: "Only files in these packages: directories or import paths, with * and ...",
  default: "all",
};

const GENERATOR_JOBS: FlagSpec = {
  name: "jobs",
  short: "j",
  kind: "number",
  placeholder: "N",
  minimum: 1,
  summary: "Generators to run at once",
  default: "by memory and processors",
};

function asked(input: Input): { names: readonly string[]; packages: readonly string[] } {
  return {
    names: input.args.flatMap((word) => word.split(/[\s,]+/)).filter((word) => word !== "")
      .map((word) => word.replace(/^gen_/, "").replaceAll("_", "-")),
    packages: input.list("package") ?? [],
  };
}

/** What decides over a generation. */
const FLAGS: readonly FlagSpec[] = [
  PACKAGE,
  GENERATOR_JOBS,
  STRICT_PARITY,
  CONFIG,
  ...GO_FLAGS,
  DRY_RUN_FLAG,
];

const VARIABLES: readonly VariableSpec[] = [
  OUTPUT_SUBPATH_VARIABLE,
  ...GO_VARIABLES,
  ...VERSION_VARIABLES,
];

/** `kbuild generated_files`: port of `make generated_files` (`Makefile.generated_files`). */
export const generatedFiles: Command = {
  name: "generated_files",
  group: "Build",
  summary: "Make generated Go files again whose sources have changed",
  description:
    "Runs the checkout's own generators (deepcopy, defaulter, conversion, prerelease-lifecycle, openapi, " +
    "bindata) for the packages whose file is missing, or was made from other contents. Files that git has " +
    "are renewed, too. Everything is generated aside first: when a generator fails, no file has changed. " +
    "For checkouts with Makefile.generated_files (up to 1.25). A plan says of each file why.",
  args: [{
    name: "GENERATOR",
    summary: "Generators to run, as in the makefile: deepcopy, openapi …; all if omitted",
    variadic: true,
  }],
  flags: FLAGS,
  variables: [...GENERATION_VARIABLES, ...VARIABLES],
  examples: [
    { command: "kbuild generated_files", does: "Make what is not up to date" },
    {
      command: "kbuild generated_files deepcopy --package staging/src/k8s.io/api/batch/...",
      does: "Only the deep copies of some packages",
    },
    {
      command: "kbuild plan generated_files",
      does: "Show the generators, and why each file is made",
    },
  ],
  ...withDryRun({
    async plan(command, input) {
      const run = await import("./generate_run.ts");
      return await run.planGeneration(command, { ...asked(input), jobs: input.number("jobs") });
    },
    async run(command, input) {
      const run = await import("./generate_run.ts");
      await run.generate(command, { ...asked(input), jobs: input.number("jobs") });
    },
  }),
};

/** `kbuild verify_generated_files`: what `make verify_generated_files` of 1.7 and `hack/verify-generated-files.sh` ask. */
export const verifyGeneratedFiles: Command = {
  name: "verify_generated_files",
  group: "Build",
  summary: "Check that generated Go files are what their generators make",
  description:
    "Generates aside and compares; nothing in the checkout changes, and uncommitted work counts. Each file that " +
    "differs is listed with the first lines that do, and so are violations of API rules that are not known. Files " +
    "that kbuild knows to be up to date, by the content of all that they are made from, are not generated again.",
  args: [{ name: "GENERATOR", summary: "Generators to check; all if omitted", variadic: true }],
  flags: [
    {
      name: "from-nothing",
      kind: "boolean",
      summary: "Generate all files, whatever is known of them",
    },
    ...FLAGS,
  ],
  variables: VARIABLES,
  examples: [
    { command: "kbuild verify_generated_files", does: "Check all files" },
    {
      command: "kbuild verify_generated_files deepcopy --from-nothing",
      does: "Generate all deep copies, and compare",
    },
  ],
  ...withDryRun({
    async plan(command, input) {
      const run = await import("./generate_run.ts");
      return await run.planGeneration(command, askedVerification(input));
    },
    async run(command, input) {
      const run = await import("./generate_run.ts");
      await run.verifyGeneration(command, askedVerification(input));
    },
  }),
};

function askedVerification(input: Input) {
  return {
    ...asked(input),
    jobs: input.number("jobs"),
    fromNothing: input.boolean("from-nothing") === true,
    isAside: true,
  };
}
