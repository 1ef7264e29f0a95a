/** A Go toolchain that can be started. */
export interface GoTool {
  /** Path of the `go` program. */
  readonly path: string;
  /** What `go version` says: "go version go1.19.8 linux/amd64". */
  readonly description: string;
  /** Release without "go": "1.19.8", "1.24rc1"; "" for a development version that names none. */
  readonly version: string;
  /** A development version, which has no release number of its own. */
  readonly devel: boolean;
  /** The platform that the toolchain runs on: "linux/amd64". */
  readonly host: string;
  /**
   * The directory to put in front of `PATH`, so that whatever starts `go` gets this one; absent when
   * the first `go` in `PATH` is this one.
   */
  readonly bin?: string;
  /** GOROOT that this Go needs in its environment; absent if it finds its own. */
  readonly goroot?: string;
  /** A GOROOT in the environment that belongs to another Go, and is not used. */
  readonly foreignRoot?: string;
}

/** What `go version` printed, taken apart. */
export interface GoVersion {
  /** As in {@linkcode GoTool}; a vendor's suffix (`go1.21.7-fips`) is left out. */
  readonly version: string;
  /** As in {@linkcode GoTool}. */
  readonly devel: boolean;
  /** As in {@linkcode GoTool}. */
  readonly host: string;
}

/**
 * Reads a line of `go version`: `go version go1.24rc1 linux/amd64`,
 * `go version devel go1.27-5b7f1ea Mon … darwin/arm64`, `go version go1.20.1 X:boringcrypto linux/amd64`.
 *
 * @returns undefined when the line is something else.
 */
export function parseGoVersion(line: string): GoVersion | undefined {
  const expression =
    /^go version (devel )?(?:go(\d+(?:\.\d+){0,2}(?:(?:rc|beta)\d+)?)|\+\S+)\S*.*? (\w+\/\w+)$/;
  const match = expression.exec(line.trim());
  if (match === null) return undefined;
  const [, devel, version, host] = match;
  return { version: version ?? "", devel: devel !== undefined, host: host ?? "" };
}

/** Whether a text is a release of Go, without "go": `1.21.7`, `1.9`, `1.26rc1`. */
export function isGoRelease(text: string): boolean {
  return RELEASE.test(text);
}

/**
 * Compares releases as numbers: 1.10 is later than 1.6. Missing parts count as 0, candidates come
 * before their release, betas before candidates.
 *
 * @returns Less than, equal to or greater than 0.
 */
export function compareGoVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (const [i, part] of left.entries()) {
    const difference = part - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a Go has what a release brought; a development version has everything. */
export function isGoSince(
  { devel, version }: Pick<GoTool, "devel" | "version">,
  release: string,
): boolean {
  return devel || compareGoVersions(version, release) >= 0;
}

const RELEASE = /^(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(?:(rc|beta)(\d{1,6}))?$/;

/** Major, minor, patch, stage (beta 0, rc 1, release 2), number of the stage. */
function partsOf(version: string): readonly number[] {
  const match = RELEASE.exec(version);
  const [, major = version, minor = "0", patch = "0", stage, number = "0"] = match ?? [];
  const stages = stage === undefined ? 2 : stage === "rc" ? 1 : 0;
  return [Number(major) || 0, Number(minor), Number(patch), stages, Number(number)];
}
