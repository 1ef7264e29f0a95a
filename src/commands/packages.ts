import { DRY_RUN_FLAG, type FlagSpec } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import { LOCK_FILE_FLAG } from "./download.ts";
import {
  CACHE_VARIABLE,
  COMPRESSION_LEVEL,
  CONFIG,
  JOBS,
  NET_FLAGS,
  OUT_DIR_VARIABLE,
  OUTPUT_SUBPATH_VARIABLE,
  PLATFORM,
  PROGRAM_TARBALL,
  STORE_FLAGS,
  VERSION_VARIABLES,
} from "./flags.ts";

const PACKAGES: FlagSpec = {
  name: "packages",
  kind: "list",
  placeholder: "PACKAGE",
  summary: "Packages to make: kubelet, kubeadm, kubectl, kubernetes-cni, cri-tools",
  default: "those whose programs are there",
};

const REPOSITORY: FlagSpec = {
  name: "repository",
  kind: "boolean",
  summary: "Make the directories of packages repositories for apt, dnf and yum",
};

const SIGN: FlagSpec = {
  name: "sign",
  kind: "string",
  placeholder: "KEY",
  summary: "Sign rpms and the indices of repositories with this key of your gpg",
};

const REVISION: FlagSpec = {
  name: "revision",
  kind: "string",
  placeholder: "N",
  summary: "Revision behind the version of packages",
  default: "as published: 1.1, before 1.24 00 in debs and 0 in rpms",
};

const MAINTAINER: FlagSpec = {
  name: "maintainer",
  kind: "string",
  placeholder: "NAME",
  summary: 'Maintainer of packages, as in "Jane Doe <jane@example.com>"',
  default: "the Kubernetes Authors",
};

const TO: FlagSpec = {
  name: "to",
  kind: "string",
  placeholder: "DIR",
  summary: "Directory to write packages to",
  default: "_output/release-packages",
};

const THREADS: FlagSpec = {
  ...JOBS,
  summary: "Threads that compress",
  default: "as many as processors, up to 4",
};

const VARIABLES = [CACHE_VARIABLE, ...VERSION_VARIABLES, OUT_DIR_VARIABLE, OUTPUT_SUBPATH_VARIABLE];

/** `kbuild packages`: packages of Linux distributions. */
export const packagesCommand: Command = {
  name: "packages",
  group: "Release",
  summary: "Make debs and rpms of kubelet, kubeadm and kubectl",
  description:
    "Packages the binaries of _output/dockerized/bin, or else of _output/local/bin, with the unit of " +
    "kubelet, kubeadm's addition to it, and dependencies, each as the packages of Kubernetes' own " +
    "repositories had them for this version. No program of a distribution is needed, and the same binaries " +
    "give the same bytes.\n\n" +
    "The programs of kubernetes-cni and cri-tools are not part of a checkout. They are fetched in the versions that " +
    "it names, and verified by the checkout's digests (up to 1.20) or those that their projects publish; without a " +
    "network, these packages are left out by name. --tarball names files instead, as they are published: " +
    "cni-plugins-linux-amd64-v0.8.7.tgz, crictl-v1.19.0-linux-amd64.tar.gz.\n\n" +
    "Without --platform, packages are made for every Linux platform that has binaries.",
  args: [{ name: "FORMAT", summary: "deb or rpm; both if omitted", variadic: true }],
  flags: [
    { ...PLATFORM, summary: "Platforms to package", default: "those that have binaries" },
    PACKAGES,
    PROGRAM_TARBALL,
    LOCK_FILE_FLAG,
    ...NET_FLAGS,
    ...STORE_FLAGS,
    REPOSITORY,
    SIGN,
    REVISION,
    MAINTAINER,
    TO,
    THREADS,
    COMPRESSION_LEVEL,
    CONFIG,
    DRY_RUN_FLAG,
  ],
  variables: VARIABLES,
  examples: [
    { command: "kbuild packages", does: "Make debs and rpms of the binaries of this checkout" },
    {
      command: "kbuild packages --tarball ~/Downloads/crictl-v1.19.0-linux-amd64.tar.gz",
      does: "Make cri-tools as well",
    },
    {
      command: "kbuild packages deb --packages kubectl --platform linux/arm64 --to ~/debs",
      does: "Make one package in a directory of your own",
    },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planPackageSteps } = await import("./packages_run.ts");
      return await planPackageSteps(command, input);
    },
    async run(command, input) {
      const { makePackages } = await import("./packages_run.ts");
      await makePackages(command, input);
    },
  }),
};

/** `kbuild rpm`: port of `docker-build.sh` of kubernetes/release (`rpm/`, later `packages/rpm/`). */
export const rpmCommand: Command = {
  name: "rpm",
  group: "Release",
  summary: "Make rpms and a yum repository of each architecture",
  description:
    "Makes what docker-build.sh of kubernetes/release left in its output directory: a directory of each " +
    "architecture in rpm's spelling, with rpms and repodata in it. The programs are the checkout's binaries, " +
    "as kbuild packages takes them. Without an argument, all architectures are made that have binaries.",
  args: [{
    name: "ARCHS",
    summary: "Architectures, separated by commas: arm64, or arm64/aarch64 as the script takes it",
  }],
  flags: [
    PACKAGES,
    PROGRAM_TARBALL,
    LOCK_FILE_FLAG,
    ...NET_FLAGS,
    ...STORE_FLAGS,
    SIGN,
    REVISION,
    MAINTAINER,
    { ...TO, default: "_output/release-packages/rpm" },
    THREADS,
    COMPRESSION_LEVEL,
    CONFIG,
    DRY_RUN_FLAG,
  ],
  variables: VARIABLES,
  examples: [
    {
      command: "kbuild rpm",
      does: "Make rpms and repositories of all architectures with binaries",
    },
    {
      command: "kbuild rpm amd64/x86_64,arm64/aarch64 --to output",
      does: "Make those of two architectures, in the directory of the script",
    },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planRpmSteps } = await import("./packages_run.ts");
      return await planRpmSteps(command, input);
    },
    async run(command, input) {
      const { makeRpms } = await import("./packages_run.ts");
      await makeRpms(command, input);
    },
  }),
};
