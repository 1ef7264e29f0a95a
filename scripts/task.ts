/**
 * Development tasks: `deno task NAME`, or `scripts/task NAME` where only npm is reachable.
 *
 * Usage: task.ts CONFIG NAME [ARGS…]
 */
import denoConfig from "../deno.json" with { type: "json" };
import { createShell } from "../src/shell/mod.ts";
import { join } from "@std/path";
import { exitCodeOf, renderError, writeAllSync } from "../src/cli/mod.ts";
import { KbuildError } from "../src/errors.ts";

const [config = "deno.json", name = "", ...rest] = Deno.args;
const root = join(import.meta.dirname ?? ".", "..");
const shell = createShell({
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

async function deno(...args: string[]): Promise<void> {
  await shell.run([Deno.execPath(), ...args], { output: "stream", label: `deno ${args[0]}` });
}

const TASKS: Readonly<Record<string, () => Promise<void>>> = {
  demo: () => deno("run", "--quiet", "-A", "--config", config, "main.ts", "demo", ...rest),
  /** All fast tests. */
  test: () => deno("test", "-A", "--no-prompt", "--parallel", "--config", config, ...fastOrGiven()),
  /** The library's examples, as its readers would run them. */
  "test:doc": () => deno("test", "-A", "--doc", "--config", config, "mod.ts", "src", "docs"),
  /** Slow end-to-end tests on the sample. */
  "test:e2e": () => deno("test", "-A", "--no-prompt", "--config", config, ...e2eOrGiven()),
  /** Tests on a real Kubernetes checkout; each says why it is skipped where there is none. */
  "test:real": () => deno("test", "-A", "--no-prompt", "--config", config, "tests/real", ...rest),
  /** What is read and planned against the real scripts of some releases, fetched as Go modules. */
  "test:scripts": () =>
    deno("run", "-A", "--config", config, "scripts/test_scripts.ts", config, ...rest),
  /** The two commands of the README on a bare Debian, in a directory; needs root, and minutes. */
  "test:bare": () => deno("test", "-A", "--no-prompt", "--config", config, "tests/bare", ...rest),
  check: async () => {
    await deno(
      "check",
      "--config",
      config,
      "main.ts",
      "mod.ts",
      "scripts",
      "tests",
      "npm",
      "examples",
    );
    // Types of npm's packages are not ours.
    await deno("doc", "--lint", "--no-npm", "--import-map", config, ...DOCUMENTED);
  },
  lint: () => deno("lint", "--config", config, ...SOURCES),
  fmt: () => deno("fmt", "--config", config, ...rest, ...SOURCES),
  /** The gate: format, lint, types, fast tests. */
  ok: async () => {
    await deno("fmt", "--check", "--config", config, ...SOURCES);
    await TASKS["lint"]?.();
    await TASKS["check"]?.();
    await TASKS["test"]?.();
  },
  /** Renews the demo's output in README.md. */
  readme: () => deno("run", "-A", "--config", config, "scripts/readme_demo.ts", config),
  /** Standalone binaries, into dist/bin. */
  compile: () => deno("run", "-A", "--config", config, "scripts/compile.ts", config, ...rest),
  /** The npm packages, into dist/npm. */
  "pack:npm": () =>
    deno("run", "-A", "--config", config, "scripts/npm_packages.ts", config, ...rest),
  /** Renews docs/commands.md and docs/kbuild.1 from the commands. */
  docs: () => deno("run", "-A", "--config", config, "scripts/docs.ts", config, ...rest),
  /** Renews THIRD_PARTY_NOTICES. */
  notices: () => deno("run", "-A", "--config", config, "scripts/notices.ts", config),
  /** Renews deno.lock, the digests of what a release is made of; with the libraries of JSR alone. */
  lock: () =>
    deno("cache", "--frozen=false", "--config", "deno.json", "main.ts", "mod.ts", ...RELEASE),
  /** The Homebrew formula of the binaries in dist/bin. */
  formula: () => deno("run", "-A", "--config", config, "scripts/formula.ts", config, ...rest),
  bench: () => deno("run", "-A", "--config", config, "scripts/bench.ts", ...rest),
};

/** Words that name no file are flags of `deno test`. */
function e2eOrGiven(): readonly string[] {
  return rest.some((word) => word.endsWith("_test.ts")) ? rest : ["tests/e2e", ...rest];
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
  await task();
} catch (error) {
  console.error(renderError(error, { debug: false, color: false }));
  Deno.exit(exitCodeOf(error));
}
