import { renderTable } from "../cli/mod.ts";
import { TARGET_GROUPS } from "../checkout/mod.ts";
import { platformRows } from "./platform_choice.ts";
import type { Command } from "./context.ts";
import {
  CONFIG,
  OUT_DIR_VARIABLE,
  OUTPUT_SUBPATH_VARIABLE,
  PLATFORM,
  PLATFORM_VARIABLES,
  STRICT_PARITY,
} from "./flags.ts";

/** `kbuild targets`: the target lists of the checkout. */
export const targets: Command = {
  name: "targets",
  group: "Look",
  summary: "List the targets of this checkout, by group",
  flags: [CONFIG],
  examples: [{ command: "kbuild targets", does: "List the targets that can be built here" }],
  async run(command) {
    const { checkout } = await command.open();
    const groups = Object.entries(TARGET_GROUPS).map(([name, group]) =>
      [name, checkout.targets[group]] as const
    );
    if (command.globals.json) return command.printJson(Object.fromEntries(groups));
    for (const [name, { value, source }] of groups) {
      if (value.length === 0) continue;
      command.print(`${name}  (${source})`);
      for (const target of value) command.print(`  ${target}`);
    }
  },
};

/** `kbuild platforms`: the platforms of each group. */
export const platforms: Command = {
  name: "platforms",
  group: "Look",
  summary: "List the platforms of this checkout, by group",
  description:
    "Shows the supported platforms that KUBE_BUILD_PLATFORMS, KUBE_FASTBUILD and KUBE_BUILDER_OS " +
    "select.",
  flags: [PLATFORM, STRICT_PARITY, CONFIG],
  variables: PLATFORM_VARIABLES,
  examples: [{
    command: "kbuild platforms KUBE_FASTBUILD=true",
    does: "List the platforms of quick-release",
  }],
  async run(command) {
    const rows = platformRows(await command.open());
    if (command.globals.json) return command.printJson(rows);
    for (const { group, platforms: list, source } of rows) {
      command.print(`${group}  (${source})`);
      for (const platform of list) command.print(`  ${platform}`);
    }
  },
};

/** `kbuild env`: where things are. */
export const env: Command = {
  name: "env",
  group: "Look",
  summary: "Show paths: KUBE_ROOT, KUBE_OUTPUT …",
  flags: [],
  variables: [OUT_DIR_VARIABLE, OUTPUT_SUBPATH_VARIABLE],
  examples: [{ command: "kbuild env --json", does: "Print the paths as JSON" }],
  async run(command) {
    const { context } = await command.open();
    const paths = {
      KUBE_ROOT: context.root,
      KUBE_OUTPUT: context.output,
      KUBE_OUTPUT_BINPATH: context.binPath,
      KUBE_GOPATH: context.gopath,
      THIS_PLATFORM_BIN: context.thisPlatformBin,
      LOCAL_OUTPUT_ROOT: context.outputRoot,
      LOCAL_OUTPUT_BINPATH: context.releaseBinPath,
    };
    if (command.globals.json) command.printJson(paths);
    else command.print(renderTable(Object.entries(paths)).trimEnd()); // Paths are to be copied whole.
  },
};
