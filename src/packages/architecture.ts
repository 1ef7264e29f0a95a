import { KbuildError } from "../errors.ts";
import type { PackageFormat } from "./types.ts";

/**
 * Go's architectures as the formats spell them. `armhfp`, which the project's own rpms had, is not a
 * processor that rpm knows (kubernetes/release#520).
 */
const ARCHITECTURES: Readonly<Record<string, Readonly<Record<PackageFormat, string>>>> = Object
  .freeze({
    "386": { deb: "i386", rpm: "i386" },
    amd64: { deb: "amd64", rpm: "x86_64" },
    arm: { deb: "armhf", rpm: "armv7hl" },
    arm64: { deb: "arm64", rpm: "aarch64" },
    loong64: { deb: "loong64", rpm: "loongarch64" },
    ppc64le: { deb: "ppc64el", rpm: "ppc64le" },
    riscv64: { deb: "riscv64", rpm: "riscv64" },
    s390x: { deb: "s390x", rpm: "s390x" },
  });

/**
 * An architecture in the spelling of a format: `ppc64le` is `ppc64el` in a deb.
 *
 * @param platform `linux/ppc64le`.
 * @throws {KbuildError} There are no packages for it.
 */
export function packageArch(platform: string, format: PackageFormat): string {
  const [os, arch = ""] = platform.split("/");
  const spelled = os === "linux" ? ARCHITECTURES[arch]?.[format] : undefined;
  if (spelled === undefined) {
    const known = Object.keys(ARCHITECTURES).map((each) => `linux/${each}`).join(", ");
    throw new KbuildError(`Cannot make packages for ${platform}: ${format}s have no name for it`, {
      notes: [`Platforms of packages: ${known}`],
    });
  }
  return spelled;
}

/** Whether there can be packages for a platform. */
export function isPackagePlatform(platform: string): boolean {
  const [os, arch = ""] = platform.split("/");
  return os === "linux" && ARCHITECTURES[arch] !== undefined;
}
