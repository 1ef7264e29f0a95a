/**
 * Holds kbuild against the real scripts of several Kubernetes releases: each release is fetched as the Go
 * module `k8s.io/kubernetes` (through `GOPROXY`, checked by Go), made into a checkout, and given as
 * `KBUILD_TEST_TREES` to the tests that compare with bash. Modules lack `vendor`, `staging/src`,
 * symbolic links and executable bits, so nothing is built.
 *
 * Usage: test_scripts.ts CONFIG [VERSION…]
 */
import { join } from "@std/path";
import { exitCodeOf, renderError, writeAllSync } from "../src/cli/mod.ts";
import { createShell } from "../src/shell/mod.ts";

/** Releases with different kinds of `golang.sh` and `release.sh`. */
const VERSIONS = ["1.9.11", "1.12.10", "1.18.20", "1.25.16", "1.35.0"];

/** The tests that take `KBUILD_TEST_TREES` and build nothing. */
const TESTS = [
  "tests/checkout/real_files_test.ts",
  "tests/checkout/go_calls_test.ts",
  "tests/lib/version_table_test.ts",
  "tests/release/parity_test.ts",
];

const [config = "deno.json", ...rest] = Deno.args;
const root = join(import.meta.dirname ?? ".", "..");
const env = Deno.env.toObject();
const { $ } = createShell({
  cwd: root,
  env,
  write: (chunk) => writeAllSync(Deno.stdout, chunk, { lineBuffered: true }),
});

/** The directory of a release in the module cache, or why it cannot be fetched. */
async function fetchModule(version: string, cwd: string): Promise<{ dir?: string; why?: string }> {
  const { stdout } = await $`go mod download -json k8s.io/kubernetes@v${version}`.with({
    cwd,
    env: { ...env, GOFLAGS: "", GOWORK: "off", GO111MODULE: "on" },
    allowed: "any",
  });
  const { Dir: dir, Error: why = "go mod download failed" } = JSON.parse(stdout || "{}");
  return dir === undefined ? { why } : { dir };
}

/** Makes a checkout of a release from the files of its module, which are read-only. */
async function makeCheckout(dir: string, checkout: string, version: string): Promise<void> {
  await $`git init --quiet ${checkout}`;
  const identity = ["-c", "user.name=kbuild", "-c", "user.email=kbuild@example.com"];
  const message = `Kubernetes ${version}`;
  await $`git --work-tree ${dir} add --all --force
    git ${identity} commit --quiet --message ${message}
    git checkout --quiet --force HEAD
    git tag v${version}`.with({ cwd: checkout });
}

const work = await Deno.makeTempDir({ prefix: "kbuild-scripts-" });
try {
  const checkouts: string[] = [];
  for (const version of rest.length > 0 ? rest : VERSIONS) {
    const { dir, why } = await fetchModule(version, work);
    if (dir === undefined) {
      console.log(`scripts of Kubernetes ${version} (skipped: ${why})`);
      continue;
    }
    const checkout = join(work, `kubernetes-${version}`);
    await makeCheckout(dir, checkout, version);
    checkouts.push(checkout);
  }
  if (checkouts.length > 0) {
    await $`${Deno.execPath()} test -A --no-prompt --parallel --config ${config} ${TESTS}`
      .with({ output: "stream", env: { ...env, KBUILD_TEST_TREES: checkouts.join(":") } });
  }
} catch (error) {
  console.error(renderError(error, { debug: false, color: false }));
  Deno.exitCode = exitCodeOf(error);
} finally {
  await Deno.remove(work, { recursive: true });
}
