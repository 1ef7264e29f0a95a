import { DRY_RUN_FLAG, type FlagSpec } from "../cli/mod.ts";
import { registryFault, tagFault } from "../lib/image_name.ts";
import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import {
  BLOB_CACHE_VARIABLE,
  CA_FILE,
  CACHE_VARIABLE,
  OFFLINE,
  OUT_DIR_VARIABLE,
  PLATFORM,
} from "./flags.ts";

const INTO: FlagSpec = {
  name: "into",
  kind: "string",
  placeholder: "ENGINE",
  choices: ["docker", "podman", "containerd", "kind"],
  otherChoices: /^kind:[a-z0-9][a-z0-9.-]*$/,
  summary: "The engine to load into; kind:NAME names a cluster",
  default: "docker",
};

const FORCE: FlagSpec = {
  name: "force",
  kind: "boolean",
  summary: "Replace tags that point to a different image",
};

const NO_MANIFEST: FlagSpec = {
  name: "no-manifest",
  kind: "boolean",
  summary: "Push without the lists over architectures",
};

const ATTEST: FlagSpec = {
  name: "attest",
  kind: "boolean",
  summary: "Attach the SBOMs and the provenance that kbuild sbom made",
};

const nameOf = ({ name }: FlagSpec) => name;

const REGISTRY: FlagSpec = {
  name: "registry",
  kind: "string",
  placeholder: "REG",
  summary: "Registry to push to: a host, usually with a path",
  check: (value) => registryFault(value.replace(/^https?:\/\//, "").replace(/\/+$/, "")),
};

const TAG: FlagSpec = {
  name: "tag",
  kind: "string",
  placeholder: "TAG",
  summary: 'Tag to push under; "+" becomes "_"',
  default: "the archive's",
  check: (value) => tagFault(value.replaceAll("+", "_")),
};

/** Flags of what goes to a registry; mirrors are for what comes in. */
const PUSH = [PLATFORM, REGISTRY, TAG, FORCE, DRY_RUN_FLAG, OFFLINE, CA_FILE].map(nameOf);

/** `kbuild images`: the image archives of a release, and where they go. */
export const images: Command = {
  name: "images",
  group: "Release",
  summary: "List a release's images, load them, or push them",
  description:
    "load passes the archives to docker, podman, containerd or kind, with that tool's own command: those " +
    "for this machine's architecture, unless --platform says otherwise.\n\n" +
    "push sends them to a registry as krel does: each as REG/NAME-ARCH:TAG, then the list REG/NAME:TAG " +
    "over the architectures. Layers are compressed; image IDs do not change. A tag that points to a " +
    "different image is not replaced without --force. manifest makes only the lists, over images in the " +
    "registry: after several machines have pushed their architectures with --no-manifest.",
  actions: [
    {
      name: "list",
      summary: "Show names, platform, size, ID and capabilities of images",
      flags: [PLATFORM].map(nameOf),
    },
    {
      name: "load",
      summary: "Load images into a container engine",
      flags: [PLATFORM, INTO, DRY_RUN_FLAG].map(nameOf),
    },
    {
      name: "push",
      summary: "Send images to a registry",
      flags: [...PUSH, NO_MANIFEST.name, ATTEST.name],
    },
    { name: "manifest", summary: "Make lists over images in a registry", flags: PUSH },
  ],
  args: [{
    name: "IMAGE",
    summary: "Names of images, archives, or directories of them; all of this checkout if omitted",
    variadic: true,
  }],
  flags: [
    {
      ...PLATFORM,
      summary: "Only images for these platforms",
      default: "all; for load this machine's",
    },
    INTO,
    REGISTRY,
    TAG,
    FORCE,
    NO_MANIFEST,
    ATTEST,
    DRY_RUN_FLAG,
    OFFLINE,
    CA_FILE,
  ],
  variables: [OUT_DIR_VARIABLE, CACHE_VARIABLE, BLOB_CACHE_VARIABLE],
  examples: [
    { command: "kbuild images", does: "List the image archives of this checkout" },
    { command: "kbuild images load", does: "Load all images for this machine into docker" },
    {
      command: "kbuild images push --registry registry.example/kubernetes",
      does: "Push every image, and a list over the architectures of each",
    },
    {
      command: "kbuild sbom && kbuild images push --attest --registry registry.example/kubernetes",
      does: "Push them with their SBOMs and provenance",
    },
    {
      command: "kbuild images load --into kind kube-proxy",
      does: "Load one image into the nodes of a kind cluster (KIND_CLUSTER_NAME)",
    },
    {
      command: "kbuild images load --into kind:dev kube-apiserver",
      does: "Load one into the nodes of the cluster dev",
    },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planImages } = await import("./images_run.ts");
      return await planImages(command, input);
    },
    async run(command, input) {
      const { runImages } = await import("./images_run.ts");
      await runImages(command, input);
    },
  }),
};
