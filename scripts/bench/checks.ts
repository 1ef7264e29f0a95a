/** Tests whose results are known, checks, and what the front for make costs. */
import type { Bench, Side } from "./bench.ts";
import { type Measure, wallOf } from "./measure.ts";
import type { Subject } from "./subject.ts";

/** Packages whose tests are quick. */
const PACKAGES = 100;
/** Files younger than this are not taken as known. */
const YOUNG_MS = 4000;

/** All of them; of the sample without goals. */
export async function measureChecks(subject: Subject, runs: number): Promise<readonly Measure[]> {
  return [
    await measureTests(subject, runs),
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

/** `kbuild test` beside the `go test` that it starts, and `make test`, all with results in Go's cache. */
async function measureTests({ bench, scripts, real }: Subject, runs: number): Promise<Measure> {
  const listed = JSON.parse(await bench.ask(bench.kbuild("plan", "--json", "test"))) as {
    processes: { argv: string[] }[];
  };
  const all = listed.processes.flatMap(({ argv }) => argv);
  const packages = all.filter((word) => word.includes("/pkg/util/") || word.includes("/util/"))
    .filter((word) => !word.startsWith("-")).slice(0, real ? PACKAGES : 3)
    .map((word) => word.replace(/^k8s\.io\/kubernetes\//, "./"));
  const words = packages.length === 0 ? ["./pkg/util/slice"] : packages;
  console.error(`test of ${words.length} packages …`);
  const planned = JSON.parse(await bench.ask(bench.kbuild("plan", "--json", "test", ...words))) as {
    processes: { argv: string[]; cwd: string; env: Record<string, string> }[];
  };
  const [first] = planned.processes;
  const kbuild = { ...bench.kbuild("test", ...words), mayFail: true };
  const go: Side[] = first === undefined
    ? []
    : [{ ...first, env: { ...bench.env, ...first.env }, mayFail: true }];
  const make = scripts && real
    ? [{ ...bench.make("test", `WHAT=${words.join(" ")}`), mayFail: true }]
    : [];
  const [ours = [], alone = [], theirs = []] = await bench.alternate(runs, [
    kbuild,
    ...go,
    ...make,
  ]);
  const more = wallOf(ours) - wallOf(alone);
  return {
    name: `test, ${words.length} packages in the cache`,
    goal: `at most 400 ms more than go test alone (${more.toFixed(0)} ms)`,
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
