import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type EraParameter, SAMPLE_ERAS } from "../../src/sample/mod.ts";
import { eraFacts } from "../../src/sample/eras.ts";
import { goVersion, have, output, withSample } from "./_sample.ts";

const go = have("go") ? await goVersion() : 0;
const noGo = go < 122;
const noScripts = noGo || !have("bash") || !have("make");

/** Programs that carry no version, as upstream. */
const UNSTAMPED = ["ginkgo", "mounter"];

/** A GOPATH whose `k8s.io/kubernetes` is a link to the sample. */
async function gopath(root: string): Promise<string> {
  const path = `${root}/../gopath`;
  await Deno.mkdir(`${path}/src/k8s.io`, { recursive: true });
  await Deno.symlink(root, `${path}/src/k8s.io/kubernetes`);
  return path;
}

/** The packages of an era's targets, `.test` ones apart. */
function packages(era: EraParameter): { programs: string[]; tests: string[] } {
  const { targets, goMode } = eraFacts(era);
  const all = new Set([
    ...Object.values(targets).flat(),
    "test/e2e_node/e2e_node.test",
  ]);
  const name = (target: string) => {
    if (goMode === "gopath") return `k8s.io/kubernetes/${target}`;
    if (target === "ginkgo") return "github.com/onsi/ginkgo/v2/ginkgo";
    return target.startsWith("vendor/") ? target.slice("vendor/".length) : `./${target}`;
  };
  return {
    programs: [...all].filter((target) => !target.endsWith(".test")).map(name),
    tests: [...all].filter((target) => target.endsWith(".test")).map(name),
  };
}

/** Builds every target with go alone, as kbuild does, and asks each program for its version. */
async function buildAll(era: EraParameter, root: string): Promise<void> {
  const stamp = eraFacts(era).versionPackages.map((path) =>
    `-X '${path.replace("${KUBE_GO_PACKAGE}", "k8s.io/kubernetes")}.gitVersion=v9.9.9'`
  ).join(" ");
  const out = `${root}/../bin`;
  await Deno.mkdir(out);
  const [cwd, env] = eraFacts(era).goMode === "gopath"
    ? [`${await gopath(root)}/src/k8s.io/kubernetes`, {
      GO111MODULE: "off",
      GOPATH: `${root}/../gopath`,
      PWD: `${root}/../gopath/src/k8s.io/kubernetes`,
    }]
    : [root, { GOPROXY: "off", GOMODCACHE: `${root}/../mod` }];
  const go = (...argv: string[]) =>
    output(["go", ...argv], { cwd, env: { GOTOOLCHAIN: "local", GOFLAGS: "", ...env } });
  const { programs, tests } = packages(era);
  await go("build", "-ldflags", `all=${stamp} -s -w`, "-o", `${out}/`, ...programs);
  for (const test of tests) {
    const directory = test.slice(0, test.lastIndexOf("/"));
    const file = test.slice(directory.length + 1);
    await go("test", "-c", "-ldflags", `all=${stamp}`, "-o", `${out}/${file}`, directory);
  }
  const built = [...Deno.readDirSync(out)].map(({ name }) => name).sort();
  const expected = [...programs, ...tests].map((path) => path.slice(path.lastIndexOf("/") + 1));
  assertEquals(built, [...new Set(expected)].sort());
  for (const name of built) {
    const text = await output([`${out}/${name}`, "--version"]);
    if (!UNSTAMPED.includes(name)) assertEquals(text, `${name} v9.9.9\n`);
    else assert(!text.includes("v9.9.9"));
  }
  assertMatch(
    await output([`${out}/kubectl`, "version", "--client"]),
    /^Client Version: .*v9\.9\.9/,
  );
}

for (const era of ["1.7", "1.20"] as const) {
  Deno.test({
    name: `make generated_files makes what the sample lacks: ${era}` +
      (noScripts ? " (skipped: needs go 1.22 or later, bash and make)" : ""),
    ignore: noScripts,
    fn: () =>
      withSample(era, async ({ dir }) => {
        await output(["make", "generated_files"], { cwd: dir });
        const git = (...argv: string[]) => output(["git", ...argv], { cwd: dir });
        assertEquals(await git("status", "--porcelain"), "");
        const ignored = await git("status", "--porcelain", "--ignored");
        assertStringIncludes(ignored, "!! pkg/generated/openapi/zz_generated.openapi.go\n");
        assertStringIncludes(ignored, "!! test/e2e/generated/bindata.go\n");
        const bindata = await Deno.readTextFile(`${dir}/test/e2e/generated/bindata.go`);
        assertStringIncludes(bindata, '{"test/e2e/testing-manifests/pod", "kind: Pod');
        assert(!bindata.includes("README.md"));
        // Every target of 1.7 is built by the tests of kbuild itself.
        if (era === "1.20") await buildAll(era, dir);
      }),
  });
}

// The latest sample's Go files are those of 1.35.
for (const era of ["1.28", "1.35"] as const) {
  Deno.test({
    name: `Every target of ${era} builds without network${
      noGo ? " (skipped: needs go 1.22 or later)" : ""
    }`,
    ignore: noGo,
    fn: () => withSample(era, ({ dir }) => buildAll(era, dir)),
  });
}

for (const era of SAMPLE_ERAS) {
  Deno.test({
    name: `hack/make-rules/build.sh of the sample builds kubectl: ${era}` +
      (noScripts ? " (skipped: needs go 1.22 or later, bash and make)" : ""),
    ignore: noScripts,
    fn: () =>
      withSample(era, async ({ dir, version }) => {
        const env = { FORCE_HOST_GO: "y", ...(await sharedCache()) };
        await output(["hack/make-rules/build.sh", "cmd/kubectl"], { cwd: dir, env });
        assertEquals(
          await output([`${dir}/_output/bin/kubectl`, "--version"]),
          `kubectl ${version}\n`,
        );
        assertEquals(await output(["git", "status", "--porcelain"], { cwd: dir }), "");
      }),
  });

  Deno.test({
    name: `gofmt likes the sample's Go files: ${era}${
      have("gofmt") ? "" : " (skipped: needs gofmt)"
    }`,
    ignore: !have("gofmt"),
    fn: () =>
      withSample(era, async ({ dir }) => {
        assertEquals(await output(["gofmt", "-l", "-s", "."], { cwd: dir }), "");
      }),
  });
}

/** The user's own build cache: the script takes it where it may. */
async function sharedCache(): Promise<Record<string, string>> {
  return { GOCACHE: (await output(["go", "env", "GOCACHE"])).trim() };
}
