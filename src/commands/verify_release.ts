import type { FlagSpec } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { LOCK_FILE_FLAG, SITE_VARIABLES } from "./download.ts";
import {
  BASES,
  BUILD_VARIABLES,
  GO,
  GO_FLAGS,
  JOBS,
  PLATFORM,
  RELEASE_VARIABLES,
} from "./flags.ts";

/** A flag of builds, for `--build` alone. */
function forBuild(flag: FlagSpec): FlagSpec {
  const summary = flag.summary[0]!.toLowerCase() + flag.summary.slice(1);
  return { ...flag, summary: `With --build: ${summary}` };
}

/** `kbuild verify-release`: whether a release is what it claims to be. */
export const verifyReleaseCommand: Command = {
  name: "verify-release",
  group: "Release",
  summary: "Check a release: checksums, archives, programs, images",
  description:
    "Compares every checksum next to the artifacts and reads every archive to its end, archives and " +
    "images in it included. What is in a directory of programs must be a whole program for the platform that " +
    "its tarball names, and be stamped with the release's version; images must be complete and consistent. " +
    "Members that nobody should unpack are reported: outside of kubernetes/, links that lead out, hard links, " +
    "devices, setuid, setgid and world-writable files, names that come twice or hold control characters. Releases of Kubernetes' own " +
    "scripts and downloaded ones can be checked too. Checks that were not possible are named at the end. " +
    "Exits with 0 if nothing is wrong, with 1 otherwise.\n\n" +
    "With a version, such as v1.30.2, the tarballs of this checkout's release, or of the one in DIR, are held against the " +
    "published ones of that version: first by the published digests, then, where they differ, member by member, as kbuild compare " +
    "does, with the causes that are known. Only tarballs that differ are downloaded, and verified by their digests. " +
    "--build makes the release first, of this checkout's tag of that name, as kbuild quick-release does: for few " +
    "platforms, or those that --platform names.",
  args: [
    {
      name: "PATH",
      summary:
        "_output, a directory of artifacts, one artifact, or a published version; this checkout's release if omitted",
    },
    {
      name: "DIR",
      summary: "With a version: the release to compare; this checkout's if omitted",
    },
  ],
  flags: [
    {
      name: "build",
      kind: "string",
      placeholder: "DIR",
      summary: "With a version: clone its tag into this new or empty directory, and build it there",
      default: "the release is there",
    },
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
    ...[PLATFORM, BASES, JOBS].map(forBuild),
    ...GO_FLAGS.map((flag) => flag === GO ? forBuild(flag) : flag),
  ],
  variables: [...SITE_VARIABLES, ...BUILD_VARIABLES, ...RELEASE_VARIABLES],
  examples: [
    { command: "kbuild verify-release", does: "Check the release of this checkout" },
    { command: "kbuild verify-release ~/Downloads/v1.20.2", does: "Check downloaded tarballs" },
    {
      command: "kbuild verify-release v1.20.2",
      does: "Hold the release of this checkout against the published one",
    },
    {
      command: "kbuild verify-release v1.20.2 --build ~/v1.20.2",
      does: "Build the tag, and hold that against the published release",
    },
  ],
  async run(command, input) {
    const { showVerifiedRelease } = await import("./verify_release_run.ts");
    await showVerifiedRelease(command, input);
  },
};
