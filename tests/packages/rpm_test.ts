import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { join } from "@std/path";
import { hex } from "../../src/files/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { cpioHeader, cpioPadding, cpioTrailer } from "../../src/packages/cpio.ts";
import {
  type BuiltPackageName,
  describePackage,
  type Package,
  resolvePackage,
  writeRpm,
} from "../../src/packages/mod.ts";
import {
  encodeLead,
  encodeRpmHeader,
  HEADER_REGION,
  int32,
  text,
} from "../../src/packages/rpm_header.ts";

const decoder = new TextDecoder();
const EPOCH = 1610544000; // 2021-01-13 13:20:00 UTC

Deno.test("encodeRpmHeader() writes index and data, numbers aligned, the region around", () => {
  const header = encodeRpmHeader(
    new Map([
      [1009, int32(7, -1)],
      [1000, text("ab")],
      [1030, { type: "int16", values: [0o100755] }],
      [1035, { type: "strings", values: ["x", ""] }],
    ]),
    HEADER_REGION,
  );
  const wanted = [
    "8eade801 00000000 00000005 00000021", // magic, 5 entries, 33 bytes of data
    "0000003f 00000007 00000011 00000010", // region 63: its 16 bytes are at 17
    "000003e8 00000006 00000000 00000001", // 1000: a string at 0
    "000003f1 00000004 00000004 00000002", // 1009: two numbers at 4
    "00000406 00000003 0000000c 00000001", // 1030: a short number at 12
    "0000040b 00000008 0000000e 00000002", // 1035: two strings at 14
    "616200 00 00000007 ffffffff 81ed 7800 00", // "ab", padding, 7, -1, 0100755, "x", ""
    "0000003f 00000007 ffffffb0 00000010", // the index began 5 * 16 bytes before
  ];
  assertEquals(hex(header), wanted.join("").replaceAll(" ", ""));
});

Deno.test("encodeLead() is 96 bytes with the package's name", () => {
  const lead = encodeLead("kubelet-1.20.2-0");
  assertEquals(lead.length, 96);
  assertEquals(hex(lead.subarray(0, 10)), "edabeedb030000000001");
  assertEquals(decoder.decode(lead.subarray(10, 27)), "kubelet-1.20.2-0\0");
  assertEquals(hex(lead.subarray(76)), "00010005" + "00".repeat(16));
  assertEquals(encodeLead("x".repeat(100))[75], 0);
});

Deno.test("cpioHeader() is the portable form with padding", () => {
  const member = { name: "./a", inode: 3, mode: 0o100644, mtime: 16, size: 10 };
  assertEquals(
    decoder.decode(cpioHeader(member)),
    "070701" + "00000003" + "000081a4" + "00000000" + "00000000" + "00000001" + "00000010" +
      "0000000a" + "00000000" + "00000001" + "00000000" + "00000000" + "00000004" + "00000000" +
      "./a\0\0\0",
  );
  assertEquals(cpioTrailer().length % 4, 0);
  assertEquals([0, 1, 2, 3, 4].map(cpioPadding), [0, 3, 2, 1, 0]);
  assertThrows(() => cpioHeader({ ...member, size: 2 ** 32 }), KbuildError, "no room");
});

async function withPackage(
  version: string,
  work: (pkg: Package, dir: string) => Promise<void>,
  name: BuiltPackageName = "kubelet",
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    const program = join(dir, name);
    await Deno.writeFile(program, new Uint8Array(3000).fill(7));
    const { description } = describePackage(name, "rpm", {
      ...{ gitVersion: version, platform: "linux/amd64", epoch: EPOCH, demanded: [] },
      license: "Apache\n",
    });
    await work(await resolvePackage(description, { [name]: program }), dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

interface ReadHeader {
  /** Numbers or texts of a tag. */
  readonly tags: ReadonlyMap<number, readonly (number | string)[]>;
  /** First byte behind it. */
  readonly end: number;
}

/** Reads a header by hand: texts and numbers, no bytes. */
function readHeader(bytes: Uint8Array, start: number): ReadHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  assertEquals(view.getUint32(0), 0x8eade801);
  const [count, size] = [view.getUint32(8), view.getUint32(12)];
  const data = 16 + count * 16;
  const tags = new Map<number, (number | string)[]>();
  for (let entry = 0; entry < count; entry++) {
    const [tag = 0, type, offset = 0, length = 0] = [0, 4, 8, 12]
      .map((at) => view.getUint32(16 + entry * 16 + at));
    if (type === 7) continue;
    const values: (number | string)[] = [];
    let at = data + offset;
    for (let index = 0; index < length; index++) {
      if (type === 3) values.push(view.getUint16(at + index * 2));
      else if (type === 4) values.push(view.getUint32(at + index * 4));
      else {
        const end = bytes.indexOf(0, start + at) - start;
        values.push(decoder.decode(bytes.subarray(start + at, start + end)));
        at = end + 1;
      }
    }
    tags.set(tag, values);
  }
  return { tags, end: start + data + size };
}

const digest = (algorithm: string, bytes: Uint8Array) =>
  createHash(algorithm).update(bytes).digest("hex");

Deno.test("writeRpm() has digests of header, payload and files, and the files", async () => {
  await withPackage("v1.28.0-rc.1", async (pkg, dir) => {
    const path = join(dir, "kubelet.rpm");
    const written = await writeRpm(pkg, path);
    const bytes = await Deno.readFile(path);
    assertEquals(written.size, bytes.length);
    const signature = readHeader(bytes, 96);
    const start = Math.ceil(signature.end / 8) * 8;
    const { tags, end } = readHeader(bytes, start);
    const [header, payload] = [bytes.subarray(start, end), bytes.subarray(end)];
    const plain = gunzipSync(payload);
    assertEquals(Object.fromEntries(signature.tags), {
      269: [digest("sha1", header)],
      273: [digest("sha256", header)],
      1000: [header.length + payload.length],
      1007: [plain.length],
    });
    const get = (tag: number) => tags.get(tag) ?? [];
    assertEquals(get(5092), [digest("sha256", payload)]);
    assertEquals(get(5097), [digest("sha256", plain)]);
    assertEquals([get(1000), get(1001), get(1002)].flat(), ["kubelet", "1.28.0~rc.1", "1.1"]);
    assertEquals(get(1004), ["Node agent of Kubernetes"]);
    assertEquals([get(1021), get(1022)].flat(), ["linux", "x86_64"]);
    const paths = get(1117).map((base, index) => `${get(1118)[Number(get(1116)[index])]}${base}`);
    assertEquals(paths, [
      "/etc/kubernetes",
      "/etc/kubernetes/manifests",
      "/etc/sysconfig/kubelet",
      "/usr/bin/kubelet",
      "/usr/lib/systemd/system/kubelet.service",
      "/usr/share/licenses/kubelet",
      "/usr/share/licenses/kubelet/LICENSE",
      "/var/lib/kubelet",
    ]);
    const modes = get(1030).map((mode) => mode.toString(8)).join(" ");
    assertEquals(modes, "40755 40755 100644 100755 100644 40755 100644 40755");
    assertEquals(get(1037), [0, 0, 17, 0, 0, 128, 128, 0]);
    assertEquals(get(1035)[3], digest("sha256", new Uint8Array(3000).fill(7)));
    assertEquals(get(1035)[0], "");
    assertEquals(get(1009), [get(1028).reduce((sum: number, size) => sum + Number(size), 0)]);

    const requires = get(1049).map((name, index) =>
      `${name} ${get(1048)[index]} ${get(1050)[index]}`.trim()
    );
    assertEquals(requires, [
      "/bin/sh 1280",
      "/bin/sh 2304",
      "conntrack 0",
      "ebtables 0",
      "ethtool 0",
      "iproute 0",
      "iptables 12 1.4.21",
      "kubernetes-cni 12 1.2.0",
      "rpmlib(CompressedFileNames) 16777226 3.0.4-1",
      "rpmlib(FileDigests) 16777226 4.6.0-1",
      "rpmlib(PayloadFilesHavePrefix) 16777226 4.0-1",
      "rpmlib(TildeInVersions) 16777226 4.10.0-1",
      "socat 0",
      "util-linux 0",
    ]);
    assertEquals(get(1047), ["kubelet", "kubelet(x86-64)"]);
    assertEquals(get(1113), ["1.28.0~rc.1-1.1", "1.28.0~rc.1-1.1"]);

    const found: string[] = [];
    for (let at = 0;;) {
      const number = (index: number) =>
        parseInt(decoder.decode(plain.subarray(at + 6 + index * 8, at + 14 + index * 8)), 16);
      const [size, nameSize] = [number(6), number(11)];
      const name = decoder.decode(plain.subarray(at + 110, at + 110 + nameSize - 1));
      at = Math.ceil((at + 110 + nameSize) / 4) * 4;
      if (name === "TRAILER!!!") {
        assertEquals(at, plain.length);
        break;
      }
      found.push(name.slice(1));
      if (name.endsWith("sysconfig/kubelet")) {
        assertEquals(decoder.decode(plain.subarray(at, at + size)), "KUBELET_EXTRA_ARGS=\n");
      }
      at = Math.ceil((at + size) / 4) * 4;
    }
    assertEquals(found, paths);
  });
});

Deno.test("writeRpm() writes the same bytes whatever compresses, and nothing else changes them", async () => {
  await withPackage("v1.20.2", async (pkg, dir) => {
    const first = await writeRpm(pkg, join(dir, "a.rpm"));
    const second = await writeRpm(pkg, join(dir, "b.rpm"), { jobs: 2 });
    assertEquals([second.sha256, second.contentDigest], [first.sha256, first.contentDigest]);
    const stored = await writeRpm(pkg, join(dir, "c.rpm"), { level: 0 });
    assertEquals(stored.contentDigest, first.contentDigest);
    assert(stored.sha256 !== first.sha256);
    const other = await writeRpm({ ...pkg, revision: "1" }, join(dir, "d.rpm"));
    assert(other.contentDigest !== first.contentDigest);
  });
});

Deno.test("writeRpm() leaves no file when a program changes", async () => {
  await withPackage("v1.20.2", async (pkg, dir) => {
    await Deno.writeFile(join(dir, "kubectl"), new Uint8Array(3001));
    await assertRejects(() => writeRpm(pkg, join(dir, "a.rpm")), KbuildError, "it had 3000 bytes");
    assertEquals(Array.from(Deno.readDirSync(dir), ({ name }) => name), ["kubectl"]);
  }, "kubectl");
});
