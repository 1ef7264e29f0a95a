import { join } from "@std/path";
import type { Checkout, GoCall, Platform } from "../../checkout/mod.ts";
import { goWorkingDirectory } from "../../checkout/mod.ts";
import { type GoTool, isGoSince } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";
import { isSet } from "../util.ts";
import type { VersionVars } from "../version/mod.ts";
import { adjustCall } from "./adjust_call.ts";
import { coverageTest } from "./coverage.ts";
import type { Correction } from "./current_go.ts";
import { gopathLink, type Link } from "./links.ts";
import { handedOn } from "./go_variables.ts";
import { goEnv, shownGoEnv } from "./go_env.ts";
import { overlay, type StepFile } from "./overlay.ts";
import { listTemplate } from "./package_files.ts";
import { scriptedCalls } from "./scripted_calls.ts";
import { binaryName, goPackages } from "./targets.ts";

/** Where one binary is made and where it goes. */
export interface BinaryOutput {
  /** `kubectl`, `kubectl.exe`, `e2e.test`. */
  readonly name: string;
  /** Where `go` leaves it: `<gopath>/bin[/<os>_<arch>]/<name>`. */
  readonly built: string;
  /** Where it is placed: `<bin>/<os>/<arch>/<name>`. */
  readonly placed: string;
}

/** One start of `go`. */
export interface BuildStep {
  /** What is built for. */
  readonly platform: Platform;
  /** Without cgo, with cgo where the platform has it, or a test binary. */
  readonly kind: "static" | "dynamic" | "test";
  /** `go` and its arguments. */
  readonly argv: readonly string[];
  /** Where it runs; absolute. */
  readonly cwd: string;
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** The part of `env` that the plan decided, for people. */
  readonly shownEnv: Readonly<Record<string, string>>;
  /** The Go packages that it builds. */
  readonly packages: readonly string[];
  /** The binaries that come out; libraries have none. */
  readonly outputs: readonly BinaryOutput[];
  /** Where the checkout's scripts have this start: "hack/lib/golang.sh:745". */
  readonly source: string;
  /** Written before the start, below the output. */
  readonly files: readonly StepFile[];
  /**
   * Prints what the outputs are linked from; undefined where `go` itself sees that nothing has
   * changed.
   */
  readonly buildIds: readonly string[] | undefined;
  /** The image that the programs are from (`Builder.image`); absent: they are this machine's. */
  readonly image?: string;
}

/** The part of a build that is for one platform. */
export interface PlatformPlan extends PlatformTargets {
  /** In the order of the scripts. */
  readonly steps: readonly BuildStep[];
}

/** Everything that a build will do. */
export interface BuildPlan {
  /** The link through which the checkout is built; undefined where it is built in place. */
  readonly gopathLink: Link | undefined;
  /** `_output/bin`, made when all is built; undefined where something else stays in its place. */
  readonly hostLink: Link | undefined;
  /** The platforms in the order of the request. */
  readonly platforms: readonly PlatformPlan[];
  /** Platforms at once; undefined: what memory allows. */
  readonly jobs: number | undefined;
  /** What the user should know of the plan, a line each. */
  readonly notes: readonly string[];
}

/** Targets to build for one platform. */
export interface PlatformTargets {
  /** What is built for. */
  readonly platform: Platform;
  /** Targets as `WHAT` has them: `cmd/kubectl`. */
  readonly targets: readonly string[];
}

/** A requested build: the same value from the command line to the plan. */
export interface BuildRequest {
  /** Targets for each platform, in order. */
  readonly matrix: readonly PlatformTargets[];
  /** Flags for `go` among the targets. */
  readonly goflags?: readonly string[];
  /** The version to stamp. */
  readonly vars: VersionVars;
  /** Seconds since 1970: the build date that is stamped. */
  readonly epoch: number;
  /** Directory that takes `<os>/<arch>/<name>`; default `context.binPath`. */
  readonly binPath?: string;
  /** Platforms at once; default: what memory allows. */
  readonly jobs?: number | undefined;
}

/** Facts that decide a plan together with the request; `prepareBuild` finds them. */
export interface BuildFacts {
  /** The Go that builds. */
  readonly go: GoTool;
  /** The `-X …` flags of `version.ldflags`. */
  readonly versionLdflags: string;
  /** The matrix with programs in the place of patterns (`expandPatterns`); default: as requested. */
  readonly expanded?: readonly PlatformTargets[];
  /** The modules of the workspace (`workspaceModules`); empty in the GOPATH eras. */
  readonly modules: ReadonlyMap<string, string>;
  /** Targets that are packages without a program (`libraryTargets`). */
  readonly libraries?: readonly string[];
  /** Source files to correct for a current Go (`currentGoCorrections`). */
  readonly corrections?: readonly Correction[];
  /** Flags for every start of go: those of `vcsStamp`. */
  readonly goArguments?: readonly string[];
  /** Variables for every start of go: those of `vcsStamp`. */
  readonly goVariables?: Readonly<Record<string, string>>;
  /** `_output/bin` (`hostLink`). */
  readonly hostLink?: Link | undefined;
  /** What the user should know also, a line each. */
  readonly notes?: readonly string[];
}

/**
 * Port of `kube::golang::build_binaries_for_platform`, as a plan: which `go` starts, in which
 * environment, and which files come out. Arguments and environment are those of the checkout's own
 * scripts (`checkout.readGoCalls`), or of the era's table where those cannot be read. Pure.
 *
 * @throws {KbuildError} A coverage build that this Go or this checkout cannot do.
 */
export function planBuild(
  context: KubeContext,
  checkout: Checkout,
  request: Omit<BuildRequest, "vars" | "epoch">,
  facts: BuildFacts,
): BuildPlan {
  const notes = new Set<string>(facts.notes);
  const { goflags = [], binPath = context.binPath, jobs, matrix } = request;
  const inputs = { ...facts, goflags, binPath };
  const platforms = matrix.map(({ platform, targets }, index) => {
    const row = facts.expanded?.[index] ?? { platform, targets };
    const steps = platformSteps(context, checkout, inputs, row, notes);
    return Object.freeze({ platform, targets, steps: Object.freeze(steps) });
  });
  const argvs = platforms.flatMap(({ steps }) => steps.map(({ argv }) => argv));
  for (const note of unusedVariables(context, argvs)) notes.add(note);
  return Object.freeze({
    gopathLink: gopathLink(context, checkout),
    hostLink: facts.hostLink,
    platforms: Object.freeze(platforms),
    jobs,
    notes: Object.freeze([...notes]),
  });
}

/** Variables that were set in vain: for static programs, or in a release that has no such thing. */
function unusedVariables(
  { env }: KubeContext,
  argvs: readonly (readonly string[])[],
): readonly string[] {
  const used = (word: string) => argvs.some((argv) => argv.includes(word));
  const race = env["KUBE_RACE"];
  const debugs = argvs.some((argv) => argv.some((word) => word.includes("all=-N -l")));
  return [
    ...(race && argvs.length > 0 && !used(race)
      ? [`KUBE_RACE="${race}" changes nothing here: it is for programs with cgo, from 1.35 on`]
      : []),
    ...(env["DBG"] === "1" && argvs.length > 0 && !debugs
      ? ['DBG="1" changes nothing here: these scripts do not know it; GOLDFLAGS="" keeps symbols']
      : []),
    ...(env["KUBE_BUILD_WITH_COVERAGE"] && argvs.length > 0 && !used("-coverpkg")
      ? ["KUBE_BUILD_WITH_COVERAGE changes nothing here: none of the targets is instrumented"]
      : []),
  ];
}

function platformSteps(
  context: KubeContext,
  checkout: Checkout,
  inputs: BuildFacts & Required<Pick<BuildRequest, "goflags" | "binPath">>,
  { platform, targets }: PlatformTargets,
  notes: Set<string>,
): BuildStep[] {
  const { go, binPath } = inputs;
  const { packages, why: unknownPackages } = goPackages(checkout, targets, inputs.modules);
  const { packages: libraries } = goPackages(
    checkout,
    targets.filter((target) => inputs.libraries?.includes(target)),
    inputs.modules,
  );
  for (const name of libraries) {
    notes.add(`${name} is a library: it is compiled, and no program comes out`);
  }
  const cwd = goWorkingDirectory(context, checkout);
  const asked = {
    platform,
    host: go.host,
    packages,
    goflags: inputs.goflags,
    variables: context.env,
    versionLdflags: inputs.versionLdflags,
    gopath: context.gopath,
    cwd,
  };
  const { calls, why: unknownFlags } = scriptedCalls(checkout, asked);
  for (const note of tableNotes(unknownPackages, unknownFlags)) notes.add(note);
  const shared = goEnv(context, checkout, go);
  const adjust = {
    platform,
    host: go.host,
    variables: context.env,
    trimmed: [cwd, context.root],
    strictParity: context.strictParity,
    trimPaths: trimsPaths(context, go),
  };
  return calls.flatMap((original) => {
    const call = adjustCall(original, adjust);
    const names = call.makes;
    // `go generate`, and the `go install` of a test's package that teststale looked at (1.5-1.8).
    if (names.length === 0) return [];
    const corrections = context.strictParity ? [] : inputs.corrections ?? [];
    for (const { why } of corrections) notes.add(why);
    const dummies = isCoverage(call) ? names.map((name) => coverageTest(checkout, go, name)) : [];
    const shown = overlay([...corrections, ...dummies], {
      name: dummies.length === 0 ? "corrections" : `coverage-${binaryName(names[0] ?? "")}`,
      directory: join(context.output, ".kbuild", "overlay"),
      cwd,
    });
    // Up to Go 1.21 at least, vet does not see overlays.
    const flags = [
      ...inputs.goArguments ?? [],
      ...shown.flags,
      ...(dummies.length === 0 ? [] : ["-vet=off"]),
    ];
    const [command = "", ...rest] = call.argv;
    const outputs = names.filter((name) => !libraries.includes(name))
      .map((name) => output(context, platform, go.host, binPath, name));
    const buildIds = isCoverage(call) ? undefined : buildIdArguments(call, flags, go);
    return [Object.freeze(
      {
        platform,
        kind: command === "test"
          ? "test"
          : original.env["CGO_ENABLED"] === "0"
          ? "static"
          : "dynamic",
        argv: Object.freeze([go.path, command, ...flags, ...rest]),
        cwd,
        // PWD tells go which of several paths to this directory is meant.
        env: Object.freeze({ ...shared, ...inputs.goVariables, ...call.env, PWD: cwd }),
        shownEnv: Object.freeze({
          ...shownGoEnv(shared),
          ...handedOn(shared),
          ...call.env,
        }),
        packages: names,
        outputs: Object.freeze(outputs),
        source: call.source,
        files: Object.freeze(shown.files),
        buildIds: buildIds === undefined ? undefined : Object.freeze([go.path, ...buildIds]),
        ...context.builder.image === undefined ? {} : { image: context.builder.image },
      } satisfies BuildStep,
    )];
  });
}

/**
 * Whether programs are built without the path of the checkout in them: if `KBUILD_TRIMPATH` says so; without a
 * word of it, where a store is used, because other machines have other paths.
 */
function trimsPaths(
  { env, strictParity }: Pick<KubeContext, "env" | "strictParity">,
  go: Pick<GoTool, "devel" | "version">,
): boolean {
  const said = env["KBUILD_TRIMPATH"] ?? "";
  const isAsked = said === "" ? !strictParity && !!env["KBUILD_STORE"] : isSet(said);
  return isAsked && isGoSince(go, "1.13");
}

/** Says what is from the built-in table, and why. */
function tableNotes(packages: string | undefined, flags: string | undefined): readonly string[] {
  const note = (what: string, why: string | undefined) =>
    why === undefined ? [] : [`${what} are from the built-in table: ${why}`];
  if (packages === flags) return note("Packages and flags for go", flags);
  return [...note("Packages for go", packages), ...note("Flags for go", flags)];
}

function isCoverage({ argv }: GoCall): boolean {
  return argv.includes("-coverpkg");
}

/**
 * The arguments of `go` that print what a call links; undefined where go itself sees that nothing
 * has changed, which it cannot without a build ID in the binary, and for test binaries.
 */
function buildIdArguments(
  { argv }: GoCall,
  flags: readonly string[],
  go: GoTool,
): readonly string[] | undefined {
  const [command, ...words] = argv;
  const embeds = isGoSince(go, "1.16");
  const list = ["list", "-export", "-deps", "-f", listTemplate({ embeds }), ...flags];
  const plain = words.filter((word, index) =>
    word !== "-c" && word !== "-o" && words[index - 1] !== "-o"
  );
  if (command === "test") return [...list, "-test", ...plain];
  const relinks = words.some((word) => /(^|[\s=])-buildid=(\s|$)/.test(word));
  return relinks ? [...list, ...plain] : undefined;
}

/** Port of `kube::golang::outfile_for_binary`, and of where `place_bins` puts the file. */
function output(
  context: KubeContext,
  platform: Platform,
  host: Platform,
  binPath: string,
  goPackage: string,
): BinaryOutput {
  const suffix = platform.startsWith("windows/") ? ".exe" : "";
  const name = `${binaryName(goPackage)}${suffix}`;
  const directory = platform === host ? [] : [platform.replaceAll("/", "_")];
  return Object.freeze({
    name,
    built: join(context.gopath, "bin", ...directory, name),
    placed: join(binPath, platform, name),
  });
}
