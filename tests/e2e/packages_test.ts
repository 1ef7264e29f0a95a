/** Packages of distributions, held against the distributions' own programs. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join, resolve } from "@std/path";
import type { EraParameter } from "../../src/sample/mod.ts";
import { VERSIONS } from "../packages/_versions.ts";
import { checkDeb, lintian, rpmlint } from "./_packages.ts";
import { madeUpProgram } from "./_packaging.ts";
import {
  inScratch,
  kbuild,
  kbuildOk,
  listing,
  makeSample,
  missingFor,
  output,
  run,
  unless,
  which,
} from "./_program.ts";

const PROGRAMS = ["kubelet", "kubeadm", "kubectl"] as const;
const ERAS: readonly EraParameter[] = ["1.7", "1.20", "1.28", "1.35"];

/** Versions that packages of one program have, as tests say. */
const STAMPED = ["v1.7.3", "v1.20.2", "v1.27.9", "v1.28.7", "v1.35.0"].flatMap((version) => [
  ...[version, `${version}-dirty`],
]);

/** A sample checkout with programs that nobody built. */
async function withPrograms(
  era: EraParameter,
  dir: string,
  arch = "amd64",
): Promise<string> {
  const root = await makeSample(era, dir);
  await writePrograms(root, arch);
  return root;
}

async function writePrograms(root: string, arch: string): Promise<void> {
  const bin = join(root, "_output/dockerized/bin/linux", arch);
  await Deno.mkdir(bin, { recursive: true });
  for (const [index, name] of PROGRAMS.entries()) {
    const options = { platform: `linux/${arch}`, versions: STAMPED };
    await Deno.writeFile(join(bin, name), madeUpProgram((index + 1) * 700_000, index, options));
  }
}

/** Absolute paths of the packages that a run made. */
async function packagesOf(
  root: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const json = await kbuildOk(["packages", ...args, "--json"], { cwd: root, env });
  const { packages } = JSON.parse(json) as { packages: { path: string }[] };
  assert(packages.length > 0);
  return packages.map(({ path }) => resolve(root, path));
}

function digestOf(path: string): string {
  return digestOfBytes(Deno.readFileSync(path));
}

function digestOfBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const noDpkg = (which("dpkg-deb") === undefined && "needs dpkg-deb") ||
  (which("git") === undefined && "needs git");

for (const era of ERAS) {
  Deno.test({
    ...unless(noDpkg, `debs of ${era} have the bytes that dpkg-deb gives the same files`),
    fn: () =>
      inScratch(async (dir) => {
        const root = await withPrograms(era, join(dir, "kubernetes"));
        const time = JSON.parse(await output(["git", "-C", root, "log", "-1", "--format=%ct"]));
        for (const deb of await packagesOf(root, ["deb"])) {
          await checkDeb(deb, dir, time);
        }
      }),
  });
}

Deno.test({
  ...unless(
    which("dpkg") === undefined && "needs dpkg",
    "dpkg sorts versions of packages as Kubernetes does",
  ),
  async fn() {
    for (const [index, [, later]] of VERSIONS.entries()) {
      const earlier = VERSIONS[index - 1]?.[1];
      if (earlier === undefined) continue;
      const { code } = await run(["dpkg", "--compare-versions", earlier, "lt", later]);
      assertEquals([earlier, later, code], [earlier, later, 0]);
    }
  },
});

/** A machine of dpkg's, with nothing on it. */
async function emptyRoot(dir: string): Promise<string> {
  const root = join(dir, "root");
  for (const name of ["info", "updates", "triggers"]) {
    await Deno.mkdir(join(root, "var/lib/dpkg", name), { recursive: true });
  }
  await Deno.writeTextFile(join(root, "var/lib/dpkg/status"), "");
  return root;
}

const noRoot = noDpkg || (which("dpkg") === undefined && "needs dpkg") ||
  (Deno.uid() !== 0 && "needs root") ||
  (which("deb-systemd-helper") === undefined && "needs deb-systemd-helper");

Deno.test({
  ...unless(noRoot, "dpkg installs, upgrades, removes and purges the packages"),
  fn: () =>
    inScratch(async (dir) => {
      const checkout = await withPrograms("1.28", join(dir, "kubernetes"));
      const made = (version: string) =>
        packagesOf(checkout, ["deb", "--to", join(dir, version)], { KUBE_GIT_VERSION: version });
      const [old, young] = [await made("v1.27.9"), await made("v1.28.7")];
      const root = await emptyRoot(dir);
      const dpkg = (...args: string[]) =>
        output([
          ...["dpkg", `--root=${root}`, "--force-depends", "--force-script-chrootless"],
          ...["--force-confdef", "--force-confold", ...args],
        ]);
      const files = () =>
        listing(root, { sizes: false }).filter((path) => !path.startsWith("var/lib/dpkg"));
      await dpkg("-i", ...old);
      assertEquals(await dpkg("-V"), "");
      const wanted = "etc/systemd/system/multi-user.target.wants/kubelet.service";
      assertEquals(
        await Deno.readLink(join(root, wanted)),
        "/lib/systemd/system/kubelet.service",
        "kubelet is not enabled",
      );
      for (const name of PROGRAMS) assert(files().includes(`usr/bin/${name}`), name);
      assert(files().includes("lib/systemd/system/kubelet.service.d/10-kubeadm.conf"));

      const environment = join(root, "etc/default/kubelet");
      await Deno.writeTextFile(environment, "KUBELET_EXTRA_ARGS=--v=4\n");
      await dpkg("-i", ...young);
      assertEquals(await Deno.readTextFile(environment), "KUBELET_EXTRA_ARGS=--v=4\n");
      const versions = await output(
        ["dpkg-query", `--admindir=${join(root, "var/lib/dpkg")}`, "-W", "-f", "${Version}\n"],
      );
      assertEquals(versions, "1.28.7-1.1\n".repeat(3));

      await dpkg("-r", ...PROGRAMS);
      assertEquals(files().filter((path) => path.startsWith("usr/")), []);
      assertEquals(await Deno.readTextFile(environment), "KUBELET_EXTRA_ARGS=--v=4\n");
      await dpkg("-P", "kubelet");
      assertEquals(files().filter((path) => path.startsWith("etc/") && path.includes("kube")), []);
    }),
});

Deno.test({
  ...unless(
    noDpkg || (which("apt-get") === undefined && "needs apt-get"),
    "apt-get takes a deb, and says what a missing dependency is",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms("1.20", join(dir, "kubernetes"));
      const debs = await packagesOf(root, ["deb", "--to", join(dir, "debs")]);
      const arch = (await output(["dpkg", "--print-architecture"])).trim();
      await Deno.writeTextFile(join(dir, "status"), "");
      await Deno.mkdir(join(dir, "lists/partial"), { recursive: true });
      const install = (name: string) =>
        run([
          ...["apt-get", "-s", "-o", `Dir::State::status=${dir}/status`],
          ...["-o", `Dir::State::lists=${dir}/lists`, "-o", `Dir::Cache=${dir}`],
          ...["-o", "APT::Architecture=amd64", "-o", "APT::Sandbox::User=root"],
          ...["install", debs.find((path) => path.includes(`/${name}_`))!],
        ]);
      const kubectl = await install("kubectl");
      assertEquals([arch, kubectl.code], [arch, 0], kubectl.stderr);
      assertStringIncludes(kubectl.stdout, "Inst kubectl (1.20.2-00 ");
      const kubelet = await install("kubelet");
      assertEquals(kubelet.code, 100);
      assertStringIncludes(kubelet.stdout, "Depends: kubernetes-cni (>= 0.8.7) but it is not");
    }),
});

const noRpm = (which("rpm") === undefined && "needs rpm") ||
  (which("git") === undefined && "needs git");

Deno.test({
  ...unless(noRpm, "rpm sorts versions of packages as Kubernetes does"),
  async fn() {
    for (const [index, [, later]] of VERSIONS.entries()) {
      const earlier = VERSIONS[index - 1]?.[1];
      if (earlier === undefined) continue;
      const macro = `%{lua:print(rpm.vercmp("${earlier}", "${later}"))}`;
      assertEquals([earlier, later, await output(["rpm", "--eval", macro])], [
        earlier,
        later,
        "-1\n",
      ]);
    }
  },
});

for (const era of ERAS) {
  Deno.test({
    ...unless(noRpm, `rpm reads rpms of ${era}, and finds their digests right`),
    fn: () =>
      inScratch(async (dir) => {
        const root = await withPrograms(era, join(dir, "kubernetes"));
        for (const file of await packagesOf(root, ["rpm"])) {
          const checked = await output(["rpm", "-Kv", file]);
          for (const what of ["Header SHA256", "Header SHA1", "Payload SHA256", "MD5"]) {
            assertStringIncludes(checked, `${what} digest: OK`);
          }
          const name = await output(["rpm", "-qp", "--qf", "%{NAME} %{NVRA}.rpm", file]);
          assertStringIncludes(name, file.slice(file.lastIndexOf("/") + 1));
          const [program = ""] = name.split(" ");
          const listed = await output(["rpm", "-qp", "--dump", file]);
          const built = digestOf(join(root, "_output/dockerized/bin/linux/amd64", program));
          assertStringIncludes(listed, ` ${built} 0100755 root root`);
          // rpm reads the archive of files as well: all of a cut one is wrong.
          const cut = join(dir, "cut.rpm");
          await Deno.writeFile(cut, (await Deno.readFile(file)).slice(0, -100));
          assertEquals((await run(["rpm", "-K", cut])).code, 1);
        }
      }),
  });
}

Deno.test({
  ...unless(
    noRpm || (Deno.uid() !== 0 && "needs root"),
    "rpm installs, verifies, upgrades and erases",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const checkout = await withPrograms("1.28", join(dir, "kubernetes"));
      const made = (version: string) =>
        packagesOf(checkout, ["rpm", "--to", join(dir, version)], { KUBE_GIT_VERSION: version });
      const [old, young] = [await made("v1.27.9"), await made("v1.28.7")];
      const root = join(dir, "root");
      await Deno.mkdir(root);
      const rpm = (...args: string[]) =>
        output([
          ...["rpm", "--root", root, "--dbpath", "/rpm-db", "--force-debian", ...args],
          ...(args[0] === "-q" ? [] : ["--nodeps"]),
        ]);
      const files = () =>
        listing(root, { sizes: false }).filter((path) => !path.startsWith("rpm-db"));
      await rpm("-i", "--noscripts", ...old);
      assertEquals(await rpm("-V", ...PROGRAMS), "");
      for (const name of PROGRAMS) assert(files().includes(`usr/bin/${name}`), name);
      assert(files().includes("usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"));
      const environment = join(root, "etc/sysconfig/kubelet");
      await Deno.writeTextFile(environment, "KUBELET_EXTRA_ARGS=--v=4\n");
      await rpm("-U", "--noscripts", ...young);
      assertEquals(await Deno.readTextFile(environment), "KUBELET_EXTRA_ARGS=--v=4\n");
      assertEquals(await rpm("-q", "--qf", "%{VERSION}-%{RELEASE}\n", "kubelet"), "1.28.7-1.1\n");
      const { stdout } = await run([
        ...["rpm", "--root", root, "--dbpath", "/rpm-db", "--force-debian"],
        ...["--nodeps", "-V", ...PROGRAMS],
      ]);
      assertEquals(stdout.replaceAll(/ +/g, " "), "S.5....T. c /etc/sysconfig/kubelet\n");
      await rpm("-e", "--noscripts", ...PROGRAMS);
      assertEquals(files().filter((path) => path.includes("kube")), [
        "etc/sysconfig/kubelet.rpmsave",
      ]);
    }),
});

Deno.test({
  ...unless(
    noRpm || (Deno.uid() !== 0 && "needs root") ||
      (which("busybox") === undefined && "needs busybox"),
    "scripts of rpms run under rpm, which neither they nor a missing systemd can break",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const checkout = await withPrograms("1.28", join(dir, "kubernetes"));
      const made = (version: string, name = "kubelet") =>
        packagesOf(checkout, ["rpm", "--packages", name, "--to", join(dir, version)], {
          KUBE_GIT_VERSION: version,
        });
      const [old, young] = [await made("v1.27.9"), await made("v1.28.7")];
      const ancient = await made("v1.20.2");
      const root = join(dir, "root");
      await output([
        "mkdir",
        "-p",
        ...["bin", "usr/bin", "usr/lib/systemd"].map((d) => join(root, d)),
      ]);
      await output(["cp", which("busybox") ?? "", join(root, "bin/sh")]);
      const rpm = (...args: string[]) =>
        output([
          "rpm",
          "--root",
          root,
          "--dbpath",
          "/rpm-db",
          "--force-debian",
          "--nodeps",
          ...args,
        ]);
      const said = async () => {
        const log = join(root, "log");
        const text = await Deno.readTextFile(log).catch(() => "");
        await Deno.writeTextFile(log, "");
        return text.trim().split("\n");
      };
      // Programs that write down what they are asked, and fail.
      const recorder = (path: string) =>
        Deno.writeTextFile(join(root, path), `#!/bin/sh\necho "\${0##*/} $*" >>/log\nexit 1\n`, {
          mode: 0o755,
        });
      const helper = "usr/lib/systemd/systemd-update-helper";

      await rpm("-i", ...old);
      await rpm("-e", "kubelet");
      assertEquals(await said(), [""]);

      await recorder("usr/bin/systemctl");
      await rpm("-i", ...old);
      assertEquals(await said(), ["systemctl --no-reload preset kubelet.service"]);
      await recorder(helper);
      await rpm("-U", ...young);
      assertEquals(await said(), [""], "an upgrade leaves what the administrator chose");
      await rpm("-e", "kubelet");
      assertEquals(await said(), ["systemd-update-helper remove-system-units kubelet.service"]);
      await rpm("-i", ...young);
      assertEquals(await said(), ["systemd-update-helper install-system-units kubelet.service"]);
      await Deno.remove(join(root, helper));
      await rpm("-e", "kubelet");
      assertEquals(await said(), ["systemctl --no-reload disable --now kubelet.service"]);

      // Up to 1.23 there are none.
      await rpm("-i", ...ancient);
      await rpm("-e", "kubelet");
      assertEquals(await said(), [""]);
    }),
});

Deno.test({
  ...unless(
    noRpm || (which("gpg") === undefined && "needs gpg"),
    "--sign signs rpms with the user's gpg; rpm trusts them by that key alone",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms("1.20", join(dir, "kubernetes"));
      for (const kind of ["rsa2048", "ed25519"]) {
        const home = join(dir, kind);
        await Deno.mkdir(home, { mode: 0o700 });
        const env = { GNUPGHOME: home };
        const gpg = (...args: string[]) => output(["gpg", "--batch", ...args], { env });
        await gpg(
          ...["--passphrase", "", "--quick-generate-key", "a@example.com", kind, "sign", "never"],
        );
        const args = ["rpm", "--packages", "kubectl", "--to", join(home, "out")];
        const [unsigned = ""] = await packagesOf(root, args);
        const plain = await Deno.readFile(unsigned);
        await output(["rm", "-r", join(home, "out")]);
        const [signed = ""] = await packagesOf(root, [...args, "--sign", "a@example.com"], env);
        await gpg("--armor", "--output", join(home, "key.asc"), "--export", "a@example.com");
        const check = (db: string) =>
          run(["rpm", "--dbpath", join(home, db), "-Kv", signed], { env: { LC_ALL: "C" } });
        const stranger = await check("nobody");
        assert(stranger.stdout.includes("NOKEY"), stranger.stdout + stranger.stderr);
        await output(["rpm", "--dbpath", join(home, "db"), "--import", join(home, "key.asc")]);
        const known = await check("db");
        assertEquals(known.code, 0, known.stdout + known.stderr);
        assert(
          /Header V4 (RSA|EdDSA)\/SHA256 Signature, key ID [0-9a-f]+: OK/.test(known.stdout),
          known.stdout,
        );

        // The rest is what an rpm without a signature has.
        const bytes = await Deno.readFile(signed);
        const tail = 100_000;
        assertEquals(digestOfBytes(bytes.subarray(-tail)), digestOfBytes(plain.subarray(-tail)));
        const changed = bytes.slice();
        changed[bytes.length - tail] = changed[bytes.length - tail]! ^ 1;
        await Deno.writeFile(signed, changed);
        assertEquals((await check("db")).code, 1);
        await run(["gpgconf", "--kill", "all"], { env });
      }
    }),
});

Deno.test({
  ...unless(
    noRpm || (which("createrepo_c") === undefined && "needs createrepo_c"),
    "createrepo_c reads rpms of every architecture",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms("1.35", join(dir, "kubernetes"));
      for (const arch of ["arm64", "ppc64le", "s390x", "riscv64"]) {
        await writePrograms(root, arch);
      }
      const platforms = ["amd64", "arm64", "ppc64le", "s390x", "riscv64"].map((arch) =>
        `linux/${arch}`
      );
      const made = await packagesOf(root, ["rpm", "--platform", platforms.join(",")]);
      assertEquals(made.length, 15);
      const repository = join(root, "_output/release-packages/rpm");
      await output(["createrepo_c", "-q", "--no-database", repository]);
      const metadata = await output(["ls", join(repository, "repodata")]);
      const primary = metadata.split("\n").find((name) => name.includes("primary.xml.gz"))!;
      const text = await output(["zcat", join(repository, "repodata", primary)]);
      const archs = [...text.matchAll(/<arch>(.*)<\/arch>/g)].map(([, arch]) => arch).sort();
      const wanted = ["aarch64", "ppc64le", "riscv64", "s390x", "x86_64"];
      assertEquals(archs, wanted.flatMap((arch) => [arch, arch, arch]));
    }),
});

Deno.test({
  ...unless(
    noRpm || (which("createrepo_c") === undefined && "needs createrepo_c"),
    "kbuild rpm makes the metadata that createrepo_c makes",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms("1.20", join(dir, "kubernetes"));
      await kbuildOk(["rpm", "amd64/x86_64", "--to", join(dir, "output")], { cwd: root });
      const [ours, theirs] = [join(dir, "output/x86_64"), join(dir, "theirs")];
      await output(["cp", "-r", ours, theirs]);
      await Deno.remove(join(theirs, "repodata"), { recursive: true });
      await output(["createrepo_c", "-q", "--no-database", "--simple-md-filenames", theirs]);
      for (const name of ["primary", "filelists", "other"]) {
        const read = async (directory: string) =>
          // The time at which a file appeared.
          (await output(["zcat", join(directory, `repodata/${name}.xml.gz`)]))
            .replaceAll(/time file="\d+"/g, "");
        assertEquals(await read(ours), await read(theirs));
      }
    }),
});

Deno.test({
  ...unless(
    noRpm || (which("dnf") === undefined && "needs dnf") || (Deno.uid() !== 0 && "needs root"),
    "dnf installs from the repository of kbuild rpm",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms("1.20", join(dir, "kubernetes"));
      await kbuildOk(["rpm", "--to", join(dir, "output")], { cwd: root });
      const machine = join(dir, "machine");
      const dnf = (...args: string[]) =>
        output([
          ...[
            "dnf",
            `--installroot=${machine}`,
            `--setopt=cachedir=${dir}/cache`,
            "--disablerepo=*",
          ],
          ...[`--repofrompath=kubernetes,file://${dir}/output/x86_64`, "--enablerepo=kubernetes"],
          ...["--releasever=1", "--forcearch=x86_64", "--nogpgcheck", "-y", ...args],
        ]);
      const requires = await dnf("repoquery", "--quiet", "--requires", "kubelet");
      assertStringIncludes(requires, "kubernetes-cni >= 0.8.7\n");
      await dnf("install", "kubectl");
      assertEquals(
        digestOf(join(machine, "usr/bin/kubectl")),
        digestOf(join(root, "_output/dockerized/bin/linux/amd64/kubectl")),
      );
    }),
});

Deno.test({
  ...unless(
    noDpkg || (which("apt-get") === undefined && "needs apt-get"),
    "apt takes debs from the repository of --repository",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms("1.28", join(dir, "kubernetes"));
      const args = ["deb", "--repository", "--to", join(dir, "out")];
      const debs = await packagesOf(root, args);
      const kubectl = debs.find((path) => path.includes("/kubectl_"))!;
      for (const name of ["lists/partial", "cache/archives/partial", "parts"]) {
        await Deno.mkdir(join(dir, "apt", name), { recursive: true });
      }
      const apt = join(dir, "apt");
      await Deno.writeTextFile(join(apt, "status"), "");
      await Deno.writeTextFile(join(apt, "list"), `deb [trusted=yes] file:${dir}/out/deb ./\n`);
      const options = [
        ...[`Dir::State::status=${apt}/status`, `Dir::State::lists=${apt}/lists`],
        ...[`Dir::Cache=${apt}/cache`, `Dir::Etc::SourceList=${apt}/list`],
        ...[`Dir::Etc::SourceParts=${apt}/parts`, "APT::Architecture=amd64"],
        ...["APT::Sandbox::User=root"],
      ].flatMap((option) => ["-o", option]);
      const run = (...args: string[]) => output([...args, ...options], { cwd: apt });
      await run("apt-get", "update");
      assertStringIncludes(await run("apt-cache", "policy", "kubelet"), "Candidate: 1.28.7-1.1\n");
      assertStringIncludes(
        await run("apt-get", "-s", "install", "kubectl"),
        "Inst kubectl (1.28.7-1.1 ",
      );
      await run("apt-get", "download", "kubectl");
      assertEquals(digestOf(join(apt, "kubectl_1.28.7-1.1_amd64.deb")), digestOf(kubectl));
      if (which("dpkg-scanpackages") === undefined) return;
      const scanned = await output(
        ["dpkg-scanpackages", "--multiversion", "--hash", "SHA256", "."],
        {
          cwd: join(dir, "out/deb"),
        },
      );
      assertEquals(
        await Deno.readTextFile(join(dir, "out/deb/Packages")),
        scanned.trimEnd() + "\n",
      );
    }),
});

Deno.test({
  ...unless(
    noDpkg || (which("gpg") === undefined && "needs gpg") ||
      (which("apt-get") === undefined && "needs apt-get"),
    "--sign signs the indices with the user's gpg; apt trusts them by that key alone",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms("1.20", join(dir, "kubernetes"));
      const home = join(dir, "gnupg");
      await Deno.mkdir(home, { mode: 0o700 });
      const env = { GNUPGHOME: home };
      const gpg = (...args: string[]) => output(["gpg", "--batch", ...args], { env });
      await gpg(
        "--passphrase",
        "",
        "--quick-generate-key",
        "a@example.com",
        "ed25519",
        "sign",
        "never",
      );
      const out = join(dir, "out");
      const make = (...args: string[]) =>
        kbuild(["packages", "--packages", "kubectl", "--to", out, ...args], { cwd: root, env });
      const wrong = await make("--sign", "b@example.com");
      assertEquals(wrong.code, 1);
      assertStringIncludes(wrong.stderr, 'Cannot sign with "b@example.com"');
      assertEquals((await run(["ls", out])).code, 2, "something was written");

      const made = await make("--sign", "a@example.com");
      assertEquals(made.code, 0, made.stderr);
      await gpg("--verify", join(out, "deb/Release.gpg"), join(out, "deb/Release"));
      await gpg("--verify", join(out, "deb/InRelease"));
      const repodata = join(out, "rpm/x86_64/repodata");
      await gpg("--verify", join(repodata, "repomd.xml.asc"), join(repodata, "repomd.xml"));
      const unsigned = await make("--repository");
      assertEquals(unsigned.code, 1);
      assertStringIncludes(unsigned.stderr, "which signs the old one");

      const apt = join(dir, "apt");
      await Deno.mkdir(join(apt, "lists/partial"), { recursive: true });
      await Deno.writeTextFile(join(apt, "status"), "");
      await gpg("--armor", "--output", join(apt, "key.asc"), "--export", "a@example.com");
      await gpg("--output", join(apt, "none.gpg"), "--dearmor", join(apt, "key.asc"));
      const update = async (options: string) => {
        await Deno.writeTextFile(join(apt, "list"), `deb [${options}] file:${out}/deb ./\n`);
        const settings = [
          ...[`Dir::State::status=${apt}/status`, `Dir::State::lists=${apt}/lists`],
          ...[
            `Dir::Cache=${apt}`,
            `Dir::Etc::SourceList=${apt}/list`,
            `Dir::Etc::SourceParts=${apt}`,
          ],
          ...["APT::Architecture=amd64", "APT::Sandbox::User=root"],
        ].flatMap((setting) => ["-o", setting]);
        return (await run(["apt-get", "update", ...settings])).code;
      };
      assertEquals(await update("arch=amd64"), 100);
      assertEquals(await update(`signed-by=${apt}/key.asc`), 0);

      // Nobody can type a passphrase here.
      await gpg(
        ...["--pinentry-mode", "loopback", "--passphrase", "secret"],
        ...["--quick-generate-key", "c@example.com", "ed25519", "sign", "never"],
      );
      await run(["gpgconf", "--kill", "all"], { env });
      const other = join(dir, "other");
      const locked = await kbuild(["packages", "--to", other, "--sign", "c@example.com"], {
        ...{ cwd: root, env },
      });
      assertEquals([locked.code, locked.stdout], [1, ""]);
      assertStringIncludes(locked.stderr, 'Cannot sign with "c@example.com"');
      assertEquals((await run(["ls", other])).code, 2, "something was written");
      await run(["gpgconf", "--kill", "all"], { env });
    }),
});

Deno.test({
  ...unless(
    missingFor("1.28") ?? (which("lintian") === undefined && "needs lintian"),
    "lintian and rpmlint find nothing in packages of built programs but what packaging/ explains",
  ),
  fn: () =>
    inScratch(async (dir) => {
      // Programs of 1.7 are not stripped, and its units are elsewhere.
      for (const era of ["1.7", "1.28"] as const) {
        const root = await makeSample(era, join(dir, era));
        await kbuildOk(["all", ...PROGRAMS.map((name) => `cmd/${name}`)], { cwd: root });
        await lintian(await packagesOf(root, ["deb"]));
        await rpmlint(await packagesOf(root, ["rpm"]));
      }
    }),
});

Deno.test({
  ...unless(noDpkg, "packages have the same bytes in another directory, time zone and umask"),
  fn: () =>
    inScratch(async (dir) => {
      const digests = async (root: string, env: Readonly<Record<string, string>>) => {
        const made = await packagesOf(root, [], env);
        return Object.fromEntries(made.map((path) => [path.slice(root.length), digestOf(path)]));
      };
      const first = await digests(await withPrograms("1.20", join(dir, "a")), { TZ: "UTC" });
      const root = await withPrograms("1.20", join(dir, "another place"));
      const second = await digests(root, { TZ: "Asia/Tokyo", LC_ALL: "C.UTF-8" });
      assertEquals(second, first);
      await Deno.remove(join(root, "_output/.kbuild-cache"), { recursive: true });
      assertEquals(await digests(root, {}), first);
    }),
});
