import type { Command } from "./context.ts";
import { CONFIG, GNU_TOOLS, WHAT } from "./flags.ts";
import type { MakeSources } from "./make_run.ts";

/** Targets of the checkout's Makefile whose scripts are the product: kbuild checks, prepares, cleans up. */
const TARGETS: readonly Pick<Command, "name" | "summary" | "examples">[] = [
  {
    name: "test-cmd",
    summary: "Run the checkout's tests of the command line",
    examples: [{ command: "kbuild test-cmd WHAT=deployment", does: "Run some of them" }],
  },
  {
    name: "test-e2e-node",
    summary: "Run the checkout's end-to-end tests of a node",
    examples: [{ command: "kbuild test-e2e-node FOCUS=Kubelet", does: "Run some of them" }],
  },
  {
    name: "test-e2e-kubeadm",
    summary: "Run the checkout's end-to-end tests of kubeadm",
    examples: [{ command: "kbuild test-e2e-kubeadm FOCUS=dns", does: "Run some of them" }],
  },
  {
    name: "lint",
    summary: "Run the checkout's linters, 1.28 and later",
    examples: [{ command: "kbuild lint", does: "Run them" }],
  },
];

/** The commands `test-cmd`, `test-e2e-node`, `test-e2e-kubeadm` and `lint`. */
export function treeTargets(make: () => Command, sources: MakeSources): readonly Command[] {
  return TARGETS.map((target): Command => ({
    ...target,
    group: "Test",
    description:
      `Runs the recipe of "${target.name}" in the checkout's Makefile, with this kbuild as make. What its scripts ` +
      "need is looked up before they start. Variables may have any name, as with make.",
    args: [{ name: "WHAT", summary: "As the checkout's script takes it", variadic: true }],
    anyVariables: true,
    flags: [
      { ...WHAT, summary: "What the script takes as WHAT", placeholder: "NAME" },
      GNU_TOOLS,
      CONFIG,
    ],
    variables: [],
    unplanned: {
      reason: "the checkout's own script does the work",
      notes: [`Print its recipe: kbuild make -n ${target.name}`],
    },
    async run(command, input) {
      const { runTreeTarget } = await import("./tree_targets_run.ts");
      await runTreeTarget(command, input, { name: target.name, make: make(), sources });
    },
  }));
}
