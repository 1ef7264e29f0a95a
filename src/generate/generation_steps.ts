import { dirname, join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { hostGoEnv, shownGoEnv } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { goRoot, type GoTool } from "../toolchain/mod.ts";
import type { GeneratedFile } from "./sources.ts";
import type { StaleFile } from "./stale.ts";
import { toolCommand } from "./tool_command.ts";

/** A program that is started on the way to a generated file. */
export interface GenerationProcess {
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** Where it runs; absolute. */
  readonly cwd: string;
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** The part of `env` that kbuild decided, for people. */
  readonly shownEnv: Readonly<Record<string, string>>;
  /** What it does, for messages. */
  readonly label: string;
}

/** How one generated file is made: what is run and what is printed beforehand are this value. */
export interface GenerationSteps {
  /** What is made. */
  readonly file: GeneratedFile;
  /** Digest of everything that it is made from. */
  readonly inputs: string;
  /** Directory that the programs write to; made before, and removed afterwards. */
  readonly work: string;
  /** Started one after the other. */
  readonly processes: readonly GenerationProcess[];
  /** The file that they leave, in `work`. */
  readonly made: string;
  /** Where it goes; absolute. */
  readonly output: string;
}

/** In the output, beside what is built: one directory for each file. */
export const WORK = ".kbuild-tmp-generate";

/**
 * How a file is made. Nothing is written; the Go is asked for its GOROOT if it is there.
 *
 * @throws {KbuildError} The Go has no gofmt.
 */
export async function planGenerationSteps(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  { file, inputs, packages }: StaleFile,
): Promise<GenerationSteps> {
  const work = join(context.output, WORK, file.output.replaceAll("/", "_"));
  const { argv, cwd, made } = toolCommand(context, checkout, go.host, { file, packages, work });
  const isThere = await context.builder.findProgram(go.path, undefined) !== undefined;
  const goroot = isThere
    ? await goRoot({ ...context, ...context.builder }, go)
    : dirname(dirname(go.path));
  // Programs that parse Go code look for the standard library there.
  const env = Object.freeze({ ...hostGoEnv(context, checkout, go), GOROOT: goroot });
  const shownEnv = Object.freeze({ ...shownGoEnv(env), GOROOT: goroot });
  const processes: GenerationProcess[] = [
    { argv, cwd, env, shownEnv, label: `Generating ${file.output}` },
  ];
  if (file.kind === "bindata") {
    const gofmt = isThere ? await findGofmt(context, goroot) : join(goroot, "bin", "gofmt");
    const label = `Formatting ${file.output}`;
    processes.push({ argv: [gofmt, "-s", "-w", made], cwd: work, env, shownEnv: {}, label });
  }
  return Object.freeze({
    file,
    inputs,
    work,
    processes: Object.freeze(processes.map((process) => Object.freeze(process))),
    made,
    output: join(context.root, file.output),
  });
}

/** gofmt is beside go; some distributions put links to both into PATH. */
async function findGofmt(context: KubeContext, goroot: string): Promise<string> {
  const beside = join(goroot, "bin", "gofmt");
  const { builder } = context;
  const found = await builder.findProgram(beside, undefined) ??
    await builder.findProgram("gofmt", builder.env["PATH"]);
  if (found !== undefined) return found;
  throw new KbuildError(`Cannot find "gofmt", which belongs to Go ("${beside}")`, {
    notes: ["Install the whole Go distribution: its bin directory holds go and gofmt"],
  });
}
