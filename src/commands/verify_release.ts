import type { Command } from "./context.ts";

/** `kbuild verify-release`: whether a release is what it claims to be. */
export const verifyReleaseCommand: Command = {
  name: "verify-release",
  group: "Release",
  summary: "Check a release: checksums, archives, programs, images",
  description:
    "Compares every checksum next to the artifacts and reads every archive to its end, archives and " +
    "images in it included. Programs must be for the platform that their tarball names, and be stamped " +
    "with the release's version; images must be complete and consistent. Releases of Kubernetes' own " +
    "scripts and downloaded ones can be checked too. Checks that were not possible are named at the end. " +
    "Exits with 0 if nothing is wrong, with 1 otherwise.",
  args: [{
    name: "PATH",
    summary:
      "_output, a directory of artifacts, or one artifact; this checkout's release if omitted",
  }],
  flags: [{
    name: "stamped",
    kind: "string",
    placeholder: "VERSION",
    summary: "Version that programs and images must have",
    default: "the release's own",
  }],
  examples: [
    { command: "kbuild verify-release", does: "Check the release of this checkout" },
    { command: "kbuild verify-release ~/Downloads/v1.20.2", does: "Check downloaded tarballs" },
  ],
  async run(command, input) {
    const { showVerifiedRelease } = await import("./verify_release_run.ts");
    await showVerifiedRelease(command, input);
  },
};
