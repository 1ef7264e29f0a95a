/**
 * Development tasks: `deno task NAME`, or `scripts/task NAME` where only npm is reachable.
 *
 * Usage: task.ts CONFIG NAME [ARGS…]
 */
import denoConfig from "../deno.json" with { type: "json" };
import { createShell, type Template } from "../src/shell/mod.ts";
import { join } from "@std/path";
import { exitCodeOf, renderError, writeAllSync } from "../src/cli/mod.ts";
import { KbuildError } from "../src/errors.ts";

const [config = "deno.json", name = "", ...rest] = Deno.args;
const root = join(import.meta.dirname ?? ".", "..");
const deno = Deno.execPath();
const { $ } = createShell({
  cwd: root,
  env: {
    ...Deno.env.toObject(),
    KBUILD_TEST_CONFIG: config,
    // Deno colours what it writes, also into a file.
    ...(Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" }),
  },
  write: (chunk) => writeAllSync(Deno.stdout, chunk, { lineBuffered: true }),
});
/** What is formatted, linted and checked. */
const SOURCES = ["main.ts", "mod.ts", "src", "tests", "scripts", "npm", "examples"];

/** What makes a release, beside the program. */
const RELEASE = ["npm/package/deno_global.ts", "scripts/compile.ts", "scripts/npm_packages.ts"];

/** Modules in which everything that is exported has documentation: all that others can import. */
const DOCUMENTED = Object.values(denoConfig.exports);

/** Each task is command lines, which run until one fails. */
const TASKS: Readonly<Record<string, () => readonly Template[]>> = {
  demo: () => [$`${deno} run --quiet -A --config ${config} main.ts demo ${rest}`],
  /** All fast tests. */
  test: () => [$`${deno} test -A --no-prompt --parallel --config ${config} ${fastOrGiven()}`],
  /** The library's examples, as its readers would run them. */
  "test:doc": () => [$`${deno} test -A --doc --config ${config} mod.ts src docs`],
  /** Slow end-to-end tests on the sample. */
  "test:e2e": () => [$`${deno} test -A --no-prompt --config ${config} ${givenOr("tests/e2e")}`],
  /** Tests on a real Kubernetes checkout; each says why it is skipped where there is none. */
  "test:real": () => [$`${deno} test -A --no-prompt --config ${config} ${givenOr("tests/real")}`],
  /** What is read and planned against the real scripts of some releases, fetched as Go modules. */
  "test:scripts": () => [script("test_scripts.ts", config)],
  /** The two commands of the README on a bare Debian, in a directory; needs root, and minutes. */
  "test:bare": () => [$`${deno} test -A --no-prompt --config ${config} tests/bare ${rest}`],
  check: () => [
    $`${deno} check --config ${config} main.ts mod.ts scripts tests npm examples`,
    // Types of npm's packages are not ours.
    $`${deno} doc --lint --no-npm --import-map ${config} ${DOCUMENTED}`,
  ],
  lint: () => [$`${deno} lint --config ${config} ${SOURCES}`],
  fmt: () => [$`${deno} fmt --config ${config} ${rest} ${SOURCES}`],
  /** The gate: format, lint, types, fast tests. */
  ok: () => [
    $`${deno} fmt --check --config ${config} ${SOURCES}`,
    ...["lint", "check", "test"].flatMap((each) => TASKS[each]?.() ?? []),
  ],
  /** Renews the demo's output in README.md. */
  readme: () => [$`${deno} run -A --config ${config} scripts/readme_demo.ts ${config}`],
  /** Renews docs/recordings, what runs show on a terminal. */
  record: () => [script("record.ts")],
  /** Standalone binaries, into dist/bin. */
  compile: () => [script("compile.ts", config)],
  /** The npm packages, into dist/npm. */
  "pack:npm": () => [script("npm_packages.ts", config)],
  /** Renews docs/commands.md and docs/kbuild.1 from the commands. */
  docs: () => [script("docs.ts", config)],
  /** Renews THIRD_PARTY_NOTICES. */
  notices: () => [$`${deno} run -A --config ${config} scripts/notices.ts ${config}`],
  /** Renews deno.lock, the digests of what a release is made of; with the libraries of JSR alone. */
  lock: () => [$`${deno} cache --frozen=false --config deno.json main.ts mod.ts ${RELEASE}`],
  /** The Homebrew formula of the binaries in dist/bin. */
  formula: () => [script("formula.ts", config)],
  bench: () => [script("bench.ts")],
};

function script(name: string, ...args: readonly string[]): Template {
  return $`${deno} run -A --config ${config} scripts/${name} ${args} ${rest}`;
}

/** Words that name no file are flags of `deno test`. */
function givenOr(directory: string): readonly string[] {
  return rest.some((word) => word.endsWith("_test.ts")) ? rest : [directory, ...rest];
}

function fastOrGiven(): readonly string[] {
  return rest.length > 0 ? rest : ["--ignore=tests/bare,tests/e2e,tests/real", "tests"];
}

try {
  const task = TASKS[name];
  if (task === undefined) {
    throw new KbuildError(`Unknown task "${name}"`, {
      notes: [`The tasks: ${Object.keys(TASKS).join(", ")}`],
      exitCode: 2,
    });
  }
  for (const line of task()) await line.with({ output: "stream", label: name });
} catch (error) {
  console.error(renderError(error, { debug: false, color: false }));
  Deno.exit(exitCodeOf(error));
}
