/**
 * Holds kbuild against Kubernetes' own scripts on a real 1.20.2 checkout. One copy of the checkout
 * goes through all steps, in order; the expensive things (make from nothing, all targets) happen
 * once. Takes about a quarter of an hour on two processors.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import {
  compareMembers,
  type Difference,
  type Members,
  readImage,
  readMembers,
} from "./_archives.ts";
import { BASES, Docker, dockerWithoutPull, makeBases, NEEDS_DOCKER } from "./_docker.ts";
import {
  builds,
  describe,
  eachOnce,
  type GoCall,
  perPackage,
  untrimmedTest,
  watchGo,
} from "./_go_log.ts";
import { generateAll } from "./_generate.ts";
import { exists, findRealTree, goBin, NEEDS_TREE, which } from "./_tree.ts";
import { bareBin, keep, SUBSET, Workbench } from "./_workbench.ts";

const HOST = `${Deno.build.os}/${Deno.build.arch === "x86_64" ? "amd64" : "arm64"}`;
const BIN = `_output/local/bin/${HOST}`;
const BINARIES = SUBSET.map((target) => `${BIN}/${target.replace(/.*\//, "")}`);
const WHAT = `WHAT=${SUBSET.join(" ")}`;
/** Files that a build needs and git does not have. */
const GENERATED = [
  "pkg/generated/openapi/zz_generated.openapi.go",
  "test/e2e/generated/bindata.go",
];
const SERVER_IMAGES = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"];
const TARBALLS = [
  "kubernetes-client-linux-amd64.tar.gz",
  "kubernetes-manifests.tar.gz",
  "kubernetes-node-linux-amd64.tar.gz",
  "kubernetes-server-linux-amd64.tar.gz",
  "kubernetes-src.tar.gz",
  "kubernetes-test-linux-amd64.tar.gz",
  "kubernetes-test-portable.tar.gz",
  "kubernetes.tar.gz",
];

/** Programs that make builds and kbuild has no use for: their files are in git, or are not needed. */
const ONLY_MAKE_BUILDS = [
  "./hack/make-rules/helpers/go2make",
  "k8s.io/kubernetes/./vendor/k8s.io/code-generator/cmd/conversion-gen",
  "k8s.io/kubernetes/./vendor/k8s.io/code-generator/cmd/deepcopy-gen",
  "k8s.io/kubernetes/./vendor/k8s.io/code-generator/cmd/defaulter-gen",
  "k8s.io/kubernetes/./vendor/k8s.io/code-generator/cmd/prerelease-lifecycle-gen",
  // hack/generate-bindata.sh installs it once more, without flags, over the one with flags.
  "k8s.io/kubernetes/vendor/github.com/go-bindata/go-bindata/go-bindata",
];

const texts = (calls: readonly GoCall[]) => calls.map((call) => describe(call, HOST)).sort();

/** Runs `make` and `kbuild` on the subset: command lines, generated files, binaries. */
async function compareBuilds(t: Deno.TestContext, bench: Workbench, bin: string): Promise<void> {
  const go = await watchGo(await bench.directory("watched"), join(bin, "go"), { builds: true });
  const watched = { PATH: `${go.bin}:${bench.env["PATH"]}` };
  const made = join(bench.top, "made");
  let theirs: readonly GoCall[] = [];
  let digests: Readonly<Record<string, string>> = {};

  const done = await t.step("make builds the subset", async () => {
    assertEquals(await bench.status(), "");
    await bench.run(["make", "all", WHAT], watched);
    theirs = (await go.take()).filter(builds);
    digests = await bench.digests(BINARIES);
    await keep(bench.tree, made, GENERATED);
  });
  assert(done, "Nothing can be compared without make's build");
  // make formats files of git with the newer gofmt; this is the tree that both sides stamp.
  const status = await bench.status();

  await t.step("kbuild starts go with the same arguments", async () => {
    await bench.remove(...GENERATED, BIN, "_output/local/go/bin", "_output/bin");
    await bench.kbuild(["all", WHAT], watched);
    const calls = await go.take();
    const ours = calls.filter(builds);
    // A start that is not a build is a query: which build IDs would be linked, what is below a target.
    for (const { args } of calls.filter((call) => !builds(call))) assertEquals(args[0], "list");
    const subset = (list: readonly GoCall[]) =>
      list.filter(({ args }) => args.some((word) => word.endsWith("/cmd/kubectl")));
    assertEquals(texts(subset(ours)), texts(subset(theirs)));
    // The subset needs none of the generated files, which make makes all the same.
    assertEquals(ours.length, 1, "the subset is one go install");
    for (const path of GENERATED) assert(!exists(join(bench.tree, path)), path);

    await generateAll(bench, watched);
    const generators = (await go.take()).filter(builds);
    assertEquals(generators.length, 1, "the generators are one go install");
    // A merge: make builds each generator in a go install of its own, kbuild the missing ones in one.
    const split = [...ours, ...generators].flatMap(perPackage);
    const known = new Set(texts(theirs.flatMap(perPackage)));
    for (const text of texts(split)) assert(known.has(text), `make does not run:\n${text}`);
    const run = new Set(texts(split));
    const left = theirs.flatMap(perPackage).filter((call) => !run.has(describe(call, HOST)));
    const names = new Set(left.map(({ args }) => args.at(-1) ?? ""));
    assertEquals([...names].sort(), ONLY_MAKE_BUILDS);
  });
  await t.step("kbuild makes the generated files that make makes", async () => {
    for (const path of GENERATED) {
      const [wanted, got] = [join(made, path), join(bench.tree, path)];
      assertEquals(await Deno.readTextFile(got), await Deno.readTextFile(wanted), path);
    }
  });
  await t.step("kbuild links the bytes that make links", async () => {
    assertEquals(await bench.digests(BINARIES), digests);
    assertEquals(await Deno.readLink(join(bench.tree, "_output/bin")), join(bench.tree, BIN));
  });
  await t.step("kbuild has nothing to do the second time", async () => {
    await bench.kbuild(["all", WHAT], watched);
    assertEquals((await go.take()).filter(builds), []);
    assertEquals(await bench.digests(BINARIES), digests);
  });
  await t.step("kbuild leaves git status as it was", async () => {
    assertEquals(await bench.status(), status);
  });
}

/** Settings under which both sides must start the same commands. */
const SETTINGS: readonly {
  name: string;
  env: Record<string, string>;
  words?: string[];
  /** With `--strict-parity`. */
  strict?: true;
}[] = [
  { name: "all targets", env: {} },
  { name: "all targets, with --strict-parity", env: {}, strict: true },
  {
    // The scripts paste the whole of it into -tags.
    name: "GOFLAGS without tags, with --strict-parity",
    env: { GOFLAGS: "-v -x" },
    words: ["cmd/kubectl"],
    strict: true,
  },
  {
    name: "several platforms",
    env: {
      KUBE_BUILD_PLATFORMS:
        "linux/amd64 linux/arm linux/arm64 linux/ppc64le linux/s390x linux/386 darwin/amd64 windows/amd64",
    },
  },
  { name: "GOFLAGS with tags", env: { GOFLAGS: "-v -tags=one,two" }, words: ["cmd/kubelet"] },
  { name: "GOGCFLAGS", env: { GOGCFLAGS: "-N -l" }, words: ["cmd/kubectl", "cmd/kubelet"] },
  { name: "empty GOLDFLAGS", env: { GOLDFLAGS: "" }, words: ["cmd/kubectl"] },
  {
    name: "GOLDFLAGS",
    env: { GOLDFLAGS: "-X 'main.x=a b'" },
    words: ["cmd/kubectl", "test/e2e/e2e.test"],
  },
  {
    name: "overrides",
    env: { KUBE_STATIC_OVERRIDES: "kubelet mounter", KUBE_CGO_OVERRIDES: "kubectl" },
    words: ["cmd/kubectl", "cmd/kubelet", "cluster/gce/gci/mounter", "cmd/kubeadm"],
  },
  {
    name: "a C compiler of one's own",
    env: { KUBE_LINUX_ARM64_CC: "my-gcc", KUBE_BUILD_PLATFORMS: "linux/arm64" },
    words: ["cmd/kubelet", "cmd/kubectl"],
  },
  {
    name: "flags among the targets",
    env: {},
    words: ["-v", "cmd/kubectl", "-race", "test/e2e_node/e2e_node.test"],
  },
  { name: "KUBE_EXTRA_GOPATH", env: { KUBE_EXTRA_GOPATH: "/extra" }, words: ["cmd/kubectl"] },
  {
    name: "a version of one's own",
    env: { KUBE_GIT_VERSION: "v1.20.99-rc.1", KUBE_GIT_VERSION_FILE: "" },
    words: ["cmd/kubectl"],
  },
];

/** Compares all command lines of many builds; nothing is compiled. */
async function compareCommandLines(
  t: Deno.TestContext,
  bench: Workbench,
  bin: string,
): Promise<void> {
  const output = "_output/commands";
  const go = await watchGo(await bench.directory("pretended"), join(bin, "go"), { builds: false });
  await keep(join(bench.tree, "_output/local/.kbuild"), join(bench.tree, output, ".kbuild"), [
    "generated.json",
  ]);
  for (const { name, env, words = [], strict } of SETTINGS) {
    await t.step(`kbuild all starts what build.sh starts: ${name}`, async () => {
      const all = {
        ...env,
        PATH: `${go.bin}:${bench.env["PATH"]}`,
        KUBE_OUTPUT_SUBPATH: output,
      };
      await bench.run(["bash", "hack/make-rules/build.sh", ...words], all);
      const theirs = (await go.take()).filter(builds).map(eachOnce)
        .map((call) => strict ? call : untrimmedTest(call));
      assert(theirs.length > 0);
      await bench.remove(`${output}/bin`, `${output}/go/bin`);
      const flags = strict ? ["--strict-parity"] : [];
      await bench.kbuild(["all", ...flags, "--", ...words], all);
      assertEquals(texts((await go.take()).filter(builds)), texts(theirs));
    });
  }
  await bench.remove(output);
}

/** Makes a release of the subset twice: as everybody, and with git and go alone. */
async function compareBare(t: Deno.TestContext, bench: Workbench, bin: string): Promise<void> {
  await t.step("kbuild quick-release needs git and go alone", async () => {
    const usual = await bench.release(["quick-release", WHAT]);
    assert(usual.length >= 8, `${usual.length} artifacts`);
    await bench.remove("_output/dockerized", "_output/local/go/bin", "_output/release-tars");
    const bare = await bareBin(await bench.directory("bare"), bin);
    const alone = await bench.release(["quick-release", WHAT], { PATH: bare.bin });
    assertEquals(await bare.started(), "");
    assertEquals(alone, usual);
    // They are there, with these sizes.
    for (const { path, size } of alone) {
      assertEquals((await Deno.stat(join(bench.tree, path))).size, size, path);
    }
  });
}

/** Makes the whole quick-release. */
async function wholeRelease(
  t: Deno.TestContext,
  bench: Workbench,
  bases: Readonly<Record<string, string>>,
): Promise<boolean> {
  return await t.step("kbuild quick-release makes every tarball and image of 1.20", async () => {
    const before = await bench.status();
    const words = Object.entries(bases).flatMap((
      [name, path],
    ) => ["--base-image", `${name}=${path}`]);
    const artifacts = await bench.release(["quick-release", ...words]);
    const paths = artifacts.map(({ path }) => path).sort();
    const images = [...SERVER_IMAGES, "conformance-amd64"].map((name) => `amd64/${name}.tar`);
    assertEquals(
      paths,
      [
        ...images.map((path) => `_output/release-images/${path}`),
        ...TARBALLS.map((name) => `_output/release-tars/${name}`),
      ].sort(),
    );
    for (const name of TARBALLS) await bench.run(["tar", "-tzf", `_output/release-tars/${name}`]);
    assertEquals(await bench.status(), before);
  });
}

/**
 * What differs from upstream's tarballs, and why. Everything else must be equal: names, types,
 * modes, owners, link targets, contents.
 */
const EXCEPTIONS: readonly {
  readonly tarball: RegExp;
  readonly member: RegExp;
  readonly why: string;
  /** Whether the difference is the one that is meant. */
  readonly is: (difference: Difference) => boolean;
}[] = [
  {
    tarball: /./,
    member: /^(.*kubernetes-src\.tar\.gz!)?kubernetes\/\.make(\/|$)/,
    why: "The state of make is not a source; upstream packs it where make has run before",
    is: ({ ours }) => ours === undefined,
  },
  {
    tarball: /^kubernetes-server-/,
    member: /^kubernetes\/server\/bin\/[a-z-]+\.tar$/,
    why: "docker save writes files that their owner alone can read; kbuild's are like all others",
    is: ({ theirs, ours }) => theirs?.replace(/^file 600 /, "file 644 ") === ours,
  },
];

function unexpected(tarball: string, differences: readonly Difference[]): readonly Difference[] {
  return differences.filter((difference) =>
    !EXCEPTIONS.some(({ tarball: name, member, is }) =>
      name.test(tarball) && member.test(difference.name) && is(difference)
    )
  );
}

const READ = {
  nested: (name: string) => name.endsWith(".tar.gz"),
  images: (name: string) => name.endsWith(".tar"),
};

/** Lets upstream package the binaries that kbuild built, and compares. */
async function comparePackages(
  t: Deno.TestContext,
  bench: Workbench,
  docker: Docker,
): Promise<void> {
  const theirs = "_output-theirs";
  const done = await t.step("upstream's package_tarballs packs the same binaries", async () => {
    const bin = await dockerWithoutPull(await bench.directory("docker"));
    await Deno.mkdir(join(bench.tree, theirs, "dockerized"), { recursive: true });
    await bench.run(["cp", "-al", "_output/dockerized/bin", `${theirs}/dockerized/bin`]);
    await bench.run(["bash", "-c", "umask 0022; exec bash build/package-tarballs.sh"], {
      ...docker.env,
      PATH: `${bin}:${bench.env["PATH"]}`,
      OUT_DIR: theirs,
      KUBE_FASTBUILD: "true",
      KUBE_BUILD_PULL_LATEST_IMAGES: "n",
      // The builder without buildkit, which is not there on every machine.
      DOCKER_BUILDKIT: "0",
    });
    const made = await Array.fromAsync(Deno.readDir(join(bench.tree, theirs, "release-tars")));
    assertEquals(made.map(({ name }) => name).sort(), TARBALLS);
  });
  if (!done) return;
  for (const name of TARBALLS) {
    await t.step(`${name} holds what upstream's holds`, async () => {
      const [wanted, got] = await readBoth(
        [join(bench.tree, theirs, "release-tars", name)],
        [join(bench.tree, "_output/release-tars", name)],
      );
      assert(got.size > 0);
      const differences = compareMembers(wanted, got);
      assertEquals(unexpected(name, differences).slice(0, 20), []);
    });
  }
  await t.step("the conformance image is upstream's", async () => {
    const path = "release-images/amd64/conformance-amd64.tar";
    const wanted = await readImage(join(bench.tree, theirs, path));
    const got = await readImage(join(bench.tree, "_output", path));
    assertEquals(compareMembers(wanted, got).slice(0, 20), []);
  });
  await bench.remove(theirs);
}

async function readBoth(
  [theirs]: readonly [string],
  [ours]: readonly [string],
): Promise<readonly [Members, Members]> {
  return [await readMembers(theirs, READ), await readMembers(ours, READ)];
}

/** Loads every server image into the engine and asks its program for its version. */
async function runImages(t: Deno.TestContext, bench: Workbench, docker: Docker): Promise<void> {
  for (const name of SERVER_IMAGES) {
    await t.step(`docker runs the image of ${name}`, async () => {
      const archive = join(bench.tree, `_output/release-images/amd64/${name}.tar`);
      const tag = `k8s.gcr.io/${name}-amd64:v1.20.2`;
      assertMatch(await docker.run("load", "-i", archive), new RegExp(`Loaded image: ${tag}`));
      try {
        const said = await docker.run("run", "--rm", tag, `/usr/local/bin/${name}`, "--version");
        assertEquals(said, "Kubernetes v1.20.2\n");
      } finally {
        await docker.run("rmi", tag);
      }
    });
  }
}

const needed = ["git", "make", "bash", "rsync", "gcc", "tar"];
const missing = needed.filter((program) => which(program) === undefined);
const source = missing.length > 0 || HOST !== "linux/amd64"
  ? undefined
  : findRealTree({ fetch: true });
const bin = goBin();
const reason = HOST !== "linux/amd64"
  ? "needs linux/amd64"
  : missing.length > 0
  ? `needs ${missing.join(", ")}`
  : source === undefined
  ? NEEDS_TREE
  : bin === undefined
  ? "needs Go"
  : undefined;

Deno.test({
  name: `kbuild does on Kubernetes 1.20.2 what its own scripts do${
    reason === undefined ? "" : ` (skipped: ${reason})`
  }`,
  ignore: reason !== undefined,
  fn: async (t) => {
    const bench = await Workbench.open(source ?? "", bin ?? "");
    const docker = await Docker.find();
    try {
      await compareBuilds(t, bench, bin ?? "");
      await compareCommandLines(t, bench, bin ?? "");
      await compareBare(t, bench, bin ?? "");
      const bases = docker === undefined
        ? {}
        : await makeBases(docker, await bench.directory("bases"));
      const released = await wholeRelease(t, bench, bases);
      const ignore = docker === undefined || !released;
      const why = docker === undefined ? ` (skipped: ${NEEDS_DOCKER})` : "";
      await t.step({
        name: `packages are upstream's${why}`,
        ignore,
        fn: async (inner) => {
          if (docker !== undefined) await comparePackages(inner, bench, docker);
        },
      });
      await t.step({
        name: `images run${why}`,
        ignore,
        fn: async (inner) => {
          if (docker !== undefined) await runImages(inner, bench, docker);
        },
      });
    } finally {
      if (docker !== undefined) {
        await docker.run("rmi", ...Object.values(BASES)).catch(() => {});
        await docker.close();
      }
      if (exists(bench.top)) await bench.close();
    }
  },
});
