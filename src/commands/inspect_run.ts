import {
  type Checkout,
  CODEGEN_SCRIPT,
  codegenNames,
  goWorkingDirectory,
  readCheckoutFile,
  readGoCalls,
  readGoModes,
  type Sourced,
  TARGET_GROUPS,
} from "../checkout/mod.ts";
import { wrap } from "../cli/mod.ts";
import { KbuildError } from "../errors.ts";
import { readGeneratorRules } from "../generate/mod.ts";
import { getVersionVars, type VersionVars } from "../lib/version/mod.ts";
import { quote, quoteCommand } from "../shell/mod.ts";
import { describeGo, type GoDescription } from "../toolchain/mod.ts";
import type { CommandContext, OpenCheckout } from "./context.ts";
import { platformRows } from "./platform_choice.ts";

/** How many of the paths that make a tree dirty are named. */
const DIRTY_PATHS_SHOWN = 10;
/** Columns of lists, at most. */
const COLUMNS = 100;

/** One value, or a list of them, and where it comes from. */
interface Row {
  readonly name: string;
  readonly value: string | readonly string[];
  readonly source: string;
}

interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** Prints everything that is known of a checkout. */
export async function showCheckout(command: CommandContext, open: OpenCheckout): Promise<void> {
  const { context, checkout } = open;
  const [go, version] = await Promise.all([describeGo(context, checkout), versionOf(open)]);
  const sections = [
    checkoutSection(open),
    goSection(checkout, go),
    versionSection(version),
    targetSection(checkout),
    platformSection(open),
    buildSection(open),
    await generatorSection(open),
    imageSection(checkout),
  ];
  if (command.globals.json) {
    return command.printJson(jsonOf(open, sections, go, version));
  }
  for (const { title, rows } of sections) {
    if (rows.length === 0) continue;
    command.print(title);
    const width = Math.max(...rows.map(({ name }) => name.length));
    for (const row of rows) printRow(command, row, width);
  }
  if (checkout.refusals.length > 0) {
    command.print("Not understood (kbuild.toml can say it)");
    for (const refusal of checkout.refusals) command.print(`  ${refusal}`);
  }
}

function printRow(command: CommandContext, { name, value, source }: Row, width: number): void {
  const from = source === "" ? "" : `  (${source})`;
  if (typeof value === "string") {
    command.print(`  ${name.padEnd(width)}  ${value}${from}`);
    return;
  }
  command.print(`  ${name.padEnd(width)}  ${value.length === 0 ? "none" : value.length}${from}`);
  const columns = Math.min(command.globals.stdout.columns ?? COLUMNS, COLUMNS);
  for (const line of wrap(value.join(" "), columns - 4)) command.print(`    ${line}`);
}

function row(name: string, found: Sourced<string | number> | undefined): Row[] {
  return found === undefined ? [] : [{ name, value: String(found.value), source: found.source }];
}

function list(name: string, found: Sourced<readonly string[]>): Row {
  return { name, value: found.value, source: found.source };
}

/** The version, or why there is none. */
async function versionOf({ context }: OpenCheckout): Promise<VersionVars | string> {
  try {
    return await getVersionVars(context);
  } catch (error) {
    if (error instanceof KbuildError) return error.message;
    throw error;
  }
}

function checkoutSection({ context, checkout, config }: OpenCheckout): Section {
  const { era } = checkout;
  return {
    title: "Checkout",
    rows: [
      { name: "root", value: context.root, source: "" },
      ...row("module", checkout.goPackage),
      { name: "era", value: era.title, source: era.evidence.join("; ") },
      ...(config === undefined ? [] : [{ name: "config", value: config, source: "" }]),
    ],
  };
}

function goSection(checkout: Checkout, go: GoDescription): Section {
  const { pinnedGo, pinnedGoExact } = checkout;
  const exact = pinnedGoExact
    ? "exactly this one"
    : pinnedGo?.source.startsWith(".go-version") === true
    ? "not binding: no script of the checkout reads it"
    : "of the build container";
  return {
    title: "Go",
    rows: [
      ...(pinnedGo === undefined
        ? [{ name: "pinned", value: "none", source: "" }]
        : [{ name: "pinned", value: `${pinnedGo.value}, ${exact}`, source: pinnedGo.source }]),
      ...row("minimum", checkout.minimumGo),
      { name: "used", value: goText(go), source: go.why },
    ],
  };
}

/** Which Go a build would use, in words. */
export function goText(go: GoDescription): string {
  const where = go.path === undefined ? "" : ` (${go.path})`;
  const version = go.version ?? go.want;
  switch (go.action) {
    case "host": {
      // A Go that was named by its path or as "host" serves no version.
      const wanted = /^\d/.test(go.want) ? `, for ${go.want}` : "";
      const owner = go.image === undefined ? "this machine's" : `in ${go.image}`;
      return `${go.have?.version || go.have?.description}, ${owner}${where}${wanted}`;
    }
    case "cached":
      return `${version}, in the cache${where}`;
    case "proxy":
      return `${version}, to be downloaded through the module proxy`;
    case "archive":
      return `${version}, to be downloaded from ${go.url}`;
    case "unavailable":
      return `${version}, not available: ${go.problem}`;
  }
}

function versionSection(version: VersionVars | string): Section {
  const title = "Version";
  if (typeof version === "string") {
    return { title, rows: [{ name: "problem", value: version, source: "" }] };
  }
  const { gitVersion, gitCommit, gitTreeState, dirtyPaths, problem } = version;
  const shown = dirtyPaths.slice(0, DIRTY_PATHS_SHOWN);
  const more = dirtyPaths.length - shown.length;
  const value = (name: string, text: string | undefined): Row => (
    { name, value: text ?? "unknown", source: "" }
  );
  return {
    title,
    rows: [
      {
        name: "version",
        value: gitVersion ?? "unknown",
        source: problem?.why ?? version.from ?? "",
      },
      value("commit", gitCommit),
      value("tree state", gitTreeState),
      ...shown.map((path) => value("dirty", path)),
      ...(more > 0 ? [value("dirty", `… and ${more} more`)] : []),
      ...(version.notes ?? []).map((note) => value("note", note)),
    ],
  };
}

function targetSection({ targets }: Checkout): Section {
  return {
    title: "Targets",
    rows: Object.entries(TARGET_GROUPS).map(([name, group]) => list(name, targets[group])),
  };
}

/** What `KUBE_BUILD_PLATFORMS` and the others leave of the supported platforms. */
function platformSection(open: OpenCheckout): Section {
  return {
    title: "Platforms",
    rows: [
      ...platformRows(open).map(({ group, platforms, source }) => (
        { name: group, value: platforms, source }
      )),
      list("KUBE_FASTBUILD", open.checkout.fastbuildArchitectures),
    ],
  };
}

function buildSection(open: OpenCheckout): Section {
  const { checkout } = open;
  const { parallelBuildMemory } = checkout;
  const modes = readGoModes(checkout);
  return {
    title: "Build",
    rows: [
      { name: "Go packages", value: modes.programs, source: "" },
      ...modes.tests === modes.programs
        ? []
        : [{ name: "those of tests", value: modes.tests, source: "" }],
      kubectlRow(open),
      ...row("generated code", checkout.generated),
      list("without cgo", checkout.staticBinaries),
      list("stamped", checkout.versionPackages),
      list("with coverage", checkout.coveragePackages),
      {
        name: "side by side",
        value: `from ${parallelBuildMemory.value} GiB on`,
        source: parallelBuildMemory.source,
      },
    ],
  };
}

/** The generators of `make generated_files`, or of `hack/update-codegen.sh`. */
async function generatorSection({ context, checkout }: OpenCheckout): Promise<Section> {
  if (checkout.generated.value !== "makefile") {
    const { text = "" } = await readCheckoutFile(context.root, CODEGEN_SCRIPT);
    return {
      title: "Generators",
      rows: codegenNames(text).map(({ name, line }) => (
        { name, value: `codegen::${name}`, source: `${CODEGEN_SCRIPT}:${line}` }
      )),
    };
  }
  const { generators, leftOut } = await readGeneratorRules(context.root);
  return {
    title: "Generators",
    rows: [
      ...generators.map(({ name, tool, source }) => (
        { name, value: tool.replace(/^\.\//, ""), source }
      )),
      ...leftOut.map(({ name, why, source }) => ({ name, value: `left out: ${why}`, source })),
    ],
  };
}

/** How kubectl is built for this machine, as an example of all flags. */
function kubectlRow({ context, checkout }: OpenCheckout): Row {
  const name = "kubectl";
  const found = readGoCalls(checkout, {
    platform: context.host,
    host: context.host,
    packages: [`${checkout.goPackage.value}/cmd/kubectl`],
    goflags: [],
    variables: context.env,
    versionLdflags: "VERSION",
    gopath: context.gopath,
    cwd: goWorkingDirectory(context, checkout),
  });
  if ("why" in found) {
    return { name, value: "flags of the built-in table", source: found.why };
  }
  const { argv, env, source } = found.calls[0]!;
  const words = Object.entries(env).map(([variable, value]) => `${variable}=${quote(value)}`);
  return { name, value: [...words, "go", quoteCommand(argv)].join(" "), source };
}

function imageSection(checkout: Checkout): Section {
  const { wrappedBinaries, dockerfiles } = checkout;
  return {
    title: "Images",
    rows: [
      ...row("registry", checkout.imageRegistry),
      ...row("second registry", checkout.dockerRegistry),
      ...row("base registry", checkout.baseImageRegistry),
      ...wrappedBinaries.value.map(({ binary, baseImage }) => (
        { name: binary, value: baseImage, source: wrappedBinaries.source }
      )),
      ...row("setcap", checkout.setcapImage),
      {
        name: "Dockerfiles",
        value: [...new Set(dockerfiles.value.map(({ path }) => path ?? "made-by-the-scripts"))],
        source: dockerfiles.source,
      },
      ...row("build container", checkout.crossImage),
      ...row("its sources", checkout.container),
    ],
  };
}

/** For programs: sections by name, every value with its source. */
function jsonOf(
  { checkout, config }: OpenCheckout,
  sections: readonly Section[],
  go: GoDescription,
  version: VersionVars | string,
): unknown {
  const named = sections.filter(({ title }) => title !== "Version").map(({ title, rows }) => [
    title.toLowerCase(),
    Object.fromEntries(rows.map(({ name, value, source }) => [name, { value, source }])),
  ]);
  return {
    era: checkout.era,
    config: config ?? null,
    ...Object.fromEntries(named),
    goChoice: go,
    version: typeof version === "string" ? { problem: version } : version,
    refusals: checkout.refusals,
  };
}
