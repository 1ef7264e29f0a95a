/** Content keys of packages: each input that changes bytes changes the key, and nothing else does. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { createDeflater } from "../../src/archive/mod.ts";
import {
  type DescribeOptions,
  describePackage,
  openPackageKeys,
  type PackageDescription,
  type PackageFormat,
  type PackageKeysOptions,
  type PackageName,
  packageNote,
  type PlannedPackage,
  readPackage,
  writePackage,
} from "../../src/packages/mod.ts";

const OPTIONS: DescribeOptions = {
  gitVersion: "v1.20.2",
  platform: "linux/amd64",
  commit: undefined,
  epoch: 1610544000,
  license: undefined,
  demanded: [],
  revision: undefined,
  maintainer: undefined,
};

async function inDirectory(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "kbuild packages " });
  try {
    await work(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A package of a program with made-up content. */
async function planned(
  dir: string,
  { format = "deb", name = "kubectl", content = "program", ...changes }:
    & { format?: PackageFormat; name?: PackageName; content?: string }
    & Partial<DescribeOptions> = {},
): Promise<PlannedPackage> {
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(join(dir, name), content);
  const { description } = describePackage(name, format, { ...OPTIONS, ...changes });
  const programs = { [name]: join(dir, name) };
  return { description, platform: OPTIONS.platform, path: `${format}/package.${format}`, programs };
}

async function keyOf(
  planned: PlannedPackage,
  options: Partial<PackageKeysOptions> = {},
): Promise<string> {
  const keys = openPackageKeys({ format: "level 5", isSigned: false, ...options });
  const { key, why } = await keys.keyOf(planned);
  assertEquals(why, undefined);
  return key ?? "";
}

Deno.test("a package's key changes with every input of its bytes, and not with its path", () =>
  inDirectory(async (dir) => {
    const key = await keyOf(await planned(join(dir, "one")));
    assertEquals(await keyOf(await planned(join(dir, "an other"))), key);
    const changes = await Promise.all([
      planned(join(dir, "rpm"), { format: "rpm" }),
      planned(join(dir, "name"), { name: "kubeadm" }),
      planned(join(dir, "content"), { content: "Program" }),
      planned(join(dir, "version"), { gitVersion: "v1.20.3" }),
      planned(join(dir, "platform"), { platform: "linux/arm64" }),
      planned(join(dir, "time"), { epoch: OPTIONS.epoch + 1 }),
      planned(join(dir, "revision"), { revision: "7" }),
      planned(join(dir, "maintainer"), { maintainer: "Jane Doe <jane@example.com>" }),
      planned(join(dir, "license"), { format: "rpm", license: "Do what you like.\n" }),
    ]);
    const others = await Promise.all(changes.map((each) => keyOf(each)));
    const level = await keyOf(await planned(join(dir, "one")), { format: "level 9" });
    assertEquals(new Set([key, level, ...others]).size, changes.length + 2);
  }));

Deno.test("programs in a tarball count by its content", () =>
  inDirectory(async (dir) => {
    const path = join(dir, "crictl-v1.19.0-linux-amd64.tar.gz");
    const tarball = {
      ...{ name: "cri-tools", version: "1.19.0", platform: "linux/amd64" } as const,
      ...{ path, programs: ["crictl"] },
    };
    const { description } = describePackage("cri-tools", "deb", { ...OPTIONS, tarball });
    const each = { ...{ description, platform: "linux/amd64", tarball }, path: "x", programs: {} };
    const keys = openPackageKeys({ format: "", isSigned: false });
    assertEquals(await keys.keyOf(each), { why: `${path} is not there yet` });
    await Deno.writeTextFile(path, "one");
    const { key } = await keys.keyOf(each);
    await Deno.writeTextFile(path, "other");
    assertNotEquals((await keys.keyOf(each)).key, key);
  }));

Deno.test("a signed rpm has no key; a deb is not signed", () =>
  inDirectory(async (dir) => {
    const keys = openPackageKeys({ format: "", isSigned: true });
    const rpm = await planned(dir, { format: "rpm" });
    assertEquals(await keys.keyOf(rpm), { why: "its signature has a time" });
    const deb = await planned(dir);
    assertEquals((await keys.keyOf(deb)).key, await keyOf(deb, { format: "" }));
  }));

Deno.test("a key is of what was there: whether that has changed since", () =>
  inDirectory(async (dir) => {
    const one = await planned(dir);
    const program = one.programs["kubectl"]!;
    const keys = openPackageKeys({ format: "", isSigned: false });
    const first = await keys.keyOf(one);
    assert(first.key !== undefined && await first.isCurrent());
    // Another file of the same size, with the same time.
    const { mtime } = await Deno.stat(program);
    await Deno.writeTextFile(`${program}.new`, "PROGRAM");
    await Deno.utime(`${program}.new`, mtime!, mtime!);
    await Deno.rename(`${program}.new`, program);
    assertEquals(await first.isCurrent(), false);
    const second = await keys.keyOf(one);
    assertNotEquals(second.key, first.key);
    // The same file within the grain of its times.
    const { ino } = await Deno.stat(program);
    await Deno.writeTextFile(program, "program");
    await Deno.utime(program, mtime!, mtime!);
    assertEquals((await Deno.stat(program)).ino, ino);
    assert(second.key !== undefined);
    assertEquals(await second.isCurrent(), false);
  }));

/**
 * SHA-256 of packages of this file. Whoever changes one makes other bytes of the same inputs: `RECIPE` of
 * src/packages/package_key.ts has to grow then, or stores give packages of before.
 */
const DIGESTS: Readonly<Record<PackageFormat, string>> = {
  deb: "e9231d72f80c239c42e20dd0e41ec6fb01eff01782e6b8d0a26026db1093f6cb",
  rpm: "0f77a4ffde237b4cfd818212130d632e642ab8967fbcc6e8f603e50681ee2688",
};

/** Of this file, since kbuild's own texts may change: they are in the key. */
const DESCRIPTION: Omit<PackageDescription, "format" | "arch"> = {
  name: "kubectl",
  ...{ version: "1.20.2", revision: "0", summary: "A tool", section: "misc" },
  ...{ description: "A tool, in words.", maintainer: "Jane Doe <jane@example.com>" },
  ...{ homepage: "https://example.com", depends: [{ name: "other", minimum: "1.2" }] },
  files: [
    { path: "/usr/bin/kubectl", mode: 0o755, source: { program: "kubectl" } },
    { path: "/etc/kubectl.conf", mode: 0o644, config: true, source: { text: "a = b\n" } },
    { path: "/var/lib/kubectl", mode: 0o700 },
  ],
  scripts: {},
  epoch: OPTIONS.epoch,
};

for (const format of ["deb", "rpm"] as const) {
  Deno.test(`a ${format} has the bytes of its recipe, and is known again by its note`, () =>
    inDirectory(async (dir) => {
      const { path, platform, programs } = await planned(join(dir, "bin"), { format });
      const arch = format === "deb" ? "amd64" : "x86_64";
      const each = { path, platform, programs, description: { ...DESCRIPTION, format, arch } };
      // The level with the same bytes on x64 and arm64.
      const deflater = createDeflater({ jobs: 1, level: 9 });
      const options = { directory: join(dir, "to"), work: join(dir, "work"), deflater };
      try {
        const written = await writePackage(each, options);
        assertEquals(written.archive.sha256, DIGESTS[format]);
        const note = packageNote(written.archive);
        assertEquals(await readPackage(each, note, options), written);
        for (const wrong of [undefined, "", "{}", note.replace(/[0-9a-f]{64}/, "x")]) {
          assertEquals(await readPackage(each, wrong, options), undefined, wrong);
        }
        if (format === "deb") return;
        const far = note.replace(/"end":\d+/, `"end":${written.archive.size + 1}`);
        assertEquals(await readPackage(each, far, options), undefined);
      } finally {
        deflater.close();
      }
    }));
}
