import { DRY_RUN_FLAG, type FlagSpec, type Input } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import {
  CONFIG,
  GNU_TOOLS,
  GO_FLAGS,
  GO_VARIABLES,
  makeInContainer,
  OUTPUT_SUBPATH_VARIABLE,
  REPORT_VARIABLES,
  STRICT_PARITY,
  UPDATE_VARIABLES,
  VERIFY_VARIABLES,
} from "./flags.ts";
import type { AskedChecks } from "./verify_run.ts";

const JOBS: FlagSpec = {
  name: "jobs",
  short: "j",
  kind: "number",
  placeholder: "N",
  minimum: 1,
  summary: "Checks to run at once, of those that only read",
  default: "number of processors",
};

/** A flag for WHAT, whose default differs. */
function what(placeholder: string, all: string): FlagSpec {
  return {
    name: "what",
    short: "w",
    kind: "list",
    placeholder,
    variable: "WHAT",
    summary: "Which ones to run",
    default: all,
  };
}

/** `kbuild verify`: port of `make verify` (`hack/make-rules/verify.sh`). */
export const verify: Command = verifyCommand({
  name: "verify",
  summary: "Run the checkout's checks, hack/verify-*",
  isQuick: false,
});

/** `kbuild quick-verify`: port of `make quick-verify`. */
export const quickVerify: Command = verifyCommand({
  name: "quick-verify",
  summary: "Run those of the checkout's checks that are quick",
  isQuick: true,
});

function verifyCommand(
  { name, summary, isQuick }: { name: string; summary: string; isQuick: boolean },
): Command {
  return {
    name,
    flagNotes: makeInContainer(name),
    group: "Test",
    summary,
    description:
      "Runs the checkout's own scripts in its own order, without those that its hack/make-rules/verify.sh " +
      "leaves out. Checks that only read run side by side. What a script needs is looked up before: one that " +
      "cannot run here is skipped and named, and counts as failed if WHAT names it.",
    args: [{ name: "WHAT", summary: "Checks (gofmt boilerplate)", variadic: true }],
    flags: [
      what("CHECK", isQuick ? "the quick ones" : "all"),
      JOBS,
      STRICT_PARITY,
      GNU_TOOLS,
      CONFIG,
      ...GO_FLAGS,
      DRY_RUN_FLAG,
    ],
    variables: [...VERIFY_VARIABLES, ...REPORT_VARIABLES, OUTPUT_SUBPATH_VARIABLE, ...GO_VARIABLES],
    examples: isQuick ? [{ command: "kbuild quick-verify", does: "Run the quick checks" }] : [
      { command: "kbuild verify gofmt boilerplate", does: "Run two checks" },
      {
        command: "kbuild verify WHAT=typecheck SILENT=false",
        does: "Show all that a check prints",
      },
      { command: "kbuild verify --dry-run", does: "Print what would run, and what is skipped" },
    ],
    ...withDryRun({
      async plan(command, input) {
        const { planChecks } = await import("./verify_run.ts");
        return await planChecks(command, asked(input, isQuick));
      },
      async run(command, input) {
        const { runVerify } = await import("./verify_run.ts");
        await runVerify(command, asked(input, isQuick));
      },
    }),
  };
}

/** `kbuild update`: port of `make update` (`hack/make-rules/update.sh`). */
export const update: Command = {
  name: "update",
  flagNotes: makeInContainer("update"),
  group: "Generated files",
  summary: "Run the checkout's scripts that update generated files",
  description:
    "Runs hack/update-*.sh, those of the checkout's own list or those that are named, one after the other, and " +
    "stops at the first failure. Generated files that git does not have are made before, up to 1.25. If one of " +
    "the scripts cannot run here, nothing is changed.",
  args: [{ name: "WHAT", summary: "Scripts (codegen gofmt)", variadic: true }],
  flags: [
    what("SCRIPT", "the checkout's list"),
    STRICT_PARITY,
    GNU_TOOLS,
    CONFIG,
    ...GO_FLAGS,
    DRY_RUN_FLAG,
  ],
  variables: [...UPDATE_VARIABLES, OUTPUT_SUBPATH_VARIABLE, ...GO_VARIABLES],
  examples: [
    { command: "kbuild update gofmt generated-docs", does: "Run two scripts" },
    { command: "kbuild update FORCE_ALL=true", does: "Go on after a failure" },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planUpdates } = await import("./verify_run.ts");
      return await planUpdates(command, input.args);
    },
    async run(command, input) {
      const { runUpdate } = await import("./verify_run.ts");
      await runUpdate(command, input.args);
    },
  }),
};

function asked(input: Input, isQuick: boolean): AskedChecks {
  return { words: input.args, isQuick, jobs: input.number("jobs") };
}
