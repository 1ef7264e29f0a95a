import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { KbuildError } from "../errors.ts";
import type { BuildPlan, BuildStep, Link, StepFile } from "../lib/golang/mod.ts";
import { GIT_SOURCE } from "./git_answers.ts";

/** A node of a builder that takes steps. */
export interface BakeNode {
  /** What buildx is asked for, so that it takes this node: `linux/arm64`. */
  readonly route: string;
  /** The platform of its own programs. */
  readonly native: string;
  /** All platforms that it lists. */
  readonly platforms: readonly string[];
}

/** What is at the top of a checkout. */
export interface SourceEntry {
  readonly name: string;
  /** Where it leads, if it is a link. */
  readonly target?: string;
}

/** A directory of a Go distribution: `source` here is `target` there. */
export interface GoPart {
  readonly source: string;
  readonly target: string;
}

/** Where steps are cached. */
export interface BakeCache {
  /** Repositories of registries that are read, attributes of buildx behind a comma. */
  readonly from: readonly string[];
  /** The repository that is written to, likewise. */
  readonly to: string | undefined;
}

/** Inputs of {@linkcode planBake}. */
export interface BakeInputs {
  /** The checkout; absolute. */
  readonly root: string;
  /** Where Go installs to; absolute, in the checkout. */
  readonly gopath: string;
  /** Directory for all files of the bake; absolute. */
  readonly directory: string;
  readonly plan: Pick<BuildPlan, "gopathLink" | "platforms">;
  /** Top of the checkout without outputs and `.git`. */
  readonly entries: readonly SourceEntry[];
  /** Paths below these that are left out. */
  readonly excluded?: readonly string[];
  /** GOROOT of the plan's Go. */
  readonly goroot: string;
  /** The platform that the plan's Go runs on. */
  readonly host: string;
  /** Of the Go for each platform that nodes run, by the architecture: `amd64`. */
  readonly go: Readonly<Record<string, readonly GoPart[]>>;
  readonly nodes: readonly BakeNode[];
  /** What steps with cgo start from; undefined if there are none. */
  readonly image: string | undefined;
  /** Whether Go asks git for the commit. */
  readonly asksGit: boolean;
  readonly cache: BakeCache;
  /** Steps of the plan that are to run; default: all. Names and nodes of steps are those of the whole plan. */
  readonly only?: ReadonlySet<BuildStep>;
}

/** A step of the bake. */
export interface BakeTarget {
  /** Of its stage: `step-1`. */
  readonly name: string;
  /** The target of the bake that has all steps of a node: `node-1`. */
  readonly node: string;
  readonly step: BuildStep;
  /** Where its binaries come to; absolute. */
  readonly output: string;
  /** The node's route. */
  readonly route: string;
}

/** A bake as a value. */
export interface Bake {
  readonly targets: readonly BakeTarget[];
  /** Dockerfile, what it ignores, the bake file, the files of steps. */
  readonly files: readonly StepFile[];
  /** Links for the steps. */
  readonly links: readonly Link[];
  /** The bake file. */
  readonly file: string;
}

/** Where steps keep Go's cache: one for all, on each node. */
const GO_CACHE = "/kbuild/go-build";

/** Directories of a bake, below its own. */
export const BAKE_DIRECTORIES: Readonly<Record<"extra" | "git" | "go" | "out", string>> = Object
  .freeze({ extra: "extra", git: "git", go: "go", out: "out" });

/**
 * Turns the steps of a build into a file for `docker buildx bake`, with a target for each node: BuildKit mixes up the
 * caches of targets of one node that begin alike. Each step is one `RUN` in a stage from scratch, or, with
 * cgo, from the build image. Checkout and Go are mounted under their own paths, so that the same bytes come out; a layer
 * has binaries alone, so that nothing else is in a cache. Pure.
 *
 * @throws {KbuildError} A path that a Dockerfile cannot hold, or no node for a step with cgo.
 */
export function planBake(inputs: BakeInputs): Bake {
  const { cache, directory, entries, excluded = [], plan, root } = inputs;
  for (const path of [root, inputs.goroot, inputs.gopath, directory]) checkPath(path);
  checkOutputs(inputs);
  const all = plan.platforms.flatMap(({ steps }) => steps);
  const isAsked = ({ step }: { step: BuildStep }) => inputs.only?.has(step) ?? true;
  const targets = all.map((step, index): BakeTarget => {
    const name = `step-${index + 1}`;
    const found = nodeFor(inputs, step, index);
    const node = `node-${inputs.nodes.indexOf(found) + 1}`;
    const output = join(directory, BAKE_DIRECTORIES.out, node, name);
    return { name, node, step, route: found.route, output };
  }).filter(isAsked);
  const nodes = Map.groupBy(targets, ({ node }) => node);
  const natives = new Map(inputs.nodes.map(({ route, native }) => [route, native]));
  const used = [...new Set(targets.map(({ route }) => archOf(natives.get(route)!)))].sort();
  const dockerfile = [
    ...inputs.asksGit ? used.flatMap((arch) => gitStage(inputs, arch)) : [],
    ...targets.flatMap((target) => stepStage(inputs, target, archOf(natives.get(target.route)!))),
    ...[...nodes].flatMap(([node, own]) => [
      `FROM scratch AS ${node}`,
      ...own.map(({ name }) =>
        `COPY --from=${name} ${JSON.stringify([join(inputs.gopath, "bin"), `/${name}/`])}`
      ),
    ]),
  ];
  const contexts = {
    extra: join(directory, BAKE_DIRECTORIES.extra),
    go: join(directory, BAKE_DIRECTORIES.go),
    ...inputs.asksGit ? { git: join(directory, BAKE_DIRECTORIES.git) } : {},
    ...Object.fromEntries(
      used.flatMap((arch) =>
        partsOf(inputs, arch).map(({ source }, index) => [goContext(arch, index), source])
      ),
    ),
  };
  const file = join(directory, "bake.json");
  const target = Object.fromEntries([...nodes].map(([node, own]) => [node, {
    context: root,
    dockerfile: join(directory, "Dockerfile"),
    contexts,
    target: node,
    platforms: [own[0]!.route],
    output: [`type=local,dest=${join(directory, BAKE_DIRECTORIES.out, node)}`],
    attest: ["type=provenance,disabled=true", "type=sbom,disabled=true"],
    ...cache.from.length + (cache.to === undefined ? 0 : 1) === 0 ? {} : cacheOf(cache, own),
  }]));
  const extra = (path: string) => `${contexts.extra}${path}`;
  const links = [
    ...entries.flatMap(({ name, target }) =>
      target === undefined ? [] : [{ path: join(root, name), target }]
    ),
    ...plan.gopathLink === undefined ? [] : [plan.gopathLink],
  ].map(({ path, target }) => ({ path: extra(path), target }));
  const written = new Map(
    targets.flatMap(({ step: { files } }) => files.map(({ path, text }) => [path, text] as const)),
  );
  const ignored = [
    "*",
    ...entries.map(({ name }) => `!${escapePattern(name)}`),
    ...excluded.map(escapePattern),
  ];
  const files = [
    { path: join(directory, "Dockerfile"), text: `${dockerfile.join("\n")}\n` },
    { path: join(directory, "Dockerfile.dockerignore"), text: `${ignored.join("\n")}\n` },
    { path: file, text: `${JSON.stringify({ target }, null, 1)}\n` },
    ...[...written].map(([path, text]) => ({ path: extra(path), text })),
  ];
  return Object.freeze({ targets, files, links, file });
}

/** A stage that runs a step. */
function stepStage(
  inputs: BakeInputs,
  { name, step }: BakeTarget,
  arch: string,
): readonly string[] {
  const { asksGit, entries, goroot, image, plan, root } = inputs;
  const base = needsCompiler(inputs, step) && image !== undefined ? image : "scratch";
  const [, ...rest] = step.argv;
  const mounts = [
    ...goMounts(inputs, arch),
    ...entries.filter(({ target }) => target === undefined)
      .map(({ name }) => ({ type: "bind", source: name, target: join(root, name) })),
  ];
  return [
    `FROM --platform=$BUILDPLATFORM ${base} AS ${name}`,
    "WORKDIR /tmp",
    "COPY --from=extra / /",
    ...asksGit
      ? [
        `COPY --from=git-${arch} /kbuild/bin /kbuild/bin`,
        "COPY --from=git answers /kbuild/git",
        `WORKDIR ${root}/.git`,
      ]
      : [],
    // PWD says which path to it is meant.
    `WORKDIR ${step.cwd === plan.gopathLink?.path ? root : step.cwd}`,
    ...environmentLines(stepEnvironment(inputs, step)),
    ...run(inputs, mounts, [join(goroot, "bin", "go"), ...rest]),
  ];
}

/** A stage with a `git` that says what this machine's git said. */
function gitStage(inputs: BakeInputs, arch: string): readonly string[] {
  const env = { ...commonEnvironment(inputs), CGO_ENABLED: "0", GO111MODULE: "off" };
  const go = join(inputs.goroot, "bin", "go");
  return [
    `FROM --platform=$BUILDPLATFORM scratch AS git-${arch}`,
    "WORKDIR /tmp",
    `COPY --from=git ${GIT_SOURCE} /kbuild/src/`,
    ...environmentLines(env),
    ...run(inputs, goMounts(inputs, arch), [
      ...[go, "build", "-trimpath", "-o", "/kbuild/bin/git", `/kbuild/src/${GIT_SOURCE}`],
    ]),
  ];
}

/** Go under its own path, and the cache that all steps of a node share. */
function goMounts(inputs: BakeInputs, arch: string): readonly Mount[] {
  const { goroot } = inputs;
  return [
    // Go up to 1.19 wants to write to itself in rare cases; what it writes is dropped.
    ...partsOf(inputs, arch).map(({ target }, index) => ({
      type: "bind",
      from: goContext(arch, index),
      target,
      rw: "true",
    })),
    { type: "bind", from: "go", source: `${arch}/go`, target: join(goroot, "bin", "go") },
    { type: "cache", id: "kbuild-go-build", target: GO_CACHE },
  ];
}

function partsOf({ go }: BakeInputs, arch: string): readonly GoPart[] {
  return go[arch] ?? [];
}

function goContext(arch: string, index: number): string {
  return `go-${arch}-${index}`;
}

function archOf(platform: string): string {
  return platform.split("/")[1] ?? "";
}

/** Variables that decide what is built; nothing else of this machine's environment goes out. */
const BUILDING: readonly RegExp[] = [
  // `go help environment`, without what is about fetching or about this machine. Many other variables begin with GO.
  /^GO(111MODULE|ARCH|DEBUG|EXPERIMENT|FIPS140|FLAGS|OS|PATH|WORK|_EXTLINK_ENABLED)$/,
  /^GO(386|AMD64|ARM|ARM64|LOONG64|MIPS|MIPS64|PPC64|RISCV64|WASM)$/,
  /^CGO_(ENABLED|[A-Z]+FLAGS(_(DIS)?ALLOW)?)$/,
  /^(CC|CXX|FC|AR|PKG_CONFIG|PWD|SOURCE_DATE_EPOCH)$/,
];

/** Whether nodes get a variable of a step. */
export function isSentToNodes(name: string): boolean {
  return BUILDING.some((pattern) => pattern.test(name));
}

function stepEnvironment(inputs: BakeInputs, step: BuildStep): Readonly<Record<string, string>> {
  const kept = Object.entries(step.env)
    .filter(([name]) => isSentToNodes(name))
    .toSorted(([a], [b]) => a < b ? -1 : 1);
  return { ...Object.fromEntries(kept), ...commonEnvironment(inputs) };
}

function commonEnvironment({ goroot }: BakeInputs): Readonly<Record<string, string>> {
  const path = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  return {
    PATH: ["/kbuild/bin", join(goroot, "bin"), ...path].join(":"),
    HOME: "/kbuild",
    GOROOT: goroot,
    GOCACHE: GO_CACHE,
    GOENV: "off",
    GOPROXY: "off",
    GOTOOLCHAIN: "local",
    GOTELEMETRY: "off",
  };
}

/** Whether a step starts a C compiler. */
export function needsCompiler({ host }: { readonly host: string }, {
  env,
  kind,
  platform,
}: BuildStep): boolean {
  const cgo = env["CGO_ENABLED"];
  return cgo === "1" || (cgo === undefined && kind !== "static" && platform === host);
}

/** Which node a step runs on: the one for its platform, else each in its turn. */
function nodeFor(inputs: BakeInputs, step: BuildStep, index: number): BakeNode {
  const { host, nodes } = inputs;
  const isCgo = needsCompiler(inputs, step);
  const able = isCgo ? nodes.filter(({ native }) => native === host) : nodes;
  const found = able.find(({ route }) => route === step.platform) ??
    able.find(({ platforms }) => platforms.includes(step.platform)) ?? able[index % able.length];
  if (found !== undefined) return found;
  throw new KbuildError(
    `Cannot build with cgo for ${step.platform}: the builder has no node whose programs are ${host}`,
    {
      notes: [
        `Its nodes run programs of ${nodes.map(({ native }) => native).join(", ") || "nothing"}`,
        "Add one: docker buildx create --append",
      ],
    },
  );
}

/** Names of a step's cache, the same in every run: `linux-amd64-static-1a2b3c4d`. */
export function cacheTag({ platform, kind, packages }: BuildStep): string {
  const digest = createHash("sha256").update(packages.join("\n")).digest("hex");
  return `${platform.replaceAll("/", "-")}-${kind}-${digest.slice(0, 8)}`;
}

/** Where the cache of a node's steps is: a tag for each, as the next run may divide them otherwise. */
function cacheOf(
  { from, to }: BakeCache,
  targets: readonly BakeTarget[],
): Readonly<Record<string, readonly string[]>> {
  const tags = [...new Set(targets.map(({ step }) => cacheTag(step)))];
  const named = (text: string, end: readonly string[]) => {
    const [reference = "", ...attributes] = text.split(",");
    return tags.map((tag) =>
      ["type=registry", `ref=${reference}:${tag}`, ...attributes, ...end].join(",")
    );
  };
  return {
    "cache-from": from.flatMap((text) => named(text, [])),
    // A registry that is down costs a warning.
    ...to === undefined ? {} : { "cache-to": named(to, ["mode=max", "ignore-error=true"]) },
  };
}

/** A mount of a `RUN`. */
type Mount = Readonly<Record<string, string>>;

/**
 * A `RUN`. Options of it end at blanks, and BuildKit reads them byte by byte: what is not plain ASCII comes from
 * variables.
 */
function run(
  { goroot, root }: Pick<BakeInputs, "goroot" | "root">,
  mounts: readonly Mount[],
  argv: readonly string[],
): readonly string[] {
  const variables = new Map<string, string>([[root, "KBUILD_ROOT"], [goroot, "KBUILD_GOROOT"]]);
  const used = new Map<string, string>();
  const variable = (text: string) => {
    const name = variables.get(text) ?? `KBUILD_PATH_${variables.size - 1}`;
    variables.set(text, name);
    used.set(name, text);
    return `\${${name}}`;
  };
  const plain = (text: string) => {
    if (PLAIN_OPTION.test(text)) return text;
    const above = [root, goroot].find((each) => text.startsWith(`${each}/`));
    const rest = above === undefined ? undefined : text.slice(above.length);
    return above === undefined || rest === undefined || !PLAIN_OPTION.test(rest)
      ? variable(text)
      : `${variable(above)}${rest}`;
  };
  const options = mounts.map((fields) =>
    `--mount=${Object.entries(fields).map(([name, value]) => `${name}=${plain(value)}`).join(",")}`
  );
  return [
    ...environmentLines(Object.fromEntries(used)),
    `RUN ${[...options, JSON.stringify(argv)].join(" \\\n  ")}`,
  ];
}

/** What needs no quoting in an option of `RUN`. */
const PLAIN_OPTION = /^[\w./:@+=-]*$/;

function environmentLines(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => {
    if (/[\r\n]/.test(value)) {
      throw new KbuildError(`Cannot build with buildx: ${name} has a line break`);
    }
    return `ENV ${name}="${value.replaceAll(/["\\$]/g, "\\$&")}"`;
  });
}

/** Names that need no quoting in any of the languages of a Dockerfile. */
export const PLAIN_NAME: RegExp = /^[^$"'\\,\r\n\t`{}]+$/;

function checkPath(path: string): void {
  // COPY takes patterns.
  if (PLAIN_NAME.test(path) && !/[*?[\]]/.test(path)) return;
  throw new KbuildError(`Cannot build "${path}" with buildx: a Dockerfile cannot hold that path`, {
    notes: ["Move it to a directory with a plainer name"],
  });
}

/** What is written into a mount would be lost. */
function checkOutputs({ entries, gopath, root }: BakeInputs): void {
  const [top] = gopath.slice(root.length + 1).split("/");
  if (!entries.some(({ name }) => name === top)) return;
  throw new KbuildError(`Cannot build into "${dirname(gopath)}" with buildx`, {
    notes: ["Outputs need a directory of their own at the top of the checkout, such as _output"],
  });
}

/** A name in a `.dockerignore`. */
function escapePattern(name: string): string {
  return name.replaceAll(/[*?[\]\\!#]/g, "\\$&");
}
