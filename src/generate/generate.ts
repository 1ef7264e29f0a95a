import { dirname, join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  binaryName,
  buildBinaries,
  type BuildOptions,
  createGopathTree,
  type GoTool,
  goWorkingDirectory,
  hostGoEnv,
  verifyGoVersion,
} from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { findProgram } from "../lib/util.ts";
import { type GeneratedFile, readGeneratedFiles } from "./sources.ts";
import {
  fileDigest,
  foldersDigest,
  type GenerationState,
  readState,
  treeKey,
  writeState,
} from "./state.ts";
import { findTagged, openapiPackages } from "./tagged.ts";

/** The header of generated files, below the root. */
const BOILERPLATE = "vendor/k8s.io/code-generator/hack/boilerplate.go.txt";

/**
 * The generated files that a build needs and git does not have (1.20: OpenAPI definitions of
 * kube-apiserver, bindata of e2e.test).
 */
export async function missingFromGit(
  context: KubeContext,
): Promise<readonly GeneratedFile[]> {
  const files = await readGeneratedFiles(context.root);
  if (files.length === 0) return files;
  const listed = await context.shell.run(
    ["git", "--work-tree", context.root, "ls-files", "--", ...files.map((file) => file.output)],
    { cwd: context.root, allowed: "any" },
  );
  const tracked = new Set(listed.code === 0 ? listed.stdout.split("\n") : []);
  const wanted: GeneratedFile[] = [];
  for (const file of files) {
    const exists = await fileExists(join(context.root, file.output));
    // Without git only a file that is not there is known to be needed.
    if (listed.code === 0 ? !tracked.has(file.output) : !exists) wanted.push(file);
  }
  return Object.freeze(wanted);
}

async function fileExists(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isFile === true;
}

/** What has to be made, and what is remembered of the rest. */
interface Stale {
  readonly tree: string | undefined;
  readonly kept: Record<string, { inputs: string; output: string }>;
  readonly files: readonly StaleFile[];
}

interface StaleFile {
  readonly file: GeneratedFile;
  readonly inputs: string;
  /** Packages that an OpenAPI file is made from. */
  readonly packages: readonly string[];
}

async function findStale(context: KubeContext): Promise<Stale | undefined> {
  const [files, tree, before] = await Promise.all([
    missingFromGit(context),
    treeKey(context),
    readState(context),
  ]);
  if (files.length === 0) return undefined;
  if (tree !== undefined && tree === before.tree && await allPresent(context, files, before)) {
    return undefined;
  }
  const tagged = await findTagged(context.root, "openapi-gen");
  const stale: StaleFile[] = [];
  const kept: Stale["kept"] = {};
  for (const file of files) {
    const packages = file.kind === "openapi" ? openapiPackages(file.name, tagged) : [];
    const inputs = await inputsDigest(context, file, packages);
    const known = before.files[file.output];
    const output = await fileDigest(join(context.root, file.output));
    if (known !== undefined && known.inputs === inputs && known.output === output) {
      kept[file.output] = known;
    } else {
      stale.push({ file, inputs, packages });
    }
  }
  return { tree, kept, files: stale };
}

/** What {@linkcode ensureGeneratedFiles} would do: tools to build, then commands to run. */
export interface GenerationPlan {
  /** Targets of the generators, for the host. */
  readonly tools: readonly string[];
  /** Temporary folder that the commands write to. */
  readonly work: string;
  /** Each makes the file `made`, which is formatted where `format` says so, and moved to `output`. */
  readonly commands: readonly {
    readonly argv: readonly string[];
    readonly cwd: string;
    readonly made: string;
    readonly format: boolean;
    readonly output: string;
  }[];
}

/** Computes the {@linkcode GenerationPlan}; empty lists when all files are up to date. */
export async function planGeneratedFiles(
  context: KubeContext,
  checkout: Checkout,
  host: string,
): Promise<GenerationPlan> {
  const stale = (await findStale(context))?.files ?? [];
  const work = join(context.output, ".kbuild-tmp-generate");
  return Object.freeze({
    work,
    tools: Object.freeze(toolsOf(stale)),
    commands: Object.freeze(stale.map(({ file, packages }) =>
      Object.freeze({
        ...toolCommand(context, checkout, host, { file, packages, work }),
        format: file.kind === "bindata",
        output: join(context.root, file.output),
      })
    )),
  });
}

function toolsOf(stale: readonly StaleFile[]): readonly string[] {
  return [...new Set(stale.map(({ file }) => file.tool))];
}

/**
 * Makes the files of {@linkcode missingFromGit} with the checkout's own generators, unless they
 * are up to date. Files appear by rename, and only when their content changed.
 *
 * @returns Paths below the root that were written.
 * @throws {KbuildError} A generator failed, or the API rule violations differ from the known ones.
 */
export async function ensureGeneratedFiles(
  context: KubeContext,
  checkout: Checkout,
  build: Omit<BuildOptions, "matrix">,
): Promise<readonly string[]> {
  const found = await findStale(context);
  if (found === undefined) return [];
  const { tree, kept, files: stale } = found;
  const written: string[] = [];
  if (stale.length > 0) {
    const go = build.go ?? await verifyGoVersion(context, checkout);
    const names = stale.map(({ file }) => file.output);
    context.log.status("Generating files that are not in git:", names);
    await buildBinaries(context, checkout, {
      ...build,
      go,
      matrix: [{ platform: go.host, targets: toolsOf(stale) }],
      binPath: context.binPath,
    });
    await createGopathTree(context, checkout);
    for (const { file, inputs, packages } of stale) {
      if (await generate(context, checkout, go, { file, packages })) written.push(file.output);
      const output = await fileDigest(join(context.root, file.output)) ?? "";
      kept[file.output] = { inputs, output };
    }
  }
  await writeState(context, { tree: tree ?? "", files: kept });
  return Object.freeze(written);
}

async function allPresent(
  context: KubeContext,
  files: readonly GeneratedFile[],
  state: GenerationState,
): Promise<boolean> {
  for (const file of files) {
    const known = state.files[file.output];
    if (known === undefined) return false;
    if (await fileDigest(join(context.root, file.output)) !== known.output) return false;
  }
  return true;
}

/** Contents of everything that the output is made from: inputs, generator, arguments. */
async function inputsDigest(
  context: KubeContext,
  file: GeneratedFile,
  packages: readonly string[],
): Promise<string> {
  const own = file.kind === "openapi"
    ? await foldersDigest(context.root, packages, {
      recursive: false,
      extra: [file.outputPackage],
    })
    : await foldersDigest(context.root, inputFolders(file.args), {
      recursive: true,
      extra: file.args,
    });
  const tool = await foldersDigest(context.root, [file.tool.replace(/^\.\//, "")], {
    recursive: true,
    extra: [own],
  });
  return tool;
}

function inputFolders(args: readonly string[]): readonly string[] {
  return args.filter((word) => word.endsWith("/...")).map((word) => word.slice(0, -4));
}

/** One file to make: from which packages, in which temporary folder. */
interface Job {
  readonly file: GeneratedFile;
  readonly packages: readonly string[];
  readonly work: string;
}

/** Makes one file. Returns whether its content changed. */
async function generate(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  { file, packages }: Omit<Job, "work">,
): Promise<boolean> {
  const work = await Deno.makeTempDir({ dir: context.output, prefix: ".kbuild-tmp-generate-" });
  try {
    const { argv, cwd, made } = toolCommand(context, checkout, go.host, { file, packages, work });
    const { shell } = context;
    const env = hostGoEnv(context, checkout);
    const goroot = await shell.run([go.path, "env", "GOROOT"], { cwd: context.root, env });
    await shell.run(argv, {
      cwd,
      // Programs that parse Go code look for the standard library there.
      env: { ...env, GOROOT: goroot.stdout.trim() },
      label: `Generating ${file.output}`,
    });
    if (file.kind === "openapi") {
      await checkViolations(context, file, reportPath(work));
    } else {
      // gofmt lies beside go; some distributions put links to both into PATH.
      const gofmt = await findGofmt(context, goroot.stdout.trim());
      await shell.run([gofmt, "-s", "-w", made], {
        cwd: work,
        env,
        label: `Formatting ${file.output}`,
      });
    }
    return await replaceIfDifferent(made, join(context.root, file.output));
  } finally {
    await Deno.remove(work, { recursive: true }).catch(() => {});
  }
}

function reportPath(work: string): string {
  return join(work, "violations.report");
}

/** The generator's command line, and the file that it makes. Pure. */
function toolCommand(
  context: KubeContext,
  checkout: Checkout,
  host: string,
  { file, packages, work }: Job,
): { argv: readonly string[]; cwd: string; made: string } {
  const program = join(context.binPath, host, binaryName(file.tool));
  const cwd = goWorkingDirectory(context, checkout);
  if (file.kind === "bindata") {
    const made = join(work, "bindata.go");
    return { argv: [program, "-o", made, ...file.args], cwd, made };
  }
  const prefix = checkout.goPackage.value;
  const outputBase = join(work, "src");
  const argv = [
    program,
    ...["--v", String(context.log.verbosity), "--logtostderr"],
    ...["-i", packages.map((path) => `${prefix}/${path}`).join(",")],
    ...["-p", `${prefix}/${file.outputPackage}`],
    ...["-O", "zz_generated.openapi"],
    ...["-h", BOILERPLATE],
    ...["-o", outputBase],
    ...["-r", reportPath(work)],
  ];
  return { argv, cwd, made: join(outputBase, prefix, file.output) };
}

/** The build of `make` fails where the violations differ from the known ones; so does ours. */
async function checkViolations(
  context: KubeContext,
  file: GeneratedFile & { kind: "openapi" },
  report: string,
): Promise<void> {
  const known = join(context.root, file.knownViolations);
  const [found, expected] = await Promise.all([
    Deno.readTextFile(report),
    Deno.readTextFile(known).catch(() => ""),
  ]);
  if (found === expected) return;
  const kept = join(context.outputRoot, `${file.name}_violations.report`);
  await Deno.mkdir(dirname(kept), { recursive: true });
  await Deno.copyFile(report, kept);
  const before = new Set(expected.split("\n"));
  const added = found.split("\n").filter((line) => line !== "" && !before.has(line));
  throw new KbuildError(
    `Cannot accept the API rule violations of ${file.name}: they differ from "${file.knownViolations}"`,
    {
      output: added.slice(0, 20),
      notes: [
        `Compare with "${kept}"; api/api-rules/README.md says how to resolve it`,
        `To accept them: copy that file over "${known}"`,
      ],
    },
  );
}

async function findGofmt(context: KubeContext, goroot: string): Promise<string> {
  const beside = join(goroot, "bin", "gofmt");
  const found = await findProgram(beside, undefined) ??
    await findProgram("gofmt", context.env["PATH"]);
  if (found === undefined) {
    throw new KbuildError(`Cannot find "gofmt", which belongs to Go ("${beside}")`, {
      notes: ["Install the whole Go distribution: its bin folder holds go and gofmt"],
    });
  }
  return found;
}

/** Moves a file into place unless the same content is there; an untouched file rebuilds nothing. */
async function replaceIfDifferent(made: string, place: string): Promise<boolean> {
  const [wanted, existing] = await Promise.all([fileDigest(made), fileDigest(place)]);
  if (wanted === existing) return false;
  await Deno.mkdir(dirname(place), { recursive: true });
  await Deno.chmod(made, 0o644);
  // The work folder lies in the checkout too, so a rename moves the file.
  await Deno.rename(made, place);
  return true;
}
