import { assertEquals, assertThrows } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import {
  defaultRevision,
  isAtLeast,
  packageArch,
  packageVersion,
  parseKubernetesVersion,
  revisionFault,
} from "../../src/packages/mod.ts";
import { VERSIONS } from "./_versions.ts";

Deno.test("packageVersion() has ~ in front of pre-releases, and + for all that follows", () => {
  for (const [gitVersion, version] of VERSIONS) {
    assertEquals(packageVersion(gitVersion), version);
  }
  assertEquals(packageVersion("v1.20.2+k3s1"), "1.20.2+k3s1");
  assertThrows(() => packageVersion("latest"), KbuildError, 'Cannot package version "latest"');
});

Deno.test("isAtLeast() counts a pre-release as its release", () => {
  const is = (version: string, minimum: string) =>
    isAtLeast(parseKubernetesVersion(version), minimum);
  assertEquals(is("v1.11.0-alpha.0", "1.11"), true);
  assertEquals(is("v1.10.13", "1.11"), false);
  assertEquals(is("v1.24.4", "1.24.5"), false);
  assertEquals(is("v1.24.5", "1.24.5"), true);
  assertEquals(is("v1.9.0", "1.10"), false);
  assertEquals(is("v2.0.0", "1.35"), true);
});

Deno.test("defaultRevision() is that of the published packages", () => {
  const revisions = (version: string) =>
    (["deb", "rpm"] as const).map((format) =>
      defaultRevision(parseKubernetesVersion(version), format)
    );
  assertEquals(revisions("v1.6.3"), ["00", "0"]);
  assertEquals(revisions("v1.23.17"), ["00", "0"]);
  assertEquals(revisions("v1.24.0"), ["1.1", "1.1"]);
});

Deno.test("revisionFault() takes what both formats take", () => {
  assertEquals(
    revisionFault("1".repeat(65))?.reason,
    "it has 65 characters, and may have 64",
  );
  for (const good of ["0", "00", "1.1", "2~rc1", "1".repeat(64)]) {
    assertEquals(revisionFault(good), undefined);
  }
  for (const bad of ["", "a", "1-1", "1+1", "1 1", "1\n"]) {
    assertEquals(typeof revisionFault(bad)?.reason, "string", bad);
  }
});

Deno.test("packageArch() spells architectures as the formats do", () => {
  const spelled = (arch: string) =>
    (["deb", "rpm"] as const).map((format) => packageArch(`linux/${arch}`, format)).join(" ");
  assertEquals(spelled("amd64"), "amd64 x86_64");
  assertEquals(spelled("arm"), "armhf armv7hl");
  assertEquals(spelled("arm64"), "arm64 aarch64");
  assertEquals(spelled("ppc64le"), "ppc64el ppc64le");
  assertEquals(spelled("386"), "i386 i386");
  assertEquals(spelled("loong64"), "loong64 loongarch64");
  assertThrows(() => packageArch("darwin/arm64", "deb"), KbuildError, "no name for it");
  assertThrows(() => packageArch("linux/mips", "rpm"), KbuildError, "rpms have no name");
});
