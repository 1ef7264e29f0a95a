/** `kbuild packages`: what it makes, refuses and says. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { bytesEntry, packTarball } from "../../src/archive/mod.ts";
import { tinyProgram } from "../audit/_programs.ts";
import { digestOf, withSite } from "../download/_site.ts";
import { noMount, withTmpfs } from "../e2e/_tmpfs.ts";
import {
  inScratch,
  kbuild,
  kbuildOk,
  listing,
  makeSample,
  unless,
  which,
} from "../e2e/_program.ts";

const needs = unless(which("git") === undefined && "needs git", "");

/** Stamped with the version of the sample, and with that of a sample with other files. */
const VERSIONS = ["v1.20.2", "v1.20.2-dirty"];

/** A sample with made-up programs at paths that end in `<os>/<arch>/<name>`, or with other contents. */
async function withPrograms(
  dir: string,
  programs: readonly string[] | { readonly [path: string]: Uint8Array<ArrayBuffer> },
) {
  const root = await makeSample("1.20", join(dir, "kube rnetes"));
  const all = isList(programs)
    ? programs.map((path) => [path, programAt(path)] as const)
    : Object.entries(programs);
  for (const [path, bytes] of all) {
    const file = join(root, "_output", path);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeFile(file, bytes);
  }
  return root;
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

function programAt(path: string): Uint8Array<ArrayBuffer> {
  const [os, arch, text = ""] = path.split("/").slice(-3);
  return tinyProgram({ platform: `${os}/${arch}`, versions: VERSIONS, text });
}

const AMD64 = ["kubelet", "kubeadm", "kubectl"].map((name) => `local/bin/linux/amd64/${name}`);

/** A program of somebody else. */
const OTHER = tinyProgram({ versions: [], linksVersion: false });

Deno.test({
  ...needs,
  name:
    `kbuild packages takes the platforms that have binaries, each with what it has${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, [
        ...[...AMD64, "local/bin/linux/386/kubectl", "local/bin/darwin/arm64/kubectl"],
      ]);
      const { packages } = JSON.parse(await kbuildOk(["packages", "deb", "--json"], { cwd: root }));
      const paths = packages.map(({ path }: { path: string }) => path.split("/").at(-1));
      assertEquals(paths, [
        "kubectl_1.20.2-00_i386.deb",
        "kubelet_1.20.2-00_amd64.deb",
        "kubeadm_1.20.2-00_amd64.deb",
        "kubectl_1.20.2-00_amd64.deb",
      ]);
      const both = await kbuildOk(["packages", "--packages", "kubectl", "--json"], { cwd: root });
      assertEquals(JSON.parse(both).packages.map(({ path }: { path: string }) => path), [
        "_output/release-packages/deb/kubectl_1.20.2-00_i386.deb",
        "_output/release-packages/rpm/i386/kubectl-1.20.2-0.i386.rpm",
        "_output/release-packages/deb/kubectl_1.20.2-00_amd64.deb",
        "_output/release-packages/rpm/x86_64/kubectl-1.20.2-0.x86_64.rpm",
      ]);
      const [first] = packages;
      assertEquals(
        [first.name, first.format, first.version, first.platform, first.path],
        [
          ...["kubectl", "deb", "1.20.2", "linux/386"],
          "_output/release-packages/deb/kubectl_1.20.2-00_i386.deb",
        ],
      );

      const to = join(dir, "to");
      const args = ["--packages", "kubectl", "--revision", "7", "--to", "../to"];
      const shown = await kbuildOk(["packages", "deb", ...args, "--platform", "linux/amd64"], {
        cwd: root,
      });
      assertStringIncludes(shown, `${to}/deb/kubectl_1.20.2-7_amd64.deb`);
      assertEquals(listing(to, { sizes: false }), ["deb", "deb/kubectl_1.20.2-7_amd64.deb"]);

      await kbuildOk(["clean"], { cwd: root });
      assertEquals(listing(root).filter((path) => path.startsWith("_output")), []);
    }),
});

Deno.test({
  ...needs,
  name: `kbuild packages names what is missing, and what is not a package${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, []);
      const fails = async (args: string[], code: number, ...texts: string[]) => {
        const ended = await kbuild(["packages", ...args], { cwd: root });
        assertEquals([ended.code, ended.stdout], [code, ""], ended.stderr);
        for (const text of texts) assertStringIncludes(ended.stderr, text);
      };
      await fails([], 1, "there are no binaries in", "kbuild quick-release");
      await Deno.mkdir(join(root, "_output/local/bin/linux/arm64"), { recursive: true });
      await Deno.writeTextFile(join(root, "_output/local/bin/linux/arm64/kubectl"), "");
      await fails(
        [],
        1,
        "2 programs are missing",
        "_output/local/bin/linux/arm64/kubelet\n",
        "kbuild all cmd/kubelet cmd/kubeadm --platform linux/arm64",
        "--packages kubectl",
      );
      await fails(["dbe"], 2, 'Unknown format "dbe"', 'Did you mean "deb"?');
      await fails(["--packages", "kubectx"], 2, 'Unknown package "kubectx"', '"kubectl"');
      await fails(["--packages", "kubectl", "--tarball", "x.tgz"], 2, 'in "x.tgz" by its name');
      for (const flag of ["--packages", "--platform", "--tarball"]) {
        await fails([flag, ""], 2, `Flag "${flag}" needs a value, but is given ""`);
      }
      await fails(["--tarball", "a.tgz,b.tar.gz"], 2, "Repeat the flag: --tarball FILE --tarball");
      const rpms = await kbuild(["rpm", ","], { cwd: root });
      assertEquals([rpms.code, rpms.stdout], [2, ""]);
      assertStringIncludes(rpms.stderr, 'Cannot make rpms for ",": it names no architecture');
      await fails(["--revision", "1-2"], 2, "--revision");
      await fails(["--maintainer", "Jane"], 2, "as the maintainer");
      await fails(["--platform", "darwin/arm64"], 1, "Cannot make packages for darwin/arm64");
      assertEquals(listing(join(root, "_output")).some((path) => path.includes("deb")), false);
    }),
});

Deno.test({
  ...needs,
  name: `kbuild packages makes kubernetes-cni and cri-tools of published tarballs${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, AMD64);
      const workspace = join(root, "build/workspace.bzl");
      await Deno.writeTextFile(workspace, 'CNI_VERSION = "0.8.7"\n');
      const cni = join(dir, "cni-plugins-linux-amd64-v0.8.7.tgz");
      const crictl = join(dir, "crictl-v1.18.0-linux-amd64.tar.gz");
      for (const [path, name] of [[cni, "./bridge"], [crictl, "crictl"]] as const) {
        await packTarball([bytesEntry(name, OTHER, { mtime: 1, mode: 0o755 })], path);
      }
      const env = { KUBE_GIT_VERSION: "v1.20.2", KBUILD_OFFLINE: "y" };
      const run = (...args: string[]) => kbuild(["packages", "deb", ...args], { cwd: root, env });

      const unnamed = await run();
      const why =
        "the checkout does not say which version (--tarball crictl-VERSION-linux-amd64.tar.gz)";
      assertStringIncludes(unnamed.stdout, `\nLeft out: cri-tools for linux/amd64: ${why}\n`);
      await Deno.writeTextFile(workspace, 'CNI_VERSION = "0.8.7"\nCRI_TOOLS_VERSION = "1.19.0"\n');
      const without = await run();
      assertEquals(without.code, 0, without.stderr);
      assertStringIncludes(without.stdout, "\nLeft out: kubernetes-cni for linux/amd64: Cannot ");
      assertStringIncludes(without.stdout, "\nLeft out: cri-tools for linux/amd64: Cannot verify ");
      const planned = await run("--dry-run");
      assertStringIncludes(planned.stderr, "Left out: kubernetes-cni for linux/amd64: ");
      const two = await run("--json", "--platform", "linux/amd64,darwin/arm64");
      const { leftOut } = JSON.parse(two.stdout);
      assertEquals(
        leftOut.map(({ name, platform }: Record<string, string>) => [name, platform]),
        [
          [undefined, "darwin/arm64"],
          ...["kubernetes-cni", "cri-tools"].map((name) => [name, "linux/amd64"]),
        ],
      );
      assertEquals(leftOut[0].reason, "there are no packages for it");

      const made = await run("--tarball", cni, "--tarball", crictl);
      assertEquals(made.code, 0, made.stderr);
      assertStringIncludes(made.stdout, "deb/kubernetes-cni_0.8.7-00_amd64.deb");
      assertStringIncludes(made.stdout, "deb/cri-tools_1.18.0-00_amd64.deb");
      assertStringIncludes(
        made.stderr,
        "cri-tools 1.18.0 is not the version that this checkout names, 1.19.0",
      );
      assertEquals((made.stdout + made.stderr).includes("Left out"), false);

      const missing = await run("--packages", "cri-tools");
      assertEquals(missing.code, 1);
      assertStringIncludes(missing.stderr, "Cannot make cri-tools for linux/amd64");
      const digest = "0".repeat(64);
      await Deno.writeTextFile(
        workspace,
        `CNI_VERSION = "0.8.7"\n_CNI_TARBALL_ARCH_SHA256 = {\n  "amd64": "${digest}",\n}\n`,
      );
      const wrong = await run("--tarball", cni);
      assertEquals([wrong.code, wrong.stdout], [1, ""]);
      assertStringIncludes(wrong.stderr, "its digest is not the one in build/workspace.bzl");
      assertEquals((await run("--tarball", join(dir, "plugins.tgz"))).code, 2);
      // What is unpacked in between is gone.
      const left = listing(join(root, "_output"), { sizes: false });
      assertEquals(left.filter((path) => path.includes(".kbuild-tmp")), []);
    }),
});

Deno.test({
  ...needs,
  name: `kbuild packages fetches kubernetes-cni and cri-tools by digest${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, AMD64);
      const names = ["cni-plugins-linux-amd64-v0.8.7.tgz", "crictl-v1.19.0-linux-amd64.tar.gz"];
      const paths = [
        `/containernetworking/plugins/releases/download/v0.8.7/${names[0]}`,
        `/kubernetes-sigs/cri-tools/releases/download/v1.19.0/${names[1]}`,
      ];
      const files = new Map<string, Uint8Array<ArrayBuffer>>();
      for (const [i, name] of ["./bridge", "crictl"].entries()) {
        const file = join(dir, names[i]!);
        await packTarball([bytesEntry(name, OTHER, { mtime: 1, mode: 0o755 })], file);
        files.set(paths[i]!, await Deno.readFile(file));
      }
      const [cni, crictl] = paths.map((path) => digestOf("sha256", files.get(path)!));
      await Deno.writeTextFile(
        join(root, "build/workspace.bzl"),
        `CNI_VERSION = "0.8.7"\n_CNI_TARBALL_ARCH_SHA256 = {\n  "amd64": "${cni}",\n}\n` +
          'CRI_TOOLS_VERSION = "1.19.0"\n',
      );
      // Of crictl, only the user has a digest.
      const lock = `sha256:${crictl} https://github.com${paths[1]}\n`;
      await Deno.writeTextFile(join(root, "kbuild.lock"), lock);
      const made = (json: string) =>
        JSON.parse(json).packages.map(({ path }: { path: string }) =>
          path.split("/").at(-1)?.replace("+dirty", "")
        );
      const all = [
        ...["kubelet_1.20.2-00_amd64.deb", "kubeadm_1.20.2-00_amd64.deb"],
        ...["kubectl_1.20.2-00_amd64.deb", "kubernetes-cni_0.8.7-00_amd64.deb"],
        "cri-tools_1.19.0-00_amd64.deb",
      ];
      await withSite(files, async ({ url, requests }) => {
        const env = {
          ...{ KUBE_GIT_VERSION: "v1.20.2", KBUILD_CACHE: join(dir, "ca che") },
          KBUILD_MIRRORS: `github.com=${url}`,
        };
        const words = ["packages", "deb", "--json"];
        const plan = JSON.parse(await kbuildOk(["plan", ...words], { cwd: root, env }));
        assertEquals(plan.downloads.map(({ what }: { what: string }) => what), names);
        assertEquals(requests, []);
        assertEquals(made(await kbuildOk(words, { cwd: root, env })), all);
        assertEquals(requests, paths.map((path) => `GET ${path}`));
        // From the cache, without a network and without the user's digest.
        await Deno.remove(join(root, "kbuild.lock"));
        const offline = { ...env, KBUILD_OFFLINE: "y" };
        assertEquals(made(await kbuildOk(words, { cwd: root, env: offline })), all);
        assertEquals(requests.length, 2);

        // Other bytes than the digest says, and a digest that nobody has.
        files.set(paths[0]!, new TextEncoder().encode("<html>"));
        const other = { ...env, KBUILD_CACHE: join(dir, "other cache") };
        const left = await kbuild(words, { cwd: root, env: other });
        assertEquals(left.code, 0, left.stderr);
        assertEquals(made(left.stdout), all.slice(0, 3));
        assertStringIncludes(left.stderr, "No programs for kubernetes-cni: Cannot get");
        assertStringIncludes(left.stderr, "a web page or an error in XML came instead");
        assertStringIncludes(left.stderr, "No programs for cri-tools: Cannot verify");
        const { leftOut } = JSON.parse(left.stdout);
        assertEquals(leftOut.length, 2);
        assertEquals([leftOut[1].name, leftOut[1].platform], ["cri-tools", "linux/amd64"]);
        assertStringIncludes(leftOut[1].reason, "Cannot verify");
        const asked = await kbuild([...words, "--packages", "kubernetes-cni"], {
          ...{ cwd: root, env: other },
        });
        assertEquals(asked.code, 1);
        assertStringIncludes(asked.stderr, "a web page or an error in XML came instead");
      });
    }),
});

Deno.test({
  ...needs,
  name: `a lock file that is named and missing is refused by all that read it${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, ["local/bin/linux/amd64/kubectl"]);
      await Deno.mkdir(join(root, "_output/release-tars"), { recursive: true });
      await Deno.writeTextFile(join(root, "_output/release-tars/kubernetes.tar.gz"), "x");
      const lines = [
        ["packages"],
        ["bundle", "--without", "images,kubernetes-cni,cri-tools"],
        ["download", "v1.30.2"],
        ["verify-release", "v1.30.2"],
      ];
      for (const words of lines) {
        const made = await kbuild(words, { cwd: root, env: { KBUILD_LOCK_FILE: "no.lock" } });
        assertEquals([words[0], made.code], [words[0], 1]);
        assertStringIncludes(made.stderr, 'no.lock": it does not exist');
      }
      const lone = await kbuild(["package-tarballs", "--supplier", "X"], { cwd: root });
      assertEquals(lone.code, 2);
      assertStringIncludes(lone.stderr, 'Cannot use "--supplier" without "--sbom"');
    }),
});

Deno.test({
  ...needs,
  name: `kbuild packages refuses programs of another version or platform${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const program = tinyProgram({ versions: ["v1.19.3"] });
      const root = await withPrograms(dir, {
        "local/bin/linux/amd64/kubectl": program,
        "local/bin/linux/arm64/kubectl": program,
      });
      const made = await kbuild(["packages", "--packages", "kubectl"], { cwd: root });
      assertEquals([made.code, made.stdout], [1, ""]);
      assertStringIncludes(made.stderr, "Cannot make packages of v1.20.2: programs do not fit");
      assertStringIncludes(
        made.stderr,
        "amd64/kubectl: is not stamped with version v1.20.2; in it: v1.19.3",
      );
      assertStringIncludes(
        made.stderr,
        "arm64/kubectl: is a program for linux/amd64, want linux/arm64",
      );
      const env = { KUBE_GIT_VERSION: "v1.19.3" };
      const args = ["packages", "--packages", "kubectl", "--platform", "linux/amd64"];
      assertStringIncludes(
        await kbuildOk(args, { cwd: root, env }),
        "kubectl_1.19.3-00_amd64.deb",
      );
    }),
});

/** A gpg in `PATH` that has every key, and whose signatures are the texts. Of its calls that sign, only some work. */
async function withGpg(dir: string, works: string): Promise<Readonly<Record<string, string>>> {
  const bin = join(dir, `gpg ${works}`);
  await Deno.mkdir(bin);
  const script = `#!/bin/sh
case " $* " in *" --list-secret-keys "*) exit 0 ;; esac
echo >>"$0.calls"
calls=$(wc -l <"$0.calls")
if [ "$calls" ${works} ]; then
  case " $* " in *" --no-armor "*) exec printf '\\210\\003\\004\\000\\001' ;; esac
  exec cat
fi
echo "gpg: signing failed: Inappropriate ioctl for device" >&2
exit 2
`;
  await Deno.writeTextFile(join(bin, "gpg"), script, { mode: 0o755 });
  return { PATH: `${bin}:${Deno.env.get("PATH")}` };
}

/** What is below a directory, with digests. */
async function contents(dir: string): Promise<Readonly<Record<string, string>>> {
  const files = listing(dir, { sizes: false }).filter((path) =>
    Deno.lstatSync(join(dir, path)).isFile
  );
  return Object.fromEntries(
    await Promise.all(
      files.map(async (path) => [path, digestOf("sha256", await Deno.readFile(join(dir, path)))]),
    ),
  );
}

Deno.test({
  ...needs,
  name: `kbuild packages leaves no index that is not right${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, AMD64);
      const kubelet = join(root, "_output/local/bin/linux/amd64/kubelet");
      const to = join(dir, "to");
      const gpg = await withGpg(dir, "-gt 0");
      for (const format of ["deb", "rpm"]) {
        const make = (args: readonly string[], env = {}) =>
          kbuild(["packages", format, "--to", to, ...args], { cwd: root, env });
        const made = await make(["--repository"]);
        assertEquals(made.code, 0, made.stderr);
        const another = tinyProgram({ versions: VERSIONS, text: `another kubelet of ${format}` });
        await Deno.writeFile(kubelet, another);
        const before = await contents(to);
        for (const args of [[], ["--packages", "kubelet"], ["--dry-run"]]) {
          const plain = await make(args);
          assertEquals([plain.code, plain.stdout], [1, ""]);
          assertStringIncludes(plain.stderr, "it is a repository, and ");
          assertStringIncludes(plain.stderr, "Make the index again, too: --repository");
          assertEquals(await contents(to), before);
        }
        const renewed = await make(["--repository"]);
        assertEquals(renewed.code, 0, renewed.stderr);
        const signed = await make(["--sign", "me"], gpg);
        assertEquals(signed.code, 0, signed.stderr);
        const unsigned = await make([]);
        assertEquals([unsigned.code, unsigned.stdout], [1, ""]);
        assertStringIncludes(unsigned.stderr, "and sign it: --sign KEY");
      }
      // The other format is beside the repository.
      await Deno.remove(join(to, "rpm"), { recursive: true });
      const rpms = await kbuild(["packages", "rpm", "--to", to], { cwd: root });
      assertEquals(rpms.code, 0, rpms.stderr);
    }),
});

Deno.test({
  ...needs,
  name: `kbuild packages that fails leaves the packages and the index of before${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, AMD64);
      const to = join(dir, "to");
      const make = (args: readonly string[], env = {}) =>
        kbuild(["packages", "deb", "--to", to, ...args], { cwd: root, env });
      // A key with a passphrase that nobody can type: nothing is written at all.
      const locked = await make(["--sign", "me"], await withGpg(dir, "-lt 0"));
      assertEquals([locked.code, locked.stdout], [1, ""]);
      assertStringIncludes(locked.stderr, 'Cannot sign with "me": gpg cannot use the key');
      assertStringIncludes(locked.stderr, "Inappropriate ioctl for device");
      assertStringIncludes(locked.stderr, "export GPG_TTY=$(tty)");
      assertEquals(Array.from(Deno.readDirSync(dir), ({ name }) => name).includes("to"), false);

      assertEquals((await make(["--repository"])).code, 0);
      const before = await contents(to);
      const another = tinyProgram({ versions: VERSIONS, text: "another" });
      await Deno.writeFile(join(root, "_output/local/bin/linux/amd64/kubelet"), another);
      // It is only the index that cannot be signed.
      const failed = await make(["--sign", "me"], await withGpg(dir, "-lt 2"));
      assertEquals([failed.code, failed.stdout], [1, ""]);
      assertEquals(await contents(to), before);
      assertEquals(Array.from(Deno.readDirSync(to), ({ name }) => name), ["deb"]);
    }),
});

Deno.test({
  ...needs,
  name: `results go into the checkout only where git ignores them${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, AMD64);
      await Deno.mkdir(join(root, ".git/info"), { recursive: true });
      await Deno.writeTextFile(join(root, ".git/info/exclude"), "/mine*/\n");
      const before = listing(root);
      await Deno.symlink(join(root, "cmd"), join(dir, "link"));
      const names = [".", "cmd", "new/er", "../link/x"];
      const commands = [
        ["packages", "deb", "--to"],
        ["rpm", "--to"],
        ["bundle", "--without", "images,kubernetes-cni,cri-tools,sbom", "--to"],
        ["download", "v1.30.2", "--offline", "--to"],
        ["release", "--bases", "scratch", "--oci-layout"],
      ];
      for (const words of commands) {
        for (const to of words[0] === "packages" ? names : ["layout"]) {
          const ended = await kbuild([...words, to], { cwd: root });
          assertEquals([words[0], to, ended.code, ended.stdout], [words[0], to, 2, ""]);
          assertStringIncludes(
            ended.stderr,
            "it is among the sources of the checkout, and git does not ignore it",
          );
          assertStringIncludes(ended.stderr, "Name a directory beside it, such as ");
        }
      }
      // The usual directory is not the current one then.
      const url = "https://dl.k8s.io/release/v1.30.2/bin/linux/amd64/kubectl";
      await Deno.writeTextFile(join(dir, "lock"), `sha256:${"0".repeat(64)} ${url}\n`);
      const what = ["--what", "bin/kubectl", "--platform", "linux/amd64", "--offline"];
      const here = await kbuild(["download", "v1.30.2", ...what, "--lock-file", "../lock"], {
        cwd: root,
      });
      assertEquals([here.code, here.stdout], [1, ""]);
      const usual = join(root, "_output/release-downloads/kubernetes-v1.30.2");
      assertStringIncludes(here.stderr, usual);
      assertEquals(listing(root), before);
      for (const to of ["mine", "mine2/x", "_output/x", "../beside"]) {
        const made = await kbuild(["packages", "deb", "--to", to], { cwd: root });
        assertEquals([to, made.code], [to, 0], made.stderr);
      }
      // What OUT_DIR names is the user's word for outputs.
      const env = { OUT_DIR: "out" };
      const made = await kbuild(["packages", "deb", "--to", "out/x"], { cwd: root, env });
      assertEquals(made.code, 0, made.stderr);
      await Deno.remove(join(root, "out"), { recursive: true });
      const git = ["git", "-C", root, "status", "--porcelain"];
      const [program = "", ...args] = git;
      const { stdout } = await new Deno.Command(program, { args }).output();
      assertEquals(new TextDecoder().decode(stdout), "");
    }),
});

Deno.test({
  ...needs,
  name: `kbuild bundle --dry-run names the files that it would read${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, AMD64);
      assertEquals((await kbuild(["packages", "deb"], { cwd: root })).code, 0);
      const words = ["bundle", "--without", "images,rpm,kubernetes-cni,cri-tools,sbom"];
      const shown = await kbuildOk([...words, "--dry-run"], { cwd: root });
      const { files } = JSON.parse(
        await kbuildOk([...words, "--dry-run", "--json"], { cwd: root }),
      );
      const [bundle] = files;
      assertEquals([files.length, bundle.reads.length], [1, 6]);
      for (const path of bundle.reads) {
        assertEquals((await Deno.stat(path)).isFile, true);
        assertStringIncludes(shown, `#   of ${path}\n`);
      }
      assertStringIncludes(bundle.reads.join("\n"), "release-packages/deb/kubelet_");
    }),
});

Deno.test({
  ...unless(noMount, "a full disk behind --to of packages: what frees space there"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, {
        "local/bin/linux/amd64/kubectl": tinyProgram({
          ...{ versions: VERSIONS, text: crypto.randomUUID().repeat(20_000) },
        }),
      });
      const disk = join(dir, "disk");
      await withTmpfs("100k", disk, async () => {
        const args = ["packages", "deb", "--packages", "kubectl", "--to", disk];
        const full = await kbuild([...args, "--compression-level", "0"], { cwd: root });
        assertEquals(full.code, 1);
        assertStringIncludes(full.stderr, `" in "${disk}/deb": no space left`);
        assertStringIncludes(full.stderr, `Free some space on the file system of "${disk}"`);
        assertEquals(full.stderr.includes("kbuild clean"), false);
        assertEquals(listing(disk), []);
      });
    }),
});

Deno.test({
  ...needs,
  name:
    `kbuild packages, bundle and package-tarballs refuse what is not a whole program${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const whole = programAt("linux/amd64/kubelet");
      const script = new TextEncoder().encode("#!/bin/sh\nexec kubelet\n");
      const cases: readonly (readonly [Uint8Array<ArrayBuffer>, string, boolean])[] = [
        [new Uint8Array(), "is empty", false],
        [script, "is text, not a program", false],
        [whole.slice(0, 600), "is cut off: 600 bytes, its headers speak of 1024", false],
        // The linker left out what shows that it links the version package.
        [
          tinyProgram({ versions: ["v1.20.1"], linksVersion: false }),
          "is not stamped with version v1.20.2; in it: v1.20.1",
          true,
        ],
      ];
      const root = await withPrograms(dir, AMD64);
      const kubelet = join(root, "_output/local/bin/linux/amd64/kubelet");
      const outputs = () =>
        listing(join(root, "_output"), { sizes: false }).filter((path) =>
          !path.includes(".kbuild")
        );
      await kbuildOk(["packages", "--packages", "kubelet,kubeadm,kubectl"], { cwd: root });
      const before = outputs();
      const parts = "images,sbom,cri-tools,kubernetes-cni";
      const commands = [
        ["packages", "deb", "--revision", "5"],
        ["rpm", "amd64"],
        ["bundle", "--without", parts, "--platform", "linux/amd64"],
        ["package-tarballs", "WHAT=cmd/kubelet", "--bases", "scratch"],
      ];
      for (const [bytes, fault, isStale] of cases) {
        await Deno.writeFile(kubelet, bytes);
        for (const words of commands) {
          // Nothing but headers is looked at there: kbuild verify-release reads all.
          if (isStale && words[0] === "package-tarballs") continue;
          const env = { KBUILD_OFFLINE: "y" };
          const { code, stdout, stderr } = await kbuild(words, { cwd: root, env });
          assertEquals([fault, words[0], code, stdout], [fault, words[0], 1, ""], stderr);
          assertStringIncludes(stderr, `kubelet: ${fault}\n`);
          const isHint = stderr.includes("KUBE_GIT_VERSION");
          if (words[0] === "packages") assertEquals(isHint, isStale);
        }
      }
      assertEquals(outputs(), before);

      await Deno.writeFile(kubelet, whole);
      const crictl = join(dir, "crictl-v1.19.0-linux-amd64.tar.gz");
      const options = { mtime: 1, mode: 0o755 };
      for (const [bytes, fault] of cases.slice(0, 3)) {
        await packTarball([bytesEntry("crictl", bytes, options)], crictl);
        const words = ["packages", "deb", "--packages", "cri-tools", "--tarball", crictl];
        const { code, stderr } = await kbuild(words, { cwd: root });
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, `${crictl}: "crictl" ${fault}\n`);
      }
      const licence = bytesEntry("LICENSE", script, options);
      await packTarball([bytesEntry("crictl", OTHER, options), licence], crictl);
      await kbuildOk(["packages", "deb", "--packages", "cri-tools", "--tarball", crictl], {
        cwd: root,
      });
    }),
});

Deno.test({
  ...needs,
  name: `kbuild packages and bundle refuse times that have no room at once${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(dir, AMD64);
      const cases: readonly (readonly [string, string])[] = [
        ["-1", "not a number"],
        [" 1700000000", "not a number"],
        ["1700000000 ", "not a number"],
        ["1e9", "not a number"],
        ["0x10", "not a number"],
        ["253402300800", "it is after the year 9999"],
        ["9".repeat(30), "it is after the year 9999"],
        [
          "253402300799",
          "Cannot make a deb of 9999-12-31T23:59:59Z: it has room for times up to 2242-03-16",
        ],
        [
          "4294967296",
          "Cannot make a rpm of 2106-02-07T06:28:16Z: it has room for times up to 2106-02-06",
        ],
      ];
      for (const [given, words] of cases) {
        const env = { SOURCE_DATE_EPOCH: given };
        for (
          const command of [["packages"], [
            "bundle",
            "--without",
            "images,kubernetes-cni,cri-tools",
          ]]
        ) {
          const { code, stdout, stderr } = await kbuild(command, { cwd: root, env });
          assertEquals([given, command[0], code, stdout], [given, command[0], 2, ""], stderr);
          assertStringIncludes(stderr, words);
        }
      }
      const late = { SOURCE_DATE_EPOCH: "8589934591" };
      await kbuildOk(["packages", "deb", "--packages", "kubectl"], { cwd: root, env: late });
      const last = { SOURCE_DATE_EPOCH: "4294943999" };
      await kbuildOk(["packages", "--packages", "kubectl"], { cwd: root, env: last });
    }),
});
