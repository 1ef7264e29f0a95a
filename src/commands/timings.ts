import type { Command } from "./context.ts";

/** `kbuild timings`: where the time of the last run went. */
export const timings: Command = {
  name: "timings",
  group: "Look",
  summary: "Show where the time of the last run went",
  description:
    "Shows the units of the last run that wrote to the output directory: programs, images, tarballs, " +
    "downloads, each with its time and that of the run before. The events of the last ten runs, and of the last " +
    "successful one of each command, are kept. " +
    "The page is one file of HTML without scripts; the trace is for chrome://tracing and Perfetto.",
  flags: [
    { name: "html", kind: "string", placeholder: "FILE", summary: "Write a page" },
    { name: "trace", kind: "string", placeholder: "FILE", summary: "Write a trace" },
  ],
  examples: [
    { command: "kbuild timings", does: "List the units of the last run, the longest first" },
    { command: "kbuild timings --html timings.html", does: "Write a page with charts" },
    {
      command: "kbuild quick-release --timings=release.html",
      does: "Release, and write the page of that run",
    },
  ],
  unplanned: { reason: "it only looks", notes: [] },
  async run(command, input) {
    const { showTimings } = await import("./timings_run.ts");
    await showTimings(command, { html: input.string("html"), trace: input.string("trace") });
  },
};
