import type { Command } from "./context.ts";
import { LOCK_FILE_FLAG, SITE_VARIABLES } from "./download.ts";
import { NET_FLAGS } from "./flags.ts";

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
    "Exits with 0 if nothing is wrong, with 1 otherwise.\n\n" +
    "With a version, such as v1.30.2, the tarballs of this checkout's release are held against the published ones of " +
    "that version: first by the published digests, then, where they differ, member by member, as kbuild compare " +
    "does, with the causes that are known. Only tarballs that differ are downloaded, and verified by their digests.",
  args: [{
    name: "PATH",
    summary:
      "_output, a directory of artifacts, one artifact, or a published version; this checkout's release if omitted",
  }],
  flags: [
    {
      name: "stamped",
      kind: "string",
      placeholder: "VERSION",
      summary: "Version that programs and images must have",
      default: "the release's own",
    },
    {
      name: "published",
      kind: "string",
      placeholder: "DIR",
      summary:
        "With a version: directory of kbuild download to take files from, and to download into",
      default: "a directory that is removed again",
    },
    LOCK_FILE_FLAG,
    ...NET_FLAGS,
  ],
  variables: SITE_VARIABLES,
  examples: [
    { command: "kbuild verify-release", does: "Check the release of this checkout" },
    { command: "kbuild verify-release ~/Downloads/v1.20.2", does: "Check downloaded tarballs" },
    {
      command: "kbuild verify-release v1.20.2",
      does: "Hold the release of this checkout against the published one",
    },
  ],
  async run(command, input) {
    const { showVerifiedRelease } = await import("./verify_release_run.ts");
    await showVerifiedRelease(command, input);
  },
};
