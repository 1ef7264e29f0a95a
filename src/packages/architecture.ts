import { KbuildError, UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
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

/**
 * Reads an architecture as `docker-build.sh` of kubernetes/release takes it: Go's spelling (`arm64`), or Go's and
 * rpm's (`arm64/aarch64`).
 *
 * @returns The platform, and a note if rpm's spelling is one that only that script had.
 * @throws {UsageError} There is no such architecture, or rpm spells it otherwise.
 */
export function parseRpmArch(word: string): { readonly platform: string; readonly note?: string } {
  const [arch = "", given] = word.split("/");
  const spelled = ARCHITECTURES[arch]?.rpm;
  if (spelled === undefined) {
    const [known] = Object.entries(ARCHITECTURES).find(([, { rpm }]) => rpm === arch) ?? [];
    throw new UsageError(`Unknown architecture "${word}"`, [
      ...known === undefined
        ? didYouMean(nearest(arch, Object.keys(ARCHITECTURES)))
        : [`${arch} is rpm's name: write ${known}, or ${known}/${arch}`],
      `There are: ${Object.keys(ARCHITECTURES).join(", ")}`,
    ]);
  }
  const platform = `linux/${arch}`;
  if (given === undefined || given === spelled) return Object.freeze({ platform });
  if (arch === "arm" && given === "armhfp") {
    const note = "rpm has no architecture armhfp: packages are for armv7hl";
    return Object.freeze({ platform, note });
  }
  throw new UsageError(`Cannot make rpms of "${word}": rpm's name of ${arch} is ${spelled}`);
}

/** Whether there can be packages for a platform. */
export function isPackagePlatform(platform: string): boolean {
  const [os, arch = ""] = platform.split("/");
  return os === "linux" && ARCHITECTURES[arch] !== undefined;
}
