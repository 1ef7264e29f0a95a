import type { Command } from "./context.ts";
import { BLOB_CACHE_VARIABLE, CA_FILE, CACHE_VARIABLE, OFFLINE, PLATFORM } from "./flags.ts";

/** How push reaches a registry; mirrors are for what comes in. */
const PUSH_FLAGS = [OFFLINE, CA_FILE];

/** `kbuild images`: the image archives of a release, and where they go. */
export const images: Command = {
  name: "images",
  group: "Release",
  summary: "List a release's images, load them, or push them",
  description:
    "list shows what the archives hold: names, architecture, size, image ID, and the capabilities " +
    "that files have. load hands them to docker, podman, containerd or kind, by that tool's own " +
    "command; without --platform those for this machine's architecture.\n\n" +
    "push sends them to a registry as krel does: REG/NAME-ARCH:TAG each, then the list REG/NAME:TAG " +
    "over the architectures. Layers are compressed, image IDs stay. A tag that stands for something " +
    "else is not replaced without --force. manifest makes the lists alone, over what the registry " +
    "has: after several machines pushed their architectures with --no-manifest.",
  args: [
    { name: "list|load|push|manifest", summary: "What to do (default: list)" },
    {
      name: "IMAGE",
      summary: "Name of an image, an archive, or a folder of them (default: this checkout's all)",
      variadic: true,
    },
  ],
  flags: [
    {
      name: "into",
      kind: "string",
      placeholder: "ENGINE",
      choices: ["docker", "podman", "containerd", "kind"],
      summary: "Where load puts the images (default: docker)",
    },
    { ...PLATFORM, summary: "Only images for these platforms" },
    {
      name: "registry",
      kind: "string",
      placeholder: "REG",
      summary: "Where push puts them: host, maybe with a path (default: as the archives say)",
    },
    {
      name: "tag",
      kind: "string",
      placeholder: "TAG",
      summary: "Tag to push them under (default: as the archives say)",
    },
    { name: "force", kind: "boolean", summary: "Replace tags that stand for something else" },
    { name: "no-manifest", kind: "boolean", summary: "Push without lists over the architectures" },
    ...PUSH_FLAGS,
  ],
  variables: [CACHE_VARIABLE, BLOB_CACHE_VARIABLE],
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
  async run(command, input) {
    const { runImages } = await import("./images_run.ts");
    const [action = "list", ...words] = input.args;
    await runImages(command, input, action, words);
  },
};
