/**
 * Compares kbuild with the scripts of real checkouts of several eras: the `go` that both start, the
 * generated files that both make, and the versions that the binaries report. A copy of each checkout
 * that `KBUILD_TEST_TREES` names goes through all steps; each takes about five minutes.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import { type Checkout, readCheckout } from "../../src/checkout/mod.ts";
import { compareGoVersions } from "../../src/toolchain/mod.ts";
import { generateAll } from "./_generate.ts";
import { builds, describe, eachOnce, type GoCall, untrimmedTest, watchGo } from "./_go_log.ts";
import { goBin, which } from "./_tree.ts";
import { keep, Workbench } from "./_workbench.ts";

const HOST = "linux/amd64";
const PROGRAMS = ["kubectl", "kube-scheduler", "kube-proxy"];

/** Settings under which both sides must start the same commands. */
const SETTINGS: readonly { name: string; env: Record<string, string> }[] = [
  { name: "nothing set", env: {} },
  { name: "DBG=1", env: { DBG: "1" } },
  { name: "an empty GOLDFLAGS", env: { GOLDFLAGS: "" } },
  { name: "GOLDFLAGS and GOGCFLAGS", env: { GOLDFLAGS: "-X 'main.x=a b'", GOGCFLAGS: "-N -l" } },
  { name: "GOFLAGS with tags", env: { GOFLAGS: "-v -tags=one,two" } },
  { name: "KUBE_RACE", env: { KUBE_RACE: "-race" } },
  {
    name: "overrides",
    env: { KUBE_STATIC_OVERRIDES: "kubelet", KUBE_CGO_OVERRIDES: "kubectl" },
  },
  {
    name: "several platforms",
    env: {
      KUBE_BUILD_PLATFORMS: "linux/amd64 linux/arm64 linux/s390x darwin/amd64 windows/amd64",
      KUBE_LINUX_ARM64_CC: "my-gcc",
    },
  },
];

/** One copy of a checkout, and how its two sides are started. */
interface Subject {
  readonly bench: Workbench;
  readonly checkout: Checkout;
  /** Bin directory of the Go for both. */
  readonly go: string;
  /** Both sides see it. */
  readonly env: Readonly<Record<string, string>>;
  readonly targets: readonly string[];
}

/** Why a checkout cannot be built, or undefined. */
async function unfit(root: string): Promise<string | undefined> {
  const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" })
    .catch((error: Error) => error);
  if (checkout instanceof Error) return checkout.message;
  if (!checkout.scripts.some(({ path }) => path === "hack/lib/golang.sh")) {
    return checkout.refusals.find((text) => text.startsWith("hack/lib/golang.sh")) ??
      "it has no hack/lib/golang.sh";
  }
  const [kubectl] = await Array.fromAsync(Deno.readDir(join(root, "cmd/kubectl"))).catch(() => []);
  if (kubectl === undefined) return "it has no cmd/kubectl";
  const version = await Deno.stat(join(root, "hack/make-rules/build.sh")).catch(() => undefined);
  return version === undefined ? "it has no hack/make-rules/build.sh" : undefined;
}

async function open(source: string): Promise<Subject> {
  const { era } = await readCheckout(source, { variables: {}, hostArch: "amd64" });
  const gopath = era.goMode === "gopath";
  const starter = which("go");
  const plain = starter === undefined ? "" : dirname(await Deno.realPath(starter));
  const bench = await Workbench.open(source, (gopath ? goBin() : undefined) ?? plain);
  // This test ignores modes of files that a fork has lost.
  await bench.run(["git", "config", "core.fileMode", "false"]);
  await bench.run(["chmod", "-R", "a+x", "hack", "build"]);
  const checkout = await readCheckout(bench.tree, { variables: {}, hostArch: "amd64" });
  const { stdout } = await bench.kbuild(["toolchain", "path"]);
  const all = checkout.targets.all.value;
  const target = (name: string) => all.find((path) => basename(path) === name) ?? `cmd/${name}`;
  return {
    bench,
    checkout,
    go: join(stdout.trim(), "bin"),
    // The scripts of the first era were written before modules.
    env: gopath ? { GO111MODULE: "off" } : {},
    targets: PROGRAMS.map(target),
  };
}

/** Starts that are not about a build's targets: tools, and what `teststale` looked at. */
function isTool({ args }: GoCall): boolean {
  const last = args.at(-1) ?? "";
  return /\/(teststale|go-bindata|ncpu)$/.test(last) ||
    (args[0] === "install" && last.endsWith("/test/e2e"));
}

/** What go has to say for scripts that compare versions as text, as those up to 1.8 do. */
function claimedVersion({ minimumGo }: Checkout): { version?: string } {
  return compareGoVersions(minimumGo.value, "1.10") < 0
    ? { version: `go version go1.8.3 ${HOST}` }
    : {};
}

/** What a call is when the differences that ARCHITECTURE.md names are left out. */
function comparable(call: GoCall, era: Checkout["era"]): string {
  const { GOCACHE: _cache, ...env } = call.env;
  const { args } = eachOnce(untrimmedTest({ ...call, args: call.args.filter((w) => w !== "-i") }));
  const packages = args.filter((word) => /^k8s\.io\/|^github\.com\//.test(word)).sort();
  const rest = args.filter((word) => !packages.includes(word));
  // 1.6-1.8 stamp the present, and quote nothing; no value of a stamp has a blank.
  const plain = (word: string) =>
    word.trimEnd().replace(/-X '([^' ]*)'/g, "-X $1").replace(/(\.buildDate=)\S+/g, "$1T");
  const sorted = { ...call, env, args: [...rest.map(plain), ...packages] };
  // 1.6-1.14 had no build cache of their own.
  const cache = era.name === "godeps" ? "" : `GOCACHE=${_cache}\n`;
  return cache + describe(sorted, HOST);
}

async function compareCommandLines(t: Deno.TestContext, subject: Subject): Promise<void> {
  const { bench, checkout, env, targets } = subject;
  const output = "_output/commands";
  const golang = checkout.scripts.find(({ path }) => path === "hack/lib/golang.sh")?.text ?? "";
  const go = await watchGo(await bench.directory("pretended"), join(subject.go, "go"), {
    builds: false,
    ...claimedVersion(checkout),
  });
  await keep(join(bench.tree, "_output/local/.kbuild"), join(bench.tree, output, ".kbuild"), [
    "generated.json",
  ]).catch(() => {});
  const words = [...targets, "cmd/kubelet", "test/e2e/e2e.test"];
  for (const setting of SETTINGS) {
    await t.step(`kbuild starts the go that build.sh starts: ${setting.name}`, async () => {
      const all = {
        ...env,
        ...setting.env,
        PATH: `${go.bin}:${subject.go}:${bench.env["PATH"]}`,
        KUBE_OUTPUT_SUBPATH: output,
      };
      // Up to 1.8 the Makefile hands these on under other names.
      const theirEnv = Object.fromEntries(
        ["GOFLAGS", "GOLDFLAGS", "GOGCFLAGS"].flatMap((name) => {
          const value = setting.env[name];
          const renamed = golang.includes(`KUBE_${name}`);
          return value === undefined || !renamed ? [] : [[`KUBE_${name}`, value]];
        }),
      );
      await bench.run(["bash", "hack/make-rules/build.sh", ...words], { ...all, ...theirEnv });
      const theirs = (await go.take()).filter(builds).filter((call) => !isTool(call));
      assert(theirs.length > 0);
      await bench.remove(`${output}/bin`, `${output}/go/bin`);
      await bench.kbuild(["all", "--", ...words], all);
      const ours = (await go.take()).filter(builds);
      const texts = (calls: readonly GoCall[]) =>
        calls.map((call) => comparable(call, checkout.era)).sort();
      assertEquals(texts(ours), texts(theirs));
    });
  }
  await bench.remove(output);
}

async function buildPrograms(t: Deno.TestContext, subject: Subject, go: string): Promise<void> {
  const { bench, targets } = subject;
  const path = { PATH: `${go}:${bench.env["PATH"]}`, FORCE_HOST_GO: "y" };
  const { stdout: version } = await bench.run([join(go, "go"), "version"]);
  const name = version.replace(/^go version (\S+) .*\n/, "$1");
  const bin = join(bench.tree, "_output/bin");
  await t.step(`kbuild builds ${PROGRAMS.join(", ")} with ${name}`, async () => {
    const before = await bench.status();
    const stamp = await bench.run([
      ...["bash", "-c"],
      'KUBE_ROOT=$PWD; source hack/lib/init.sh; kube::version::get_version_vars; echo "=$KUBE_GIT_VERSION"',
    ], path);
    const wanted = /^=(v.*)$/m.exec(stamp.stdout)?.[1] ?? "";
    assertMatch(wanted, /^v1\.\d+\.\d+/);
    await bench.kbuild(["all", ...targets], path);
    for (const program of PROGRAMS) {
      const words = program === "kubectl" ? ["version", "--client"] : ["--version"];
      const { stdout } = await bench.run([join(bin, program), ...words]);
      assert(stdout.includes(wanted), `${program} says ${stdout}, not ${wanted}`);
    }
    assertEquals(await bench.status(), before);
  });
  await t.step(`kbuild places nothing anew the second time (${name})`, async () => {
    const times = () =>
      Promise.all(PROGRAMS.map(async (program) => (await Deno.stat(join(bin, program))).mtime));
    const before = await times();
    await bench.kbuild(["all", ...targets], path);
    assertEquals(await times(), before);
  });
}

async function compareGenerated(
  t: Deno.TestContext,
  { bench, checkout, go, env }: Subject,
  made: ReadonlyMap<string, string>,
): Promise<void> {
  await t.step("kbuild makes the generated files that make makes", async () => {
    await bench.remove(...made.keys());
    const watched = await watchGo(await bench.directory("old"), join(go, "go"), {
      builds: true,
      ...claimedVersion(checkout),
    });
    // A fork has comments in recipes, which the shell does not survive.
    const makefile = join(bench.tree, "build/root/Makefile.generated_files");
    const text = await Deno.readTextFile(makefile).catch(() => undefined);
    if (text !== undefined) {
      await Deno.writeTextFile(makefile, text.replace(/^[ \t]*#.*\n/gm, ""));
    }
    await bench.run(["make", "generated_files"], {
      ...env,
      PATH: `${watched.bin}:${go}:${bench.env["PATH"]}`,
    });
    for (const [path, ours] of made) {
      assert(await Deno.readTextFile(join(bench.tree, path)) === ours, `${path} differs`);
    }
  });
}

const trees = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((path) => path !== "");
const needed = ["git", "make", "bash", "rsync", "gcc", "go"];
const missing = needed.filter((program) => which(program) === undefined);
const here = `${Deno.build.os}/${Deno.build.arch}` === "linux/x86_64";
const reason = trees.length === 0
  ? "name checkouts, separated by colons, with KBUILD_TEST_TREES"
  : !here
  ? `needs ${HOST}`
  : missing.length > 0
  ? `needs ${missing.join(", ")}`
  : undefined;

if (reason !== undefined) {
  Deno.test({
    name: `kbuild does on real checkouts what their scripts do (skipped: ${reason})`,
    ignore: true,
    fn: () => {},
  });
} else {
  for (const tree of trees) {
    const why = await unfit(tree);
    Deno.test({
      name: `kbuild does on ${basename(tree)} what its scripts do${
        why === undefined ? "" : ` (skipped: ${why})`
      }`,
      ignore: why !== undefined,
      fn: async (t) => {
        const subject = await open(tree);
        const { bench, checkout, go, env } = subject;
        try {
          const before = await bench.status();
          const path = { ...env, PATH: `${go}:${bench.env["PATH"]}` };
          const made = await generateAll(bench, path);
          assertEquals(await bench.status(), before);
          await compareCommandLines(t, subject);
          await buildPrograms(t, subject, go);
          const current = which("go");
          const newer = current === undefined ? go : dirname(await Deno.realPath(current));
          // Its scripts refuse a current Go.
          if (checkout.era.name === "godeps" && newer !== go) {
            await buildPrograms(t, subject, newer);
          }
          if (made.size > 0) await compareGenerated(t, subject, made);
        } finally {
          await bench.close();
        }
      },
    });
  }
}
