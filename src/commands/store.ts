import type { FlagSpec } from "../cli/mod.ts";
import type { Command } from "./context.ts";
import { NET_FLAGS, STORE, STORE_READ_ONLY } from "./flags.ts";

const UNUSED_DAYS: FlagSpec = {
  name: "unused-days",
  kind: "number",
  placeholder: "N",
  minimum: 1,
  summary: "Remove results that were not used for N days",
  default: "30, without --max-mb",
};

const MAX_MB: FlagSpec = {
  name: "max-mb",
  kind: "number",
  placeholder: "N",
  minimum: 0,
  summary: "Remove the least recently used results until at most N megabytes are left",
};

const REMOVE: FlagSpec = {
  name: "remove",
  kind: "boolean",
  summary: "Remove the damaged files",
};

const ASKED = [STORE, ...NET_FLAGS].map(({ name }) => name);

/** `kbuild store`: the results that machines share. */
export const storeCommand: Command = {
  name: "store",
  group: "Maintenance",
  summary: "Show, clean or check a store of results",
  description:
    "A store keeps results of builds for other machines and later runs: --store of kbuild all, release " +
    "and others. It is a directory, an HTTP server of Bazel's cache protocol, or a repository of a registry.\n\n" +
    "kbuild store gc cleans a directory: it removes results that were not used for a while, and the files " +
    "that no other result needs. What was used within the last day stays, so builds may run meanwhile. Servers and " +
    "registries clean what they have by rules of their own; tags of results begin with kbuild-.",
  actions: [
    {
      name: "stat",
      summary:
        "Count results and files of a directory; ask a server or a registry whether it answers",
      flags: ASKED,
      most: 0,
    },
    {
      name: "gc",
      summary: "Remove unused results from a directory",
      flags: [STORE.name, UNUSED_DAYS.name, MAX_MB.name],
      most: 0,
    },
    {
      name: "verify",
      summary: "Check every file of a directory against its digest",
      flags: [STORE.name, REMOVE.name],
      most: 0,
    },
    {
      name: "go-cache",
      summary: "Serve Go's compile cache to a go that starts it: GOCACHEPROG, of Go 1.24 and later",
      flags: [...ASKED, STORE_READ_ONLY.name],
      most: 0,
    },
  ],
  flags: [STORE, STORE_READ_ONLY, UNUSED_DAYS, MAX_MB, REMOVE, ...NET_FLAGS],
  examples: [
    { command: "kbuild store stat --store /srv/kbuild", does: "Show how much is in a store" },
    {
      command: "kbuild store gc --store /srv/kbuild --max-mb 50000",
      does: "Keep the most recently used 50 GB",
    },
    {
      command: "kbuild store verify --store /srv/kbuild --remove",
      does: "Check every file, and remove what is damaged",
    },
    {
      command: "GOCACHEPROG='kbuild store go-cache --store /srv/kbuild' go build ./...",
      does: "Share what go compiles with other machines",
    },
  ],
  unplanned: { reason: "plans are about checkouts", notes: [] },
  async run(command, input) {
    if (input.action === "go-cache") {
      const { runGoCache } = await import("./go_cache_run.ts");
      return await runGoCache(command, input.string(STORE.name));
    }
    const { runStore } = await import("./store_run.ts");
    await runStore(command, input.action ?? "stat", {
      unusedDays: input.number(UNUSED_DAYS.name),
      maxMegabytes: input.number(MAX_MB.name),
      remove: input.boolean(REMOVE.name) ?? false,
    });
  },
};
