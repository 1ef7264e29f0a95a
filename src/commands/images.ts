import { DRY_RUN_FLAG, type FlagSpec } from "../cli/mod.ts";
import { registryFault, tagFault } from "../lib/image_name.ts";
import { type Command, withDryRun } from "./context.ts";
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
  summary: "The engine to load into",
  default: "docker",
};

const FORCE: FlagSpec = {
  name: "force",
  kind: "boolean",
  summary: "Replace tags that stand for something else",
};

const NO_MANIFEST: FlagSpec = {
  name: "no-manifest",
  kind: "boolean",
  summary: "Push without lists over the architectures",
};

const nameOf = ({ name }: FlagSpec) => name;

const REGISTRY: FlagSpec = {
  name: "registry",
  kind: "string",
  placeholder: "REG",
  summary: "Registry to push to: a host, mostly with a path",
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
    "load hands the archives to docker, podman, containerd or kind, by that tool's own command; without " +
    "--platform those for this machine's architecture.\n\n" +
    "push sends them to a registry as krel does: REG/NAME-ARCH:TAG each, then the list REG/NAME:TAG " +
    "over the architectures. Layers are compressed, image IDs stay. A tag that stands for something " +
    "else is not replaced without --force. manifest makes the lists alone, over what the registry " +
    "has: after several machines pushed their architectures with --no-manifest.",
  actions: [
    {
      name: "list",
      summary: "Names, platform, size, ID and capabilities of the images",
      flags: [PLATFORM].map(nameOf),
    },
    {
      name: "load",
      summary: "Put images into a container engine",
      flags: [PLATFORM, INTO, DRY_RUN_FLAG].map(nameOf),
    },
    { name: "push", summary: "Send images to a registry", flags: [...PUSH, NO_MANIFEST.name] },
    { name: "manifest", summary: "Make lists over images that a registry has", flags: PUSH },
  ],
  args: [{
    name: "IMAGE",
    summary: "Names of images, archives, or directories of them; without any all of this checkout",
    variadic: true,
  }],
  flags: [
    {
      ...PLATFORM,
      summary: "Only images for these platforms",
      default: "all; of load this machine's",
    },
    INTO,
    REGISTRY,
    TAG,
    FORCE,
    NO_MANIFEST,
    DRY_RUN_FLAG,
    OFFLINE,
    CA_FILE,
  ],
  variables: [OUT_DIR_VARIABLE, CACHE_VARIABLE, BLOB_CACHE_VARIABLE],
  examples: [
    { command: "kbuild images", does: "What the image archives of this checkout hold" },
    { command: "kbuild images load", does: "Put all images for this machine into docker" },
    {
      command: "kbuild images push --registry registry.example/kubernetes",
      does: "Push every image, and a list over the architectures of each",
    },
    {
      command: "kbuild images load --into kind kube-proxy",
      does: "Put one image into the nodes of a kind cluster (KIND_CLUSTER_NAME)",
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
