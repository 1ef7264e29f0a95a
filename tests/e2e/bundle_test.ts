/** Bundles on machines without a network: checked, installed, their images loaded. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { bytesEntry, packTarball } from "../../src/archive/mod.ts";
import { hostPlatform } from "../../src/lib/util.ts";
import { makeImage, withRegistry } from "../registry/_world.ts";
import { inDebian, makeDebian, NO_DEBIAN } from "./_debian.ts";
import { Docker, NEEDS_DOCKER } from "./_engine.ts";
import {
  ENV,
  inScratch,
  kbuild,
  kbuildArgv,
  kbuildOk,
  makeSample,
  missingFor,
  output,
  run,
  unless,
  which,
} from "./_program.ts";

const VERSION = "v1.20.2";
const ARCH = hostPlatform().split("/")[1]!;
const NAME = `kubernetes-bundle-${VERSION}-linux-${ARCH}`;

/** What the sample lacks of kubeadm. */
const KUBEADM: Readonly<Record<string, string>> = {
  "constants/constants.go": 'package constants\n\nconst (\n\tDefaultEtcdVersion = "3.4.13-0"\n' +
    '\tCoreDNSVersion = "1.7.0"\n\tPauseVersion = "3.2"\n)\n',
  "images/images.go": "package images\n",
  "apis/kubeadm/v1beta2/defaults.go":
    'package v1beta2\n\nconst DefaultImageRepository = "k8s.gcr.io"\n',
};
const OTHERS = ["k8s.gcr.io/coredns:1.7.0", "k8s.gcr.io/etcd:3.4.13-0", "k8s.gcr.io/pause:3.2"];
const SERVERS = ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"];

/** A namespace in which nothing can be reached. */
const ALONE = (await run(["unshare", "-rn", "true"]).catch(() => undefined))?.code === 0
  ? ["unshare", "-rn"]
  : undefined;

const docker = await Docker.find();

/** A sample of kubeadm's own images, with a release, packages and SBOMs. */
async function released(dir: string, env: Readonly<Record<string, string>>): Promise<string> {
  const root = await makeSample("1.20", join(dir, "kubernetes"));
  for (const [path, text] of Object.entries(KUBEADM)) {
    const file = join(root, "cmd/kubeadm/app", path);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
  const named = 'CNI_VERSION = "0.8.7"\nCRI_TOOLS_VERSION = "1.19.0"\n';
  await Deno.writeTextFile(join(root, "build/workspace.bzl"), named);
  await output(["git", "-C", root, "add", "-A"]);
  const author = ["-c", "user.name=kbuild", "-c", "user.email=kbuild@example.com"];
  await output(["git", "-C", root, ...author, "commit", "-qm", "kubeadm"]);
  const what = [...SERVERS, "kubelet", "kubeadm", "kubectl"].map((name) => `cmd/${name}`).join(" ");
  const words = [
    `KUBE_BUILD_PLATFORMS=linux/${ARCH}`,
    `WHAT=${what}`,
    "KUBE_STATIC_OVERRIDES=kubelet",
  ];
  await kbuildOk(["quick-release", ...words], { cwd: root, env });
  return root;
}

/** Published tarballs of others, made up: programs that print their names. */
async function tarballs(dir: string): Promise<readonly string[]> {
  const work = join(dir, "others");
  await Deno.mkdir(work);
  const source = join(work, "main.go");
  const program = 'package main\n\nimport "os"\n\nvar name string\n\n' +
    'func main() { os.Stdout.WriteString(name + "\\n") }\n';
  await Deno.writeTextFile(source, program);
  const made = async (name: string) => {
    const out = join(work, name);
    await output(["go", "build", `-ldflags=-s -w -X main.name=${name}`, "-o", out, source], {
      env: { CGO_ENABLED: "0", GO111MODULE: "auto", GOFLAGS: "" },
    });
    return bytesEntry(name, await Deno.readFile(out), { mtime: 7, mode: 0o755 });
  };
  const crictl = join(dir, `crictl-v1.19.0-linux-${ARCH}.tar.gz`);
  const cni = join(dir, `cni-plugins-linux-${ARCH}-v0.8.7.tgz`);
  await packTarball([await made("crictl")], crictl);
  await packTarball([await made("bridge"), await made("loopback")], cni);
  return [crictl, cni].flatMap((path) => ["--tarball", path]);
}

Deno.test({
  ...unless(
    missingFor("1.20") ?? (ALONE === undefined ? "needs unshare and namespaces" : undefined),
    "a bundle is complete, the same twice, and installs without a network",
  ),
  fn: (t) =>
    inScratch(async (dir) => {
      const image = await makeImage(["amd64", "arm64"], 30_000);
      const env = {
        ...{ KUBE_GIT_VERSION: VERSION, KBUILD_CACHE: join(dir, "ca che") },
        // Nothing but the registry on this machine is asked.
        HTTPS_PROXY: "http://127.0.0.1:1",
      };
      const root = await released(dir, env);
      const given = await tarballs(dir);
      const refused = async (args: readonly string[], said: string) => {
        const { code, stderr, stdout } = await kbuild(["bundle", ...args], { cwd: root, env });
        assertEquals([code, stdout], [1, ""]);
        assertStringIncludes(stderr, said);
      };
      await t.step(
        "all parts that are missing are named in one error, until they are left out by name",
        async () => {
          const network = ["--offline", "--without", "sbom"];
          const others = "pause,coredns,etcd";
          const all = `deb,rpm,kubernetes-cni,cri-tools,${others}`;
          await refused(network, `Or leave them out by name: --without ${all}\n`);
          await refused(
            [...network, ...given],
            "deb: _output/release-packages/deb/kubelet_1.20.2-00",
          );
          await kbuildOk(["packages", ...given], { cwd: root, env });
          await refused(["--offline", ...given], "Make SBOMs: kbuild sbom");
          await refused([...network, ...given], `Or leave them out by name: --without ${others}\n`);
          const words = ["--without", "sbom,images,rpm,cri-tools", "--to", join(dir, "small")];
          const json = await kbuildOk(["bundle", ...words, ...given, "--json"], { cwd: root, env });
          const small = JSON.parse(json);
          const servers = [...SERVERS.slice(0, 2), "kube-scheduler", "kube-proxy"];
          assertEquals(small.leftOut, [
            ...["rpm", "cri-tools", ...servers, "pause", "coredns", "etcd", "sbom"],
          ]);
          const paths = small.files.map(({ path }: { path: string }) => path);
          assert(!paths.some((path: string) => /^(images|sbom)|rpm|cri-?tools|crictl/.test(path)));
          assertStringIncludes(
            await kbuildOk(["bundle", "verify", small.path]),
            "Left out: etcd\n",
          );
          await kbuildOk(["sbom"], { cwd: root, env });
        },
      );

      let archive = "";
      await t.step(
        "images of others come through mirrors; the same inputs give the same bytes",
        () =>
          withRegistry(image, async ({ host }) => {
            const words = ["bundle", ...given, "--mirror", `k8s.gcr.io=http://${host}`, "--json"];
            const made = JSON.parse(await kbuildOk(words, { cwd: root, env }));
            archive = join(root, made.path);
            assertEquals(made.leftOut, []);
            const names = made.images.map(({ reference }: { reference: string }) => reference);
            const servers = SERVERS.map((name) => `k8s.gcr.io/${name}:${VERSION}`);
            assertEquals(names.toSorted(), [...OTHERS, ...servers].toSorted());
            for (const { name, digest, manifest } of made.images) {
              if (SERVERS.includes(name)) continue;
              assertEquals([digest, manifest], [image.index, image.manifests[ARCH]]);
            }
            const to = join(dir, "two");
            const offline = ["bundle", ...given, "--offline", "--to", to, "--json", "--jobs", "1"];
            const two = JSON.parse(await kbuildOk(offline, { cwd: root, env }));
            assertEquals(two.sha256, made.sha256);
          }),
      );

      const unpacked = join(dir, "unpacked", NAME);
      const alone = (argv: readonly string[], more: Readonly<Record<string, string>> = {}) =>
        output([...ALONE!, ...argv], { env: more });
      await t.step("kbuild bundle verify and install.sh --check need no network", async () => {
        const said = await alone(kbuildArgv("bundle", "verify", archive));
        assertStringIncludes(said, `Kubernetes ${VERSION} for linux/${ARCH}: `);
        await Deno.mkdir(join(dir, "unpacked"));
        await output(["tar", "-xzf", archive, "-C", join(dir, "unpacked")]);
        await alone(kbuildArgv("bundle", "verify", unpacked));
        for (const shell of [["dash"], ["busybox", "sh"], ["bash", "--posix"], ["sh"]]) {
          if (which(shell[0]!) === undefined) continue;
          const checked = await alone([...shell, join(unpacked, "install.sh"), "--check"]);
          assertStringIncludes(checked, "all files are as SHA256SUMS lists them");
        }
      });
      await t.step("install.sh installs nothing of a damaged bundle", async () => {
        const path = join(unpacked, "bin/kubelet");
        const good = await Deno.readFile(path);
        await Deno.writeFile(path, good.slice(1));
        const to = join(dir, "damaged");
        const { code, stderr } = await run(["sh", join(unpacked, "install.sh"), `--root=${to}`]);
        assertEquals(code, 1);
        assertStringIncludes(stderr, "bin/kubelet: FAILED");
        await Deno.writeFile(path, good);
        const wrong = await kbuild(["bundle", "verify", join(dir, "kubernetes")]);
        assertStringIncludes(wrong.stderr, 'it has no "bundle.json"');
      });
      await t.step("install.sh copies programs, and kubelet starts", async () => {
        const to = join(dir, "ro ot");
        await alone(["sh", join(unpacked, "install.sh"), `--root=${to}`, "--packages=files"]);
        assertMatch(await alone([join(to, "usr/bin/kubelet"), "--version"]), /v1\.20\.2/);
        assertEquals(await alone([join(to, "usr/bin/crictl")]), "crictl\n");
        assertEquals(await alone([join(to, "opt/cni/bin/bridge")]), "bridge\n");
      });
      const noRpm = which("rpm") === undefined || Deno.uid() !== 0;
      await t.step({
        name: `install.sh installs rpms below a directory${
          noRpm ? " (skipped: needs rpm, root)" : ""
        }`,
        ignore: noRpm,
        async fn() {
          const to = join(dir, "rpms");
          await Deno.mkdir(to);
          await output(["rpm", `--root=${to}`, "--initdb"]);
          // What the packages need of a distribution is not there.
          const bin = join(dir, "rpm bin");
          await Deno.mkdir(bin);
          await Deno.writeTextFile(
            join(bin, "rpm"),
            `#!/bin/sh\nexec ${which("rpm")} --nodeps --noscripts "$@"\n`,
            {
              mode: 0o755,
            },
          );
          const path = { PATH: `${bin}:${ENV["PATH"]}` };
          const script = [join(unpacked, "install.sh"), `--root=${to}`, "--packages=rpm"];
          await output(["unshare", "-n", "sh", ...script], { env: path });
          assertMatch(await output([join(to, "usr/bin/kubelet"), "--version"]), /v1\.20\.2/);
        },
      });
      await t.step({
        name: `install.sh loads all images into docker${
          docker ? "" : ` (skipped: ${NEEDS_DOCKER})`
        }`,
        ignore: docker === undefined || Deno.uid() !== 0,
        async fn() {
          const { images } = JSON.parse(await Deno.readTextFile(join(unpacked, "bundle.json")));
          const to = `--root=${join(dir, "docker")}`;
          const script = [join(unpacked, "install.sh"), to, "--packages=files", "--images=docker"];
          const names = images.map(({ reference }: { reference: string }) => reference);
          try {
            await output(["unshare", "-n", "sh", ...script], { env: docker!.env });
            for (const { reference, imageId } of images) {
              const id = await docker!.run("inspect", "--format", "{{.Id}}", reference);
              assertEquals([reference, id.trim()], [reference, imageId]);
            }
            const proxy = `k8s.gcr.io/kube-proxy:${VERSION}`;
            const words = ["--network=none", "--entrypoint=/usr/local/bin/kube-proxy", proxy];
            assertMatch(await docker!.run("run", "--rm", ...words, "--version"), /v1\.20\.2/);
          } finally {
            const archs = SERVERS.map((name) => `k8s.gcr.io/${name}-${ARCH}:${VERSION}`);
            await docker!.run("rmi", ...names, ...archs);
          }
        },
      });
      await t.step({
        name: `apt installs the debs on a Debian without a network${
          NO_DEBIAN === undefined ? "" : ` (skipped: ${NO_DEBIAN})`
        }`,
        ignore: NO_DEBIAN !== undefined,
        async fn() {
          const debian = join(dir, "debian");
          await makeDebian(debian);
          await output(["cp", "-a", unpacked, join(debian, "opt/bundle")]);
          const inside = (script: string) => inDebian(debian, script);
          await inside("sh /opt/bundle/install.sh --images=none");
          assertMatch(await inside("kubelet --version"), /v1\.20\.2/);
          assertEquals(await inside("systemctl is-enabled kubelet"), "enabled\n");
          assertEquals(
            await inside("dpkg -V kubelet kubeadm kubectl kubernetes-cni cri-tools"),
            "",
          );
        },
      });
    }),
});
