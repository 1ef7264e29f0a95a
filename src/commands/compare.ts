import type { Command } from "./context.ts";

/** `kbuild compare`: what differs between two artifacts, member by member. */
export const compare: Command = {
  name: "compare",
  group: "Release",
  summary: "Say what differs between two artifacts, or folders of them",
  description:
    "Of two _output folders release-tars and release-images are compared, of an _output " +
    "folder and a release-tars folder the tarballs; checksum files are left out of folders. " +
    "Archives are opened, archives and images in them, too: of images names, configuration and " +
    "layers are compared, of programs Go's build information and versions, of other members the " +
    "first line or byte that differs is shown. What only changes bytes (order of members, headers, compression) is " +
    "shown, but no difference. Exits with 0 only when nothing differs, else with 1. Times are not " +
    "compared unless --times asks.",
  args: [
    { name: "A", summary: "File or folder", required: true },
    { name: "B", summary: "The other one", required: true },
  ],
  flags: [
    { name: "times", kind: "boolean", summary: "Compare the times of archives' members, too" },
    { name: "all", kind: "boolean", summary: "Show all differences, not 20 for each artifact" },
  ],
  examples: [{
    command: "kbuild compare old/release-tars new/release-tars",
    does: "What is new in a release",
  }],
  async run(command, input) {
    const { compareArtifacts } = await import("./compare_run.ts");
    await compareArtifacts(command, input);
  },
};
