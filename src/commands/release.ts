import { resolve } from "@std/path";
import { DRY_RUN_FLAG, type FlagSpec, type Input } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import type { Command, CommandContext, OpenCheckout } from "./context.ts";
import { inPlaceOfBuild, planPlaceOfBuild } from "./build_place.ts";
import { isSet } from "../lib/util.ts";
import { openDockerized } from "./dockerized.ts";
import { withDryRun } from "./dry_run.ts";
import {
  ALLOW_MISSING,
  BASE_IMAGE,
  BASES,
  BUILD_VARIABLES,
  COMPRESSION_LEVEL,
  CONFIG,
  CONTAINER_BUILD_FLAGS,
  CONTAINER_BUILD_VARIABLES,
  EXTRA_WHAT_VARIABLE,
  GATHER,
  GO_FLAGS,
  JOBS,
  OCI_LAYOUT,
  PLATFORM,
  RELEASE_VARIABLES,
  SHARD,
  SHARED_FLAGS,
  STORE_FLAGS,
  STRICT_PARITY,
  SUPPLIER,
  VERSION_VARIABLES,
  WHAT,
} from "./flags.ts";
import type { ReleaseRequest } from "./release_run.ts";

const SBOM: FlagSpec = {
  name: "sbom",
  kind: "boolean",
  summary: "Also make SBOMs and provenance of it, as kbuild sbom does",
};

const FLAGS = [
  PLATFORM,
  WHAT,
  BASE_IMAGE,
  BASES,
  OCI_LAYOUT,
  SBOM,
  SUPPLIER,
  ALLOW_MISSING,
  JOBS,
  COMPRESSION_LEVEL,
  STRICT_PARITY,
  CONFIG,
  ...GO_FLAGS,
  DRY_RUN_FLAG,
];
const VARIABLES = [...BUILD_VARIABLES, ...VERSION_VARIABLES, ...RELEASE_VARIABLES];

/** Of commands that also build. */
const BUILDING = {
  flags: [...FLAGS, ...SHARED_FLAGS, ...CONTAINER_BUILD_FLAGS],
  variables: [...VARIABLES, ...CONTAINER_BUILD_VARIABLES],
} as const;

/** `kbuild release`: port of `build/release.sh`, built on this machine. */
export const release: Command = {
  name: "release",
  group: "Release",
  summary: "Build everything for every platform and package it",
  description:
    "Builds as `kbuild cross` does, into _output/dockerized/bin, then makes release-stage, " +
    "release-tars and release-images under _output. The three directories are replaced together at " +
    "the end; a failed run keeps the old ones. release-tars also contains SHA256SUMS, SHA512SUMS and " +
    "artifacts.json. Unchanged artifacts are reused. Unit and integration tests run before, if " +
    "KUBE_RELEASE_RUN_TESTS or the checkout's own scripts (1.28 and later) say so.",
  ...BUILDING,
  examples: [{ command: "kbuild release", does: "Make a full release" }],
  ...work({ fastbuild: false, what: "release" }),
};

/** `kbuild release-in-a-container`: port of `build/release-in-a-container.sh`, for those who are in one. */
export const releaseInAContainer: Command = {
  name: "release-in-a-container",
  group: "Release",
  summary: "Make a release in a container that you are in",
  description:
    "For a container that the checkout is in already. Builds as cross-in-a-container does, so that programs have the " +
    "paths of _output/dockerized in them. No container is started: that is kbuild release --container.",
  flags: [...FLAGS, ...SHARED_FLAGS],
  variables: VARIABLES,
  examples: [{
    command: "kbuild release-in-a-container KUBE_RELEASE_RUN_TESTS=n",
    does: "Make a full release without tests",
  }],
  ...work({ fastbuild: false, what: "release-in-a-container" }, { dockerized: true }),
};

/** `kbuild quick-release`: port of `make quick-release`, which sets KUBE_FASTBUILD. */
export const quickRelease: Command = {
  name: "quick-release",
  aliases: ["release-skip-tests"],
  group: "Release",
  summary: "Build for few platforms and package it, without tests",
  description:
    "With WHAT, only those targets are built and packaged. Base images are fetched before anything is " +
    "built, through the mirrors; --base-image uses one from disk, --bases scratch uses none.",
  ...BUILDING,
  examples: [
    { command: "kbuild quick-release", does: "Make a release for this kind of machine" },
    {
      command: 'kbuild quick-release WHAT="cmd/kubectl cmd/kube-proxy"',
      does: "Make a release of two binaries",
    },
    {
      command: "kbuild quick-release --base-image go-runner=./go-runner-oci",
      does: "Make server images on a base image from an OCI layout",
    },
  ],
  ...work({ fastbuild: true, what: "quick-release" }),
};

/** `kbuild package-tarballs`: port of `build/package-tarballs.sh`, on existing binaries. */
export const packageTarballsCommand: Command = {
  name: "package-tarballs",
  aliases: ["package"],
  group: "Release",
  summary: "Package existing binaries",
  description:
    "Packages the binaries of _output/dockerized/bin, or else of _output/local/bin, for the platforms " +
    "that they exist for.",
  flags: [...FLAGS, ...STORE_FLAGS],
  variables: VARIABLES,
  examples: [{ command: "kbuild package-tarballs", does: "Package the binaries again" }],
  ...work({ build: false, what: "package-tarballs" }),
};

/** Flags of releases that images alone have no use for. */
const OF_TARBALLS: readonly FlagSpec[] = [WHAT, SBOM, SUPPLIER, COMPRESSION_LEVEL];
const IMAGES = {
  flags: BUILDING.flags.filter((flag) => !OF_TARBALLS.includes(flag)),
  variables: [...BUILDING.variables, EXTRA_WHAT_VARIABLE],
} as const;

/** `kbuild release-images`: port of `build/release-images.sh`. */
export const releaseImages: Command = {
  name: "release-images",
  group: "Release",
  summary: "Build what is in images, and make the image archives only",
  description:
    "Builds the programs of the server images, and KUBE_EXTRA_WHAT, for the server platforms, and replaces " +
    "_output/release-images. Other directories of a release stay as they are. For checkouts of 1.14 and later.",
  ...IMAGES,
  examples: [{ command: "kbuild release-images", does: "Make the images of every platform" }],
  ...work({ what: "release-images", imagesOnly: true }),
};

/** `kbuild quick-release-images`: port of `make quick-release-images`, which kind runs. */
export const quickReleaseImages: Command = {
  name: "quick-release-images",
  group: "Release",
  summary: "The same for few platforms",
  ...IMAGES,
  examples: [{
    command: 'kbuild quick-release-images KUBE_EXTRA_WHAT="cmd/kubeadm cmd/kubelet"',
    does: "Make images of this machine's platform, and two more programs",
  }],
  ...work({ what: "quick-release-images", fastbuild: true, imagesOnly: true }),
};

/** Loads what makes releases only when one is made: looking around must start quickly. */
function work(
  fixed: Pick<ReleaseRequest, "what" | "build" | "fastbuild" | "imagesOnly">,
  { dockerized = false }: { dockerized?: boolean } = {},
): Required<Pick<Command, "plan" | "run">> {
  const requestOf = (
    { cwd, env, globals, log }: CommandContext,
    input: Input,
  ): ReleaseRequest => {
    if (fixed.imagesOnly === true && env["WHAT"]) {
      log.warn(`WHAT="${env["WHAT"]}" has no effect on ${fixed.what}, as with make`, [
        "It makes all server images; further targets: KUBE_EXTRA_WHAT",
      ]);
    }
    const hasSboms = fixed.imagesOnly !== true;
    const isSbom = hasSboms && input.boolean("sbom") === true;
    if (hasSboms && input.string("supplier") !== undefined && !isSbom) {
      throw new UsageError('Cannot use "--supplier" without "--sbom": it is written into SBOMs', [
        "Give both, or name it to kbuild sbom",
      ]);
    }
    return {
      ...fixed,
      jobs: input.number("jobs"),
      bases: undefined,
      baseImages: input.list("base-image") ?? [],
      ...(input.string("oci-layout") === undefined
        ? {}
        : { ociLayout: resolve(cwd, input.string("oci-layout")!) }),
      allowMissing: input.boolean("allow-missing") ?? false,
      ...isSbom ? { sbom: { supplier: input.string("supplier"), tool: globals.version } } : {},
    };
  };
  const testsBefore = async (command: CommandContext) => {
    if (fixed.build === false || fixed.imagesOnly === true) return false;
    // Tests are not shared: kbuild test --shard runs them on several machines.
    if (command.env[SHARD.variable] || isSet(command.env[GATHER.variable])) return false;
    const { runsTestsBefore } = await import("./release_tests_run.ts");
    return await runsTestsBefore(command, fixed.fastbuild === true);
  };
  return withDryRun({
    async plan(command, input) {
      const { planReleaseSteps } = await import("./release_run.ts");
      const plan = (open: OpenCheckout) =>
        planReleaseSteps(open, command.globals, requestOf(command, input));
      if (fixed.build === false) return await plan(await command.open());
      const planned = dockerized
        ? await plan(await openDockerized(command))
        : await planPlaceOfBuild(command, input, plan);
      if (!await testsBefore(command)) return planned;
      const { planReleaseTests } = await import("./release_tests_run.ts");
      // Generated files are made once.
      const steps = [...await planReleaseTests(command, input), ...planned.steps];
      const once = new Map(steps.map((step) => [JSON.stringify(step), step]));
      return { ...planned, steps: Object.freeze([...once.values()]) };
    },
    async run(command, input) {
      const { makeRelease } = await import("./release_run.ts");
      const make = (open: OpenCheckout) => makeRelease(command, open, requestOf(command, input));
      if (fixed.build === false) return await make(await command.open());
      if (await testsBefore(command)) {
        const { runReleaseTests } = await import("./release_tests_run.ts");
        await runReleaseTests(command, input);
      }
      if (dockerized) return await make(await openDockerized(command));
      await inPlaceOfBuild(command, input, make);
    },
  });
}
