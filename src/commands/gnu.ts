import type { Command } from "./context.ts";

/** `kbuild gnu`: stand-ins for GNU programs, which scripts find by their own names. */
export const gnu: Command = {
  name: "gnu",
  group: "Maintenance",
  summary: "Do the work of a GNU program, as scripts use it",
  description:
    "Scripts that kbuild runs find these under the programs' own names, where a machine has no GNU programs: base64, " +
    "date, md5sum, mktemp, readlink, sed, sha1sum, sha256sum, sha512sum, xargs. A form that Kubernetes' scripts do not " +
    "use is refused with status 64.",
  args: [
    { name: "PROGRAM", summary: "sed, gsed, date …", required: true },
    { name: "ARGUMENT", summary: "Its arguments, as they are", variadic: true },
  ],
  passthrough: true,
  flags: [],
  unplanned: {
    reason: "it does one program's work at once, as its arguments say",
    notes: ["What scripts would start: kbuild plan verify"],
  },
  examples: [
    { command: "kbuild gnu sed -i -e 's/a/b/' FILE", does: "Edit a file in place" },
    { command: "kbuild gnu readlink -f PATH", does: "Print a path without links" },
  ],
  async run(command, input) {
    const { runGnu } = await import("./gnu_run.ts");
    await runGnu(command, input.args);
  },
};
