import { isAbsolute, join } from "@std/path";
import { UsageError } from "../errors.ts";
import type { EraParameter } from "../sample/mod.ts";
import { quote } from "../shell/mod.ts";
import type { Command, OpenCheckout } from "./context.ts";
import { GO_FLAGS, JOBS } from "./flags.ts";

/** The sample's shapes, named here so that the sample is only loaded when one is made. */
const ERAS: readonly EraParameter[] = ["1.7", "1.20", "1.28", "1.35", "latest"];
const DEFAULT_ERA: EraParameter = "1.20";

/**
 * The sample pins a Go as its era does; for a look around that of `PATH` will do if it builds the
 * sample.
 */
function withAnyGo(open: OpenCheckout): OpenCheckout {
  return {
    ...open,
    checkout: Object.freeze({ ...open.checkout, pinnedGoExact: false }),
    reread: async () => withAnyGo(await open.reread()),
  };
}

/** `kbuild demo`: a sample checkout, and a release of it. */
export const demo: Command = {
  name: "demo",
  group: "Start",
  summary: "Make a sample checkout, release it, show the artifacts",
  description:
    "The sample is a look-alike of a Kubernetes checkout, embedded in kbuild: its build files have the " +
    "real structure, its programs are tiny. Nothing is downloaded. The directory is kept.",
  flags: [
    {
      name: "dir",
      kind: "string",
      placeholder: "DIR",
      summary: "New or empty directory for the sample",
      default: "a temporary one",
    },
    {
      name: "era",
      kind: "string",
      placeholder: "ERA",
      choices: ERAS,
      summary: "Releases that the sample resembles",
      default: DEFAULT_ERA,
    },
    JOBS,
    ...GO_FLAGS,
  ],
  examples: [
    { command: "kbuild demo", does: "See what kbuild does, in less than a minute" },
    {
      command: "kbuild demo --era 1.35 --dir /tmp/sample",
      does: "Make a go.work sample in /tmp/sample",
    },
  ],
  unplanned: {
    reason: "it first makes the checkout that it releases",
    notes: ["In the sample that it leaves: kbuild plan quick-release --bases scratch"],
  },
  async run(command, input) {
    const { createSample } = await import("../sample/mod.ts");
    const { releaseCheckout, releaseJson, showRelease } = await import("./release_run.ts");
    const { log, env, shell } = command;
    const era = (input.string("era") ?? DEFAULT_ERA) as EraParameter;
    const given = input.string("dir");
    if (given === "") throw new UsageError('Cannot use an empty directory name for "--dir"');
    const dir = given === undefined
      ? await Deno.makeTempDir({ prefix: "kbuild-demo-" })
      : isAbsolute(given)
      ? given
      : join(command.cwd, given);
    const sample = await createSample({
      ...{ dir, era, git: shell, env },
      onStart: () => log.status(`Creating a sample checkout (${era}) in ${dir}`),
    });
    const open = withAnyGo(await command.openAt(sample.dir));
    const result = await releaseCheckout(command, open, {
      what: "demo",
      jobs: input.number("jobs"),
      baseImages: [],
      bases: "scratch",
      scratchExpected: true,
      fastbuild: true,
    });
    if (command.globals.json) {
      return command.printJson({ sample: sample.dir, ...releaseJson(result) });
    }
    showRelease(command, result);
    const place = quote(sample.dir);
    const kubectl = `_output/dockerized/bin/${open.context.host}/kubectl`;
    command.print("");
    command.print(`The sample is in ${sample.dir}. Look around:`);
    command.print(`  cd ${place} && ls _output/release-tars && ${kubectl} --version`);
    command.print("Remove it when you are done:");
    command.print(`  rm -r ${place}`);
  },
};
