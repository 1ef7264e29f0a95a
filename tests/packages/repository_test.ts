import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { join } from "@std/path";
import { UsageError } from "../../src/errors.ts";
import { aptRepository, packagesText, releaseText } from "../../src/packages/apt_repository.ts";
import {
  type BuiltPackageName,
  describePackage,
  type PackageFormat,
  parseRpmArch,
  placePackages,
  repositoriesOf,
  repositoryFiles,
  resolvePackage,
  writeDeb,
  writeRpm,
  type WrittenPackage,
} from "../../src/packages/mod.ts";
import { yumLists } from "../../src/packages/yum_repository.ts";

const EPOCH = 1610544000; // 2021-01-13 13:20:00 UTC

async function withPackages(
  format: PackageFormat,
  work: (packages: readonly WrittenPackage[], dir: string) => Promise<void> | void,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    const packages: WrittenPackage[] = [];
    for (const name of ["kubectl", "kubeadm"] satisfies BuiltPackageName[]) {
      const program = join(dir, name);
      await Deno.writeTextFile(program, name);
      const { description } = describePackage(name, format, {
        ...{ gitVersion: "v1.28.7", platform: "linux/amd64", epoch: EPOCH, demanded: [] },
        maintainer: "A & B <a@b.example>",
      });
      const pkg = await resolvePackage(description, { [name]: program });
      const write = format === "deb" ? writeDeb : writeRpm;
      packages.push({ pkg, archive: await write(pkg, join(dir, `${name}.${format}`)) });
    }
    await work(packages, dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("packagesText() has control files with name, size and digest, sorted", () =>
  withPackages("deb", (debs) => {
    const [kubectl, kubeadm] = debs;
    assertEquals(
      packagesText(debs),
      `Package: kubeadm
Version: 1.28.7-1.1
Architecture: amd64
Maintainer: A & B <a@b.example>
Installed-Size: 14
Depends: kubelet (>= 1.19.0), kubectl (>= 1.19.0), kubernetes-cni (>= 1.2.0), cri-tools (>= 1.28.0)
Filename: ./kubeadm.deb
Size: ${kubeadm!.archive.size}
SHA256: ${kubeadm!.archive.sha256}
Section: admin
Priority: optional
Homepage: https://kubernetes.io
Description: sets up and upgrades Kubernetes clusters
 kubeadm makes a machine the first node of a Kubernetes cluster, lets other
 machines join it, and upgrades the nodes. The package starts kubelet with
 the flags that this needs.

Package: kubectl
Version: 1.28.7-1.1
Architecture: amd64
Maintainer: A & B <a@b.example>
Installed-Size: 9
Filename: ./kubectl.deb
Size: ${kubectl!.archive.size}
SHA256: ${kubectl!.archive.sha256}
Section: admin
Priority: optional
Homepage: https://kubernetes.io
Description: command line of Kubernetes clusters
 kubectl shows, creates, changes and removes the objects of Kubernetes
 clusters, and gives access to their containers and logs.
`,
    );
  }));

Deno.test("releaseText() vouches for the indices", () => {
  const bytes = new TextEncoder().encode("abc");
  assertEquals(
    releaseText([{ name: "Packages", bytes }], {
      architectures: ["arm64", "amd64", "arm64"],
      epoch: EPOCH,
    }),
    `Origin: Kubernetes
Label: Kubernetes, packaged by kbuild
Architectures: amd64 arm64
Date: Wed, 13 Jan 2021 13:20:00 UTC
SHA256:
 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3 Packages
`,
  );
});

Deno.test("aptRepository() compresses the same index", () =>
  withPackages("deb", async (debs) => {
    const files = await aptRepository(debs);
    assertEquals(files.map(({ name }) => name), repositoryFiles("deb"));
    const [plain, packed] = files;
    assertEquals(gunzipSync(packed!.bytes).toString(), new TextDecoder().decode(plain!.bytes));
  }));

Deno.test("yumLists() escapes, and names what packages need of others", () =>
  withPackages("rpm", (rpms) => {
    const { primary = "", filelists = "", other = "" } = yumLists(rpms);
    assertStringIncludes(primary, "<packager>A &amp; B &lt;a@b.example&gt;</packager>");
    assertStringIncludes(
      primary,
      `    <rpm:requires>
      <rpm:entry name="cri-tools" flags="GE" epoch="0" ver="1.28.0"/>
      <rpm:entry name="kubectl" flags="GE" epoch="0" ver="1.19.0"/>
`,
    );
    assertStringIncludes(
      primary,
      '<rpm:entry name="kubectl(x86-64)" flags="EQ" epoch="0" ver="1.28.7" rel="1.1"/>',
    );
    assertEquals(primary.includes("rpmlib"), false);
    assertStringIncludes(primary, "    <file>/usr/bin/kubectl</file>\n");
    assertEquals(primary.includes("10-kubeadm.conf"), false);
    assertStringIncludes(filelists, "/kubelet.service.d/10-kubeadm.conf</file>\n");
    assertStringIncludes(other, 'date="1610539200">- kubectl 1.28.7</changelog>');
    assertEquals(primary.indexOf("kubeadm") < primary.indexOf("<name>kubectl"), true);
  }));

Deno.test("placePackages() moves packages and writes indices beside them, with right digests", () =>
  withPackages("rpm", async (rpms, from) => {
    const dir = join(from, "to");
    const placed = await placePackages(rpms, { from, to: dir, repository: true });
    assertEquals(placed.map(({ archive }) => archive.path), [
      ...[join(dir, "kubectl.rpm"), join(dir, "kubeadm.rpm")],
    ]);
    for (const { archive } of placed) {
      const bytes = await Deno.readFile(archive.path);
      assertEquals(createHash("sha256").update(bytes).digest("hex"), archive.sha256);
    }
    const written = (await repositoriesOf(placed)).map(({ path }) => path);
    assertEquals(written, repositoryFiles("rpm").map((name) => join(dir, name)));
    const index = await Deno.readTextFile(join(dir, "repodata/repomd.xml"));
    const found = [...index.matchAll(
      /<checksum type="sha256">(.*)<\/checksum>\n.*\n\s*<location href="(.*)"\/>/g,
    )];
    assertEquals(found.length, 3);
    for (const [, digest, path = ""] of found) {
      const bytes = await Deno.readFile(join(dir, path));
      assertEquals(createHash("sha256").update(bytes).digest("hex"), digest);
    }
  }));

Deno.test("parseRpmArch() takes the words of docker-build.sh", () => {
  assertEquals(parseRpmArch("amd64"), { platform: "linux/amd64" });
  assertEquals(parseRpmArch("arm64/aarch64"), { platform: "linux/arm64" });
  assertEquals(parseRpmArch("arm/armhfp").platform, "linux/arm");
  assertStringIncludes(parseRpmArch("arm/armhfp").note ?? "", "armv7hl");
  assertEquals(
    assertThrows(() => parseRpmArch("x86_64"), UsageError).notes[0],
    "x86_64 is rpm's name: write amd64, or amd64/x86_64",
  );
  assertThrows(() => parseRpmArch("amd65"), UsageError, 'Unknown architecture "amd65"');
  assertThrows(() => parseRpmArch("amd64/i386"), UsageError, "rpm's name of amd64 is x86_64");
});
