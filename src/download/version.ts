import { UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import type { RequestedVersion } from "./types.ts";

/** Releases and pre-releases; `KUBE_RELEASE_VERSION_REGEX` of `cluster/get-kube.sh`. */
const RELEASE = /^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[a-zA-Z0-9]+\.(0|[1-9]\d*))?$/;

/** Builds of CI: `v1.19.0-beta.0.318+b618411f1edb98`, `v1.28.3-12+5f8adc0c042843`. */
const CI = /^v\d+\.\d+\.\d+-([a-zA-Z0-9]+\.)?\d+(\.\d+)?\+[-0-9a-z]+$/;

/** What is written without validation: a name in a directory. */
const ANY = /^[0-9A-Za-z][0-9A-Za-z.+_-]*$/;

/** Files that name a version; `pkg/release/publish.go` of kubernetes/release. */
const MARKER = /^(stable|latest)(-\d+(\.\d+)?)?$/;
const ANY_MARKER = /^(release|ci)\/[0-9A-Za-z][0-9A-Za-z._-]*$/;

/** Names the newest of CI's fast builds; `pkg/release/publish.go` of kubernetes/release (`ci-build --fast`). */
const FAST_MARKER = "ci/latest-fast";

/** Whether a version is one of CI's builds, which are in a directory of their own. */
export function isCiVersion(version: string): boolean {
  return version.includes("+");
}

/** Whether a text is a version as it is published. */
export function isPublishedVersion(text: string): boolean {
  return RELEASE.test(text) || CI.test(text);
}

/** The version that somebody means who may leave out its `v`; undefined if it is not one as it is published. */
export function publishedVersion(text: string): string | undefined {
  const version = /^\d/.test(text) ? `v${text}` : text;
  return isPublishedVersion(version) ? version : undefined;
}

/**
 * Reads what `kbuild download` and `KUBERNETES_RELEASE` take: `v1.30.2`, `1.30.2`, `stable`, `stable-1.30`,
 * `latest`, `ci/latest`, `ci/latest-fast`, `release/stable`, `ci/v1.31.0-alpha.0.5+0123456789abcd`,
 * `ci/fast/v1.31.0-alpha.0.5+0123456789abcd`.
 *
 * @param options.validate Whether a version must look like one; default true.
 * @throws {UsageError} It is something else.
 */
export function parseRequested(
  text: string,
  options: { validate?: boolean } = {},
): RequestedVersion {
  const { validate = true } = options;
  const word = text.replace(/\.txt$/, "");
  if (MARKER.test(word)) return Object.freeze({ kind: "marker", marker: `release/${word}` });
  if (word === FAST_MARKER) return Object.freeze({ kind: "marker", marker: word, isFast: true });
  const bare = word.replace(/^(release|ci\/fast|ci)\//, "");
  const version = publishedVersion(bare);
  if (version !== undefined) {
    const isFast = word.startsWith("ci/fast/");
    return Object.freeze({ kind: "version", version, ...(isFast ? { isFast } : {}) });
  }
  if (ANY_MARKER.test(word)) return Object.freeze({ kind: "marker", marker: word });
  if (!validate && ANY.test(word)) return Object.freeze({ kind: "version", version: word });
  const minor = /^v?(\d+\.\d+)$/.exec(word)?.[1];
  throw new UsageError(`Cannot download "${text}": it is neither a version nor a marker`, [
    ...(minor === undefined
      ? didYouMean(nearest(word, ["stable", "latest", "ci/latest", FAST_MARKER]))
      : [`The newest release of a minor version: stable-${minor}`]),
    "Versions: v1.30.2, v1.31.0-rc.0; markers: stable, stable-1.30, latest, latest-1.31, ci/latest",
  ]);
}

/** Numbers of a version: 1, 30, 2 and what is behind them. */
export interface VersionParts {
  /** 1. */
  readonly major: number;
  /** 30. */
  readonly minor: number;
  /** 2. */
  readonly patch: number;
  /** `-rc.0`, or "". */
  readonly rest: string;
}

/** The parts of a version; undefined if it is not one. */
export function partsOf(version: string): VersionParts | undefined {
  const [, major, minor, patch, rest = ""] = /^v(\d+)\.(\d+)\.(\d+)(.*)$/.exec(version) ?? [];
  if (major === undefined) return undefined;
  return Object.freeze({
    major: Number(major),
    minor: Number(minor),
    patch: Number(patch),
    rest,
  });
}

/** Whether a version is older than 1.N. */
export function isBefore(version: string, minor: number): boolean {
  const parts = partsOf(version);
  return parts !== undefined && (parts.major < 1 || (parts.major === 1 && parts.minor < minor));
}
