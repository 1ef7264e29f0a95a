import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import {
  CODEGEN_VARIABLES,
  CONFIG,
  GENERATION_VARIABLES,
  GO_FLAGS,
  GO_VARIABLES,
  makeInContainer,
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

/** Words that begin with a dash go to every generator, as hack/update-codegen.sh does it. */
function asked(input: Input) {
  const words = input.args.filter((word) => word !== "");
  return {
    names: words.filter((word) => !word.startsWith("-"))
      .flatMap((word) => word.split(/[\s,]+/)).filter((word) => word !== ""),
    flags: words.filter((word) => word.startsWith("-")),
    packages: input.list("package") ?? [],
    jobs: input.number("jobs"),
  };
}

/** The same where there is a flag to generate all. */
function askedAnew(input: Input) {
  return { ...asked(input), fromNothing: input.boolean("from-nothing") === true };
}

/** Generates what `read` finds asked; aside, nothing is put into its place, and the files are compared. */
function generation(
  read: (input: Input) => ReturnType<typeof asked>,
  { isAside = false, canList = false } = {},
) {
  return withDryRun({
    async plan(command, input) {
      const run = await import("./generate_run.ts");
      return await run.planGeneration(command, { ...read(input), isAside });
    },
    async run(command, input) {
      const run = await import("./generate_run.ts");
      if (canList && input.boolean("list") === true) return await run.listCodegens(command);
      await (isAside ? run.verifyGeneration : run.generate)(command, { ...read(input), isAside });
    },
  });
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
  ...CODEGEN_VARIABLES,
  ...GO_VARIABLES,
  ...VERSION_VARIABLES,
];

const LIST: FlagSpec = {
  name: "list",
  short: "?",
  kind: "boolean",
  summary: "List the generators of the checkout",
};

const FROM_NOTHING: FlagSpec = {
  name: "from-nothing",
  kind: "boolean",
  summary: "Generate all files, whatever is known of them",
};

/** `kbuild generated_files`: port of `make generated_files` (`Makefile.generated_files`). */
export const generatedFiles: Command = {
  name: "generated_files",
  flagNotes: makeInContainer("generated_files"),
  group: "Build",
  summary: "Make generated Go files again whose sources have changed",
  description:
    "Runs the checkout's own generators (deepcopy, defaulter, conversion, prerelease-lifecycle, openapi, " +
    "bindata) for the packages whose file is missing, or was made from other contents. Files that git has " +
    "are renewed, too. Up to 1.25 that is what Makefile.generated_files makes. Everything is generated aside first: when " +
    "a generator fails, no file has changed. From 1.26 on it is what hack/update-codegen.sh makes, and update-codegen is " +
    "the same. A plan says of each file why.",
  args: [{
    name: "GENERATOR",
    summary:
      "Generators to run, as in the makefile: deepcopy, openapi …; all if omitted. Also protobuf, protobindings and codecgen (up to 1.8), without the others",
    variadic: true,
  }],
  flags: [FROM_NOTHING, ...FLAGS],
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
  ...generation(askedAnew),
};

/** `kbuild verify_generated_files`: what `make verify_generated_files` of 1.7 and `hack/verify-generated-files.sh` ask. */
export const verifyGeneratedFiles: Command = {
  name: "verify_generated_files",
  flagNotes: makeInContainer("verify_generated_files"),
  group: "Build",
  summary: "Check that generated Go files are what their generators make",
  description:
    "Generates aside and compares; nothing in the checkout changes, and uncommitted work counts. Each file that " +
    "differs is listed with the first lines that do, and so are violations of API rules that are not known. Files " +
    "that kbuild knows to be up to date, by the content of all that they are made from, are not generated again.",
  args: [{ name: "GENERATOR", summary: "Generators to check; all if omitted", variadic: true }],
  flags: [
    FROM_NOTHING,
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
  ...generation(askedAnew, { isAside: true }),
};

/** `kbuild update-codegen`: port of `hack/update-codegen.sh`, from 1.26 on. */
export const updateCodegen: Command = {
  name: "update-codegen",
  group: "Build",
  summary: "Renew generated files as hack/update-codegen.sh does",
  description:
    "Reads in the checkout's hack/update-codegen.sh and kube_codegen.sh which generators run for which packages, with " +
    "which flags, and runs those whose files are missing, or were made from other contents. A NAME is a regular " +
    "expression that fits a part of a generator's name; words after -- that begin with a dash go to every generator. " +
    "The generators work in a copy of the sources: when one fails, no file has changed. If others read what they made, " +
    "those run then, as a pass of their own: when one of them fails, the error names what is renewed already. Protobuf " +
    "needs the protoc that the checkout names, in PATH or from kbuild toolchain protoc; else it is named as left out. Up to 1.25 it does what " +
    "generated_files does.",
  args: [{
    name: "NAME",
    summary: "Patterns of generators to run: deepcopy, clients …; all if omitted",
    variadic: true,
  }],
  flags: [LIST, FROM_NOTHING, ...FLAGS],
  variables: [...GENERATION_VARIABLES, ...VARIABLES],
  examples: [
    { command: "kbuild update-codegen", does: "Renew what is not up to date" },
    { command: "kbuild update-codegen deepcopy conv", does: "Only deep copies and conversions" },
    { command: "kbuild update-codegen '-?'", does: "List the generators" },
    {
      command: "kbuild plan update-codegen clients",
      does: "Show the command line of the generator, and why it would run",
    },
  ],
  ...generation(askedAnew, { canList: true }),
};

/** `kbuild verify-codegen`: what `hack/verify-codegen.sh` asks. */
export const verifyCodegen: Command = {
  name: "verify-codegen",
  group: "Build",
  summary: "Check generated files against their generators",
  description:
    "Generates aside and compares; nothing in the checkout changes, and uncommitted work counts, which " +
    "hack/verify-codegen.sh never sees. Each file that differs is listed with the first lines that do, and so are " +
    "violations of API rules that are not known.",
  args: [{
    name: "NAME",
    summary: "Patterns of generators to check; all if omitted",
    variadic: true,
  }],
  flags: [FROM_NOTHING, ...FLAGS],
  variables: VARIABLES,
  examples: [
    { command: "kbuild verify-codegen", does: "Check all files" },
    { command: "kbuild verify-codegen deepcopy --from-nothing", does: "Generate all deep copies" },
  ],
  ...generation(askedAnew, { isAside: true }),
};
