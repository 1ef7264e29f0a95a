/**
 * `npm run bench`: kbuild and the scripts of a checkout, in turn, on one copy of it.
 *
 * Usage: bench.ts [TREE | --sample] [--runs N] [--skip-cold] [--json]
 *
 * TREE is a Kubernetes checkout (default: `KBUILD_REAL_TREE`); it is copied, never written to.
 * Without one, the sample checkout stands in, whose programs are tiny.
 */
import { join } from "@std/path";
import {
  type CommandData,
  exitCodeOf,
  parseInput,
  renderError,
  renderTable,
} from "../src/cli/mod.ts";
import { KbuildError } from "../src/errors.ts";
import { createSample } from "../src/sample/mod.ts";
import { createShell } from "../src/shell/mod.ts";
import { findRealTree, goBin, which } from "../tests/real/_tree.ts";

/** One thing that is measured: the times of both sides in milliseconds. */
interface Measure {
  readonly name: string;
  /** What the times are, in words: "at most 1/5 of make". */
  readonly goal: string;
  readonly make: readonly number[];
  readonly kbuild: readonly number[];
  /** Whether the goal is met; undefined where there is none. */
  readonly met: boolean | undefined;
}

/** One way to do a thing. */
interface Side {
  readonly argv: readonly string[];
  readonly cwd: string;
}

/** The options, as kbuild's own parser reads them. */
const COMMAND: CommandData = {
  name: "bench",
  group: "Development",
  summary: "Measure kbuild and the scripts of a checkout in turn",
  args: [{ name: "TREE", summary: "A Kubernetes checkout" }],
  flags: [
    { name: "runs", kind: "number", minimum: 1, summary: "Runs of each side (default 5)" },
    { name: "sample", kind: "boolean", summary: "Measure the sample, not a real checkout" },
    { name: "skip-cold", kind: "boolean", summary: "Leave out the builds from nothing" },
    { name: "json", kind: "boolean", summary: "Print all times for a program" },
  ],
  examples: [],
};
const TARGET = "WHAT=cmd/kubectl";
const clone = join(import.meta.dirname ?? ".", "..");
const config = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json";

/** Measures one copy of a checkout. */
class Bench {
  readonly #tree: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(tree: string, env: Readonly<Record<string, string>>) {
    this.#tree = tree;
    this.#env = env;
  }

  make(...args: string[]): Side {
    return { argv: ["make", ...args], cwd: this.#tree };
  }

  kbuild(...args: string[]): Side {
    const deno = [Deno.execPath(), "run", "-A", "--no-prompt", "--config", join(clone, config)];
    return { argv: [...deno, join(clone, "main.ts"), ...args], cwd: this.#tree };
  }

  /** The wall time of one run in milliseconds. */
  async time({ argv, cwd }: Side): Promise<number> {
    const [program = "", ...args] = argv;
    const command = new Deno.Command(program, {
      args,
      cwd,
      clearEnv: true,
      env: { ...this.#env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    const started = performance.now();
    const { success, stderr } = await command.output();
    const taken = performance.now() - started;
    if (success) return taken;
    const output = new TextDecoder().decode(stderr).trim().split("\n").slice(-20);
    throw new KbuildError(`Cannot measure "${argv.join(" ")}": it failed`, { output });
  }

  /**
   * Runs the sides in turn, so that both meet the same machine. Before each measured run the side
   * runs once unmeasured: make links anew each time, and what it leaves is news to kbuild.
   */
  async alternate(runs: number, sides: readonly Side[]): Promise<number[][]> {
    const times: number[][] = sides.map(() => []);
    for (let run = 0; run < runs; run++) {
      for (const [index, side] of sides.entries()) {
        await this.time(side);
        times[index]?.push(await this.time(side));
      }
    }
    return times;
  }

  /** The tree as git has it: no outputs, no state of make, no generated files. */
  async reset(): Promise<void> {
    for (const args of [["reset", "--quiet", "--hard"], ["clean", "-xdfq"]]) {
      await this.time({ argv: ["git", ...args], cwd: this.#tree });
    }
  }
}

/** The copy that is measured, and what it is. */
interface Subject {
  readonly bench: Bench;
  readonly title: string;
  /** Whether the checkout's own scripts can run here. */
  readonly scripts: boolean;
  /** Whether the goals hold for it: on the sample, starting programs is most of the work. */
  readonly real: boolean;
}

/** @param source The checkout; undefined: the sample. */
async function openSubject(top: string, source: string | undefined): Promise<Subject> {
  const bin = source === undefined ? undefined : goBin();
  const env = {
    PATH: bin === undefined ? Deno.env.get("PATH") ?? "" : `${bin}:${Deno.env.get("PATH")}`,
    HOME: join(top, "home"),
    TMPDIR: join(top, "tmp"),
    DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "/", ".cache/deno"),
    GOTOOLCHAIN: "local",
    SOURCE_DATE_EPOCH: "1600000000",
  };
  for (const name of ["home", "tmp"]) await Deno.mkdir(join(top, name), { recursive: true });
  const missing = ["make", "bash", "rsync"].filter((program) => which(program) === undefined);
  if (missing.length > 0) console.error(`make is not measured: it needs ${missing.join(", ")}`);
  const git = createShell({ cwd: top, env });
  const tree = join(top, "kubernetes");
  if (source === undefined) {
    console.error("Measuring the sample; name a real checkout with KBUILD_REAL_TREE");
    await createSample({ dir: tree, era: "1.20", git, env });
  } else {
    await git.run(["git", "clone", "--quiet", "--no-hardlinks", source, tree]);
  }
  const described = await git.run(["git", "describe", "--tags", "--always"], { cwd: tree });
  const go = await git.run(["go", "version"]);
  return {
    bench: new Bench(tree, env),
    title: `${source === undefined ? "sample " : ""}${described.stdout.trim()}, ` +
      go.stdout.trim().replace("go version ", ""),
    scripts: missing.length === 0,
    real: source !== undefined,
  };
}

/** From nothing: every package is compiled, every missing file generated. */
async function measureCold({ bench, scripts, real }: Subject): Promise<Measure> {
  const make: number[] = [];
  if (scripts) {
    await bench.reset();
    console.error(`make all ${TARGET}, from nothing …`);
    make.push(await bench.time(bench.make("all", TARGET)));
  }
  await bench.reset();
  console.error(`kbuild all ${TARGET}, from nothing …`);
  const kbuild = [await bench.time(bench.kbuild("all", TARGET))];
  return {
    name: `all ${TARGET}, from nothing`,
    goal: "not slower than make",
    make,
    kbuild,
    met: scripts && real ? median(kbuild) <= median(make) : undefined,
  };
}

async function measureNothingToDo(
  { bench, scripts, real }: Subject,
  runs: number,
): Promise<Measure> {
  const sides = [bench.kbuild("all", TARGET), ...(scripts ? [bench.make("all", TARGET)] : [])];
  console.error(`all ${TARGET}, nothing to do …`);
  // What one side compiles or generates and the other does not.
  for (const side of [...sides].reverse()) await bench.time(side);
  const [kbuild = [], make = []] = await bench.alternate(runs, sides);
  return {
    name: `all ${TARGET}, nothing to do`,
    goal: "at most 1/5 of make",
    make,
    kbuild,
    met: scripts && real ? median(kbuild) <= median(make) / 5 : undefined,
  };
}

/** A command that only looks, and the milliseconds that it may take. */
async function measureLook(
  bench: Bench,
  command: string,
  options: { where: string; limit: number; runs: number },
): Promise<Measure> {
  const { where, limit, runs } = options;
  console.error(`${command}, ${where} …`);
  const [kbuild = []] = await bench.alternate(runs, [bench.kbuild(command)]);
  return {
    name: `${command}, ${where}`,
    goal: `at most ${limit} ms`,
    make: [],
    kbuild,
    met: median(kbuild) <= limit,
  };
}

function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return (low + high) / 2;
}

function milliseconds(time: number): string {
  return time < 1000 ? `${time.toFixed(0)} ms` : `${(time / 1000).toFixed(2)} s`;
}

/** "7.70 s (7.51 s - 7.92 s)", or "-" for what was not measured. */
function summary(times: readonly number[]): string {
  if (times.length === 0) return "-";
  if (times.length === 1) return milliseconds(median(times));
  const range = [Math.min(...times), Math.max(...times)].map(milliseconds);
  return `${milliseconds(median(times))} (${range.join(" - ")})`;
}

function show(title: string, measures: readonly Measure[]): void {
  console.log(`${title}; ${navigator.hardwareConcurrency} processors, load ${load()}`);
  const rows = measures.map(({ name, goal, make, kbuild, met }) => [
    name,
    summary(make),
    summary(kbuild),
    make.length === 0 ? "-" : (median(kbuild) / median(make)).toFixed(3),
    met === undefined ? goal : `${goal}: ${met ? "met" : "MISSED"}`,
  ]);
  console.log(renderTable([["", "MAKE", "KBUILD", "RATIO", "GOAL"], ...rows]).trimEnd());
}

function load(): string {
  return Deno.loadavg().map((value) => value.toFixed(1)).join(" ");
}

async function main(): Promise<void> {
  const input = parseInput(Deno.args, COMMAND, { globalFlags: [] });
  const runs = input.number("runs") ?? 5;
  const top = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-bench-" }));
  try {
    const source = input.boolean("sample")
      ? undefined
      : input.args[0] ?? findRealTree({ fetch: true });
    const subject = await openSubject(top, source);
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

    if (input.boolean("json")) {
      console.log(
        JSON.stringify({ subject: subject.title, load: Deno.loadavg(), measures }, null, 2),
      );
    } else {
      show(subject.title, measures);
    }
  } finally {
    await createShell({ cwd: "/", env: {} }).run([which("chmod") ?? "chmod", "-R", "u+w", top]);
    await Deno.remove(top, { recursive: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(renderError(error, { debug: false, color: false }));
  Deno.exit(exitCodeOf(error));
}
