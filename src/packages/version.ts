import { KbuildError } from "../errors.ts";
import type { PackageFormat } from "./types.ts";

/** Major, minor and patch of a version; what a table is asked with. */
export type KubernetesVersion = readonly [major: number, minor: number, patch: number];

/**
 * The numbers of a version. A pre-release counts as the release that it leads to, as in the project's own
 * packaging (kubernetes/release, packages/deb/build.go: `1.11.0-alpha.0`).
 *
 * @param text `v1.20.2`, `1.21.0-alpha.1.5+0123456789abcd-dirty`.
 * @throws {KbuildError} It is not a version.
 */
export function parseKubernetesVersion(text: string): KubernetesVersion {
  const [, major, minor, patch = "0"] = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+]|$)/.exec(text) ?? [];
  if (major === undefined || minor === undefined) {
    throw new KbuildError(`Cannot package version "${text}": it is not a version (v1.20.2)`, {
      notes: ["Say which version it is: KUBE_GIT_VERSION=v1.20.2"],
    });
  }
  return Object.freeze([Number(major), Number(minor), Number(patch)] as const);
}

/** Whether a version is `minimum` or later; the patch may be left out of `minimum`. */
export function isAtLeast(version: KubernetesVersion, minimum: string): boolean {
  const other = parseKubernetesVersion(minimum);
  const at = version.findIndex((number, index) => number !== other[index]);
  return at < 0 || version[at]! > other[at]!;
}

/**
 * A version of Kubernetes as packages have it: a pre-release sorts before its release (`~`), everything
 * else that is added sorts behind it (`+`). Neither format may have a "-" in it.
 *
 * The rule is that of Kubernetes' own build (build/BUILD of 1.8 to 1.19, kubernetes/kubernetes#51716).
 *
 * @param gitVersion `v1.21.0-alpha.1.5+0123456789abcd-dirty`.
 * @returns `1.21.0~alpha.1.5+0123456789abcd+dirty`.
 */
export function packageVersion(gitVersion: string): string {
  parseKubernetesVersion(gitVersion);
  return gitVersion.replace(/^v/, "")
    .replace(/^([0-9.]+)-(alpha|beta|rc)/, "$1~$2")
    .replaceAll("-", "+");
}

/**
 * The revision of packages that nobody has packaged before. Up to 1.23: `00` in debs and `0` in rpms
 * (kubernetes/release, packages/deb/build.go and packages/rpm/kubelet.spec); from 1.24 on `1.1`, the
 * published debs' first.
 */
export function defaultRevision(version: KubernetesVersion, format: PackageFormat): string {
  if (isAtLeast(version, "1.24")) return "1.1";
  return format === "deb" ? "00" : "0";
}

/** Characters of a revision: names of files have 255 at most, and the rest of a package's name is in them, too. */
const MAX_REVISION = 64;

/** What is wrong with a revision; undefined if it can be one in both formats. */
export function revisionFault(text: string): { reason: string; notes: string[] } | undefined {
  if (/^[0-9][0-9A-Za-z.~]*$/.test(text)) {
    if (text.length <= MAX_REVISION) return undefined;
    return {
      reason: `it has ${text.length} characters, and may have ${MAX_REVISION}`,
      notes: ["Give a number, such as 1 or 2.1"],
    };
  }
  return {
    reason: "it must begin with a digit and have letters, digits, dots and tildes only",
    notes: ["Give a number, such as 1 or 2.1"],
  };
}
