import { basename, join } from "@std/path";
import {
  type Checkout,
  goWorkingDirectory,
  MODULES,
  readTestScript,
  type TestCall,
  type TestScript,
} from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  goList,
  gopathLink,
  hostGoEnv,
  isPattern,
  type Link,
  shownGoEnv,
  workspaceModules,
} from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoTool } from "../toolchain/mod.ts";
import { type Failure, rerunsOf } from "./failures.ts";
import { changedSince } from "./since.ts";
import { isThere, packageArguments } from "./words.ts";

/** A part of the packages: every `of`-th, beginning with number `index` of them. */
export interface Shard {
  /** 1 to {@linkcode of}. */
  readonly index: number;
  /** How many parts there are. */
  readonly of: number;
}

/** What is to be tested. */
export interface TestRequest {
  /** Packages as a user names them; none: those that `make test` tests. */
  readonly words: readonly string[];
  /** Flags for `go test`, in front of the script's own. */
  readonly goflags: readonly string[];
  /** `go test -run`. */
  readonly run?: string | undefined;
  /** Packages that are compiled and tested at once; default: Go's. */
  readonly jobs?: number | undefined;
  /** Takes a part of the packages. */
  readonly shard?: Shard | undefined;
  /** Takes the packages that changes since a commit can reach. */
  readonly since?: string | undefined;
  /** Takes what failed when it was last tested. */
  readonly failures?: readonly Failure[] | undefined;
  /** File that receives the coverage, and its mode; absolute. */
  readonly coverage?: { readonly profile: string; readonly mode: string } | undefined;
}

/** One start of `go test`. */
export interface TestProcess {
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** Where it runs; absolute. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The part of it that kbuild and the script decide. */
  readonly shownEnv: Readonly<Record<string, string>>;
  /** Where the checkout's script starts it: `hack/make-rules/test.sh:250`. */
  readonly source?: string;
  /** Import paths of the packages, where they are known before. */
  readonly packages: readonly string[];
}

/** Tests that were planned. */
export interface TestPlan {
  /** In order. */
  readonly processes: readonly TestProcess[];
  /** Targets whose generated files the tests need; undefined: all. */
  readonly targets: readonly string[] | undefined;
  /** The link through which `go` runs. */
  readonly link: Link | undefined;
  /** What a user may not expect, a line each. */
  readonly notes: readonly string[];
  /** `k8s.io/kubernetes`. */
  readonly own: string;
}

/** Packages for whose tests generated files are chosen; for more, all are made. */
const MAX_CHOSEN = 20;
/** Packages that do not compile with coverage (v1.20.2 hack/make-rules/test.sh:285). */
const UNCOVERED = /\/(code-generator\/cmd\/generator|client-go\/1\.4\/rest)$/;

/** What the script does where it cannot be read (v1.28.7). */
const FALLBACK: TestCall = Object.freeze({
  before: ["-timeout=180s"],
  after: [],
  env: { KUBE_CACHE_MUTATION_DETECTOR: "true", KUBE_PANIC_WATCH_DECODE_ERROR: "true" },
  source: "",
});

/**
 * Plans the tests of a checkout: the `go test` that its own `hack/make-rules/test.sh` would start, with `-json`.
 * Nothing is written.
 *
 * @returns Without processes where there is nothing to test; a note says why.
 * @throws {UsageError} A package does not exist.
 * @throws {KbuildError} The script cannot be read and no package is named; a C compiler is missing.
 */
export async function planTests(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  request: TestRequest,
): Promise<TestPlan> {
  const { goPackage: { value: own }, root } = checkout;
  const read = await readTestScript(checkout, {
    host: context.host,
    variables: context.env,
    gopath: context.gopath,
  });
  const calls = "why" in read ? [FALLBACK] : read.calls;
  const inGopath = calls[0]?.env["GO111MODULE"] === "off" || checkout.era.goMode === "gopath";
  const names = { own, inGopath, cwd: context.cwd };
  const notes = "why" in read
    ? [`${read.why}: tests run with kbuild's own values, a timeout of 180 s and no -race`]
    : [];

  const failures = await stillThere(root, own, request.failures);
  const named = failures?.map((failure) => failure.package) ?? request.words;
  let all = named.length > 0 || failures !== undefined
    ? await packageArguments(checkout, named, names)
    : await defaultPackages(context, checkout, go, read);
  const isPart = request.shard !== undefined || request.since !== undefined;
  const goMode = { GO111MODULE: inGopath ? "off" : "on" };
  if (isPart && all.some(isPattern)) {
    const listed = await goList(context, checkout, go, ["-e", ...all], goMode);
    all = (listed ?? "").split("\n").filter((line) => line !== "")
      .map((name) => argumentOfName(name, own));
  }
  const { since, shard } = request;
  if (since !== undefined) {
    all = await changedSince(context, checkout, go, {
      ref: since,
      packages: all,
      own,
      env: goMode,
    });
  }
  if (shard !== undefined) {
    const sorted = [...all].sort();
    all = sorted.filter((_, index) => index % shard.of === shard.index - 1);
  }
  if (request.coverage !== undefined) all = all.filter((name) => !UNCOVERED.test(name));
  if (all.length === 0) notes.push(nothingToTest(request));

  const cwd = goWorkingDirectory(context, checkout);
  const env = hostGoEnv(context, checkout, go);
  const reruns = all.length === 0
    ? []
    : failures === undefined
    ? [{ packages: all, run: request.run }]
    : await rerunsOf(failures, (words) => packageArguments(checkout, words, names));
  const processes = calls.flatMap((call) =>
    reruns.map(({ packages, run }): TestProcess => {
      const before = call.before.map((flag) => context.strictParity ? flag : flagOf(flag));
      const argv = [
        ...[go.path, "test", "-json", ...request.goflags, ...before],
        ...run === undefined ? [] : [`-run=${run}`],
        ...request.jobs === undefined ? [] : [`-p=${request.jobs}`],
        ...coverageFlags(request),
        ...packages,
        ...call.after,
      ];
      const set = { ...call.env };
      return Object.freeze({
        argv: Object.freeze(argv),
        cwd,
        env: Object.freeze({ ...env, ...set }),
        shownEnv: Object.freeze({ ...shownGoEnv({ ...env, ...set }), ...set }),
        ...call.source === "" ? {} : { source: call.source },
        packages: Object.freeze(
          packages.filter((each) => !isPattern(each)).map((each) => nameOf(each, own)),
        ),
      });
    })
  );
  for (const process of processes) await checkRace(context, process);
  const chosen = all.length <= MAX_CHOSEN && !all.some(isPattern);
  return Object.freeze({
    processes: Object.freeze(processes),
    targets: chosen ? Object.freeze(all.map((each) => testTarget(each, own))) : undefined,
    link: gopathLink(context, checkout),
    notes: Object.freeze(notes),
    own,
  });
}

/** Failures of packages that were not removed since. */
async function stillThere(
  root: string,
  own: string,
  failures: readonly Failure[] | undefined,
): Promise<readonly Failure[] | undefined> {
  if (failures === undefined) return undefined;
  const found = await Promise.all(failures.map((each) => isThere(root, each.package, own)));
  return failures.filter((_, index) => found[index]);
}

/** The packages that the script tests when none is named. */
async function defaultPackages(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  read: TestScript | { readonly why: string },
): Promise<readonly string[]> {
  const found = "why" in read ? read : read.packages();
  if ("why" in found) {
    throw new KbuildError(`Cannot tell which packages have tests: ${found.why}`, {
      notes: ["Name them: kbuild test ./pkg/... ./cmd/..."],
    });
  }
  if ("packages" in found) return found.packages;
  const modules = await workspaceModules(checkout.root);
  const all = [checkout.goPackage.value, ...modules.values()].map((name) => `${name}/...`);
  const args = found.list.flatMap((word) => word === MODULES ? all : [word]);
  const listed = await goList(context, checkout, go, args, { GO111MODULE: "on" });
  if (listed === undefined) {
    throw new KbuildError("Cannot tell which packages have tests: go list failed", {
      notes: ["Name them: kbuild test ./pkg/... ./cmd/..."],
    });
  }
  const names = listed.split("\n").filter((line) => line !== "");
  return names.filter((name) => !found.without.some((pattern) => pattern.test(name)));
}

/** 1.20 and later hand KUBE_TIMEOUT on as one word, which go refuses in the form of 1.7: `-timeout 300s`. */
function flagOf(flag: string): string {
  return flag.replace(/^(--?timeout)\s+(\S+)$/, "$1=$2");
}

function coverageFlags({ coverage }: TestRequest): readonly string[] {
  if (coverage === undefined) return [];
  return ["-cover", `-covermode=${coverage.mode}`, `-coverprofile=${coverage.profile}`];
}

/** `./pkg/api` -> `k8s.io/kubernetes/pkg/api`. */
function nameOf(argument: string, own: string): string {
  return argument.startsWith("./") ? `${own}/${argument.slice(2)}`.replace(/\/$/, "") : argument;
}

/** `k8s.io/kubernetes/vendor/k8s.io/api` -> `./vendor/k8s.io/api`. */
function argumentOfName(name: string, own: string): string {
  return name.startsWith(`${own}/vendor/`) ? `./${name.slice(own.length + 1)}` : name;
}

/** A package as the target of its test binary, for which generated files are known. */
function testTarget(argument: string, own: string): string {
  const name = nameOf(argument, own);
  const path = name.startsWith(`${own}/`) ? name.slice(own.length + 1) : name;
  return join(path, `${basename(path)}.test`);
}

/** @throws {KbuildError} The race detector is wanted, which needs a C compiler. */
async function checkRace({ builder }: KubeContext, { argv, env }: TestProcess): Promise<void> {
  if (!argv.includes("-race")) return;
  const compiler = env["CC"]?.trim().split(/\s+/)[0] ?? "";
  const names = compiler === "" ? ["gcc", "clang"] : [compiler];
  const found = await Promise.all(names.map((name) => builder.findProgram(name, env["PATH"])));
  if (env["CGO_ENABLED"] !== "0" && found.some((path) => path !== undefined)) return;
  const why = env["CGO_ENABLED"] === "0" ? "CGO_ENABLED is 0" : `there is no ${names.join(" or ")}`;
  throw new KbuildError(`Cannot test with -race: ${why}, and the race detector needs cgo`, {
    notes: ["Test without it: kbuild test KUBE_RACE=", "Or install a C compiler"],
  });
}

/** Nothing to test is a success: in CI a shard or a change may have no tests. */
function nothingToTest({ since, shard, failures }: TestRequest): string {
  if (failures !== undefined) return "Nothing to test: nothing failed when it was last tested";
  if (since !== undefined) return `Nothing to test: what changed since ${since} reaches no test`;
  if (shard !== undefined) {
    return `Nothing to test: there are fewer packages than ${shard.of} shards`;
  }
  return "Nothing to test: no package has tests";
}
