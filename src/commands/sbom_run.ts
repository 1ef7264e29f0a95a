import { join } from "@std/path";
import { digestOfFile } from "../archive/mod.ts";
import { isStampedProgram, listReleaseFiles, programFault, programFaults } from "../audit/mod.ts";
import type { Input } from "../cli/mod.ts";
import { KbuildError } from "../errors.ts";
import type { UnitSpec } from "../events/mod.ts";
import {
  entriesOf,
  filesBelow,
  ifPresent,
  objectIn,
  readText,
  temporaryName,
  WorkDirectory,
  writeFileAtomic,
} from "../files/mod.ts";
import {
  binaryName,
  type LinkedPackages,
  linkedPackages,
  prepareBuild,
  type PreparedBuild,
} from "../lib/golang/mod.ts";
import { checkReleaseReplaceable, PACKAGES_DIRECTORY, SBOM_DIRECTORY } from "../lib/outputs.ts";
import { ARTIFACTS_FILE, SOURCE_TARBALL } from "../release/mod.ts";
import {
  artifactBom,
  type Bom,
  type BomContext,
  cycloneDxDocument,
  type DescribedArtifact,
  type FoundProgram,
  goVersionOf,
  linkedModules,
  type ListedModule,
  type ListedProgram,
  moduleDifferences,
  type ModuleList,
  modulesOfProgram,
  plainImport,
  programBom,
  PROVENANCE_FILE,
  provenanceStatement,
  readArtifact,
  readModuleList,
  releaseBom,
  spdxDocument,
} from "../sbom/mod.ts";
import { takeGo } from "../toolchain/mod.ts";
import { chooseTargets, readStamp, sayStamp, type Stamp, treeOf } from "./build_run.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { existingBinPath } from "./existing_binaries.ts";
import { SUPPLIER } from "./flags.ts";
import { keepDocuments } from "./keep_documents.ts";
import type { PlanStep } from "./plan_steps.ts";
import { provenanceFacts } from "./provenance_run.ts";
import { withOutput } from "./with_output.ts";

/** Formats of documents: how their files end, and what writes them. */
const FORMATS = Object.freeze({
  spdx: { end: ".spdx.json", write: spdxDocument },
  cyclonedx: { end: ".cdx.json", write: cycloneDxDocument },
});

const ALL_FORMATS = Object.keys(FORMATS) as readonly (keyof typeof FORMATS)[];

/** What documents are asked for. */
export interface AskedSboms {
  /** Default: all. */
  readonly formats?: readonly (keyof typeof FORMATS)[];
  /** Default: the Kubernetes Authors. */
  readonly supplier: string | undefined;
  /** Version of kbuild. */
  readonly tool: string;
}

/** A file that is described. */
interface Subject {
  readonly kind: "program" | DescribedArtifact["kind"];
  /** Absolute. */
  readonly file: string;
  /** In documents: `bin/linux/amd64/kubectl`, `release-tars/kubernetes.tar.gz`. */
  readonly path: string;
  /** Its documents below the directory, without their ends. */
  readonly document: string;
  /** Of a program. */
  readonly platform: string;
}

/** Documents that can be made. */
export interface PreparedSboms {
  readonly stamp: Stamp;
  readonly build: PreparedBuild;
  /** Programs first. */
  readonly subjects: readonly Subject[];
  /** Absolute. */
  readonly directory: string;
}

/** What became of a file. */
export interface MadeSbom {
  /** `bin/linux/amd64/kubectl`. */
  readonly of: string;
  /** How many are in it. */
  readonly programs: number;
  /** How many its programs are linked from. */
  readonly modules: number;
  /** Paths below the checkout's outputs. */
  readonly documents: readonly string[];
}

const RELEASE = "kubernetes-release";

/** `kbuild sbom`: writes the documents of the checkout around, and shows them. */
export async function makeSboms(command: CommandContext, input: Input): Promise<void> {
  const asked = askedSboms(command, input);
  const made = await withOutput(await command.open(), {
    what: command.name,
    check: (open) => prepareSboms(open, { fetch: false }),
    prepare: (open) => prepareSboms(open, { fetch: true }),
    needs: () => undefined,
    fetch: () => Promise.resolve(undefined),
    work: (open, prepared) => {
      sayStamp(open.context, prepared.stamp);
      return writeSboms(open, prepared, asked);
    },
  });
  command.logSummary();
  if (command.globals.json) return command.printJson({ sboms: made });
  const rows = made.map(({ of, programs, modules }) => [of, `${programs}`, `${modules}`]);
  command.printTable([["SBOM OF", "PROGRAMS", "MODULES"], ...rows], {
    align: ["left", "right", "right"],
    cut: ["start"],
  });
}

/** What {@linkcode makeSboms} would do. */
export async function planSbomSteps(command: CommandContext, input: Input): Promise<CommandPlan> {
  const { formats } = askedSboms(command, input);
  const { subjects, directory } = await prepareSboms(await command.open(), { fetch: false });
  const paths = [...subjects.map(({ document }) => document), RELEASE].flatMap((document) =>
    formats.map((format) => join(directory, `${document}${FORMATS[format].end}`))
  );
  paths.push(join(directory, PROVENANCE_FILE));
  return Object.freeze({
    steps: Object.freeze(
      paths.map((path): PlanStep => ({ group: "sbom", kind: "checksums", path })),
    ),
  });
}

/** The formats that are asked for, and who the supplier is. */
export function askedSboms(
  { globals }: CommandContext,
  input: Input,
): Required<AskedSboms> {
  const wanted = input.list("format");
  return Object.freeze({
    formats: ALL_FORMATS.filter((format) => wanted?.includes(format) ?? true),
    supplier: input.string("supplier"),
    tool: globals.version,
  });
}

/**
 * Finds what is to be described: binaries that exist, and what a release and `kbuild packages` made.
 *
 * @param options.fetch Whether a Go that is missing is fetched.
 * @param options.only Absolute paths: describe these binaries alone.
 * @param options.packages Whether packages are described; default true.
 * @param options.stamp What the binaries were stamped with; default: what a build would stamp now.
 * @throws {KbuildError} There are no binaries.
 */
export async function prepareSboms(
  open: OpenCheckout,
  { fetch, only, packages = true, stamp: taken }: {
    fetch: boolean;
    stamp?: Stamp;
    only?: ReadonlySet<string> | undefined;
    packages?: boolean;
  },
): Promise<PreparedSboms> {
  const { context, checkout } = open;
  const { env, outputRoot } = context;
  const binPath = await existingBinPath(open);
  const programs = (await programsIn(binPath)).filter(({ file }) => only?.has(file) ?? true);
  if (programs.length === 0) {
    throw new KbuildError(`Cannot list modules: there are no binaries in "${binPath}"`, {
      notes: ["Build them first: kbuild quick-release, or kbuild all"],
    });
  }
  const { goflags } = await chooseTargets(open, [env["WHAT"] ?? ""]);
  const tree = treeOf(open);
  const stamp = taken ?? await readStamp(open, tree);
  const { go } = open.go ?? await takeGo(context, checkout, { fetch });
  const { targets } = checkout;
  const { server, node, client, test, serverTest, all } = targets;
  const known = [server, node, client, test, serverTest, all].flatMap(({ value }) => value);
  const matrix = [...Map.groupBy(programs, ({ platform }) => platform)].map((
    [platform, there],
  ) => {
    const names = new Set(there.map(({ file }) => binaryName(file).replace(/\.exe$/, "")));
    const built = known.filter((target) => names.has(binaryName(target)));
    return { platform, targets: [...new Set(built)] };
  });
  const { vars, epoch } = stamp;
  const build = await prepareBuild(context, checkout, {
    ...{ matrix, goflags, vars, epoch, go, binPath, tree },
  });
  const subjects = [
    ...programs,
    ...await artifactsIn(outputRoot),
    ...packages ? await packagesIn(outputRoot) : [],
  ];
  await checkReleaseReplaceable(context, [SBOM_DIRECTORY]);
  return Object.freeze({
    ...{ stamp, build, subjects },
    directory: join(outputRoot, SBOM_DIRECTORY),
  });
}

/** The programs of a directory with `<os>/<arch>/<name>`. */
async function programsIn(binPath: string): Promise<readonly Subject[]> {
  const found: Subject[] = [];
  for (const os of await entriesOf(binPath) ?? []) {
    for (const arch of await entriesOf(join(binPath, os.name)) ?? []) {
      const platform = `${os.name}/${arch.name}`;
      for (const { name, isFile } of await entriesOf(join(binPath, platform)) ?? []) {
        if (!isFile) continue;
        const path = `bin/${platform}/${name}`;
        const file = join(binPath, platform, name);
        found.push(Object.freeze({ kind: "program", file, path, document: path, platform }));
      }
    }
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** The tarballs and images of a release. */
async function artifactsIn(outputRoot: string): Promise<readonly Subject[]> {
  const { artifacts, isOutputRoot } = await listReleaseFiles(outputRoot);
  if (!isOutputRoot) return [];
  return artifacts.flatMap((path): Subject[] => {
    const kind = path.endsWith(".tar.gz") ? "tarball" : path.endsWith(".tar") ? "image" : undefined;
    if (kind === undefined) return [];
    const document = path.replace(/^release-/, "");
    return [{ kind, file: join(outputRoot, path), path, document, platform: "" }];
  });
}

/** The debs and rpms of `kbuild packages`. */
async function packagesIn(outputRoot: string): Promise<readonly Subject[]> {
  const found = (await filesBelow(join(outputRoot, PACKAGES_DIRECTORY)))
    .filter((path) => /\.(deb|rpm)$/.test(path)).map((path) => `${PACKAGES_DIRECTORY}/${path}`);
  return found.map((path) => ({
    ...{ kind: "package", path, file: join(outputRoot, path), platform: "" } as const,
    document: path.replace(/^release-/, ""),
  }));
}

/**
 * Writes the documents, which replace those of an earlier run together. Documents of a format that is not asked for stay
 * as long as they are of the same files and builds; files that kbuild did not make stay.
 *
 * @throws {KbuildError} A binary is not what the checkout builds, or an artifact holds another one.
 */
export async function writeSboms(
  open: OpenCheckout,
  { stamp, build, subjects, directory }: PreparedSboms,
  { formats = ALL_FORMATS, supplier = SUPPLIER.default, tool }: AskedSboms,
): Promise<readonly MadeSbom[]> {
  const { context, checkout } = open;
  const { log, outputRoot, signal } = context;
  const version = stamp.vars.gitVersion;
  const units = new Map(subjects.map((each) => [each, log.events.unit(unitOf(each))]));
  const goVersion = build.go.version;
  const list = await readModuleList(checkout, version);
  const linked = await linkedPackages(context, build);
  const about: BomContext = Object.freeze({
    ...{ version, supplier, tool, epoch: stamp.epoch },
    goPackage: checkout.goPackage.value,
    license: list.main.license,
  });
  const work = await WorkDirectory.make(temporaryName(join(outputRoot, "sbom")));
  await using _work = work;
  const done: MadeSbom[] = [];
  const write = async (document: string, of: string, bom: Bom) => {
    const documents: string[] = [];
    for (const format of formats) {
      const name = `${document}${FORMATS[format].end}`;
      const path = join(work.path, SBOM_DIRECTORY, name);
      await Deno.mkdir(join(path, ".."), { recursive: true });
      await writeFileAtomic(path, FORMATS[format].write(bom, about));
      documents.push(`${SBOM_DIRECTORY}/${name}`);
    }
    const count = (kind: string) => bom.components.filter((each) => each.kind === kind).length;
    done.push(
      Object.freeze({ of, documents, programs: count("program"), modules: count("module") }),
    );
  };

  const digests = new Map<string, string>();
  const programs = new Map<string, ListedProgram>();
  for (const subject of subjects.filter(({ kind }) => kind === "program")) {
    await units.get(subject)!.run(async () => {
      const commit = stamp.vars.gitCommit;
      const listed = await listProgram(subject, {
        list,
        linked,
        version,
        commit,
        goVersion,
        signal,
      });
      digests.set(subject.document, listed.sha256);
      if (!programs.has(listed.sha256)) programs.set(listed.sha256, listed);
      await write(subject.document, subject.path, programBom(listed, about));
    });
  }
  const known = await artifactFacts(outputRoot);
  const artifacts: DescribedArtifact[] = [];
  for (const subject of subjects) {
    if (subject.kind === "program") continue;
    const { file, kind, path } = subject;
    await units.get(subject)!.run(async () => {
      const artifact = Object.freeze({
        ...{ kind, path },
        ...known.get(path),
        ...path.endsWith(`/${SOURCE_TARBALL}`)
          ? {
            sha256: await digestOfFile(file, "sha256", { signal }),
            programs: [],
            sources: list.modules,
          }
          : await contentsOf(subject, { known: programs, goPackage: about.goPackage, signal }),
      });
      artifacts.push(artifact);
      digests.set(subject.document, artifact.sha256);
      await write(subject.document, path, artifactBom(artifact, about));
    });
  }
  await write(RELEASE, RELEASE, releaseBom(artifacts, [...programs.values()], about));
  const made = [...programs.values(), ...artifacts].map(({ path: name, sha256 }) => (
    { name, sha256 }
  ));
  const facts = await provenanceFacts(open, { stamp, build, list, artifacts, tool });
  const provenance = provenanceStatement(made, facts);
  await writeFileAtomic(join(work.path, SBOM_DIRECTORY, PROVENANCE_FILE), provenance);
  await checkReleaseReplaceable(context, [SBOM_DIRECTORY]);
  signal?.throwIfAborted();
  const otherEnds = ALL_FORMATS.filter((format) => !formats.includes(format))
    .map((format) => FORMATS[format].end);
  const kept = { digests, release: RELEASE, otherEnds, provenance };
  await keepDocuments(directory, join(work.path, SBOM_DIRECTORY), kept);
  await work.replace({ [SBOM_DIRECTORY]: directory });
  return Object.freeze(done);
}

function unitOf({ path }: Subject): UnitSpec {
  return { kind: "sbom", name: path };
}

/** What a program is linked from; its build information must agree. */
async function listProgram(
  { file, path, platform }: Subject,
  { list, linked, version, commit, goVersion, signal }: {
    list: ModuleList;
    linked: readonly LinkedPackages[];
    version: string;
    commit: string | undefined;
    /** For programs that do not say which Go built them. */
    goVersion: string;
    signal: AbortSignal | undefined;
  },
): Promise<ListedProgram> {
  const { sha256, programs, content } = await readArtifact(file, { signal, label: path });
  const name = binaryName(path);
  const packages = linked.find(({ placed }) => placed === file);
  const found = content?.form.kind === "program" ? programs[0] : undefined;
  const fault = (why: readonly string[]) =>
    new KbuildError(`Cannot list the modules of "${file}": it is not what this checkout builds`, {
      output: why,
      notes: [
        "Build it again: kbuild quick-release, or kbuild all",
        "With the variables of that build: GOFLAGS, KUBE_GIT_VERSION, KUBE_GIT_COMMIT",
      ],
    });
  if (packages === undefined) {
    if (found === undefined) return { ...foreign({ name, sha256 }, []), path, platform };
    // What no target makes may be anything, but whole.
    const broken = programFault(content!, { platform: undefined, isAnyKind: true });
    if (broken !== undefined) throw fault([`it ${broken}`]);
    return { ...foreign(found, modulesOfProgram(found.program)), path, platform };
  }
  const isStamped = isStampedProgram(name);
  const others = programFaults(content!, { platform, version, commit, isStamped });
  if (found === undefined || others.length > 0) throw fault(others.map((each) => `it ${each}`));
  const { program } = found;
  const modules = linkedModules(packages, list, goVersionOf(program) ?? goVersion);
  if (program.go !== undefined) {
    const different = moduleDifferences(modules, packages.main, program.go);
    if (different.length > 0) throw fault(different);
  }
  const goPackage = plainImport(packages.main);
  return Object.freeze({ path, name, platform, goPackage, sha256, modules, version });
}

/** A program that this checkout does not build, by what it says itself. */
function foreign(
  { name, sha256, program }: Pick<FoundProgram, "name" | "sha256"> & Partial<FoundProgram>,
  modules: readonly ListedModule[],
): ListedProgram {
  const { path: goPackage = "", module = "" } = program?.go ?? {};
  const version = module.split(" ")[1] || `sha256:${sha256}`;
  const path = `other/${sha256.slice(0, 12)}/${name}`;
  const platform = program?.platform ?? "";
  return Object.freeze({ path, name, platform, goPackage, version, sha256, modules });
}

const PACKAGE_AGAIN = "Package the binaries again: kbuild package-tarballs, kbuild packages";

/** The programs in an artifact: those of the checkout by their digests, others by what they say. */
async function contentsOf(
  { file, path }: Subject,
  { known, goPackage, signal }: {
    known: ReadonlyMap<string, ListedProgram>;
    /** The checkout's own. */
    goPackage: string;
    signal: AbortSignal | undefined;
  },
): Promise<Pick<DescribedArtifact, "sha256" | "programs">> {
  const { sha256, programs, faults } = await readArtifact(file, { signal, label: path });
  if (faults.length > 0) {
    throw new KbuildError(`Cannot list the modules of "${path}": programs in it are broken`, {
      output: faults,
      notes: [PACKAGE_AGAIN],
    });
  }
  const listed = programs.map((found) => {
    const program = known.get(found.sha256);
    if (program !== undefined) return program;
    const { linksVersion, go } = found.program;
    // Some programs of Kubernetes, such as mounter, do not link the version.
    const isOwn = linksVersion || isStampedProgram(found.name) ||
      go?.path?.startsWith(`${goPackage}/`) === true;
    if (!isOwn) return foreign(found, modulesOfProgram(found.program));
    throw new KbuildError(
      `Cannot list the modules of "${path}": its "${found.name}" is not one of the binaries`,
      { notes: [PACKAGE_AGAIN] },
    );
  });
  return { sha256, programs: Object.freeze(listed) };
}

/** Names and bases of images, by path, as the release's own list has them. */
async function artifactFacts(
  outputRoot: string,
): Promise<ReadonlyMap<string, Pick<DescribedArtifact, "repoTags" | "base">>> {
  const text = await ifPresent(readText(join(outputRoot, "release-tars", ARTIFACTS_FILE)));
  const { artifacts } = objectIn(text ?? "") ?? {};
  const facts = new Map<string, Pick<DescribedArtifact, "repoTags" | "base">>();
  for (const each of Array.isArray(artifacts) ? artifacts : []) {
    const { path, repoTags, base } = each ?? {};
    if (typeof path !== "string" || !Array.isArray(repoTags)) continue;
    const isBase = typeof base?.name === "string";
    facts.set(path.replace(/^.*(?=release-(?:tars|images)\/)/, ""), {
      repoTags: repoTags.map(String),
      ...isBase ? { base: { name: base.name, digest: base.digest } } : {},
    });
  }
  return facts;
}
