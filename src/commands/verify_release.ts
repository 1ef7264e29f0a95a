import type { Command } from "./context.ts";

/** `kbuild verify-release`: whether a release is what it says of itself. */
export const verifyReleaseCommand: Command = {
  name: "verify-release",
  group: "Release",
  summary: "Check a release: checksums, archives, programs, images",
  description: "Every checksum that lies beside the artifacts is compared, every archive is read " +
    "to its end, archives and images in it too. Programs must be for the platform that their " +
    "tarball names, and be stamped with the release's version; images must hang together. " +
    "Releases of Kubernetes' own scripts and downloaded ones can be checked, too: what nothing " +
    "is said about is named at the end. Exits with 0 only when nothing is wrong, else with 1.",
  args: [{
    name: "PATH",
    summary: "_output, a directory with artifacts, or one artifact; this checkout's when left out",
  }],
  flags: [{
    name: "stamped",
    kind: "string",
    placeholder: "VERSION",
    summary: "Version that programs and images must have",
    default: "what the release says",
  }],
  examples: [
    { command: "kbuild verify-release", does: "The release of this checkout" },
    { command: "kbuild verify-release ~/Downloads/v1.20.2", does: "Downloaded tarballs" },
  ],
  async run(command, input) {
    const { showVerifiedRelease } = await import("./verify_release_run.ts");
    await showVerifiedRelease(command, input);
  },
};
