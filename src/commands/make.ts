import type { Command } from "./context.ts";
import { GNU_TOOLS, makeInContainer, PRINT_HELP } from "./flags.ts";
import type { MakeSources } from "./make_run.ts";

/** `kbuild make`: make's command line, for scripts that start it. */
export function makeCommand(sources: MakeSources): Command {
  return {
    name: "make",
    flagNotes: makeInContainer("TARGET"),
    group: "Build",
    summary: "Take make's command line: targets, variables, make's flags",
    description:
      "A target that is a command of kbuild is run by it; any other one's recipe in the checkout's Makefile " +
      "is run by bash, after what the target needs. Scripts that start make find this command as `make` in " +
      "their PATH. As with make, variables may have any name, and the exit status is 2 if a target fails.",
    args: [{ name: "TARGET", summary: "Targets of the Makefile; all if omitted", variadic: true }],
    anyVariables: true,
    flags: [
      {
        name: "directory",
        short: "C",
        kind: "string",
        placeholder: "DIR",
        summary: "Directory of the checkout",
      },
      { name: "just-print", short: "n", kind: "boolean", summary: "Print what would run" },
      {
        name: "keep-going",
        short: "k",
        kind: "boolean",
        summary: "Make other targets when one fails",
      },
      {
        name: "jobs",
        short: "j",
        kind: "number",
        placeholder: "N",
        implied: 0,
        summary: "No effect: kbuild decides by memory and processors",
      },
      {
        name: "silent",
        short: "s",
        kind: "boolean",
        summary: "No effect: recipes are not printed",
      },
      { name: "always-make", short: "B", kind: "boolean", summary: "No effect" },
      GNU_TOOLS,
      { name: "print-directory", kind: "boolean", summary: "No effect" },
      { name: "no-print-directory", kind: "boolean", summary: "No effect" },
    ],
    variables: [PRINT_HELP],
    examples: [
      { command: "kbuild make quick-release KUBE_FASTBUILD=true", does: "As with make" },
      { command: "kbuild make -C ~/src/kubernetes kubectl", does: "Build in another directory" },
      {
        command: "kbuild make test-cmd WHAT=pods",
        does: "Run a recipe of the checkout's Makefile",
      },
      { command: "kbuild make help PRINT_HELP=y", does: "Print the checkout's own help" },
    ],
    unplanned: {
      reason: "it runs other commands",
      notes: ["Print what would run: kbuild make -n"],
    },
    async run(command, input) {
      const { runMake } = await import("./make_run.ts");
      await runMake(command, input, sources);
    },
  };
}
