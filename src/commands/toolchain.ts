import type { Command } from "./context.ts";
import { ETCD_VARIABLES, GO_FLAGS, GO_VARIABLES, PROTOC_VARIABLE } from "./flags.ts";

const ALL = GO_FLAGS.map(({ name }) => name);
const OF_ETCD: readonly string[] = ["ETCD_VERSION", "KBUILD_ETCD_SHA256"];
const NOT_GO = ALL.filter((name) => name !== "go");

/** `kbuild toolchain`: the Go that checkouts are built with. */
export const toolchain: Command = {
  name: "toolchain",
  group: "Maintenance",
  summary: "List, fetch, find or remove Go, etcd and protoc",
  description:
    "The Go in PATH is used if it fits; others are kept in kbuild's cache. They are fetched through " +
    "GOPROXY and verified against Go's checksum database, or else fetched as archives. etcd comes from its own site, " +
    "through the mirrors, and is checked against the digests there. protoc comes the same way; its makers publish no " +
    "digests, so it is checked against a built-in one, or KBUILD_PROTOC_SHA256.",
  actions: [
    {
      name: "list",
      summary: "Show the Go in PATH, what is in the cache, and which Go builds this checkout",
      flags: ALL,
      most: 0,
    },
    {
      name: "install",
      summary: "Fetch releases, or the one that this checkout needs",
      flags: ALL,
    },
    {
      name: "path",
      summary: "Print the GOROOT of the Go that would be used",
      flags: ALL,
      most: 1,
    },
    {
      name: "etcd",
      summary:
        "Fetch the etcd that integration tests of this checkout need, or a release; print its directory",
      flags: NOT_GO,
      most: 1,
    },
    {
      name: "protoc",
      summary:
        "Fetch the protoc that this checkout pins (1.28 and later), or a release; print its directory",
      flags: NOT_GO,
      most: 1,
    },
    { name: "remove", summary: "Delete releases from the cache", flags: [] },
  ],
  args: [{
    name: "VERSION",
    summary: "Releases of Go, such as 1.21.7; of etcd and protoc, to remove: etcd-3.4.13",
    variadic: true,
  }],
  flags: GO_FLAGS,
  variables: [
    ...GO_VARIABLES,
    ...ETCD_VARIABLES.filter(({ name }) => OF_ETCD.includes(name)),
    PROTOC_VARIABLE,
  ],
  examples: [
    {
      command: "kbuild toolchain",
      does: "Show which Go builds this checkout, and which exist",
    },
    {
      command: "kbuild toolchain install 1.24.3",
      does: "Fetch a release for later work without a network",
    },
    {
      command: 'PATH="$(kbuild toolchain etcd):$PATH"',
      does: "Let scripts find the checkout's etcd",
    },
    { command: "kbuild toolchain remove 1.24.3", does: "Free the disk space" },
  ],
  unplanned: {
    reason: "plans are about checkouts",
    notes: ["What a build would fetch: kbuild plan --network all"],
  },
  async run(command, input) {
    const { runToolchain } = await import("./toolchain_run.ts");
    await runToolchain(command, input.action ?? "list", input.args);
  },
};
