/** The script of bundles, run by the shells that there are. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { bundleName, INSTALL_SCRIPT, leftOutBy } from "../../src/bundle/mod.ts";
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
  await Deno.writeTextFile(
    join(root, "bundle.json"),
    '{\n  "version": "v1.20.2",\n  "platform": "linux/amd64",\n}\n',
  );
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
  const sums = "sha256sum bundle.json install.sh bin/* programs/* > SHA256SUMS";
  await output(["sh", "-c", sums], { cwd: root });
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
