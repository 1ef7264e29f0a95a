/**
 * `npm run bench`: kbuild and the scripts of a checkout, in turn, on one copy of it.
 *
 * Usage: bench.ts [TREE [--in-place] | --sample] [--only PART] [--runs N] [--skip-cold] [--json | --readme]
 *
 * TREE is a Kubernetes checkout (default: `KBUILD_REAL_TREE`); it is copied, never written to
 * unless `--in-place` says so.
 * Without one, the sample checkout is used, whose programs are tiny.
 */
import { join } from "@std/path";
import { type CommandData, exitCodeOf, parseInput, renderError } from "../src/cli/mod.ts";
import { UsageError } from "../src/errors.ts";
import { createSample } from "../src/sample/mod.ts";
import { createShell, killGroups } from "../src/shell/mod.ts";
import { findRealTree, which } from "../tests/real/_tree.ts";
import { Bench } from "./bench/bench.ts";
import { measureCold, measureLook, measureNothingToDo } from "./bench/builds.ts";
import { measureDownload } from "./bench/download.ts";
import { measureGenerated } from "./bench/generated.ts";
import { measureContainers } from "./bench/containers.ts";
import { measureChecks, measureTests } from "./bench/checks.ts";
import { measureImages, showImages } from "./bench/images.ts";
import { type Measure, show } from "./bench/measure.ts";
import { measurePackages } from "./bench/packages.ts";
import { measurePackaging, showPackaging } from "./bench/packaging.ts";
import { measureStore, showStore } from "./bench/store.ts";
import { openSubject, type Subject } from "./bench/subject.ts";
import { markdownTable, packagingRows, type Row, thisMachine } from "./bench/table.ts";

/** The options, as kbuild's own parser reads them. */
const COMMAND: CommandData = {
  name: "bench",
  group: "Development",
  summary: "Measure kbuild and the scripts of a checkout in turn",
  args: [{ name: "TREE", summary: "A Kubernetes checkout" }],
  flags: [
    { name: "runs", kind: "number", minimum: 1, summary: "Runs of each side (default 5)" },
    { name: "sample", kind: "boolean", summary: "Measure the sample, not a real checkout" },
    {
      name: "only",
      kind: "string",
      choices: [
        "builds",
        "generated",
        "packaging",
        "images",
        "tests",
        "checks",
        "store",
        "download",
        "packages",
        "containers",
      ],
      summary: "packaging, packages: of a TREE whose binaries are built (1 and 3 runs by default)",
    },
    { name: "what", kind: "string", summary: "WHAT of the release with a store (default all)" },
    {
      name: "in-place",
      kind: "boolean",
      summary: "Measure TREE itself, not a copy: it is written to, and its caches count",
    },
    { name: "skip-cold", kind: "boolean", summary: "Leave out the builds from nothing" },
    { name: "json", kind: "boolean", summary: "Print all times for a program" },
    {
      name: "readme",
      kind: "boolean",
      summary: "Print one table of builds and, if TREE has binaries, of packaging, in Markdown",
    },
  ],
  examples: [],
};
async function main(): Promise<void> {
  const input = parseInput(Deno.args, COMMAND, { globalFlags: [] });
  const runs = input.number("runs") ?? 5;
  const only = input.string("only");
  const print = (result: unknown, show: () => void) => {
    if (input.boolean("json")) console.log(JSON.stringify(result, null, 2));
    else show();
  };
  const top = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-bench-" }));
  // Gigabytes would stay where it is interrupted.
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    Deno.addSignalListener(signal, () => {
      killGroups();
      remove(top).finally(() => Deno.exit(code));
    });
  }
  try {
    if (only === "images") {
      const result = await measureImages(top, input.number("runs") ?? 3);
      return print(result, () => showImages(result));
    }
    if (only === "download") {
      const measure = await measureDownload(top, runs);
      return print(measure, () => show("Downloads", [measure]));
    }
    const source = input.boolean("sample")
      ? undefined
      : input.args[0] ?? findRealTree({ fetch: true });
    const inPlace = input.boolean("in-place") ?? false;
    if (inPlace && only !== "tests" && only !== "checks") {
      throw new UsageError(
        "--in-place works only with --only tests or checks: the others clean the tree",
      );
    }
    const subject = await openSubject(top, source, { inPlace });
    if (only === "packaging") {
      const result = await measurePackaging(subject.bench, source ?? "", input.number("runs") ?? 1);
      return print(result, () => showPackaging(subject.title, result));
    }
    if (only === "packages") {
      const measure = await measurePackages(subject.bench, source ?? "", input.number("runs") ?? 3);
      return print(measure, () => show(subject.title, [measure]));
    }
    if (only === "generated") {
      const measures = await measureGenerated(subject, input.number("runs") ?? 3);
      return print(measures, () => show(subject.title, measures));
    }
    if (only === "tests" || only === "checks") {
      const measures = only === "tests"
        ? [await measureTests(subject, runs)]
        : await measureChecks(subject, runs);
      return print({ subject: subject.title, measures }, () => show(subject.title, measures));
    }
    if (only === "containers") {
      const measures = await measureContainers(subject.bench, input.number("runs") ?? 3);
      return print(measures, () => show(subject.title, measures));
    }
    if (only === "store") {
      const what = input.string("what") ?? "";
      const result = await measureStore(subject.bench, what, input.number("runs") ?? 1);
      return print(result, () => showStore(subject.title, result));
    }
    if (input.boolean("readme")) {
      const skipCold = input.boolean("skip-cold") ?? false;
      console.log(await measureTable(subject, { source, runs, skipCold }));
      return;
    }
    const measures: Measure[] = [];
    if (!input.boolean("skip-cold")) measures.push(await measureCold(subject));
    measures.push(await measureNothingToDo(subject, runs));
    const look = async (bench: Bench, where: string) => {
      for (const [command, limit] of [["version", 150], ["inspect", 300]] as const) {
        measures.push(await measureLook(bench, command, { where, limit, runs: runs * 2 }));
      }
    };
    if (subject.real) await look(subject.bench, "real checkout");
    const small = await Deno.makeTempDir({ dir: top });
    const env = { PATH: Deno.env.get("PATH") ?? "", HOME: top };
    const git = createShell({ cwd: top, env });
    await createSample({ dir: small, era: "1.20", git, env });
    const denoDir = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "/", ".cache/deno");
    const sample = new Bench(small, { ...env, DENO_DIR: denoDir });
    await look(sample, "sample");

    const all = { subject: subject.title, load: Deno.loadavg(), measures };
    print(all, () => show(subject.title, measures));
  } finally {
    await remove(top);
  }
}

/** Everything that the table has, in one run. */
async function measureTable(
  subject: Subject,
  { source, runs, skipCold }: { source: string | undefined; runs: number; skipCold: boolean },
): Promise<string> {
  const rows: Row[] = [];
  const add = ({ name, make, kbuild }: Measure) =>
    rows.push({ what: `\`${name.replace(", ", "\`, ")}`, scripts: make, kbuild });
  if (!skipCold) add(await measureCold(subject));
  add(await measureNothingToDo(subject, runs));
  const [version] = await subject.bench.alternate(runs, [subject.bench.kbuild("version")]);
  rows.push({ what: "`version`", scripts: [], kbuild: version ?? [] });
  const binaries = join(source ?? "/", "_output/dockerized/bin");
  if (source !== undefined && await Deno.stat(binaries).then(() => true, () => false)) {
    rows.push(...packagingRows(await measurePackaging(subject.bench, source, runs)));
  }
  const date = new Date().toISOString().slice(0, 10);
  const { title } = subject;
  return markdownTable({ title, date, machine: thisMachine(), runs }, rows);
}

/** Removes a directory, read-only ones in it too. */
async function remove(top: string): Promise<void> {
  await createShell({ cwd: "/", env: {} }).$`${which("chmod") ?? "chmod"} -R u+w ${top}`;
  await Deno.remove(top, { recursive: true });
}

try {
  await main();
} catch (error) {
  console.error(renderError(error, { debug: false, color: false }));
  Deno.exit(exitCodeOf(error));
}
