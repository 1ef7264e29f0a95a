import { basename, dirname, join } from "@std/path";
import { digestOfFile } from "../archive/mod.ts";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  copyFileAtomic,
  entriesOf,
  ifPresent,
  moveFile,
  removeTree,
  replaceLink,
  writeFileAtomic,
} from "../files/mod.ts";
import {
  type BinaryOutput,
  type BuildStep,
  type PreparedBuild,
  type PreparedSteps,
  type RunningStep,
  stampsCommit,
  type StepPlace,
  type StepRunner,
} from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { parseReference } from "../registry/mod.ts";
import { CommandError } from "../shell/mod.ts";
import { goRoot, type GoTool } from "../toolchain/mod.ts";
import {
  type Bake,
  BAKE_DIRECTORIES,
  type BakeCache,
  type BakeInputs,
  type BakeNode,
  type BakeTarget,
  type GoPart,
  isSentToNodes,
  needsCompiler,
  PLAIN_NAME,
  planBake,
  type SourceEntry,
} from "./bake.ts";
import { type BakeEvent, readBake } from "./bake_progress.ts";
import { chooseBuildImage } from "./build_image.ts";
import {
  askNodes,
  builderArguments,
  type Buildx,
  buildxEnvironment,
  errorLine,
  findBuildx,
} from "./buildx.ts";
import { writeGitAnswers } from "./git_answers.ts";
import { goParts, isDynamic } from "./go_parts.ts";
import { excludedPaths } from "./volume.ts";

/** What a build with buildx is asked for. */
export interface BuildxRequest {
  /** The builder's name; undefined: the one that buildx uses. */
  readonly builder: string | undefined;
  /** What steps with cgo start from; undefined: the checkout's kube-cross. */
  readonly buildImage: string | undefined;
  /** Where steps are cached beyond the nodes. */
  readonly cache: BakeCache;
}

/** Makes what runs the steps of a build on the nodes of a builder. */
export function buildxRunner(request: BuildxRequest): StepRunner {
  return Object.freeze<StepRunner>({
    async prepare(context, checkout, build) {
      const buildx = await findBuildx(context, request.builder);
      const nodes = await askNodes(context, buildx);
      const bake = await bakeOf(context, checkout, build, { ...request, nodes });
      const prepared = { buildx, bake, build, nodes };
      return Object.freeze<PreparedSteps>({
        files: bake.bake.files,
        starts: Object.freeze([{
          ...bakeStart(context, prepared, bake.bake.targets),
          env: {},
        }]),
        place: { isSent: isSentToNodes, compiler: compilerOf(bake.inputs.image) },
        run: (running, steps) => runBake(running, prepared, steps),
      });
    },
  });
}

/** What stands for the C compiler of nodes: the image, if its name always stands for the same one. */
function compilerOf(image: string | undefined): StepPlace["compiler"] {
  if (image === undefined) return { why: "no node has a C compiler" };
  const { digest } = parseReference(image);
  return digest === undefined
    ? { why: `its C compiler is in "${image}", and only a digest says which image that is` }
    : { id: `image ${digest}` };
}

/** A bake of all steps, and what its files need. */
interface PlannedBake {
  readonly bake: Bake;
  /** What it was planned from. */
  readonly inputs: BakeInputs;
  readonly directory: string;
  readonly goroot: string;
  readonly asksGit: boolean;
}

interface PreparedBake {
  readonly buildx: Buildx;
  readonly bake: PlannedBake;
  readonly build: PreparedBuild;
  readonly nodes: readonly BakeNode[];
}

async function bakeOf(
  context: KubeContext,
  checkout: Checkout,
  { go, plan }: PreparedBuild,
  { buildImage, cache, nodes }: BuildxRequest & { nodes: readonly BakeNode[] },
): Promise<PlannedBake> {
  const { gopath, output, root } = context;
  if (context.env["KUBE_EXTRA_GOPATH"]) {
    throw new KbuildError("Cannot build with buildx: KUBE_EXTRA_GOPATH is not sent to its nodes");
  }
  const goroot = await goRoot(context, go);
  const directory = join(output, ".kbuild", "buildx");
  const asksGit = await stampsCommit(context, checkout, go);
  const inputs: BakeInputs = {
    ...{ root, gopath, directory, plan, goroot, host: go.host, nodes, asksGit, cache },
    entries: await topEntries(context, checkout),
    // One at the top is not an entry.
    excluded: sourcesExcluded(context, checkout).filter((path) => path.includes("/")),
    go: await distributions(go, goroot, nodes),
    image: plan.platforms.some(({ steps }) => steps.some((step) => needsCompiler(go, step)))
      ? chooseBuildImage(checkout, buildImage).reference
      : undefined,
  };
  return Object.freeze({ bake: planBake(inputs), inputs, directory, goroot, asksGit });
}

/** What does not go to nodes. */
function sourcesExcluded(context: KubeContext, checkout: Checkout): readonly string[] {
  return [...new Set([".git", ...excludedPaths(context, checkout, { isRepository: false })])];
}

/** What is at the top of the checkout and goes to nodes; names that a Dockerfile cannot hold are left out. */
async function topEntries(
  context: KubeContext,
  checkout: Checkout,
): Promise<readonly SourceEntry[]> {
  const { root } = context;
  const excluded = new Set(sourcesExcluded(context, checkout));
  const entries: SourceEntry[] = [];
  for (const { name, isDirectory, isFile, isSymlink } of await entriesOf(root) ?? []) {
    if (excluded.has(name) || !PLAIN_NAME.test(name)) continue;
    if (isSymlink) entries.push({ name, target: await Deno.readLink(join(root, name)) });
    else if (isDirectory || isFile) entries.push({ name });
  }
  return entries.toSorted((a, b) => a.name < b.name ? -1 : 1);
}

/** The Go for each platform that nodes run. */
async function distributions(
  go: GoTool,
  goroot: string,
  nodes: readonly BakeNode[],
): Promise<Readonly<Record<string, readonly GoPart[]>>> {
  const parts: Record<string, readonly GoPart[]> = {};
  for (const { native } of nodes) {
    const [os, arch = ""] = native.split("/");
    if (os !== "linux" || native !== go.host) {
      throw new KbuildError(
        `Cannot build on a node for ${native} with a Go for ${go.host}`,
        { notes: ["Nodes with programs of another platform are not supported yet"] },
      );
    }
    parts[arch] ??= await goParts(goroot, goroot);
  }
  return parts;
}

function bakeStart(
  { env, root }: KubeContext,
  { bake: { bake }, buildx }: Pick<PreparedBake, "bake" | "buildx">,
  targets: readonly BakeTarget[],
) {
  const argv = [
    ...[...buildx.program, "bake", ...builderArguments(buildx), "--progress=rawjson"],
    ...["--file", bake.file, ...new Set(targets.map(({ node }) => node))],
  ];
  return { argv: Object.freeze(argv), cwd: root, env: buildxEnvironment(env) };
}

/** A step at work. */
export interface Working extends RunningStep {
  readonly target: BakeTarget;
  /** What its program wrote last. */
  output: string;
  /** Ends when its node says so; undefined before it begins. */
  ended: Promise<void> | undefined;
  start(): Promise<void>;
  end(how: { readonly cached: boolean } | { readonly error: unknown }): void;
}

/** Runs steps on the nodes, and takes their binaries. */
async function runBake(
  context: KubeContext,
  whole: PreparedBake,
  steps: readonly RunningStep[],
): Promise<void> {
  const asked = steps.map(({ step }) => step);
  // A node makes all that its target names.
  const bake = planBake({ ...whole.bake.inputs, only: new Set(asked) });
  const prepared = { ...whole, bake: { ...whole.bake, bake } };
  const { bake: { directory }, buildx, nodes } = prepared;
  await writeBake(context, prepared, asked);
  const working = new Map(steps.map((each) => {
    const target = bake.targets.find(({ step }) => step === each.step);
    if (target === undefined) throw new TypeError("Cannot run a step that was not planned");
    return [target.name, workOf(context, each, target)];
  }));
  const targets = [...working.values()].map(({ target }) => target);
  const name = buildx.builder === undefined ? "buildx" : `the builder "${buildx.builder}"`;
  const count = nodes.length === 1 ? "one node" : `${nodes.length} nodes`;
  context.log.status(`Building with ${name} on ${count}`);
  const failures: string[] = [];
  const failed: Failed[] = [];
  const reader = readBake((event: BakeEvent) => {
    if (event.kind === "other") return context.log.status(event.text, [], { v: 3 });
    if (event.kind === "failure") return void failures.push(event.text);
    const work = working.get(event.step);
    if (work === undefined) return;
    if (event.kind === "output") {
      work.output = `${work.output}${new TextDecoder().decode(event.chunk)}`.slice(-MAX_OUTPUT);
      work.unit.output(event.chunk);
    } else if (event.kind === "end") {
      if (event.error === undefined) return work.end({ cached: event.cached });
      failed.push({ work, error: event.error });
    } else begin(work);
  });
  const begin = (work: Working) => void (work.ended ??= work.start());
  try {
    const { argv, ...start } = bakeStart(context, prepared, targets);
    const { code, tail } = await context.shell.run(argv, {
      ...start,
      ...{ allowed: "any", label: "Building with buildx", onStderr: reader.push },
    });
    if (code !== 0) throw failureOf(failed, failures, [...reader.rest, ...tail]);
    for (const work of working.values()) work.end({ cached: true });
    for (const { target } of working.values()) await takeOutputs(target);
  } catch (error) {
    for (const work of working.values()) work.end({ error });
    throw error;
  } finally {
    await Promise.allSettled([...working.values()].map(({ ended }) => ended));
    await removeTree(join(directory, BAKE_DIRECTORIES.out));
  }
}

/** The unit of a step begins and ends as its node says. */
export function workOf(
  { signal }: Pick<KubeContext, "signal">,
  running: RunningStep,
  target: BakeTarget,
): Working {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const work: Working = {
    ...{ ...running, target, output: "", ended: undefined },
    start: () => running.unit.run(() => promise, signal),
    end(how) {
      if ("error" in how) {
        work.ended ??= work.start();
        return reject(how.error);
      }
      // Nothing had to be made where it never began.
      if (how.cached && work.ended === undefined) {
        running.unit.reuse("BuildKit has it in its cache");
        // It is over: the failure of another step does not begin it.
        work.ended = promise;
      }
      resolve();
    },
  };
  return work;
}

/** Characters of a step's output that an error may quote. */
const MAX_OUTPUT = 16_384;

/** A step that failed, and what BuildKit says of it. */
interface Failed {
  readonly work: Working;
  readonly error: string;
}

function failureOf(
  failed: readonly Failed[],
  failures: readonly string[],
  lines: readonly string[],
): KbuildError {
  // The first failure ends the others.
  const first = failed.find(({ error }) => !/context canceled/i.test(error));
  if (first === undefined) {
    return new KbuildError(`Cannot build with buildx: ${errorLine([...failures, ...lines])}`, {
      notes: ["Builders and their nodes: docker buildx ls"],
    });
  }
  const { error, work: { output, step, target } } = first;
  const code = Number(/exit code: (\d+)/.exec(error)?.[1]) || undefined;
  const names = step.outputs.map(({ name }) => name).join(", ");
  const said = output.split("\n").filter((line) => line !== "").slice(-20);
  const why = code === undefined ? error : `go exited with status ${code}`;
  return new CommandError(
    `Cannot finish "Building ${names} for ${step.platform}" on the node for ${target.route}: ${why}`,
    { argv: step.argv, cwd: step.cwd, code, tail: said, output: said },
  );
}

/** Writes what buildx reads. */
async function writeBake(
  context: KubeContext,
  { bake: { asksGit, bake, directory, goroot }, build: { go }, nodes }: PreparedBake,
  built: readonly BuildStep[],
): Promise<void> {
  for (const name of [BAKE_DIRECTORIES.extra, BAKE_DIRECTORIES.out]) {
    await removeTree(join(directory, name));
    await Deno.mkdir(join(directory, name), { recursive: true });
  }
  for (const { path, text } of bake.files) {
    await Deno.mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, text);
  }
  for (const { path, target } of bake.links) {
    await Deno.mkdir(dirname(path), { recursive: true });
    await replaceLink(target, path);
  }
  for (const native of new Set(nodes.map((node) => node.native))) {
    await provideGoProgram(context, { native, go, goroot, directory }, built);
  }
  const git = join(directory, BAKE_DIRECTORIES.git);
  if (asksGit) await writeGitAnswers(context, git, built);
}

/**
 * The `go` that nodes start. Up to 1.20 that of a distribution needs libraries, which a stage from scratch does not
 * have; one without cgo is linked in its place. What compiles and links is the distribution's in any case.
 */
async function provideGoProgram(
  context: KubeContext,
  { native, go, goroot, directory }: {
    native: string;
    go: GoTool;
    goroot: string;
    directory: string;
  },
  [step]: readonly BuildStep[],
): Promise<void> {
  const [os = "", arch = ""] = native.split("/");
  const path = join(directory, BAKE_DIRECTORIES.go, arch, "go");
  await Deno.mkdir(dirname(path), { recursive: true });
  const own = join(goroot, "bin", "go");
  if (native === go.host && !await isDynamic(own)) {
    return await copyFileAtomic(own, path, { mode: 0o755, mtime: new Date(0) });
  }
  context.log.status(`Linking a go for nodes: "${own}" needs libraries of the system`);
  const { GOFLAGS: _ofBuilds, ...env } = step?.env ?? context.env;
  await context.shell.run([go.path, "build", "-trimpath", "-o", path, "cmd/go"], {
    cwd: dirname(path),
    env: {
      ...env,
      PWD: dirname(path),
      GOOS: os,
      GOARCH: arch,
      CGO_ENABLED: "0",
      GO111MODULE: "off",
    },
    label: "Linking a go that needs no libraries",
  });
}

/** Takes the binaries of a step; what is there with the same content stays. */
async function takeOutputs({ output, step }: BakeTarget): Promise<void> {
  for (const each of step.outputs) {
    const path = await foundAt(output, each);
    if (path === undefined) {
      throw new KbuildError(
        `Cannot find "${each.name}", which go was to build for ${step.platform}`,
        {
          notes: ["Check that the target is a main package (or ends in .test)"],
        },
      );
    }
    await Deno.mkdir(dirname(each.built), { recursive: true });
    if (await isSame(path, each.built)) continue;
    await Deno.chmod(path, 0o755);
    await moveFile(path, each.built);
  }
}

/** Go leaves programs for its own platform in another directory. */
async function foundAt(output: string, { built, name }: BinaryOutput): Promise<string | undefined> {
  for (const path of [join(output, basename(dirname(built)), name), join(output, name)]) {
    if ((await ifPresent(Deno.lstat(path)))?.isFile === true) return path;
  }
  return undefined;
}

async function isSame(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => ifPresent(Deno.lstat(path))));
  if (other?.isFile !== true || one?.size !== other.size) return false;
  return await digestOfFile(a, "sha256") === await digestOfFile(b, "sha256");
}
