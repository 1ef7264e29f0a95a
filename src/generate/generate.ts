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
    { cwd: context.root, allowed: Array.from({ length: 256 }, (_, code) => code) },
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
  const files = await missingFromGit(context);
  if (files.length === 0) return [];
  const [tree, before] = await Promise.all([treeKey(context), readState(context)]);
  if (tree !== undefined && tree === before.tree && await allPresent(context, files, before)) {
    return [];
  }

  const tagged = await findTagged(context.root, "openapi-gen");
  const stale: { file: GeneratedFile; inputs: string; packages: readonly string[] }[] = [];
  const kept: Record<string, { inputs: string; output: string }> = {};
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

  const written: string[] = [];
  if (stale.length > 0) {
    const go = build.go ?? await verifyGoVersion(context, checkout);
    const names = stale.map(({ file }) => file.output);
    context.log.status("Generating files that are not in git:", names);
    const tools = [...new Set(stale.map(({ file }) => file.tool))];
    await buildBinaries(context, checkout, {
      ...build,
      go,
      matrix: [{ platform: go.host, targets: tools }],
      binPath: context.binPath,
    });
    await createGopathTree(context, checkout);
    for (const { file, inputs, packages } of stale) {
      if (await generate(context, checkout, go, file, packages)) written.push(file.output);
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

/** Makes one file. Returns whether its content changed. */
async function generate(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  file: GeneratedFile,
  packages: readonly string[],
): Promise<boolean> {
  const work = await Deno.makeTempDir({ dir: context.output, prefix: ".kbuild-tmp-generate-" });
  try {
    const made = file.kind === "openapi"
      ? await makeOpenapi(context, checkout, go, { file, packages, work })
      : await makeBindata(context, checkout, go, { file, work });
    return await replaceIfDifferent(made, join(context.root, file.output));
  } finally {
    await Deno.remove(work, { recursive: true }).catch(() => {});
  }
}

async function makeOpenapi(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  job: {
    file: GeneratedFile & { kind: "openapi" };
    packages: readonly string[];
    work: string;
  },
): Promise<string> {
  const { file, packages, work } = job;
  const prefix = checkout.goPackage.value;
  const report = join(work, "violations.report");
  const outputBase = join(work, "src");
  await runTool(context, checkout, go, file, [
    ...["--v", String(context.log.verbosity), "--logtostderr"],
    ...["-i", packages.map((path) => `${prefix}/${path}`).join(",")],
    ...["-p", `${prefix}/${file.outputPackage}`],
    ...["-O", "zz_generated.openapi"],
    ...["-h", BOILERPLATE],
    ...["-o", outputBase],
    ...["-r", report],
  ]);
  await checkViolations(context, file, report);
  return join(outputBase, prefix, file.output);
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

async function makeBindata(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  job: { file: GeneratedFile & { kind: "bindata" }; work: string },
): Promise<string> {
  const { file, work } = job;
  const made = join(work, "bindata.go");
  await runTool(context, checkout, go, file, ["-o", made, ...file.args]);
  const gofmt = await findGofmt(context, go);
  await context.shell.run([gofmt, "-s", "-w", made], {
    cwd: work,
    env: hostGoEnv(context, checkout),
    label: `Formatting ${file.output}`,
  });
  return made;
}

async function runTool(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  file: GeneratedFile,
  args: readonly string[],
): Promise<void> {
  const { shell } = context;
  const env = hostGoEnv(context, checkout);
  const goroot = (await shell.run([go.path, "env", "GOROOT"], { cwd: context.root, env })).stdout;
  await shell.run([join(context.binPath, go.host, binaryName(file.tool)), ...args], {
    cwd: goWorkingDirectory(context, checkout),
    // Programs that parse Go code look for the standard library there.
    env: { ...env, GOROOT: goroot.trim() },
    label: `Generating ${file.output}`,
  });
}

/** gofmt lies beside go; some distributions put links to both into PATH. */
async function findGofmt(context: KubeContext, go: GoTool): Promise<string> {
  const { stdout } = await context.shell.run([go.path, "env", "GOROOT"], { cwd: context.root });
  const beside = join(stdout.trim(), "bin", "gofmt");
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
