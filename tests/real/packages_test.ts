/**
 * Packages of real programs, and the programs of distributions: what `tests/e2e/packages_test.ts` shows of made-up ones, on a
 * whole Debian, with upgrades. `KBUILD_TEST_PACKAGES=DIR:DIR` names checkouts of 1.7 to 1.23 or of 1.24 to 1.29, oldest first, with
 * kubelet, kubeadm and kubectl for linux/amd64 in their `_output/local/bin`.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join, resolve } from "@std/path";
import { bytesEntry, fileDigest, packTarball } from "../../src/archive/mod.ts";
import { tinyProgram } from "../audit/_programs.ts";
import { inDebian, makeDebian, NO_DEBIAN } from "../e2e/_debian.ts";
import { checkDeb, lintian, rpmlint } from "../e2e/_packages.ts";
import { inScratch, kbuildOk, output, run, unless, which } from "../e2e/_program.ts";

const checkouts = (Deno.env.get("KBUILD_TEST_PACKAGES") ?? "").split(":").filter(Boolean);
const programs = ["dpkg-deb", "lintian", "rpm", "rpmlint", "createrepo_c", "dnf"];
const lacking = programs.filter((name) => which(name) === undefined);
const missing = checkouts.length === 0
  ? "needs checkouts with programs: KBUILD_TEST_PACKAGES"
  : lacking.length > 0
  ? `needs ${lacking.join(", ")}`
  : NO_DEBIAN;

const NAMES = ["kubelet", "kubeadm", "kubectl"];
const EDITED = "KUBELET_EXTRA_ARGS=--v=4\n";

/** Packages of one checkout. */
interface Packages {
  readonly root: string;
  /** Directory of both repositories. */
  readonly directory: string;
  /** `1.28.7`. */
  readonly version: string;
  /** Absolute paths. */
  readonly debs: readonly string[];
  readonly rpms: readonly string[];
}

/** CNI plugins and crictl, which no checkout has, made up: in versions that kubelet and kubeadm take. */
async function tarballs(dir: string): Promise<readonly string[]> {
  const program = (name: string) =>
    bytesEntry(name, tinyProgram({ text: name }), { mtime: 7, mode: 0o755 });
  const crictl = join(dir, "crictl-v1.28.0-linux-amd64.tar.gz");
  const cni = join(dir, "cni-plugins-linux-amd64-v1.2.0.tgz");
  await packTarball([program("crictl")], crictl);
  await packTarball([program("bridge"), program("loopback")], cni);
  return [crictl, cni].flatMap((path) => ["--tarball", path]);
}

async function makePackages(
  root: string,
  directory: string,
  given: readonly string[],
): Promise<Packages> {
  const words = ["packages", "--offline", "--repository", "--platform", "linux/amd64", ...given];
  const json = await kbuildOk([...words, "--to", directory, "--json"], { cwd: root });
  const { packages } = JSON.parse(json) as { packages: { path: string }[] };
  const paths = packages.map(({ path }) => resolve(root, path));
  const [debs, rpms] = [".deb", ".rpm"].map((end) => paths.filter((path) => path.endsWith(end)));
  const [, version = ""] = /\/kubelet_([\d.]+)-(?:00|1\.1)_amd64\.deb/.exec(paths.join("\n")) ?? [];
  assertEquals([debs!.length, rpms!.length, version === ""], [5, 5, false], paths.join("\n"));
  return { root, directory, version, debs: debs!, rpms: rpms! };
}

/** The configuration file of debs that an administrator changes, from the root; up to 1.23 kubelet has none. */
function configurationOf({ version }: Packages): string {
  return Number(version.split(".")[1]) < 24
    ? "etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
    : "etc/default/kubelet";
}

function built({ root }: Packages, name: string): string {
  return join(root, "_output/local/bin/linux/amd64", name);
}

Deno.test(
  unless(missing, "packages of real programs install, upgrade and go"),
  (t) =>
    inScratch(async (dir) => {
      const given = await tarballs(dir);
      const made: Packages[] = [];
      for (const root of checkouts) {
        const directory = join(dir, `packages ${made.length}`);
        const packages = await makePackages(resolve(root), directory, given);
        made.push(packages);
        const { version, debs, rpms } = packages;
        await t.step(`${version}: dpkg-deb gives the same files the same bytes`, async () => {
          // Everything in it has the time of its first member.
          const epoch = Number((await output(["head", "-c", "36", debs[0]!])).slice(24));
          assert(epoch > 0);
          for (const deb of debs) await checkDeb(deb, dir, epoch);
        });
        const ours = (paths: readonly string[]) =>
          paths.filter((path) => NAMES.some((name) => path.includes(`/${name}`)));
        await t.step(`${version}: lintian and rpmlint find what is explained alone`, async () => {
          await lintian(ours(debs));
          await rpmlint(ours(rpms));
        });
        await t.step(`${version}: rpm finds all digests right`, async () => {
          for (const rpm of rpms) {
            const said = await output(["rpm", "-Kv", rpm]);
            for (const what of ["Header SHA256", "Header SHA1", "Payload SHA256", "MD5"]) {
              assertStringIncludes(said, `${what} digest: OK`);
            }
          }
        });
        await t.step(
          `${version}: repodata is that of createrepo_c; dnf installs from it`,
          async () => {
            const [repository, theirs] = [join(directory, "rpm/x86_64"), join(dir, "theirs")];
            await output(["cp", "-r", repository, theirs]);
            await Deno.remove(join(theirs, "repodata"), { recursive: true });
            await output(["createrepo_c", "-q", "--no-database", "--simple-md-filenames", theirs]);
            for (const name of ["primary", "filelists", "other"]) {
              const read = async (where: string) =>
                // The time at which a file appeared.
                (await output(["zcat", join(where, `repodata/${name}.xml.gz`)]))
                  .replaceAll(/time file="\d+"/g, "");
              assertEquals(await read(repository), await read(theirs));
            }
            await Deno.remove(theirs, { recursive: true });
            const machine = join(dir, "dnf");
            const settings = [`--installroot=${machine}`, `--setopt=cachedir=${dir}/dnf-cache`];
            const source = [`--repofrompath=k8s,file://${repository.replaceAll(" ", "%20")}`];
            await output([
              ...["dnf", ...settings, "--disablerepo=*", ...source, "--enablerepo=k8s"],
              ...[
                "--releasever=1",
                "--forcearch=x86_64",
                "--nogpgcheck",
                "-y",
                "install",
                "kubectl",
              ],
            ]);
            const installed = await fileDigest(join(machine, "usr/bin/kubectl"));
            assertEquals(installed, await fileDigest(built(packages, "kubectl")));
            await Deno.remove(machine, { recursive: true });
          },
        );
      }

      await t.step("rpm -i, -V, -U with an edited file, -e", async () => {
        const root = join(dir, "rpms");
        await Deno.mkdir(root);
        const rpm = async (allowed: number, ...args: string[]) => {
          const where = ["--root", root, "--dbpath", "/rpm-db", "--force-debian"];
          const { code, stdout, stderr } = await run(["rpm", ...where, "--nodeps", ...args]);
          assertEquals([args[0], code], [args[0], allowed], stderr);
          return stdout.replaceAll(/ +/g, " ");
        };
        const environment = join(root, "etc/sysconfig/kubelet");
        const isThere = made.every(({ version }) => Number(version.split(".")[1]) >= 11);
        for (const [index, packages] of made.entries()) {
          // kubernetes-cni and cri-tools stay as they are.
          const rpms = packages.rpms
            .filter((path) => index === 0 || /\/kube(let|adm|ctl)-/.test(path));
          await rpm(0, index === 0 ? "-i" : "-U", "--noscripts", ...rpms);
          const [code, changed] = index === 0
            ? [0, ""]
            : [1, "S.5....T. c /etc/sysconfig/kubelet\n"];
          assertEquals(await rpm(code, "-V", ...NAMES, "kubernetes-cni", "cri-tools"), changed);
          const said = await output([join(root, "usr/bin/kubelet"), "--version"]);
          assertStringIncludes(said, ` v${packages.version}\n`);
          if (!isThere) continue;
          if (index === 0) await Deno.writeTextFile(environment, EDITED);
          assertEquals(await Deno.readTextFile(environment), EDITED);
        }
        await rpm(0, "-e", "--noscripts", ...NAMES, "kubernetes-cni", "cri-tools");
        // As published, directories of kubeadm's files stay up to 1.23.
        const named = ["-name", "*kube*", "-not", "-type", "d", "-not", "-path", "*/rpm-db/*"];
        const left = await output(["find", root, ...named]);
        assertEquals(left, isThere ? `${environment}.rpmsave\n` : "");
      });

      await t.step(
        "apt installs, upgrades with an edited file from the repository, purges",
        async () => {
          const debian = join(dir, "debian");
          await makeDebian(debian);
          const inside = (script: string) => inDebian(debian, script);
          const all = [...NAMES, "kubernetes-cni", "cri-tools"].join(" ");
          for (const [index, packages] of made.entries()) {
            const { directory, version } = packages;
            const configuration = configurationOf(packages);
            const there = join(debian, "opt/packages");
            await output(["rm", "-rf", there]);
            await output(["cp", "-r", join(directory, "deb"), there]);
            if (index === 0) {
              await inside("apt-get -y install /opt/packages/*.deb");
              assertEquals(await inside("systemctl is-enabled kubelet"), "enabled\n");
              await Deno.writeTextFile(join(debian, configuration), EDITED);
            } else {
              const list = "echo 'deb [trusted=yes] file:/opt/packages ./' >/etc/apt/sources.list";
              const upgraded = await inside(
                `rm -rf /etc/apt/sources.list.d; ${list}; apt-get update; apt-get -y upgrade`,
              );
              assertMatch(upgraded, /^3 upgraded, 0 newly installed, 0 to remove/m);
              assertEquals(await inside("systemctl is-enabled kubelet"), "enabled\n");
            }
            assertEquals(await Deno.readTextFile(join(debian, configuration)), EDITED);
            assertStringIncludes(await inside("kubelet --version"), ` v${version}\n`);
            assertMatch(await inside("kubeadm version"), new RegExp(`\\bv${version}\\b`));
            assertMatch(await inside("kubectl version --client"), new RegExp(`\\bv${version}\\b`));
            assertEquals(
              (await inside(`dpkg -V ${all} || true`)).replaceAll(/ +/g, " "),
              `??5?????? c /${configuration}\n`,
            );
          }
          await inside(`apt-get -y purge ${all}`);
          const left = await output(["find", join(debian, "etc"), "-name", "*kube*"]);
          assert(left === "", left);
        },
      );
    }),
);
