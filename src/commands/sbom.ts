import { DRY_RUN_FLAG, type FlagSpec } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import { BUILD_VARIABLES, CONFIG, GO_FLAGS, SUPPLIER, VERSION_VARIABLES } from "./flags.ts";

const FORMAT: FlagSpec = {
  name: "format",
  kind: "list",
  placeholder: "FORMAT",
  choices: ["spdx", "cyclonedx"],
  summary: "Formats of documents",
  default: "both",
};

/** `kbuild sbom`: bills of materials. */
export const sbom: Command = {
  name: "sbom",
  group: "Release",
  summary: "Make SBOMs of binaries, tarballs, images and packages",
  description:
    "Writes SPDX 2.3 and CycloneDX 1.6 documents into _output/release-sbom: one of each binary, of each " +
    "tarball and image of the release, of each package of kbuild packages, and kubernetes-release.spdx.json " +
    "and kubernetes-release.cdx.json of all together. provenance.json is an in-toto statement with a SLSA " +
    "provenance of all files.\n\n" +
    "The modules of a binary are those that Go lists for its packages, with versions from " +
    "vendor/modules.txt (up to 1.14 Godeps.json), sums from go.sum and licenses from vendor; modules of " +
    "staging have the version that they are published under. The list is held against the build " +
    "information in the binary, and it is an error if they differ, if a binary is not whole, or if it is " +
    "stamped with another version or commit. Nothing is fetched, and the same release gives the same bytes.\n\n" +
    "A run replaces the documents that it makes, and removes those of files that are gone or changed. With " +
    "--format, documents of the other format stay as long as they are of the same files and builds. Files " +
    "that kbuild did not make stay.",
  flags: [FORMAT, SUPPLIER, CONFIG, ...GO_FLAGS, DRY_RUN_FLAG],
  variables: [...BUILD_VARIABLES, ...VERSION_VARIABLES],
  examples: [
    { command: "kbuild quick-release && kbuild sbom", does: "Make a release and its SBOMs" },
    { command: "kbuild sbom --format spdx", does: "Make SPDX documents alone" },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planSbomSteps } = await import("./sbom_run.ts");
      return await planSbomSteps(command, input);
    },
    async run(command, input) {
      const { makeSboms } = await import("./sbom_run.ts");
      await makeSboms(command, input);
    },
  }),
};
