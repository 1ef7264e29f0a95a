import { assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { bytesEntry, directoryEntry, packTarball } from "../../src/archive/mod.ts";
import { UsageError } from "../../src/errors.ts";
import {
  describePackage,
  matchTarball,
  parseNamedTarballs,
  parseTarballName,
  readProgramTarball,
  unpackPrograms,
} from "../../src/packages/mod.ts";

Deno.test("parseTarballName() knows the names of publication", () => {
  const parsed = (file: string) => {
    const { name, version, platform } = parseTarballName(`/tmp/${file}`) ?? {};
    return name === undefined ? undefined : `${name} ${version} ${platform}`;
  };
  assertEquals(
    parsed("cni-plugins-linux-amd64-v0.8.7.tgz"),
    "kubernetes-cni 0.8.7 linux/amd64",
  );
  assertEquals(parsed("cni-plugins-arm64-v0.7.5.tgz"), "kubernetes-cni 0.7.5 linux/arm64");
  assertEquals(
    parsed("crictl-v1.19.0-linux-ppc64le.tar.gz"),
    "cri-tools 1.19.0 linux/ppc64le",
  );
  assertEquals(parsed("crictl-v1.19.0-windows-amd64.tar.gz"), undefined);
  assertEquals(parsed("kubernetes-client-linux-amd64.tar.gz"), undefined);
});

const DIGEST = "a".repeat(64);

/** In the shape of build/workspace.bzl and build/dependencies.yaml. */
const WORKSPACE = `
CNI_VERSION = "0.8.7"
_CNI_TARBALL_ARCH_SHA256 = {
    "amd64": "${DIGEST}",
}
CRI_TOOLS_VERSION = "1.19.0"
_CRI_TARBALL_ARCH_SHA256 = {
    "linux-arm64": "${DIGEST}",
    "windows-amd64": "${DIGEST}",
}
`;
const DEPENDENCIES = `dependencies:
  # CNI plugins
  - name: "cni"
    version: 1.2.0
    refPaths:
    - path: cluster/gce/config-common.sh
`;

Deno.test("parseNamedTarballs() reads versions, and digests where there are any", () => {
  const old = parseNamedTarballs(WORKSPACE, DEPENDENCIES);
  assertEquals(old.versions, { "kubernetes-cni": "0.8.7", "cri-tools": "1.19.0" });
  assertEquals(old.digests["kubernetes-cni"], { "linux/amd64": DIGEST });
  assertEquals(old.digests["cri-tools"]["linux/arm64"], DIGEST);
  const young = parseNamedTarballs("", DEPENDENCIES);
  assertEquals(young.versions, { "kubernetes-cni": "1.2.0" });
  assertEquals(young.digests, { "kubernetes-cni": {}, "cri-tools": {} });
  assertEquals(parseNamedTarballs("", "").versions, {});
});

async function inDirectory(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await work(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** As CNI plugins are published: programs, and documents beside them. */
async function makeTarball(path: string, names: readonly string[]): Promise<string> {
  const program = (name: string) =>
    bytesEntry(`./${name}`, new TextEncoder().encode(name), { mtime: 1, mode: 0o755 });
  const entries = [
    directoryEntry("./", { mtime: 1 }),
    ...names.map(program),
    bytesEntry("./LICENSE", new Uint8Array(3), { mtime: 1 }),
  ];
  await packTarball(entries, path);
  return path;
}

Deno.test("readProgramTarball() lists the programs, unpackPrograms() unpacks them", () =>
  inDirectory(async (dir) => {
    const path = join(dir, "cni-plugins-linux-amd64-v0.8.7.tgz");
    await makeTarball(path, ["loopback", "bridge"]);
    const tarball = await readProgramTarball(path);
    assertEquals(tarball, {
      name: "kubernetes-cni",
      version: "0.8.7",
      platform: "linux/amd64",
      path,
      programs: ["bridge", "loopback"],
    });
    const programs = await unpackPrograms(tarball, join(dir, "unpacked"));
    assertEquals(Object.keys(programs), ["bridge", "loopback"]);
    assertEquals(await Deno.readTextFile(programs["bridge"]!), "bridge");

    const bad = async (name: string, programs: readonly string[], message: string) => {
      const path = await makeTarball(join(dir, name), programs);
      await assertRejects(() => readProgramTarball(path), UsageError, message);
    };
    await assertRejects(
      () => readProgramTarball(join(dir, "crictl-v1.20.0-linux-amd64.tar.gz")),
      UsageError,
      "Cannot find the tarball",
    );
    await bad("plugins.tgz", ["bridge"], "Cannot tell what is in");
    await bad("crictl-v1.19.0-linux-amd64.tar.gz", ["critest"], "Cannot find programs");
    await bad("cni-plugins-linux-amd64-v1.0.0.tgz", [], "Cannot find programs");
  }));

Deno.test("matchTarball() says whether the checkout vouches for a tarball", () =>
  inDirectory(async (dir) => {
    const path = join(dir, "cni-plugins-linux-amd64-v0.8.7.tgz");
    await makeTarball(path, ["bridge"]);
    const digest = createHash("sha256").update(await Deno.readFile(path)).digest("hex");
    const tarball = {
      name: "kubernetes-cni",
      version: "0.8.7",
      platform: "linux/amd64",
      path,
    } as const;
    const named = (digest: string) => parseNamedTarballs(WORKSPACE.replaceAll(DIGEST, digest), "");
    assertEquals(await matchTarball(tarball, named(digest)), "known");
    assertEquals(await matchTarball(tarball, named(DIGEST)), "wrong");
    assertEquals(
      await matchTarball({ ...tarball, version: "1.0.0" }, named(digest)),
      "other version",
    );
    assertEquals(
      await matchTarball({ ...tarball, platform: "linux/riscv64" }, named(digest)),
      "no digest",
    );
  }));

Deno.test("describePackage() kubernetes-cni and cri-tools have their own versions", () => {
  const described = (
    name: "kubernetes-cni" | "cri-tools",
    format: "deb" | "rpm",
    release: string,
  ) => {
    const { description } = describePackage(name, format, {
      ...{ gitVersion: release, platform: "linux/amd64", epoch: 0, demanded: [] },
      tarball: { version: "1.2.3", programs: ["bridge", "crictl"] },
    });
    const { version, revision, files, depends } = description;
    const paths = files.map(({ path }) => path).filter((path) => !path.startsWith("/usr/share"));
    assertEquals(depends, []);
    return `${version}-${revision} ${paths.join(" ")}`;
  };
  assertEquals(
    described("kubernetes-cni", "deb", "v1.20.2"),
    "1.2.3-00 /opt/cni/bin/bridge /opt/cni/bin/crictl /opt/cni /opt/cni/bin",
  );
  assertEquals(
    described("kubernetes-cni", "deb", "v1.28.7"),
    "1.2.3-1.1 /opt/cni/bin/bridge /opt/cni/bin/crictl /opt/cni /opt/cni/bin /etc/cni /etc/cni/net.d " +
      "/etc/cni/net.d/.kubernetes-cni-keep",
  );
  assertEquals(
    described("kubernetes-cni", "rpm", "v1.28.7"),
    "1.2.3-1.1 /opt/cni/bin/bridge /opt/cni/bin/crictl /opt/cni /opt/cni/bin /etc/cni /etc/cni/net.d",
  );
  assertEquals(described("cri-tools", "rpm", "v1.20.2"), "1.2.3-0 /usr/bin/crictl");
});
