import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { readTar, type TarEntry } from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { arHeader } from "../../src/packages/ar.ts";
import { wrapText } from "../../src/packages/control.ts";
import { dataEntries } from "../../src/packages/deb.ts";
import { changelogDate } from "../../src/packages/documents.ts";
import { describePackage, type Package, resolvePackage, writeDeb } from "../../src/packages/mod.ts";

const decoder = new TextDecoder();
const EPOCH = 1610544000; // 2021-01-13 13:20:00 UTC

async function withPackage(
  version: string,
  work: (pkg: Package, dir: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    const program = join(dir, "kubelet");
    await Deno.writeFile(program, new Uint8Array(3000).fill(7));
    const { description } = describePackage("kubelet", "deb", {
      ...{ gitVersion: version, platform: "linux/amd64", epoch: EPOCH, demanded: [] },
      commit: "faecb196815e248d3ecfb03c680a4507229c2a56",
    });
    await work(await resolvePackage(description, { kubelet: program }), dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("arHeader() is 60 bytes, as deb(5) has them", () => {
  const header = decoder.decode(arHeader("control.tar.gz", { mtime: 1610544000, size: 802 }));
  assertEquals(header, "control.tar.gz  1610544000  0     0     100644  802       `\n");
  assertThrows(() => arHeader("a-name-of-17-byte", { mtime: 0, size: 0 }), KbuildError);
  assertThrows(() => arHeader("a", { mtime: 0, size: 1e10 }), KbuildError);
});

/** Members of an `ar` archive, read by hand. */
function members(bytes: Uint8Array): Record<string, Uint8Array<ArrayBuffer>> {
  assertEquals(decoder.decode(bytes.subarray(0, 8)), "!<arch>\n");
  const found: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (let at = 8; at < bytes.length;) {
    const header = decoder.decode(bytes.subarray(at, at + 60));
    assertEquals(header.slice(58), "`\n");
    assertEquals(header.slice(16, 48), "1610544000  0     0     100644  ");
    const size = Number(header.slice(48, 58));
    found[header.slice(0, 16).trim()] = bytes.slice(at + 60, at + 60 + size);
    at += 60 + size;
    if (size % 2 === 1) assertEquals(bytes[at++], 0x0a);
  }
  return found;
}

async function textsOf(tarball: Uint8Array<ArrayBuffer>): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for await (const member of readTar(new Blob([tarball]).stream())) {
    texts[`${member.name} ${member.mode.toString(8)}`] = decoder.decode(await member.bytes());
  }
  return texts;
}

Deno.test("writeDeb() has the three members, the control files and the data", async () => {
  await withPackage("v1.28.7", async (pkg, dir) => {
    const path = join(dir, "kubelet.deb");
    const { size } = await writeDeb(pkg, path);
    const bytes = await Deno.readFile(path);
    assertEquals(size, bytes.length);
    const { "debian-binary": binary, ...tars } = members(bytes);
    assertEquals(decoder.decode(binary), "2.0\n");
    assertEquals(Object.keys(tars), ["control.tar.gz", "data.tar.gz"]);

    const control = await textsOf(tars["control.tar.gz"]!);
    assertEquals(Object.keys(control), [
      "./ 755",
      "./conffiles 644",
      "./control 644",
      "./md5sums 644",
      "./postinst 755",
      "./postrm 755",
      "./prerm 755",
    ]);
    assertEquals(
      control["./conffiles 644"],
      "/etc/default/kubelet\n/etc/kubernetes/manifests/.kubelet-keep\n",
    );
    const sums = control["./md5sums 644"]!.split("\n");
    assertEquals(sums[1], "c9b1bae2bf93c8b9b87b914640dc969c  usr/bin/kubelet");
    assertEquals(
      control["./control 644"],
      `Package: kubelet
Version: 1.28.7-1.1
Architecture: amd64
Maintainer: Kubernetes Authors <dev@kubernetes.io>
Installed-Size: 23
Depends: iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), iproute2, socat, util-linux, mount, ebtables, ethtool, conntrack
Section: net
Priority: optional
Homepage: https://kubernetes.io
Description: node agent of Kubernetes
 kubelet runs on every node of a Kubernetes cluster. It starts the containers
 of the node's pods, watches them, and reports to the API server.
`,
    );

    const data = await textsOf(tars["data.tar.gz"]!);
    assertEquals(data["./etc/default/kubelet 644"], "KUBELET_EXTRA_ARGS=\n");
    assertEquals(data["./usr/bin/kubelet 755"]?.length, 3000);
    const changelog = new Blob([
      await bytesOf(tars["data.tar.gz"]!, "./usr/share/doc/kubelet/changelog.Debian.gz"),
    ]);
    assertEquals(
      await new Response(changelog.stream().pipeThrough(new DecompressionStream("gzip"))).text(),
      `kubelet (1.28.7-1.1) unstable; urgency=medium

  * Kubernetes v1.28.7
    (commit faecb196815e248d3ecfb03c680a4507229c2a56)

 -- Kubernetes Authors <dev@kubernetes.io>  Wed, 13 Jan 2021 13:20:00 +0000
`,
    );
  });
});

async function bytesOf(
  tarball: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  for await (const member of readTar(new Blob([tarball]).stream())) {
    if (member.name === name) return await member.bytes();
  }
  throw new Error(`No member ${name}`);
}

Deno.test("writeDeb() writes the same bytes whatever compresses, and nothing else changes them", async () => {
  await withPackage("v1.20.2", async (pkg, dir) => {
    const first = await writeDeb(pkg, join(dir, "a.deb"));
    const second = await writeDeb(pkg, join(dir, "b.deb"), { jobs: 2 });
    assertEquals([second.sha256, second.contentDigest], [first.sha256, first.contentDigest]);
    const stored = await writeDeb(pkg, join(dir, "c.deb"), { level: 0 });
    assertEquals(stored.contentDigest, first.contentDigest);
    assert(stored.sha256 !== first.sha256);
    const other = await writeDeb({ ...pkg, revision: "01" }, join(dir, "d.deb"));
    assert(other.contentDigest !== first.contentDigest);
  });
});

Deno.test("writeDeb() leaves no file when a program changes", async () => {
  await withPackage("v1.20.2", async (pkg, dir) => {
    await Deno.writeFile(join(dir, "kubelet"), new Uint8Array(2000));
    await assertRejects(() => writeDeb(pkg, join(dir, "a.deb")), KbuildError, "it had 3000 bytes");
    assertEquals(Array.from(Deno.readDirSync(dir), ({ name }) => name), ["kubelet"]);
  });
});

Deno.test("dataEntries() has directories first, names sorted within each, as dpkg does", () => {
  const file = (path: string) =>
    ({ path, mode: 0o644, type: "file", size: 0, content: { bytes: new Uint8Array(0) } }) as const;
  const entries: readonly TarEntry[] = dataEntries({
    ...{ epoch: 0, files: [file("/a/b-c"), file("/a/b/x"), file("/a/b.d"), file("/a+/y")] },
  } as unknown as Package);
  assertEquals(entries.map(({ name }) => name), [
    ...["./", "./a/", "./a/b/", "./a/b/x", "./a/b-c", "./a/b.d", "./a+/", "./a+/y"],
  ]);
});

Deno.test("changelogDate() and wrapText()", () => {
  assertEquals(changelogDate(0), "Thu, 01 Jan 1970 00:00:00 +0000");
  assertEquals(changelogDate(EPOCH), "Wed, 13 Jan 2021 13:20:00 +0000");
  assertEquals(wrapText("one two  three", 7), ["one two", "three"]);
  assertEquals(wrapText("a-very-long-word b", 4), ["a-very-long-word", "b"]);
  assertEquals(wrapText(""), []);
});
