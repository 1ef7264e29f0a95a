/** The script of bundles, run by the shells that there are. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { digestOfFile } from "../../src/archive/mod.ts";
import {
  bundleName,
  INSTALL_SCRIPT,
  leftOutBy,
  manifestText,
  sumsText,
} from "../../src/bundle/mod.ts";
import { filesBelow } from "../../src/files/mod.ts";
import { inScratch, output, run, unless, which } from "../e2e/_program.ts";

const ROOT = bundleName({ version: "v1.20.2", platform: "linux/amd64" });
const SHELLS = [["sh"], ["dash"], ["bash", "--posix"], ["busybox", "sh"]]
  .filter(([name]) => which(name!) !== undefined);

/** A bundle of programs alone, as somebody unpacked it; archives have the owners of another machine. */
async function unpacked(dir: string): Promise<string> {
  const root = join(dir, ROOT);
  const made = join(dir, "made");
  for (const path of ["bin", "programs"]) await Deno.mkdir(join(root, path), { recursive: true });
  await Deno.mkdir(made);
  await Deno.writeTextFile(join(root, "install.sh"), INSTALL_SCRIPT);
  await Deno.writeTextFile(join(root, "bin/kubelet"), "#!/bin/sh\n");
  for (const name of ["crictl", "bridge", "LICENSE"]) {
    await Deno.writeTextFile(join(made, name), "#!/bin/sh\n");
    await Deno.chmod(join(made, name), name === "LICENSE" ? 0o664 : 0o6777);
  }
  await Deno.chmod(made, 0o777);
  const pack = (name: string, ...members: string[]) =>
    output([
      ...["tar", "--owner=1001", "--group=1001", "-czf", join(root, "programs", name)],
      ...["-C", made, ...members],
    ]);
  await pack("crictl-v1.19.0-linux-amd64.tar.gz", "crictl");
  await pack("cni-plugins-linux-amd64-v0.8.7.tgz", ".");
  const paths = (await filesBelow(root)).toSorted();
  const files = await Promise.all(paths.map(async (path) => ({
    ...{ path, size: (await Deno.stat(join(root, path))).size },
    sha256: await digestOfFile(join(root, path), "sha256"),
  })));
  const manifest = { ...{ version: "v1.20.2", platform: "linux/amd64", kbuild: "1" }, files };
  const image = { name: "pause", reference: "pause:1", path: "images/pause.tar" };
  const digests = { imageId: `sha256:${"0".repeat(64)}`, manifest: `sha256:${"0".repeat(64)}` };
  const text = manifestText({ ...manifest, leftOut: ["etcd"], images: [{ ...image, ...digests }] });
  await Deno.writeTextFile(join(root, "bundle.json"), text);
  const sha256 = await digestOfFile(join(root, "bundle.json"), "sha256");
  const sums = sumsText([{ path: "bundle.json", sha256 }, ...files]);
  await Deno.writeTextFile(join(root, "SHA256SUMS"), sums);
  return root;
}

for (const shell of SHELLS) {
  // A busybox starts its own sha256sum.
  const isOwn = shell[0] === "busybox";
  Deno.test({
    ...unless(
      Deno.build.os === "linux" ? undefined : "needs Linux",
      `install.sh gives files to whoever runs it, whatever archives say: ${shell[0]}`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const root = await unpacked(dir);
        const to = join(dir, "ro ot");
        const words = ["--packages=files", `--root=${to}`];
        await output(["sh", "-c", 'umask 000; exec "$@"', "sh", ...shell, "install.sh", ...words], {
          cwd: root,
          // A directory of the same name must not be taken for the bundle's.
          env: { CDPATH: "/usr:/" },
        });
        for (
          const [path, mode] of [
            ["usr/bin/kubelet", 0o755],
            ["usr/bin/crictl", 0o755],
            ["opt/cni/bin/bridge", 0o755],
            ["opt/cni/bin/LICENSE", 0o644],
            ["opt/cni/bin", 0o755],
            ["usr/bin", 0o755],
          ] as const
        ) {
          const stat = await Deno.stat(join(to, path));
          assertEquals([path, stat.mode! & 0o7777], [path, mode]);
          assertEquals([path, stat.uid, stat.gid], [path, Deno.uid(), Deno.gid()]);
        }
        const left = [...Deno.readDirSync(join(to, "opt/cni/bin"))].map(({ name }) => name).sort();
        assertEquals(left, ["LICENSE", "bridge", "crictl"]);
      }),
  });

  Deno.test({
    ...unless(
      Deno.uid() === 0 && which("setpriv") === undefined ? "needs setpriv, or a user" : undefined,
      `install.sh tells a user who is not root what to do: ${shell[0]}`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        await Deno.chmod(dir, 0o755);
        const root = await unpacked(dir);
        const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        const { code, stdout, stderr } = await run(
          [...(Deno.uid() === 0 ? user : []), ...shell, "install.sh", "--images=none"],
          { cwd: root },
        );
        assertEquals(code, 1);
        assertStringIncludes(stderr, "run it with sudo, or install below a directory with --root");
        assertEquals(stdout.includes("Installing"), false);
      }),
  });

  Deno.test({
    ...unless(
      Deno.build.os === "linux" ? undefined : "needs Linux",
      `install.sh installs nothing of a directory that is not the whole bundle: ${shell[0]}`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const root = await unpacked(dir);
        const check = () => run([...shell, join(root, "install.sh"), "--check"]);
        assertEquals((await check()).code, 0);
        const sums = join(root, "SHA256SUMS");
        const lines = (await Deno.readTextFile(sums)).split("\n").slice(0, -1);
        const wrong = [
          ...lines.map((_, i) => lines.toSpliced(i, 1)),
          lines.slice(0, 1),
          [...lines, lines[0]!],
          lines.toReversed(),
        ];
        for (const left of wrong) {
          await Deno.writeTextFile(sums, left.map((line) => `${line}\n`).join(""));
          const { code, stderr } = await check();
          assertEquals([left, code], [left, 1]);
          assertStringIncludes(stderr, "SHA256SUMS does not list the files of bundle.json");
        }
        await Deno.writeTextFile(sums, "");
        assertEquals((await check()).code, 1);
        await Deno.writeTextFile(sums, lines.map((line) => `${line}\n`).join(""));
        assertEquals((await check()).code, 0);

        for (const name of ["bin/more", ".hidden", "packages/a b", "bin/*"]) {
          await Deno.mkdir(join(root, "packages"), { recursive: true });
          await Deno.writeTextFile(join(root, name), "x");
          const { code, stderr } = await check();
          assertEquals([name, code], [name, 1]);
          assertStringIncludes(stderr, `${name} is not listed\n`);
          assertStringIncludes(stderr, "nothing was installed: other files");
          await Deno.remove(join(root, name));
        }
        // The right bytes, elsewhere.
        await Deno.rename(join(root, "bin/kubelet"), join(dir, "kubelet"));
        await Deno.symlink(join(dir, "kubelet"), join(root, "bin/kubelet"));
        const { code, stderr } = await check();
        assertEquals(code, 1);
        assertStringIncludes(stderr, "bin/kubelet is not a file\n");
      }),
  });

  Deno.test({
    ...unless(
      Deno.build.os === "linux" ? undefined : "needs Linux",
      `install.sh follows no links below --root, which is absolute: ${shell[0]}`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const root = await unpacked(dir);
        const to = join(dir, "to");
        const other = join(dir, "other");
        const install = (root_: string) =>
          run([...shell, join(root, "install.sh"), "--packages=files", `--root=${root_}`], {
            cwd: dir,
          });
        for (const path of ["", "to", "./to"]) {
          const { code, stderr } = await install(path);
          assertEquals([path, code], [path, 1]);
          assertStringIncludes(stderr, "the root is an absolute path, such as --root=/mnt");
        }
        await Deno.mkdir(join(to, "usr/bin"), { recursive: true });
        await Deno.writeTextFile(other, "mine");
        await Deno.mkdir(join(dir, "elsewhere"));
        for (const name of [".kubelet.new", "kubelet"]) {
          await Deno.symlink(other, join(to, "usr/bin", name));
        }
        await Deno.symlink(join(dir, "elsewhere"), join(to, "usr/bin/.install.new"));
        const made = await install(to);
        assertEquals(made.code, 0, made.stderr);
        assertEquals(await Deno.readTextFile(other), "mine");
        assertEquals([...Deno.readDirSync(join(dir, "elsewhere"))], []);
        assertEquals((await Deno.lstat(join(to, "usr/bin/kubelet"))).isFile, true);

        await Deno.remove(join(to, "usr/bin/kubelet"));
        await Deno.mkdir(join(to, "usr/bin/kubelet"));
        const taken = await install(to);
        assertEquals(taken.code, 1);
        assertStringIncludes(taken.stderr, "usr/bin/kubelet: it is a directory");
        await Deno.remove(to, { recursive: true });
        await Deno.mkdir(to);
        await Deno.symlink(join(dir, "elsewhere"), join(to, "usr"));
        const out = await install(to);
        assertEquals(out.code, 1);
        assertStringIncludes(out.stderr, "a link leads out of");
        assertEquals([...Deno.readDirSync(join(dir, "elsewhere"))], []);
      }),
  });

  Deno.test({
    ...unless(
      isOwn ? "needs a shell that looks in PATH" : undefined,
      `install.sh goes by what sha256sum finds, in any language: ${shell[0]}`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const root = await unpacked(dir);
        const bin = join(dir, "bin");
        await Deno.mkdir(bin);
        const check = async (script: string) => {
          await Deno.writeTextFile(join(bin, "sha256sum"), `#!/bin/sh\n${script}\n`, {
            mode: 0o755,
          });
          const PATH = `${bin}:${Deno.env.get("PATH")}`;
          return await run([...shell, join(root, "install.sh"), "--check"], {
            env: { PATH, LC_ALL: "fr_FR.UTF-8", LANGUAGE: "fr" },
          });
        };
        const translated =
          'case $LC_ALL in C) echo "bin/kubelet: OK" ;; *) echo "x: Réussi" ;; esac';
        assertEquals((await check(translated)).code, 0);
        for (
          const script of [
            "echo 'bin/kubelet: OK'; exit 1",
            "echo 'bin/kubelet: OK'; echo 'sha256sum: WARNING: 1 line is improperly formatted' >&2",
            "echo 'bin/kubelet: FAILED'; exit 1",
          ]
        ) {
          const { code, stderr } = await check(script);
          assertEquals([script, code], [script, 1]);
          assertStringIncludes(stderr, "nothing was installed: files are missing or damaged");
        }
      }),
  });
}

Deno.test("without any of their parts, a bundle has no packages", () => {
  const parts = ["kubelet", "kubeadm", "kubectl", "kubernetes-cni", "cri-tools"];
  assertEquals(leftOutBy(parts), [...parts.slice(0, 3), "deb", "rpm", ...parts.slice(3)]);
  assertEquals(leftOutBy(parts.slice(1)), parts.slice(1));
  assertEquals(leftOutBy(["packages"]), ["deb", "rpm"]);
});
