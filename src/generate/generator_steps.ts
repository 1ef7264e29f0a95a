import { join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { ifPresent, readText } from "../files/mod.ts";
import { binaryName, goWorkingDirectory, hostGoEnv, shownGoEnv } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { memoryBudget } from "../lib/util.ts";
import { goRoot, type GoTool } from "../toolchain/mod.ts";
import { type GenerationProcess, planGenerationSteps, WORK } from "./generation_steps.ts";
import type { Generator, GeneratorTree } from "./items.ts";
import { isPartial, type PackageGenerator } from "./package_generators.ts";
import type { GeneratedFile } from "./sources.ts";
import { DEFAULT_HEADERS, type StaleItem } from "./stale_items.ts";
import { dirname } from "@std/path";

/** Programs that make some files of one generator, and where they leave them. */
export interface GeneratorTask {
  /** Name of the generator. */
  readonly generator: string;
  /** `deepcopy in 227 packages`, `pkg/generated/openapi/zz_generated.openapi.go`. */
  readonly name: string;
  /** Directory that the programs write to; made before, and removed afterwards. Absolute. */
  readonly work: string;
  /** A file with the header, to be written before; undefined where the generator reads its own. */
  readonly header: { readonly path: string; readonly text: string } | undefined;
  /** Started one after the other. */
  readonly processes: readonly GenerationProcess[];
  /** What is made. */
  readonly makes: readonly TaskItem[];
  /** How the single file is made; its violations are checked. */
  readonly file: GeneratedFile | undefined;
  /** About how long it takes, for the order; in seconds on a fast machine. */
  readonly weight: number;
}

/** A file that a task makes. */
export interface TaskItem extends StaleItem {
  /** Paths at which the generator may leave it; absolute. */
  readonly made: readonly string[];
  /** Where it goes; absolute. */
  readonly output: string;
}

/** Packages that one process takes at least, where several share them. */
const PACKAGES_AT_ONCE = 24;

/** Bytes that a generator needs with a relaxed garbage collector, measured on 1.20.2. */
export const BYTES_PER_GENERATOR = 2 ** 31;

/** Seconds for a package in 1.20.2, apart from reading the sources. */
const SECONDS: Readonly<Record<string, number>> = { conversion: 0.2, defaulter: 0.1 };

/** How the stale files of a generator are made. Nothing is written. */
export async function planTasks(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  options: {
    tree: GeneratorTree;
    generator: Generator;
    stale: readonly StaleItem[];
    /** Processes that run at once. */
    jobs: number;
    /** Seconds since 1970, for headers with a year. */
    epoch: number;
  },
): Promise<readonly GeneratorTask[]> {
  const { generator, stale, jobs } = options;
  const { rules } = generator;
  if (stale.length === 0) return [];
  if (rules === undefined) {
    return await Promise.all(stale.map((each) => singleFileTask(context, checkout, go, each)));
  }
  const shares = isPartial(rules)
    ? Math.max(1, Math.min(jobs, Math.floor(stale.length / PACKAGES_AT_ONCE)))
    : 1;
  // Neighbours take alike long: each share gets every second or third of them.
  const parts = Array.from(
    { length: shares },
    (_, share) => stale.filter((_, index) => index % shares === share),
  );
  return await Promise.all(
    parts.map((part, share) =>
      packageTask(context, checkout, go, { ...options, rules, part, share })
    ),
  );
}

async function packageTask(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  { tree, generator, rules, part, share, epoch, stale, jobs }: {
    tree: GeneratorTree;
    generator: Generator;
    rules: PackageGenerator;
    part: readonly StaleItem[];
    stale: readonly StaleItem[];
    share: number;
    jobs: number;
    epoch: number;
  },
): Promise<GeneratorTask> {
  const work = join(context.output, WORK, `${generator.name}-${share}`);
  const base = join(work, "src");
  const prefix = checkout.goPackage.value;
  const header = await datedHeader(context, join(work, "header.txt"), epoch);
  const csv = (directories: readonly string[]) =>
    directories.map((directory) => `${prefix}/${directory}`).join(",");
  const all = generator.items.map(({ directory }) => directory);
  const isWhole = part.length === generator.items.length;
  // All packages together read those that their tags name: their functions count for a part, too.
  const others = isWhole ? [] : [
    ...new Set(generator.items.flatMap(({ directory }) => tree.graph.taggedPackages(directory))),
  ].map((place) => place.replace(/^staging\/src\//, "vendor/")).filter((place) =>
    !all.includes(place)
  );
  // Of the others only functions that were written by hand count: without any, they need not be read.
  const read = isWhole
    ? all
    : [...all, ...others].filter((directory) =>
      tree.graph.files(directory).some(({ functions }) => functions !== "")
    );
  const values = {
    verbosity: String(context.log.verbosity),
    requested: csv(part.map(({ item }) => item.directory)),
    all: csv(read),
  };
  const argv = [
    join(context.binPath, go.host, binaryName(generator.tool)),
    ...rules.flags.flatMap(({ name, value }) =>
      value === undefined ? [name] : [name, typeof value === "string" ? values[value] : value.text]
    ),
    ...(header === undefined ? [] : ["-h", header.path]),
    ...["-o", base],
  ];
  const count = part.length === 1 ? part[0]!.item.directory : `${part.length} packages`;
  const name = `${generator.name} in ${count}${
    part.length < stale.length ? ` (part ${share + 1})` : ""
  }`;
  const env = await generatorEnv(context, checkout, go, jobs);
  const process: GenerationProcess = Object.freeze({
    argv: Object.freeze(argv),
    cwd: goWorkingDirectory(context, checkout),
    ...env,
    label: `Generating ${name}`,
  });
  return Object.freeze({
    generator: generator.name,
    name,
    work,
    header,
    processes: Object.freeze([process]),
    makes: part.map((each) => {
      const { directory } = each.item;
      const file = rules.fileName;
      const vendorless = directory.startsWith("vendor/")
        ? directory.slice("vendor/".length)
        : `${prefix}/${directory}`;
      return Object.freeze({
        ...each,
        made: [join(base, vendorless, file), join(base, prefix, directory, file)],
        output: join(context.root, each.item.output),
      });
    }),
    file: undefined,
    weight: 2 + part.length * (SECONDS[generator.name] ?? 0.03),
  });
}

async function singleFileTask(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  stale: StaleItem,
): Promise<GeneratorTask> {
  const { item, inputs } = stale;
  const file = item.file!;
  const { packages } = item;
  const steps = await planGenerationSteps(context, checkout, go, { file, inputs, packages });
  const env = await generatorEnv(context, checkout, go, 1);
  return Object.freeze({
    generator: item.generator,
    name: item.output,
    work: steps.work,
    header: undefined,
    processes: steps.processes.map((process) => Object.freeze({ ...process, ...env })),
    makes: [Object.freeze({ ...stale, made: [steps.made], output: steps.output })],
    file,
    weight: 1 + packages.length * 0.1,
  });
}

/** The environment of a generator: for this machine, whatever the user builds for. */
export async function generatorEnv(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  jobs: number,
): Promise<Pick<GenerationProcess, "env" | "shownEnv">> {
  const isThere = await context.builder.findProgram(go.path, undefined) !== undefined;
  const goroot = isThere
    ? await goRoot({ ...context, ...context.builder }, go)
    : dirname(dirname(go.path));
  const env: Record<string, string> = { ...hostGoEnv(context, checkout, go), GOROOT: goroot };
  // Programs that read Go code with go/build look at these; none of them may change what is made.
  for (const name of ["CGO_ENABLED", "GOFLAGS"]) delete env[name];
  const shown: Record<string, string> = { ...shownGoEnv(env), GOROOT: goroot };
  // Generators allocate a lot and end soon: less often collected, they need a fifth less time.
  if (env["GOGC"] === undefined && memoryBudget().bytes > jobs * BYTES_PER_GENERATOR) {
    env["GOGC"] = shown["GOGC"] = "400";
  }
  return { env: Object.freeze(env), shownEnv: Object.freeze(shown) };
}

/** The header that the generator would find, with the year of the version: up to 1.7 it takes the clock's. */
async function datedHeader(
  context: KubeContext,
  path: string,
  epoch: number,
): Promise<GeneratorTask["header"]> {
  const text = await foundHeader(context);
  if (text?.includes(YEAR) !== true) return undefined;
  return Object.freeze({ path, text: withYear(text, epoch) });
}

/** The header that generators find by themselves. */
export async function foundHeader({ root }: KubeContext): Promise<string | undefined> {
  for (const name of DEFAULT_HEADERS) {
    const text = await ifPresent(readText(join(root, name)));
    if (text !== undefined) return text;
  }
  return undefined;
}

/** Generators up to 1.8 write the current year in its place. */
export const YEAR = "YEAR";

/**
 * A header with the year of a time.
 *
 * @param epoch Seconds since 1970.
 */
export function withYear(text: string, epoch: number): string {
  return text.replaceAll(YEAR, String(new Date(epoch * 1000).getUTCFullYear()));
}
