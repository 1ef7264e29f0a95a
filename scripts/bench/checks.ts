/** Tests whose results are known; checks, and what the front for make costs. */
import type { Bench } from "./bench.ts";
import { type Measure, milliseconds, processorOf, wallOf } from "./measure.ts";
import type { Subject } from "./subject.ts";

/** Packages whose tests are quick. */
const PACKAGES = 100;
/** Files younger than this are not taken as known. */
const YOUNG_MS = 4000;

/** Checks, and the front for make; of the sample without goals. */
export async function measureChecks(subject: Subject, runs: number): Promise<readonly Measure[]> {
  return [
    await measureVerify(subject, runs, {
      checks: ["gofmt", "boilerplate"],
      times: 4,
    }),
    await measureVerify(subject, runs, {
      checks: [
        "gofmt",
        "boilerplate",
        "pkg-names",
        "api-groups",
        "staging-meta-files",
        "test-images",
      ],
      times: 1.5,
    }),
    await measureMake(subject, runs),
  ];
}

/** A start of a program, as `kbuild plan --json` shows it. */
interface Planned {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The `go test` that kbuild would start. */
async function plannedTest(bench: Bench, words: readonly string[]): Promise<Planned> {
  const { processes } = JSON.parse(
    await bench.ask(bench.kbuild("plan", "--json", "test", ...words)),
  ) as { processes: readonly Planned[] };
  const found = processes.find(({ argv }) => argv[1] === "test");
  if (found === undefined) throw new Error("kbuild test starts no go test");
  return found;
}

/** Packages whose results Go knows after a run of their tests. */
async function cachedPackages(bench: Bench, count: number): Promise<readonly string[]> {
  const { argv } = await plannedTest(bench, []);
  const all = argv.filter((word) => /^[^-].*\/util\//.test(word))
    .map((word) => word.replace(/^k8s\.io\/kubernetes\//, "./"));
  // Some fail with another Go than the checkout's, and are never known.
  const words = all.slice(0, Math.ceil(count * 1.2));
  console.error(`test of ${words.length} packages, twice …`);
  const test = { ...bench.kbuild("test", "--json", ...words), mayFail: true };
  await bench.ask(test);
  const { results } = JSON.parse(await bench.ask(test)) as {
    results: readonly { name: string; cached: boolean }[];
  };
  return results.filter(({ cached }) => cached)
    .map(({ name }) => name.replace(/^k8s\.io\/kubernetes\//, "./")).slice(0, count);
}

/**
 * `kbuild test` beside the `go test` that it starts, and `make test`, all with results in Go's cache; of the sample without a goal.
 */
export async function measureTests(
  { bench, scripts, real }: Subject,
  runs: number,
): Promise<Measure> {
  const words = real ? await cachedPackages(bench, PACKAGES) : ["./pkg/util/slice"];
  const { argv, cwd, env } = await plannedTest(bench, words);
  console.error(`test of ${words.length} packages …`);
  const [ours = [], alone = [], theirs = []] = await bench.alternate(runs, [
    bench.kbuild("test", ...words),
    // Through the link of the GOPATH: Go names packages by it.
    { argv, cwd, env: { ...bench.env, ...env, PWD: cwd } },
    ...scripts && real ? [bench.make("test", `WHAT=${words.join(" ")}`)] : [],
  ]);
  const more = wallOf(ours) - wallOf(alone);
  const processor = processorOf(ours) - processorOf(alone);
  return {
    name: `test, ${words.length} packages in the cache`,
    goal: `at most 400 ms more than go test alone (${more.toFixed(0)} ms of ` +
      `${milliseconds(wallOf(alone))}, processors ${processor.toFixed(0)} ms)`,
    make: theirs,
    kbuild: ours,
    met: real ? more <= 400 : undefined,
  };
}

/** Checks that run everywhere, as the second run of the day meets them. */
async function measureVerify(
  { bench, scripts, real }: Subject,
  runs: number,
  { checks, times }: { checks: readonly string[]; times: number },
): Promise<Measure> {
  const what = `WHAT=${checks.join(" ")}`;
  console.error(`verify ${what} …`);
  const kbuild = { ...bench.kbuild("verify", what), mayFail: true };
  const make = scripts && real ? [{ ...bench.make("verify", what), mayFail: true }] : [];
  await new Promise((resolve) => setTimeout(resolve, YOUNG_MS));
  const [ours = [], theirs = []] = await bench.alternate(runs, [kbuild, ...make]);
  return {
    name: `verify ${checks.join(" ")}`,
    goal: `${times} times faster`,
    make: theirs,
    kbuild: ours,
    met: theirs.length > 0 ? wallOf(theirs) / wallOf(ours) >= times : undefined,
  };
}

/** What `kbuild make` takes beyond the command that it runs. */
async function measureMake({ bench }: { bench: Bench }, runs: number): Promise<Measure> {
  console.error("make -n clean …");
  const sides = [bench.kbuild("make", "-n", "clean"), bench.kbuild("clean", "--dry-run")];
  const [front = [], alone = []] = await bench.alternate(runs, sides);
  const more = wallOf(front) - wallOf(alone);
  return {
    name: "make -n clean",
    goal: `at most 150 ms more than clean --dry-run (${more.toFixed(0)} ms)`,
    make: [],
    kbuild: front,
    met: more <= 150,
  };
}
