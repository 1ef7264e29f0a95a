import { createHash, type Hash } from "node:crypto";
import { join } from "@std/path";
import { fileDigest } from "../../archive/mod.ts";
import type { Checkout } from "../../checkout/mod.ts";
import { entriesOf } from "../../files/mod.ts";
import { askGit, type GitTree, openTree } from "../../git/mod.ts";
import { type GoTool, isGoSince } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";
import { type CompilerAnswers, compilerKey } from "./compiler_key.ts";
import {
  type CPackage,
  type CSources,
  isPlainFlag,
  keylessCgo,
  unlistedInclude,
} from "./keyless_cgo.ts";
import { keylessReason } from "./keyless.ts";
import { listArguments } from "./list_arguments.ts";
import type { BuildStep } from "./plan.ts";
import { gorootOf, goTools, lookAt, type Looks, MODULE_FILES } from "./sources.ts";
import type { PackageFiles } from "./package_files.ts";
import { mayStampCommit } from "./vcs_stamp.ts";

/**
 * How steps become bytes, as far as kbuild has a part in it. It grows when the same key would stand for other
 * bytes: keys of before then match nothing.
 */
const RECIPE = 2;

/** The content key of a step. */
export type StepKey =
  | {
    /** SHA-256 in hexadecimal of everything that its bytes depend on. */
    readonly key: string;
    readonly why?: undefined;
    /** The directories and embedded files that it is made of, as the records of builds have them. */
    readonly listed: readonly PackageFiles[];
    /** When the oldest of what it is computed from was read; milliseconds since 1970. */
    readonly at: number;
    /** Whether this machine would make the same bytes: nothing that only a {@linkcode StepPlace} has is in it. */
    readonly isOfThisMachine: boolean;
    /** Whether no source has changed since. */
    readonly areSourcesCurrent: () => boolean;
    /** The same, and the commit where Go writes it into programs. */
    readonly isCurrent: () => Promise<boolean>;
  }
  | {
    readonly key?: undefined;
    /** Why there is none, as the end of a sentence: "it measures coverage". */
    readonly why: string;
  };

/**
 * Finds the keys of steps. What steps share is read once, and again where a file has changed: use it for one
 * build.
 */
export interface StepKeys {
  /** The key of a step. Its generated files, overlays and the link into the GOPATH must be there. */
  keyOf(step: BuildStep, options?: KeyOptions): Promise<StepKey>;
  /** A digest of the Go and, where the programs of builds are those of an image, of that. */
  goKey(): Promise<string>;
}

/** Where steps run if not on this machine, with the Go and the sources of this machine all the same. */
export interface StepPlace {
  /** Whether a variable of a step is known there. */
  isSent(name: string): boolean;
  /** What stands for the C compiler there, with its libraries and headers; `why` as in {@linkcode StepKey}. */
  readonly compiler: { readonly id: string; readonly why?: undefined } | { readonly why: string };
}

/** Options of {@linkcode StepKeys.keyOf}. */
export interface KeyOptions {
  /** Where Go lists instead, while the step's own directory is not there; absolute. */
  readonly place?: Pick<BuildStep, "cwd" | "env">;
  /** Stops Go. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a {@linkcode StepKeys}. A key is a digest over the recipe, Go and its tools, arguments, variables that
 * Go or a C compiler reads, and the contents of every source file that Go's list of dependencies names, those of
 * the standard library included; of the C compiler and its libraries if a package has cgo; of the commit if Go
 * writes it into programs. The path of the checkout counts unless `-trimpath` keeps it out of the bytes.
 *
 * @param elsewhere Where steps run; default: on this machine, or in the image of the context.
 */
export function openStepKeys(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  elsewhere?: StepPlace,
): StepKeys {
  let known = newReadings(context);

  async function keyOf(step: BuildStep, options: KeyOptions = {}): Promise<StepKey> {
    const refused = keylessReason(step, go);
    if (refused !== undefined) return { why: refused };
    const readings = known;
    const first = await computeKey(step, options, readings);
    if (first.key !== undefined && first.areSourcesCurrent()) return first;
    if (first.key === undefined && !first.isChanged) return first;
    // What was read before the change is not to be mixed with what is read after it.
    if (known === readings) known = newReadings(context);
    const second = await computeKey(step, options, known);
    return second.key === undefined || second.areSourcesCurrent() ? second : CHANGED;
  }

  async function computeKey(
    planned: BuildStep,
    { place, signal }: KeyOptions,
    readings: Readings,
  ): Promise<StepKey & { readonly isChanged?: boolean }> {
    const step = elsewhere === undefined ? planned : stepThere(planned, elsewhere);
    const digestOf = (path: string) => digestIn(readings, path);
    const asked = Date.now();
    let said = "";
    const { code, stdout } = await context.builder.shell.run(
      [go.path, ...listArguments(step, ["-f", template(go)])],
      {
        ...{ cwd: step.cwd, env: step.env, allowed: "any", ...place },
        ...signal === undefined ? {} : { signal },
        onStderr: (chunk) => void (said += new TextDecoder().decode(chunk)),
      },
    );
    if (code !== 0) return { why: `Go cannot list what it is made of: ${lastLine(said)}` };
    const packages = readPackages(stdout);
    const listed = packages.filter(({ directory }) => directory.startsWith("/"))
      .map(({ directory, files }) => ({ directory, embedded: embeddedIn(files) }));
    const seen = filesToWatch(context, step, packages);
    const { identity, newest } = lookAt(seen, readings.looks);
    // Go may have listed what was there before.
    if (newest >= asked) return CHANGED;

    const hash = createHash("sha256");
    const add = (...words: readonly string[]) => addWords(hash, words);
    const portable = portableText(placesOf(context, step));
    add("step", String(RECIPE), await goKey(), step.platform, step.kind);
    // Elsewhere than in these, a path may come into the bytes.
    const isPlace = (words: readonly string[], at: number) =>
      isPlaceFlag(words[at] ?? "") || /^--?(o|overlay)$/.test(words[at - 1] ?? "");
    add(...step.argv.slice(1).map((word, at, words) => isPlace(words, at) ? portable(word) : word));
    for (const [name, value] of Object.entries(countedVariables(step.env))) {
      add(name, name === "GOWORK" ? portable(value) : value);
    }
    for (const { path, text } of step.files) {
      add(portable(path), path.endsWith(".json") ? portable(text) : text);
    }
    if (!isPathFree(step)) add("paths", step.cwd, context.root, gorootOf(step.env, go.path));
    const stamps = stepStampsCommit(checkout, go, step);
    const commit = stamps
      ? await (readings.commit ??= commitOf(context, readings.tree, go))
      : undefined;
    if (commit !== undefined) add("commit", commit);
    for (const name of MODULE_FILES) {
      // Where Go runs is the checkout, under this or another name.
      add(name, await digestOf(join(context.root, name)));
    }
    const { GOWORK = "" } = step.env;
    if (GOWORK.startsWith("/")) add("GOWORK", await digestOf(GOWORK));
    for (const each of packages) {
      // A directory of headers is where its package is.
      const placed = portableText({ dir: each.directory });
      add(
        ...["package", each.path],
        ...each.facts.map((fact) => isHeaderPlace(fact) ? placed(fact) : fact),
      );
      // Files of an image are known by it.
      if (each.isStandard && step.image !== undefined) continue;
      for (const [list, name] of each.files) {
        add(list, name, await digestOf(join(each.directory, name)));
      }
      if (each.goMod !== "") add("go.mod", await digestOf(each.goMod));
      if (isMain(each)) add(PROFILE, await digestOf(join(each.directory, PROFILE)));
    }
    const cgo = packages.filter(hasCgo);
    // Go's own assembler follows #include, too.
    const assembled = packages.filter((each) =>
      !each.isStandard && !hasCgo(each) && each.files.some(([list]) => list === "SFiles")
    );
    const unlisted = await unlistedInclude(assembled.map(cPackageOf));
    if (unlisted !== undefined) return { why: unlisted };
    const sources = cSourcesOf(cgo);
    const unknown = cgo.length === 0 ? undefined : await keylessCgo(sources, step.env);
    if (unknown !== undefined) return { why: unknown };
    // That of an image is known by it.
    if (cgo.length > 0 && step.image === undefined) {
      const { answers } = readings;
      const compiler = elsewhere === undefined
        ? await compilerKey(context, step, sources, { digestOf, answers, signal })
        : foreignCompiler(step, elsewhere);
      if (compiler.why !== undefined) return { why: compiler.why };
      add("compiler", compiler.key);
    }
    const areSourcesCurrent = () => lookAt(seen).identity === identity;
    return Object.freeze({
      key: hash.digest("hex"),
      ...{ listed, at: readings.since, areSourcesCurrent },
      isOfThisMachine: elsewhere === undefined || (cgo.length === 0 &&
        Object.keys(step.env).length === Object.keys(planned.env).length),
      isCurrent: async () =>
        areSourcesCurrent() &&
        (!stamps || await commitOf(context, openTree(context), go) === commit),
    });
  }
  const goKey = () => goIdentity(context, go);
  return Object.freeze<StepKeys>({ keyOf, goKey });
}

/** Contents that were read for keys, and what was seen of the files before. */
interface Readings {
  readonly since: number;
  readonly digests: Map<string, string>;
  readonly answers: CompilerAnswers;
  readonly looks: Looks;
  readonly tree: GitTree;
  commit?: Promise<string>;
}

function newReadings(context: KubeContext): Readings {
  return {
    ...{ since: Date.now(), digests: new Map(), answers: new Map(), looks: new Map() },
    tree: openTree(context),
  };
}

async function digestIn({ digests }: Readings, path: string): Promise<string> {
  const known = digests.get(path);
  if (known !== undefined) return known;
  const digest = await fileDigest(path) ?? "missing";
  digests.set(path, digest);
  return digest;
}

const CHANGED = Object.freeze({ why: "a source was changed while it was read", isChanged: true });

/** What `-pgo=auto` takes of a main package since Go 1.21 (`go help build`). */
const PROFILE = "default.pgo";

function isMain({ facts }: ListedPackage): boolean {
  return facts.includes("Name main");
}

function hasCgo({ files }: ListedPackage): boolean {
  return files.some(([list]) => list === "CgoFiles");
}

function addWords(hash: Hash, words: readonly string[]): void {
  for (const word of words) hash.update(`${word.length}:${word}\0`);
  hash.update("\n");
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

/**
 * Variables that go or a C compiler reads (`go help environment`; GCC's manual, Environment Variables). Those of
 * others (`GOOGLE_…`) have a second word behind GO.
 */
const COUNTED =
  /^(GO[A-Z0-9]+|GO_[A-Z0-9_]+|GOROOT_FINAL|CGO_.*|CC|CXX|AR|FC|PKG_CONFIG.*|GCC_.*|CPATH|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|OBJC_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|LD_RUN_PATH|SOURCE_DATE_EPOCH|SDKROOT|MACOSX_DEPLOYMENT_TARGET|ZERO_AR_DATE)$/;

/** Those of them that only say where things are, where they come from, or how fast it goes. */
const PLACES =
  /^GO(AUTH|BIN|CACHE|CACHEPROG|ENV|GC|INSECURE|MAXPROCS|MEMLIMIT|MODCACHE|NOPROXY|NOSUMCHECK|NOSUMDB|PATH|PRIVATE|PROXY|ROOT|SUMDB|TELEMETRY.*|TMPDIR|TOOLCHAIN|TRACEBACK|VCS)$/;

/** Variables that change what Go makes, in order. */
export function countedVariables(env: BuildStep["env"]): Record<string, string> {
  const counted = Object.entries(env).filter(([name, value]) => value !== "" && isCounted(name));
  return Object.fromEntries(counted.toSorted(([a], [b]) => a < b ? -1 : 1));
}

function isCounted(name: string): boolean {
  return COUNTED.test(name) && !PLACES.test(name);
}

/** A step as it runs elsewhere: variables that decide over its bytes and are not known there do not count. */
function stepThere(step: BuildStep, { isSent }: StepPlace): BuildStep {
  const env = Object.fromEntries(
    Object.entries(step.env).filter(([name]) => !isCounted(name) || isSent(name)),
  );
  return { ...step, env };
}

/** What stands for a C compiler elsewhere; the checkout's own files must not come in with its arguments. */
function foreignCompiler(
  { env }: BuildStep,
  { compiler }: StepPlace,
): { readonly key: string; readonly why?: undefined } | { readonly why: string } {
  const [, ...words] = (env["CC"] ?? "").trim().split(/\s+/);
  const unknown = words.find((word) => !isPlainFlag(word));
  if (unknown !== undefined) return { why: `what "${unknown}" of CC brings in is not known` };
  return compiler.why === undefined ? { key: compiler.id } : compiler;
}

/** Whether the bytes of a step contain no paths of this machine. */
function isPathFree({ argv, env }: Pick<BuildStep, "argv" | "env">): boolean {
  return argv.some((word) => /^--?trimpath(=(1|t|true))?$/i.test(word)) ||
    /(^|\s)--?trimpath(=(1|t|true))?(\s|$)/i.test(env["GOFLAGS"] ?? "");
}

/** Places of this machine, which stand for the same everywhere. */
function placesOf({ root, output, gopath }: KubeContext, { cwd }: BuildStep) {
  return { cwd, gopath, output, root };
}

/** Replaces places by their names; those that are in others come first. */
export function portableText(
  places: Readonly<Record<string, string>>,
): (text: string) => string {
  const sorted = Object.entries(places).filter(([, place]) => place !== "")
    .toSorted(([, a], [, b]) => b.length - a.length);
  return (text) =>
    sorted.reduce((left, [name, place]) => left.replaceAll(place, `{${name}}`), text);
}

/** Whether an argument only says where something is read or written. */
function isPlaceFlag(word: string): boolean {
  return /^--?(o|overlay)=/.test(word);
}

/** Whether a fact of a package only says where headers are. */
function isHeaderPlace(fact: string): boolean {
  return /^Cgo(CFLAGS|CPPFLAGS) -I/.test(fact);
}

/** Digests of the programs and headers of a Go, which are the same as long as it is the one that a run has chosen. */
const goDigests = new WeakMap<GoTool, Promise<string>>();

/** Digest of a Go: its version, programs and headers. Its library is in the list of packages. */
async function goIdentity({ builder: { image } }: KubeContext, go: GoTool): Promise<string> {
  const hash = createHash("sha256");
  addWords(hash, [go.version, String(go.devel), image ?? ""]);
  if (image !== undefined) return hash.digest("hex");
  const digest = goDigests.get(go) ?? goFilesDigest(go);
  goDigests.set(go, digest);
  return hash.update(await digest).digest("hex");
}

/**
 * Digest of the programs and headers of a Go.
 *
 * @throws The system's error: one of them cannot be read.
 */
export async function goFilesDigest(go: Pick<GoTool, "path" | "goroot">): Promise<string> {
  const hash = createHash("sha256");
  const goroot = go.goroot ?? gorootOf({}, go.path);
  const include = join(goroot, "pkg", "include");
  const headers = (await entriesOf(include) ?? []).map(({ name }) => join(include, name));
  for (const path of [...goTools(go.path, goroot), ...headers.sort()]) {
    addWords(hash, [
      path.startsWith(`${goroot}/`) ? path.slice(goroot.length) : "go",
      await fileDigest(path) ?? "missing",
    ]);
  }
  return hash.digest("hex");
}

/** Whether Go writes the commit into the programs of a step; unlike kbuild's own part, what a user says counts. */
function stepStampsCommit(checkout: Checkout, go: GoTool, { argv, env }: BuildStep): boolean {
  if (!mayStampCommit(checkout, go)) return false;
  const valuesIn = (words: readonly string[]) =>
    words.flatMap((word) => /^--?buildvcs=(.*)$/.exec(word)?.[1] ?? []);
  const said = [...valuesIn((env["GOFLAGS"] ?? "").split(/\s+/)), ...valuesIn(argv)].at(-1);
  return !/^(false|0|f)$/i.test(said ?? "");
}

async function commitOf(context: KubeContext, tree: GitTree, go: GoTool): Promise<string> {
  const [head, status] = await Promise.all([tree.head(), tree.status()]);
  const { commit = "none" } = head;
  const isClean = status.text === undefined ? "unknown" : String(status.text === "");
  const readsTags = isGoSince(go, "1.24");
  const tags = readsTags && head.commit !== undefined
    ? await askGit(context, ["for-each-ref", "--merged=HEAD", "--format=%(refname)", "refs/tags"])
    : undefined;
  return [commit, isClean, tags?.text ?? ""].join(" ");
}

/** Lists of files of a package that decide over its bytes (`go help list`). */
const LISTS = [
  ...["GoFiles", "CgoFiles", "CFiles", "CXXFiles", "MFiles", "HFiles", "FFiles", "SFiles"],
  ...["SwigFiles", "SwigCXXFiles", "SysoFiles"],
] as const;
const EMBEDS = "EmbedFiles";
const FLAGS = ["CgoCFLAGS", "CgoCPPFLAGS", "CgoLDFLAGS", "CgoPkgConfig"] as const;

/** The template of `go list -f`: a word and a value on each line. */
function template(go: GoTool): string {
  const lists = isGoSince(go, "1.16") ? [...LISTS, EMBEDS] : LISTS;
  const values = (name: string) => `{{range .${name}}}\n${name} {{.}}{{end}}`;
  return [
    "Package {{.ImportPath}}\nDir {{.Dir}}\nStandard {{.Standard}}\nName {{.Name}}",
    "{{with .Module}}\nModule {{.Path}} {{.Version}} {{.GoVersion}}\nGoMod {{.GoMod}}{{end}}",
    ...[...lists, ...FLAGS, "Imports"].map(values),
  ].join("");
}

/** A package as Go lists it. */
interface ListedPackage {
  readonly path: string;
  readonly directory: string;
  readonly isStandard: boolean;
  readonly goMod: string;
  /** What counts beside files. */
  readonly facts: readonly string[];
  /** Names below the directory, with the list that they are in. */
  readonly files: readonly (readonly [list: string, name: string])[];
}

/** Takes apart what `go list` printed with {@linkcode template}; sorted by import path. */
function readPackages(text: string): readonly ListedPackage[] {
  const found: {
    -readonly [K in keyof ListedPackage]: ListedPackage[K] extends readonly (infer E)[] ? E[]
      : ListedPackage[K];
  }[] = [];
  for (const line of text.split("\n")) {
    const at = line.indexOf(" ");
    const [word, value] = [line.slice(0, at), line.slice(at + 1)];
    if (word === "Package") {
      found.push({
        path: value,
        directory: "",
        isStandard: false,
        goMod: "",
        facts: [],
        files: [],
      });
    }
    const last = found.at(-1);
    if (last === undefined) continue;
    if (word === "Dir") last.directory = value;
    else if (word === "Standard") last.isStandard = value === "true";
    else if (word === "GoMod") last.goMod = value;
    // The main file of a test is made by Go, in its cache.
    else if (word.endsWith("Files")) { if (!value.startsWith("/")) last.files.push([word, value]); }
    else if (word !== "Package" && word !== "") last.facts.push(line);
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

function embeddedIn(files: ListedPackage["files"]): readonly string[] {
  return files.filter(([list]) => list === EMBEDS).map(([, name]) => name);
}

/** What must not change while a step is made; absolute. */
function filesToWatch(
  { root }: KubeContext,
  { cwd }: BuildStep,
  packages: readonly ListedPackage[],
): { directories: readonly string[]; paths: readonly string[] } {
  const own = packages.filter(({ directory }) => directory.startsWith("/"));
  return {
    directories: [...new Set(own.map(({ directory }) => directory))].sort(),
    paths: [
      ...MODULE_FILES.flatMap((name) => [join(root, name), join(cwd, name)]),
      ...own.flatMap((each) => [
        ...embeddedIn(each.files).map((name) => join(each.directory, name)),
        ...each.goMod === "" ? [] : [each.goMod],
      ]),
    ],
  };
}

function cPackageOf({ path, directory, files }: ListedPackage): CPackage {
  const listsOf = (pattern: RegExp) =>
    files.filter(([list]) => pattern.test(list)).map(([, name]) => join(directory, name));
  return {
    ...{ path, directory },
    files: listsOf(/^(Cgo|C|H|S)Files$/),
    foreign: listsOf(/^(CXX|M|F|Swig|SwigCXX)Files$/),
  };
}

function cSourcesOf(packages: readonly ListedPackage[]): CSources {
  const flags = (name: string) =>
    packages.flatMap(({ facts }) =>
      facts.filter((fact) => fact.startsWith(`${name} `)).map((fact) => fact.slice(name.length + 1))
    );
  return {
    packages: packages.map(cPackageOf),
    cFlags: [...flags("CgoCFLAGS"), ...flags("CgoCPPFLAGS")],
    linkFlags: flags("CgoLDFLAGS"),
    pkgConfig: flags("CgoPkgConfig"),
  };
}
