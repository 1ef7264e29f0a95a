import { DRY_RUN_FLAG, type FlagSpec } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { LOCK_FILE_FLAG } from "./download.ts";
import { withDryRun } from "./dry_run.ts";
import {
  BLOB_CACHE_VARIABLE,
  CACHE_VARIABLE,
  COMPRESSION_LEVEL,
  CONFIG,
  DIGESTS,
  JOBS,
  NET_FLAGS,
  OUT_DIR_VARIABLE,
  OUTPUT_SUBPATH_VARIABLE,
  PLATFORM,
  PROGRAM_TARBALL,
  VERSION_VARIABLES,
} from "./flags.ts";

const WITHOUT: FlagSpec = {
  name: "without",
  kind: "list",
  placeholder: "PART",
  summary:
    "Parts to leave out: images, packages, sbom, or a single one such as deb, etcd, cri-tools",
  default: "none; a part that is missing is an error",
};

const IMAGE: FlagSpec = {
  name: "image",
  kind: "list",
  placeholder: "NAME=REFERENCE",
  summary: "The image to take as pause, coredns or etcd (up to 1.10, k8s-dns-kube-dns and so on)",
  default: "the one that the checkout's kubeadm starts",
};

const REVISION: FlagSpec = {
  name: "revision",
  kind: "string",
  placeholder: "N",
  summary: "Revision that the packages were made with",
  default: "as kbuild packages has it",
};

const TO: FlagSpec = {
  name: "to",
  kind: "string",
  placeholder: "DIR",
  summary: "Directory to write the bundle to",
  default: "_output/release-bundles",
};

const DIGEST: FlagSpec = {
  name: "digest",
  kind: "string",
  placeholder: "SHA256",
  summary: "SHA-256 that the bundle must have: kbuild bundle prints it",
  check: (value) =>
    /^(sha256:)?[0-9a-f]{64}$/.test(value)
      ? undefined
      : { reason: "it is not a SHA-256", notes: ["Write 64 hexadecimal digits"] },
};

const nameOf = ({ name }: FlagSpec) => name;

const MAKE_FLAGS: readonly FlagSpec[] = [
  { ...PLATFORM, summary: "The platform of the bundle", default: "this machine's architecture" },
  WITHOUT,
  IMAGE,
  PROGRAM_TARBALL,
  REVISION,
  TO,
  LOCK_FILE_FLAG,
  ...NET_FLAGS,
  { ...JOBS, summary: "Threads that compress", default: "as many as processors, up to 4" },
  COMPRESSION_LEVEL,
  CONFIG,
  DRY_RUN_FLAG,
];

/** `kbuild bundle`: archives for machines without a network. */
export const bundle: Command = {
  name: "bundle",
  group: "Release",
  summary: "Make an archive for machines without a network; check one",
  description:
    "make puts into one archive for one platform: kubelet, kubeadm and kubectl; the debs and rpms that kbuild packages " +
    "made; the images that kubeadm starts, those of the release, pause, CoreDNS and etcd by digest; crictl and CNI " +
    "plugins; the SBOMs that kbuild sbom made; checksums; and install.sh, which needs a POSIX shell. Images and programs " +
    "of others are fetched through the mirrors. The same inputs give the same bytes.\n\n" +
    "A part that is missing is an error. --without leaves a part out, and the bundle names it.\n\n" +
    "verify FILE checks a bundle, packed or unpacked, without a checkout or a network: that it is complete and has " +
    "nothing else, digests, programs, images, and that install.sh is kbuild's.",
  actions: [
    {
      name: "make",
      summary: "Make a bundle of this checkout's release",
      most: 0,
      flags: MAKE_FLAGS.map(nameOf),
    },
    { name: "verify", summary: "Check a bundle", most: 1, flags: [DIGEST].map(nameOf) },
  ],
  args: [{
    name: "FILE",
    summary: "For verify: the archive, or the directory that it was unpacked to",
  }],
  flags: [...MAKE_FLAGS, DIGEST],
  variables: [
    CACHE_VARIABLE,
    BLOB_CACHE_VARIABLE,
    DIGESTS,
    ...VERSION_VARIABLES,
    OUT_DIR_VARIABLE,
    OUTPUT_SUBPATH_VARIABLE,
  ],
  examples: [
    {
      command: "kbuild quick-release && kbuild packages && kbuild sbom && kbuild bundle",
      does: "Make everything that goes into a bundle, and the bundle",
    },
    {
      command: "kbuild bundle --without rpm,sbom",
      does: "Make one without two of its parts",
    },
    {
      command: "kbuild bundle verify kubernetes-bundle-v1.30.2-linux-amd64.tar.gz",
      does: "Check a bundle that came from somewhere",
    },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planBundle } = await import("./bundle_run.ts");
      return await planBundle(command, input);
    },
    async run(command, input) {
      const { runBundle } = await import("./bundle_run.ts");
      await runBundle(command, input);
    },
  }),
};
