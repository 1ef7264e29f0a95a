import { copiesOf } from "../../src/dockerfile/mod.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dirname } from "@std/path";
import { KbuildError, UsageError } from "../../src/errors.ts";
import {
  dockerTag,
  isCruft,
  parseBaseImages,
  planImages,
  planRelease,
  preparePackage,
  readReleaseLayout,
  type ReleaseInputs,
  requiredBinaries,
} from "../../src/release/mod.ts";
import { requiredInput, sharedStage } from "../../src/release/plan.ts";
import { openSample } from "../lib/_open.ts";

const old = await openSample("1.20");
const workspace = await openSample("1.35");
const oldest = await openSample("1.7");
const latest = await openSample("latest");
globalThis.addEventListener("unload", () => {
  for (const { context } of [old, workspace, oldest, latest]) {
    Deno.removeSync(dirname(context.root), { recursive: true });
  }
});

const LINUX = ["linux/amd64"];
const QUICK: ReleaseInputs = {
  platforms: { server: LINUX, node: LINUX, client: LINUX, test: LINUX, testServer: LINUX },
  version: "v1.20.2",
  only: undefined,
};

Deno.test("planRelease() plans the eight tarballs of a quick release", async () => {
  for (const { checkout } of [old, workspace]) {
    const plans = planRelease(checkout, await readReleaseLayout(checkout), QUICK);
    assertEquals(plans.map(({ name }) => name), [
      "kubernetes-src.tar.gz",
      "kubernetes-manifests.tar.gz",
      "kubernetes-client-linux-amd64.tar.gz",
      "kubernetes-node-linux-amd64.tar.gz",
      "kubernetes-server-linux-amd64.tar.gz",
      "kubernetes-test-linux-amd64.tar.gz",
      "kubernetes-test-portable.tar.gz",
      "kubernetes.tar.gz",
    ]);
  }
});

Deno.test("planRelease() plans the eight tarballs of a quick release of 1.7", async () => {
  const plans = planRelease(oldest.checkout, await readReleaseLayout(oldest.checkout), QUICK);
  assertEquals(plans.map(({ name }) => name), [
    "kubernetes-src.tar.gz",
    "kubernetes-salt.tar.gz",
    "kubernetes-manifests.tar.gz",
    "kubernetes-client-linux-amd64.tar.gz",
    "kubernetes-node-linux-amd64.tar.gz",
    "kubernetes-server-linux-amd64.tar.gz",
    "kubernetes-test.tar.gz",
    "kubernetes.tar.gz",
  ]);
});

Deno.test("planRelease() plans 26, 31 and 32 tarballs for full releases of 1.7, 1.20, 1.35", async () => {
  for (const [{ checkout }, count] of [[oldest, 26], [old, 31], [workspace, 32]] as const) {
    const { server, node, client, test } = checkout.platforms;
    const plans = planRelease(checkout, await readReleaseLayout(checkout), {
      ...QUICK,
      platforms: {
        server: server.value,
        node: node.value,
        client: client.value,
        test: test.value,
        testServer: server.value,
      },
    });
    assertEquals(plans.length, count);
    const windows = plans.find(({ name }) => name === "kubernetes-node-windows-amd64.tar.gz");
    assert(windows?.entries.some(({ to }) => to === "kubernetes/node/bin/kubelet.exe"));
  }
});

Deno.test("planRelease() puts into a tarball what release.sh puts there", async () => {
  const plans = planRelease(old.checkout, await readReleaseLayout(old.checkout), QUICK);
  const of = (name: string) =>
    plans.find((plan) => plan.title === name)?.entries.map(({ to }) => to).sort();
  assertEquals(of("client linux-amd64"), ["kubernetes/client/bin/kubectl"]);
  assertEquals(of("node linux-amd64"), [
    "kubernetes/LICENSES",
    "kubernetes/kubernetes-src.tar.gz",
    "kubernetes/node/bin/kube-proxy",
    "kubernetes/node/bin/kubeadm",
    "kubernetes/node/bin/kubectl",
    "kubernetes/node/bin/kubelet",
  ]);
  const server = of("server linux-amd64") ?? [];
  assert(server.includes("kubernetes/server/bin/kube-apiserver.tar"));
  assert(server.includes("kubernetes/server/bin/kube-apiserver.docker_tag"));
  assert(server.includes("kubernetes/server/bin/mounter"));
  assert(server.includes("kubernetes/addons"));
  assertEquals(server.includes("kubernetes/version"), false);
  const test = of("test linux-amd64") ?? [];
  assert(test.includes("kubernetes/test/bin/e2e_node.test"));
  assertEquals(new Set(test).size, test.length);

  const newer = planRelease(
    workspace.checkout,
    await readReleaseLayout(workspace.checkout),
    QUICK,
  );
  for (const title of ["node linux-amd64", "server linux-amd64"]) {
    const entries = newer.find((plan) => plan.title === title)?.entries ?? [];
    assert(entries.some(({ to }) => to === "kubernetes/version"), title);
  }
});

Deno.test("readReleaseLayout() follows release.sh for the files of the manifests tarball", async () => {
  for (const { checkout, context } of [old, workspace]) {
    const { manifests } = await readReleaseLayout(checkout);
    const names = manifests.map(({ to }) => to);
    for (const name of ["etcd.manifest", "kube-apiserver.manifest", "abac-authz-policy.jsonl"]) {
      assert(names.includes(`gci-trusty/${name}`), name);
    }
    assert(names.includes("gci-trusty/gci-configure-helper.sh"));
    assertEquals(
      names.includes("gci-trusty/cloud-controller-manager.manifest"),
      checkout === workspace.checkout,
    );
    for (const { from } of manifests) await Deno.stat(`${context.root}/${from}`);
  }
});

Deno.test("planRelease() packs the test server's programs on server platforms alone", async () => {
  const plans = planRelease(old.checkout, await readReleaseLayout(old.checkout), {
    ...QUICK,
    platforms: { ...QUICK.platforms, test: ["linux/amd64", "darwin/amd64"] },
  });
  const has = (platform: string) =>
    plans.find(({ name }) => name === `kubernetes-test-${platform}.tar.gz`)
      ?.entries.some(({ to }) => to.endsWith("/kubemark"));
  assertEquals(has("linux-amd64"), true);
  assertEquals(has("darwin-amd64"), false);
});

Deno.test("planRelease() leaves out tarballs that hold none of the chosen binaries", async () => {
  const plans = planRelease(old.checkout, await readReleaseLayout(old.checkout), {
    ...QUICK,
    only: new Set(["kubectl"]),
  });
  assertEquals(plans.map(({ title }) => title), [
    "src",
    "manifests",
    "client linux-amd64",
    "node linux-amd64",
    "server linux-amd64",
    "test portable",
    "final",
  ]);
  assertEquals(requiredBinaries("/bin", plans), ["/bin/linux/amd64/kubectl"]);
});

Deno.test("requiredInput() names every file and directory that staging reads", async () => {
  const plans = planRelease(old.checkout, await readReleaseLayout(old.checkout), QUICK);
  const inputs = plans.flatMap(({ entries }) => entries.map(requiredInput));
  for (const path of ["LICENSES", "README.md", "cluster", "docs", "hack/lib", "test/images"]) {
    assert(inputs.includes(path), path);
    await Deno.lstat(`${old.context.root}/${path}`);
  }
});

Deno.test("planRelease() packs one test tarball in 1.7, every platform in a directory", async () => {
  const plans = planRelease(oldest.checkout, await readReleaseLayout(oldest.checkout), {
    ...QUICK,
    platforms: {
      ...QUICK.platforms,
      test: ["linux/amd64", "windows/amd64"],
      testServer: ["linux/amd64", "linux/arm"],
    },
  });
  const paths = plans.find(({ title }) => title === "test")?.entries.map(({ to }) => to) ?? [];
  const below = (platform: string) => {
    const directory = `kubernetes/platforms/${platform}/`;
    return paths.filter((path) => path.startsWith(directory)).map((path) =>
      path.slice(directory.length)
    );
  };
  assert(below("linux/amd64").includes("kubemark") && below("linux/amd64").includes("e2e.test"));
  assertEquals(below("linux/arm"), ["kubemark", "ginkgo", "e2e_node.test"]);
  assert(below("windows/amd64").includes("e2e.test.exe"));
  assert(!below("windows/amd64").includes("kubemark.exe"));
  assert(paths.includes("kubernetes/federation/develop"));
});

Deno.test("planRelease() makes 1.14's tarball of all tests unless asked not to", async () => {
  const layout = await readReleaseLayout(oldest.checkout);
  const between = { ...layout, splitTests: true, allTests: "default", allTestsNotice: "Old.\n" };
  const names = (variables: Record<string, string>) =>
    planRelease(oldest.checkout, between as typeof layout, { ...QUICK, variables })
      .map(({ name }) => name).filter((name) => name.includes("-test"));
  const split = ["kubernetes-test-linux-amd64.tar.gz", "kubernetes-test-portable.tar.gz"];
  assertEquals(names({}), [...split, "kubernetes-test.tar.gz"]);
  assertEquals(names({ KUBE_BUILD_MONDO_TEST_TARBALL: "n" }), split);
  const plans = planRelease(oldest.checkout, between as typeof layout, QUICK);
  const before = plans.map((plan) => [plan.name, sharedStage(plans, plan)] as const)
    .filter(([, paths]) => paths.length > 0);
  assertEquals(before, [
    ["kubernetes-test.tar.gz", ["release-tars/kubernetes-test-portable.tar.gz"]],
  ]);
});

Deno.test("planImages() of 1.7 takes a base for each architecture, and plain names on amd64", async () => {
  const { checkout, context } = oldest;
  const layout = await readReleaseLayout(checkout);
  const of = async (arch: string) =>
    (await planImages(context, checkout, layout, {
      version: "v1.7.3",
      arch,
      names: ["kube-aggregator", "kube-proxy"],
      binPath: "/bin",
      directoryImages: [],
    })).map(({ base, repoTags }) => [base, ...repoTags]);
  assertEquals(await of("amd64"), [
    ["busybox", "gcr.io/google_containers/kube-aggregator:v1.7.3"],
    [
      "gcr.io/google-containers/debian-iptables-amd64:v7",
      "gcr.io/google_containers/kube-proxy:v1.7.3",
    ],
  ]);
  assertEquals((await of("arm64"))[0], [
    "aarch64/busybox",
    "gcr.io/google_containers/kube-aggregator-arm64:v1.7.3",
  ]);
  const [image] = await planImages(context, checkout, layout, {
    version: "v1.7.3",
    arch: "amd64",
    names: ["kube-aggregator"],
    binPath: "/bin",
    directoryImages: [],
  });
  assertEquals(image?.context, { "kube-aggregator": "/bin/linux/amd64/kube-aggregator" });
});

Deno.test("planImages() of the latest puts kube-log-runner into the server images", async () => {
  const { checkout, context } = latest;
  const images = await planImages(context, checkout, await readReleaseLayout(checkout), {
    version: "v1.36.0",
    arch: "arm64",
    names: ["kube-apiserver", "kube-proxy", "kubectl"],
    binPath: "/bin",
    directoryImages: [],
  });
  for (const { name, dockerfile, context: files } of images.slice(0, 2)) {
    const copies = copiesOf(dockerfile);
    const runner = copies.find(({ target }) => target === "/go-runner");
    assertEquals(files[runner?.source ?? ""], "/bin/linux/arm64/kube-log-runner");
    assertEquals(Object.keys(files), [name, "kube-log-runner"]);
    assertEquals(dockerfile.stages.at(-1)?.settings.entrypoint, ["/go-runner"]);
    const program = copies.find(({ source }) => source === name);
    assertEquals(program?.capability !== undefined, name === "kube-apiserver");
  }
  assertEquals(Object.keys(images[2]!.context), ["kubectl"]);
});

Deno.test("preparePackage() refuses a part of a release whose images need more", async () => {
  const { checkout, context } = latest;
  const options = {
    vars: {
      gitCommit: undefined,
      gitMajor: "1",
      gitMinor: "36",
      gitVersion: "v1.36.0",
      gitTreeState: "clean",
      dirtyPaths: [],
      problem: undefined,
    },
    epoch: 0,
    platforms: QUICK.platforms,
    binPath: context.releaseBinPath,
  };
  await assertRejects(
    () => preparePackage(context, checkout, { ...options, only: new Set(["kube-proxy"]) }),
    KbuildError,
    'Cannot make the image of "kube-proxy" without "kube-log-runner"',
  );
  const only = new Set(["kube-proxy", "kube-log-runner"]);
  assertEquals((await preparePackage(context, checkout, { ...options, only })).images.length, 1);
});

Deno.test("readReleaseLayout() of 1.7 reads the same from release.sh as its table holds", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-layout-" });
  try {
    const read = await readReleaseLayout(oldest.checkout);
    const table = await readReleaseLayout({ ...oldest.checkout, root });
    const byName = (a: { to: string }, b: { to: string }) => a.to < b.to ? -1 : 1;
    const sorted = (layout: typeof read) => ({
      ...layout,
      clientReadme: "",
      serverReadme: "",
      manifests: layout.manifests.toSorted(byName),
      final: { ...layout.final, copies: layout.final.copies.toSorted(byName) },
    });
    assertEquals(sorted(read), sorted(table));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("readReleaseLayout() sees a second name of images, saved or built", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-layout-" });
  const second = async (line: string) => {
    const script = `function kube::release::create_docker_images_for_server() {\n  ${line}\n}\n`;
    await Deno.mkdir(`${root}/build/lib`, { recursive: true });
    await Deno.writeTextFile(`${root}/build/lib/release.sh`, script);
    return (await readReleaseLayout({ ...old.checkout, root })).secondTag;
  };
  try {
    assertEquals(
      [
        await second('docker save -o x.tar "${docker_image_tag}" "${release_docker_image_tag}"'),
        await second('additional_tag=("-t" "${release_docker_image_tag}")'),
        await second('docker save "${docker_image_tag}" > x.tar'),
      ],
      [true, true, false],
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("readReleaseLayout() falls back to 1.20 where there is no release.sh", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-layout-" });
  try {
    const layout = await readReleaseLayout({ ...old.checkout, root });
    assertEquals(layout.sourcePrefix, "kubernetes/");
    assert(layout.manifests.some(({ from }) => from === "cluster/gce/manifests/etcd.manifest"));
    assertEquals(layout.directoryImages, []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("planImages() names images, bases and paths as upstream", async () => {
  for (const [sample, registry] of [[old, "k8s.gcr.io"], [workspace, "registry.k8s.io"]] as const) {
    const { context, checkout } = sample;
    const inputs = {
      version: "v1.20.2+meta",
      arch: "amd64",
      names: ["kube-apiserver", "kubectl"],
      binPath: "/bin",
      directoryImages: [],
    };
    const layout = await readReleaseLayout(checkout);
    const tagged = sample.withEnv({ KUBE_DOCKER_REGISTRY: "me", KUBE_DOCKER_IMAGE_TAG: "v9" });
    const [apiserver] = await planImages(tagged, checkout, layout, inputs);
    assertEquals(apiserver?.repoTags, [
      `${registry}/kube-apiserver-amd64:v1.20.2_meta`,
      "me/kube-apiserver-amd64:v9",
    ]);
    assertEquals(apiserver?.path, "amd64/kube-apiserver.tar");
    const [copy, made = copy] = copiesOf(apiserver!.dockerfile);
    assertEquals(copy?.target, "/usr/local/bin/kube-apiserver");
    // 1.28 and later bind port 443 without being root.
    assertEquals(made?.capability !== undefined, sample === workspace);

    const images = await planImages(context, checkout, layout, inputs);
    assertEquals(images[0]?.repoTags.length, 1);
    const tags = async (
      changed: Partial<typeof checkout>,
      from: Partial<typeof layout> = {},
    ): Promise<readonly string[] | undefined> => {
      const of = { ...checkout, ...changed };
      return (await planImages(context, of, { ...layout, ...from }, inputs))[0]?.repoTags;
    };
    // 1.22.17 has another registry in build/common.sh than in build/lib/release.sh.
    assertEquals(await tags({ dockerRegistry: { value: "new.example", source: "" } }), [
      `${registry}/kube-apiserver-amd64:v1.20.2_meta`,
      "new.example/kube-apiserver-amd64:v1.20.2_meta",
    ]);
    assertEquals(await tags({}, { secondTag: false, deprecatedRegistry: "old.example" }), [
      `${registry}/kube-apiserver-amd64:v1.20.2_meta`,
      "old.example/kube-apiserver-amd64:v1.20.2_meta",
    ]);
    const kubectl = images.find(({ name }) => name === "kubectl");
    const entrypoint = kubectl?.dockerfile.stages.at(-1)?.settings.entrypoint;
    assertEquals(entrypoint, sample === old ? undefined : ["/bin/kubectl"]);
  }
});

Deno.test("parseBaseImages() takes references and short names, and refuses others", async () => {
  const layout = await readReleaseLayout(old.checkout);
  const plans = await planImages(old.context, old.checkout, layout, {
    version: "v1",
    arch: "amd64",
    names: ["kube-apiserver", "kube-proxy"],
    binPath: "/bin",
    directoryImages: [],
  });
  const bases = parseBaseImages(["go-runner=./oci", `${plans.at(-1)?.base}=scratch`], plans);
  assertEquals([...bases.values()], ["./oci", "scratch"]);
  assertThrows(() => parseBaseImages(["go-runner"], plans), UsageError, "it must be NAME=WHERE");
  assertThrows(() => parseBaseImages(["go-runer=x"], plans), UsageError, 'base image "go-runer"');
});

Deno.test("dockerTag() and isCruft() follow release.sh", () => {
  assertEquals(dockerTag("v1.2.3-4+5"), "v1.2.3-4_5");
  const cruft = ["a~", "#a#", ".DS_Store", "##"];
  const kept = ["a", "a#", "#a", "#", "DS", "~a"];
  assertEquals(cruft.filter((name) => !isCruft(name)), []);
  assertEquals(kept.filter(isCruft), []);
});
