import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import {
  dockerTag,
  isCruft,
  parseBaseImages,
  planImages,
  planRelease,
  readReleaseLayout,
  type ReleaseInputs,
  requiredBinaries,
  requiredInputs,
} from "../../src/release/mod.ts";
import { openSample } from "../lib/_open.ts";

const old = await openSample("1.20");
const workspace = await openSample("1.35");
globalThis.addEventListener("unload", () => {
  for (const { context } of [old, workspace]) {
    Deno.removeSync(`${context.root}/..`, { recursive: true });
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

Deno.test("planRelease() plans 31 tarballs for a full 1.20 release, 32 for 1.35", async () => {
  for (const [{ checkout }, count] of [[old, 31], [workspace, 32]] as const) {
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
      assert(names.includes(name), name);
    }
    assert(names.includes("gci-configure-helper.sh"));
    assertEquals(
      names.includes("cloud-controller-manager.manifest"),
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

Deno.test("requiredInputs() names every file and folder that staging reads", async () => {
  const plans = planRelease(old.checkout, await readReleaseLayout(old.checkout), QUICK);
  const inputs = requiredInputs(plans);
  for (const path of ["LICENSES", "README.md", "cluster", "docs", "hack/lib", "test/images"]) {
    assert(inputs.includes(path), path);
    await Deno.lstat(`${old.context.root}/${path}`);
  }
});

Deno.test("readReleaseLayout() falls back to 1.20 where there is no release.sh", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-layout-" });
  try {
    const layout = await readReleaseLayout({ ...old.checkout, root });
    assertEquals(layout.sourcePrefix, "kubernetes/");
    assert(layout.manifests.some(({ from }) => from === "cluster/gce/manifests/etcd.manifest"));
    assertEquals(layout.conformance, undefined);
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
      conformance: false,
    };
    const layout = await readReleaseLayout(checkout);
    const tagged = sample.withEnv({ KUBE_DOCKER_REGISTRY: "me", KUBE_DOCKER_IMAGE_TAG: "v9" });
    const [apiserver] = await planImages(tagged, checkout, layout, inputs);
    assertEquals(apiserver?.repoTags, [
      `${registry}/kube-apiserver-amd64:v1.20.2_meta`,
      "me/kube-apiserver-amd64:v9",
    ]);
    assertEquals(apiserver?.path, "amd64/kube-apiserver.tar");
    const [copy] = apiserver?.dockerfile.copies ?? [];
    assertEquals(copy?.target, "/usr/local/bin/kube-apiserver");
    // 1.28 and later bind port 443 without being root.
    assertEquals(copy?.capability !== undefined, sample === workspace);

    const images = await planImages(context, checkout, layout, inputs);
    assertEquals(images[0]?.repoTags.length, 1);
    const kubectl = images.find(({ name }) => name === "kubectl");
    assertEquals(kubectl?.dockerfile.entrypoint, sample === old ? undefined : ["/bin/kubectl"]);
  }
});

Deno.test("parseBaseImages() takes references and short names, and refuses others", async () => {
  const layout = await readReleaseLayout(old.checkout);
  const plans = await planImages(old.context, old.checkout, layout, {
    version: "v1",
    arch: "amd64",
    names: ["kube-apiserver", "kube-proxy"],
    binPath: "/bin",
    conformance: false,
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
