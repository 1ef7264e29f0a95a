import { DRY_RUN_FLAG, type FlagSpec, type VariableSpec } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import { NET_FLAGS } from "./flags.ts";

/** Where releases are published, as in `cluster/get-kube.sh`. */
export const SITE_VARIABLES: readonly VariableSpec[] = [
  {
    name: "KUBERNETES_RELEASE_URL",
    summary: "Site with releases and markers",
    default: "https://dl.k8s.io/release",
  },
  {
    name: "KUBERNETES_CI_RELEASE_URL",
    summary: "Site with builds of CI",
    default: "KUBERNETES_RELEASE_URL, https://dl.k8s.io/ci",
  },
];

/** As in `cluster/get-kube.sh` and `cluster/get-kube-binaries.sh`. */
export const DOWNLOAD_VARIABLES: readonly VariableSpec[] = [
  {
    name: "KUBERNETES_RELEASE",
    summary: "Version or marker to download",
    default: "release/stable",
  },
  ...SITE_VARIABLES,
  { name: "KUBERNETES_SERVER_ARCH", summary: "Architecture of servers", default: "amd64" },
  { name: "KUBERNETES_NODE_PLATFORM", summary: "OS of nodes; adds them", default: "linux" },
  {
    name: "KUBERNETES_NODE_ARCH",
    summary: "Architecture of nodes; adds them",
    default: "KUBERNETES_SERVER_ARCH",
  },
  { name: "KUBERNETES_CLIENT_OS", summary: "OS of clients", default: "this machine's" },
  { name: "KUBERNETES_CLIENT_ARCH", summary: "Architecture of clients", default: "this machine's" },
  { name: "KUBERNETES_DOWNLOAD_TESTS", summary: "If not empty: download tests, too" },
  {
    name: "KUBERNETES_SKIP_RELEASE_VALIDATION",
    summary: "If not empty: take any text as a version",
  },
  { name: "KUBERNETES_SKIP_DOWNLOAD", summary: "If not empty: download nothing" },
  {
    name: "KUBERNETES_SKIP_CONFIRM",
    summary: "Has no effect: kbuild does not ask",
  },
  {
    name: "KUBERNETES_SKIP_CREATE_CLUSTER",
    summary: "Has no effect: kbuild download makes no cluster",
  },
  {
    name: "KUBERNETES_PROVIDER",
    summary: "Has no effect: kbuild download makes no cluster",
  },
];

/** The file with digests. */
export const LOCK_FILE_FLAG = {
  name: "lock-file",
  kind: "string",
  placeholder: "FILE",
  variable: "KBUILD_LOCK_FILE",
  summary: "Digests that files must have, whoever serves them",
  default: "kbuild.lock in the current directory, if there",
} as const satisfies FlagSpec;

/** `kbuild download`: port of `cluster/get-kube.sh`, as far as it downloads. */
export const downloadCommand: Command = {
  name: "download",
  group: "Release",
  summary: "Download a published release, verified by its digests",
  description:
    "Fetches tarballs of a release into DIR/release-tars, as a build leaves them in _output, and single programs " +
    "(bin/NAME) into DIR. Every file must have the digest that the release's own site publishes, or that a lock " +
    "file has; mirrors only carry. A file appears complete and verified or not at all, files that are there are " +
    "not fetched again, and an interrupted download is resumed.\n\n" +
    "A marker (stable, stable-1.30, latest, ci/latest) may name a version before all of its files are there: that " +
    "is an error, which names the last complete version.",
  args: [{
    name: "VERSION",
    summary:
      "v1.30.2, stable, stable-1.30, latest, ci/latest; default: KUBERNETES_RELEASE, or stable",
  }],
  flags: [
    {
      name: "what",
      short: "w",
      kind: "list",
      placeholder: "PART",
      summary: "client, server, node, test, kubernetes, manifests, src, bin/NAME",
      default: "kubernetes, server and client, as get-kube.sh",
    },
    {
      name: "platform",
      short: "p",
      kind: "list",
      placeholder: "OS/ARCH",
      summary: "Platforms to download for",
      default: "linux/amd64 for servers and nodes, else this machine's",
    },
    {
      name: "to",
      kind: "string",
      placeholder: "DIR",
      summary: "Directory to download into",
      default:
        "kubernetes-VERSION; among the sources of a checkout, in its _output/release-downloads",
    },
    LOCK_FILE_FLAG,
    { name: "lock", kind: "boolean", summary: "Add the digests to the lock file" },
    {
      name: "print-urls",
      kind: "boolean",
      summary: "Print the addresses of the files, and download nothing",
    },
    {
      name: "signatures",
      kind: "string",
      choices: ["auto", "require", "none"],
      summary: "Check signatures by cosign: if it is there, always, or never",
      default: "auto",
    },
    ...NET_FLAGS,
    DRY_RUN_FLAG,
  ],
  variables: DOWNLOAD_VARIABLES,
  examples: [
    { command: "kbuild download", does: "Download what get-kube.sh would, of the stable release" },
    {
      command: "kbuild download stable-1.30 --what bin/kubectl --to ~/bin",
      does: "Download one program for this machine",
    },
    {
      command: "kbuild download v1.30.2 --what server,node --platform linux/arm64 --lock",
      does: "Download tarballs, and keep their digests in kbuild.lock",
    },
  ],
  ...withDryRun({
    async plan(command, input) {
      const { planDownload } = await import("./download_run.ts");
      return await planDownload(command, input);
    },
    async run(command, input) {
      const { download } = await import("./download_run.ts");
      await download(command, input);
    },
  }),
};
