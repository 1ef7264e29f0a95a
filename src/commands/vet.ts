import { DRY_RUN_FLAG } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import {
  CONFIG,
  GO_FLAGS,
  GO_VARIABLES,
  makeInContainer,
  OUTPUT_SUBPATH_VARIABLE,
  WHAT,
} from "./flags.ts";

/** `kbuild vet`: port of `make vet` (`hack/make-rules/vet.sh`). */
export const vet: Command = {
  name: "vet",
  flagNotes: makeInContainer("vet"),
  group: "Test",
  summary: "Run go vet on WHAT or on all packages, up to 1.25",
  description:
    "Starts the `go vet` that the checkout's own hack/make-rules/vet.sh would start, after the generated files " +
    "that it needs. Newer releases use golangci-lint instead: kbuild verify golangci-lint.",
  args: [{ name: "WHAT", summary: "Packages; all if omitted", variadic: true }],
  flags: [
    { ...WHAT, summary: "Packages to vet", default: "the script's", placeholder: "PACKAGE" },
    CONFIG,
    ...GO_FLAGS,
    DRY_RUN_FLAG,
  ],
  variables: [
    { name: "GOFLAGS", summary: "Extra flags for go" },
    OUTPUT_SUBPATH_VARIABLE,
    ...GO_VARIABLES,
  ],
  examples: [{ command: "kbuild vet ./pkg/kubelet/...", does: "Vet kubelet's packages" }],
  ...withDryRun({
    async plan(command, input) {
      const { planVetSteps } = await import("./vet_run.ts");
      return await planVetSteps(command, input.args);
    },
    async run(command, input) {
      const { runVet } = await import("./vet_run.ts");
      await runVet(command, input.args);
    },
  }),
};
