/** What other programs make of kbuild's image archives: the programs of a release of the sample run. */
import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { hostPlatform } from "../../src/lib/util.ts";
import { Docker, importBases, NEEDS_DOCKER, runWith, startKindNode, tool } from "./_engine.ts";
import { inScratch, kbuildArgv, makeSample, missingFor, which } from "./_program.ts";

const ARCH = hostPlatform().split("/")[1];
const VERSION = "v1.28.7";
const BASES = [
  "registry.k8s.io/build-image/go-runner:v2.3.1-go1.21.7-bullseye.0",
  "registry.k8s.io/build-image/distroless-iptables:v0.4.5",
];
const SERVERS = ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"];
const NAMES = [...SERVERS, "kubectl"];
/** A second name in each archive, with another tag. */
const MINE = { KUBE_DOCKER_REGISTRY: "registry.example/mine", KUBE_DOCKER_IMAGE_TAG: "v9_mine" };
const tagOf = (name: string) => `registry.k8s.io/${name}-${ARCH}:${VERSION}`;
const mineOf = (name: string) => `registry.example/mine/${name}-${ARCH}:v9_mine`;

const docker = await Docker.find();
const lacking = missingFor("1.28") ??
  (which("busybox") === undefined ? "needs busybox" : undefined) ??
  (docker === undefined ? NEEDS_DOCKER : undefined);

interface Release {
  /** An archive by the image's name. */
  archive(name: string): string;
  /** What `kbuild images list --json` says. */
  readonly images: readonly { name: string; imageId: string; repoTags: readonly string[] }[];
  kbuild(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
}

async function release(dir: string): Promise<Release> {
  const root = await makeSample("1.28", join(dir, "kubernetes"));
  const archives = await importBases(docker!, dir, BASES);
  const bases = Object.entries(archives).flatMap((pair) => ["--base-image", pair.join("=")]);
  const kbuild = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runWith(kbuildArgv(...args), { ...docker!.env, ...env }, root);
  const what = NAMES.map((name) => `cmd/${name}`).join(" ");
  const platform = ["--platform", `linux/${ARCH}`];
  await kbuild(["quick-release", `WHAT=${what}`, ...platform, ...bases], MINE);
  const { images } = JSON.parse(await kbuild(["images", "--json"]));
  const archive = (name: string) => join(root, `_output/release-images/${ARCH}/${name}.tar`);
  return { archive, images, kbuild };
}

/** Storage for podman and buildah that is gone with the test. */
async function storage(dir: string): Promise<Readonly<Record<string, string>>> {
  const path = join(dir, "storage.conf");
  const lines = [
    "[storage]",
    'driver = "vfs"',
    `runroot = "${dir}/run"`,
    `graphroot = "${dir}/graph"`,
  ];
  await Deno.writeTextFile(path, `${lines.join("\n")}\n`);
  return { CONTAINERS_STORAGE_CONF: path };
}

async function withDocker(t: Deno.TestContext, { images, kbuild }: Release): Promise<void> {
  await t.step("docker loads all images under all names, and runs their programs", async () => {
    const loaded = (await kbuild(["images", "load"])).trim().split("\n").sort();
    assertEquals(loaded, NAMES.flatMap((name) => [tagOf(name), mineOf(name)]).sort());
    for (const { name, imageId } of images) {
      const id = await docker!.run("inspect", "--format", "{{.Id}}", mineOf(name));
      assertEquals(id.trim(), imageId);
      const program = name === "kubectl"
        ? [tagOf(name)]
        : ["--entrypoint", `/usr/local/bin/${name}`, tagOf(name)];
      const said = await docker!.run("run", "--rm", "--network=none", ...program, "--version");
      assertMatch(said, new RegExp(`${VERSION.replaceAll(".", "\\.")}`));
    }
  });
  await t.step("getcap in a container shows the capability of kube-apiserver alone", async () => {
    const getcap = (name: string) =>
      docker!.run(
        ...["run", "--rm", "--network=none", "--entrypoint", "/bin/getcap", tagOf(name)],
        `/usr/local/bin/${name}`,
      );
    const path = "/usr/local/bin/kube-apiserver";
    assertEquals(await getcap("kube-apiserver"), `${path} cap_net_bind_service=ep\n`);
    assertEquals(await getcap("kube-scheduler"), "");
  });
}

const policy = "--insecure-policy";

async function withOthers(t: Deno.TestContext, made: Release, dir: string): Promise<void> {
  const { archive, images, kbuild } = made;
  const step = (program: string, name: string, fn: () => Promise<void>) => {
    const ignore = tool(program) === undefined;
    return t.step({ name: ignore ? `${name} (skipped: needs ${program})` : name, ignore, fn });
  };
  await step(
    "skopeo",
    "skopeo reads both forms, and copies the same image out of them",
    async () => {
      for (const { name, imageId } of images) {
        const forms = [
          `docker-archive:${archive(name)}`,
          `oci-archive:${archive(name)}:${VERSION}`,
        ];
        const copied: string[] = [];
        for (const [index, form] of forms.entries()) {
          const inspected = JSON.parse(await runWith(["skopeo", policy, "inspect", form], {}));
          assertEquals([inspected.Architecture, inspected.Layers.length], [ARCH, 2]);
          const config = await runWith(
            ["skopeo", policy, "inspect", "--config", "--raw", form],
            {},
          );
          assertEquals(`sha256:${createHash("sha256").update(config).digest("hex")}`, imageId);
          const to = join(dir, `${name}-${index}`);
          await runWith(["skopeo", policy, "copy", "-q", form, `dir:${to}`], {});
          const { layers } = JSON.parse(await Deno.readTextFile(join(to, "manifest.json")));
          copied.push(JSON.stringify(layers.map(({ digest }: { digest: string }) => digest)));
        }
        assertEquals(copied[0], copied[1]);
      }
    },
  );
  await step("podman", "podman loads under all names", async () => {
    const env = await storage(dir);
    await kbuild(["images", "load", "--into", "podman", "kubectl", "kube-apiserver"], env);
    const listed = await runWith(["podman", "images", "--format", "{{.ID}} {{.Names}}"], env);
    for (const { name, imageId } of images) {
      if (name !== "kubectl" && name !== "kube-apiserver") continue;
      assertStringIncludes(listed, imageId.slice(7, 19));
      for (const tag of [tagOf(name), mineOf(name)]) assertStringIncludes(listed, tag);
    }
  });
  await step("buildah", "buildah pulls from both forms", async () => {
    const env = await storage(dir);
    for (
      const form of [
        `docker-archive:${archive("kube-proxy")}`,
        `oci-archive:${archive("kube-proxy")}:${VERSION}`,
      ]
    ) {
      const id = await runWith(["buildah", "pull", "-q", form], env);
      assertEquals(
        `sha256:${id.trim()}`,
        images.find(({ name }) => name === "kube-proxy")?.imageId,
      );
    }
  });
  await step("crane", "crane finds all archives valid", async () => {
    for (const name of NAMES) {
      await runWith([tool("crane")!, "validate", "--tarball", archive(name)], {});
    }
  });
}

/** The containerd below the engine, where the engine was started for tests. */
async function withContainerd(t: Deno.TestContext, { kbuild }: Release): Promise<void> {
  const socket = (docker?.host ?? "").replace(
    /^unix:\/\/(.*)\/docker\.sock$/,
    "$1/exec/containerd/containerd.sock",
  );
  const isThere = await Deno.stat(socket).then(() => true, () => false);
  const ignore = !isThere || which("ctr") === undefined;
  await t.step({
    name: "containerd imports under all names" +
      (ignore ? " (skipped: needs containerd and ctr)" : ""),
    ignore,
    fn: async () => {
      const env = { CONTAINERD_ADDRESS: socket };
      await kbuild(["images", "load", "--into", "containerd", "kube-proxy"], env);
      const ctr = ["ctr", "-n", "k8s.io", "images"];
      const listed = (await runWith([...ctr, "ls", "-q"], env)).trim().split("\n");
      const names = [tagOf("kube-proxy"), mineOf("kube-proxy")];
      assertEquals(names.filter((name) => !listed.includes(name)), []);
      await runWith([...ctr, "rm", ...names], env);
    },
  });
}

/** A name that no cluster of the user's has. */
const CLUSTER = `kbuild-test-${crypto.randomUUID().slice(0, 8)}`;

async function withKind(t: Deno.TestContext, { kbuild }: Release, dir: string): Promise<void> {
  const needs = ["kind", "containerd", "ctr"].find((name) => tool(name) === undefined);
  await t.step({
    name: "kind takes archives into its nodes" + (needs ? ` (skipped: needs ${needs})` : ""),
    ignore: needs !== undefined,
    fn: async () => {
      const env = await startKindNode(docker!, dir, CLUSTER);
      const node = `${CLUSTER}-control-plane`;
      try {
        await kbuild(["images", "load", "--into", "kind", "kube-proxy", "kubectl"], env);
        const images = ["exec", node, "ctr", "-n", "k8s.io", "images"];
        const listed = (await docker!.run(...images, "ls", "-q")).split("\n");
        // One component of a running node is replaced: its name leads to the image that was built.
        const plain = `registry.k8s.io/kube-proxy:${VERSION}`;
        await docker!.run(...images, "tag", "--force", tagOf("kubectl"), plain);
        await kbuild(["images", "load", "--into", `kind:${CLUSTER}`, "kube-proxy"], {
          ...env,
          KIND_CLUSTER_NAME: "another",
        });
        const digests = (await docker!.run(...images, "ls")).split("\n").map((line) =>
          line.split(/\s+/)
        );
        const digestOf = (tag: string) => digests.find(([name]) => name === tag)?.[2];
        assertEquals(digestOf(plain), digestOf(tagOf("kube-proxy")));
        assertNotEquals(digestOf(plain), digestOf(tagOf("kubectl")));
        for (const name of ["kube-proxy", "kubectl"]) {
          const missing = [tagOf(name), mineOf(name)].filter((tag) => !listed.includes(tag));
          assertEquals(missing, []);
        }
        // Nothing of them is missing, and they are unpacked.
        const checked = await docker!.run(...images, "check", `name==${tagOf("kube-proxy")}`);
        assertMatch(checked, /complete \(\d+\/\d+\).* true/);
      } finally {
        await docker!.run("rm", "--force", "--volumes", node).catch(() => {});
        await docker!.run("rmi", "-f", `${CLUSTER}:node`).catch(() => {});
      }
    },
  });
}

Deno.test({
  name: `every loader takes the image archives of a release${
    lacking ? ` (skipped: ${lacking})` : ""
  }`,
  ignore: lacking !== undefined,
  fn: (t) =>
    inScratch(async (dir) => {
      const made = await release(dir);
      assertEquals(made.images.map(({ name }) => name), NAMES);
      try {
        await withDocker(t, made);
        await withOthers(t, made, dir);
        await withContainerd(t, made);
        await withKind(t, made, dir);
      } finally {
        const tags = NAMES.flatMap((name) => [tagOf(name), mineOf(name)]);
        await docker!.run("rmi", "-f", ...tags, ...BASES).catch(() => {});
      }
    }),
});
