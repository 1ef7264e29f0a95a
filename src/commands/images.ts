import type { Command } from "./context.ts";
import { PLATFORM } from "./flags.ts";

/** `kbuild images`: the image archives of a release, and where they go. */
export const images: Command = {
  name: "images",
  group: "Release",
  summary: "List a release's images, or load them into an engine",
  description:
    "list shows what the archives hold: names, architecture, size, image ID, and the capabilities " +
    "that files have. load hands them to docker, podman, containerd or kind, by that tool's own " +
    "command; without --platform those for this machine's architecture.",
  args: [
    { name: "list|load", summary: "What to do (default: list)" },
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
  ],
  examples: [
    { command: "kbuild images", does: "What the image archives of this checkout hold" },
    { command: "kbuild images load", does: "Put all images for this machine into docker" },
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
