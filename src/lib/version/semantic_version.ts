import { KbuildError } from "../../errors.ts";
import { counted } from "../counted.ts";
import { SAY_VERSION } from "./explain.ts";

const SEMANTIC_VERSION = /^v([0-9]+)\.([0-9]+)(\.[0-9]+)?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const RULE = "it is not a semantic version (vX.Y.Z[-pre][+meta])";

/** Where a version was found. */
export type VersionOrigin =
  /** `KUBE_GIT_VERSION` has it. */
  | { readonly kind: "variable"; readonly given: string }
  /** What `git describe` or the mark of an archive says. */
  | { readonly kind: "tag"; readonly described: string };

/**
 * What `git describe` says as a semantic version: the sed lines of `version.sh`.
 *
 * @example
 * ```ts
 * import { version } from "@k8s/kbuild";
 *
 * console.log(version.semanticVersion("v1.20.0-5-g0123456789abcd", "dirty"));
 * // v1.20.0-5+0123456789abcd-dirty
 * ```
 */
export function semanticVersion(described: string, treeState: string): string {
  const dashes = described.replaceAll(/[^-]/g, "").length;
  let version = described;
  if (dashes === 3) {
    // Distance to a pre-release: v1.1.0-alpha.1-6-g84c76d1142ea4d.
    version = version.replace(/-([0-9]+)-g([0-9a-f]{14})$/, ".$1+$2");
  } else if (dashes === 2) {
    // Distance to a release: v1.1.0-1-g84c76d1142ea4d.
    version = version.replace(/-g([0-9a-f]{14})$/, "+$1");
  }
  return treeState === "dirty" ? `${version}-dirty` : version;
}

/** @throws {KbuildError} The version is not a semantic one: names the cause and a value that is. */
export function checkSemantic(version: string, origin: VersionOrigin): void {
  if (SEMANTIC_VERSION.test(version)) return;
  throw origin.kind === "variable" ? wrongVariable(origin.given) : wrongTag(version, origin);
}

function wrongVariable(given: string): KbuildError {
  const plain = `v${given.replace(/^[vV]/, "").replaceAll(/[^0-9A-Za-z.+-]+/g, "-")}`;
  return new KbuildError(`Cannot use KUBE_GIT_VERSION="${given}" as the version: ${RULE}`, {
    notes: [
      SEMANTIC_VERSION.test(plain)
        ? `Write it so: KUBE_GIT_VERSION=${plain}`
        : "Give one such as v1.20.2, v1.21.0-alpha.1 or v1.20.2+build.5",
    ],
    exitCode: 2,
  });
}

function wrongTag(version: string, { described }: VersionOrigin & { kind: "tag" }): KbuildError {
  const [, tag = described, count, hash] = /^(.*)-([0-9]+)-g([0-9a-f]+)$/.exec(described) ?? [];
  const full = tag.includes("+") && SEMANTIC_VERSION.test(tag);
  if (count === undefined || !full) {
    return new KbuildError(`Cannot use the tag "${tag}" as the version: ${RULE}`, {
      notes: ["Tag the commit with a version: git tag v1.2.3", SAY_VERSION],
    });
  }
  const commits = counted(Number(count), "commit");
  return new KbuildError(
    `Cannot use "${version}" as the version: HEAD is ${commits} past the tag "${tag}", ` +
      'and a version has one "+" only',
    {
      notes: [
        "Tag the commit itself: git tag NAME",
        `Or say which version it is: KUBE_GIT_VERSION=${tag}.${count}.${hash}`,
      ],
    },
  );
}
