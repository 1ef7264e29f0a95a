import { type Checkout, type Platform, readGoCalls } from "../../checkout/mod.ts";
import { KbuildError } from "../../errors.ts";
import type { GoTool } from "../../toolchain/mod.ts";
import type { KubeContext } from "../init.ts";
import { compilerVariable } from "./flag_rules.ts";
import { goList } from "./go_list.ts";
import type { BuildPlan, BuildStep } from "./plan.ts";
import { binaryName } from "./targets.ts";

/** A C compiler that a platform's binaries need and that is not there. */
interface Missing {
  readonly platform: Platform;
  readonly compiler: string;
  /** Binaries that need it. */
  readonly programs: readonly string[];
  readonly tests: readonly string[];
}

/**
 * Checks that the C compiler of each step with cgo can be found, before anything is built. Where it
 * cannot, Go is asked whether the step has any cgo in it at all.
 *
 * @throws {KbuildError} A compiler is missing; names all that are, with the ways out.
 */
export async function checkCompilers(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  plan: BuildPlan,
): Promise<void> {
  const missing: Missing[] = [];
  for (const { platform, steps } of plan.platforms) {
    const missingCompiler: BuildStep[] = [];
    for (const step of steps) {
      if (step.env["CGO_ENABLED"] !== "1" || await hasCompiler(context, step)) continue;
      missingCompiler.push(step);
    }
    const [first] = missingCompiler;
    if (first === undefined) continue;
    const names = await Promise.all(missingCompiler.map(async (step) => ({
      test: step.kind === "test",
      names: await withCgo(context, checkout, go, step),
    })));
    const pick = (test: boolean) =>
      names.filter((part) => part.test === test).flatMap((part) => part.names);
    const [programs, tests] = [pick(false), pick(true)];
    if (programs.length + tests.length > 0) {
      missing.push({ platform, compiler: compilerOf(first), programs, tests });
    }
  }
  if (missing.length > 0) throw missingError(checkout, go.host, missing);
}

/** The program that Go would start: the first word of `CC`, else Go's default for the system. */
function compilerOf({ env, platform }: BuildStep): string {
  const named = env["CC"]?.trim().split(/\s+/)[0];
  return named || (/^(darwin|freebsd|openbsd)\//.test(platform) ? "clang" : "gcc");
}

async function hasCompiler({ builder }: KubeContext, step: BuildStep): Promise<boolean> {
  return await builder.findProgram(compilerOf(step), step.env["PATH"]) !== undefined;
}

/** The outputs of a step that have cgo in them; none when Go cannot say. */
async function withCgo(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  step: BuildStep,
): Promise<readonly string[]> {
  const { argv, env, outputs, packages: built, kind } = step;
  const at = argv.findIndex((word) => /^-tags(=|$)/.test(word));
  const tags = at < 0 ? [] : argv.slice(at, argv[at] === "-tags" ? at + 2 : at + 1);
  const packages = argv.slice(kind === "test" ? -1 : -built.length);
  const listed = await goList(context, checkout, go, [
    ...["-e", "-deps", ...(kind === "test" ? ["-test"] : []), ...tags],
    ...["-f", '{{.ImportPath}}|{{len .CgoFiles}}|{{if not .DepOnly}}{{join .Deps "|"}}{{end}}'],
    ...packages,
  ], {
    GOOS: env["GOOS"] ?? "",
    GOARCH: env["GOARCH"] ?? "",
    CGO_ENABLED: "1",
    ...env["GO111MODULE"] === undefined ? {} : { GO111MODULE: env["GO111MODULE"] },
  });
  const rows = (listed ?? "").split("\n").map((line) => line.split("|"));
  const cgo = new Set(rows.filter(([, count]) => Number(count) > 0).map(([name]) => name));
  const needing = rows.filter(([name, , ...deps]) =>
    deps.some((dep) => cgo.has(dep) || cgo.has(name))
  )
    .map(([name = ""]) => name);
  return outputs.map(({ name }) => name).filter((name) => {
    const plain = name.replace(/\.exe$/, "");
    return needing.some((goPackage) => binaryName(goPackage) === plain) ||
      (kind === "test" && needing.length > 0);
  });
}

function missingError(
  checkout: Checkout,
  host: Platform,
  missing: readonly Missing[],
): KbuildError {
  const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(", ");
  const all = ({ programs, tests }: Missing) => quoted([...programs, ...tests]);
  const [first] = missing as [Missing];
  const message = missing.length === 1
    ? `Cannot build ${
      all(first)
    } for ${first.platform}: the C compiler "${first.compiler}" is missing`
    : `Cannot build for ${
      missing.map(({ platform }) => platform).join(", ")
    }: C compilers are missing`;
  const packages = [...new Set(missing.map(({ compiler }) => debianPackage(compiler)))]
    .filter((name) => name !== undefined);
  const variables = missing.filter(({ platform }) => honoursVariable(checkout, platform, host))
    .map(({ platform }) => compilerVariable(platform));
  const programs = [...new Set(missing.flatMap((row) => row.programs))].map(plainName);
  const tests = [...new Set(missing.flatMap((row) => row.tests))].map(plainName);
  return new KbuildError(message, {
    subject: "compiler",
    notes: [
      ...(missing.length === 1
        ? []
        : missing.map((row) => `${row.platform} needs "${row.compiler}" for ${all(row)}`)),
      ...(packages.length === 0 ? [] : [`On Debian: apt-get install ${packages.join(" ")}`]),
      ...(variables.length === 0 ? [] : [`To use another compiler, set ${variables.join(", ")}`]),
      ...(programs.length === 0
        ? []
        : [`To build without cgo: KUBE_STATIC_OVERRIDES="${programs.join(" ")}"`]),
      ...(tests.length === 0 ? [] : [`Or leave ${quoted(tests)} out; test binaries have cgo`]),
    ],
  });
}

/** Whether the checkout's scripts let `KUBE_LINUX_ARM64_CC` choose a compiler (1.18 and later). */
function honoursVariable(checkout: Checkout, platform: Platform, host: Platform): boolean {
  const read = readGoCalls(checkout, {
    platform,
    host,
    packages: ["k8s.io/kubernetes/cmd/probe"],
    goflags: [],
    variables: { [compilerVariable(platform)]: "probe" },
    versionLdflags: "",
    gopath: "/",
    cwd: "/",
  });
  return "why" in read || read.calls.some(({ env }) => env["CC"] === "probe");
}

function plainName(name: string): string {
  return name.replace(/\.exe$/, "");
}

/** `gcc-aarch64-linux-gnu` for `aarch64-linux-gnu-gcc`. */
function debianPackage(compiler: string): string | undefined {
  const triplet = /^(\w+-linux-gnu\w*)-gcc$/.exec(compiler)?.[1];
  if (triplet !== undefined) return `gcc-${triplet.replaceAll("_", "-")}`;
  return compiler === "gcc" ? "gcc libc6-dev" : undefined;
}
