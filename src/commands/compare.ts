import type { Command } from "./context.ts";

/** `kbuild compare`: what differs between two artifacts, member by member. */
export const compare: Command = {
  name: "compare",
  group: "Release",
  summary: "Show the differences between two artifacts or directories",
  description:
    "Two _output directories are compared by release-tars and release-images, an _output directory and " +
    "a release-tars directory by their tarballs, without checksum files. Archives are opened, with the " +
    "archives and images in them. Images are compared by names, configuration and layers, programs by " +
    "Go's build information and versions, other members by content: the first different line or byte is " +
    "shown. Changes that affect only bytes (order of members, headers, compression) are shown, but do not " +
    "count as differences. Times are compared only with --times. Exits with 0 if nothing differs, with 1 " +
    "otherwise.",
  args: [
    { name: "A", summary: "File or directory", required: true },
    { name: "B", summary: "File or directory to compare it with", required: true },
  ],
  flags: [
    { name: "times", kind: "boolean", summary: "Also compare the times of archive members" },
    { name: "all", kind: "boolean", summary: "Show all differences instead of 20 per artifact" },
  ],
  examples: [{
    command: "kbuild compare old/release-tars new/release-tars",
    does: "Show the changes of a release",
  }],
  async run(command, input) {
    const { compareArtifacts } = await import("./compare_run.ts");
    await compareArtifacts(command, input);
  },
};
