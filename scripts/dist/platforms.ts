/**
 * The platforms that kbuild is made for: one table for `deno compile`, npm's packages, the release
 * workflow and the Homebrew formula.
 *
 * @module
 */
import { KbuildError } from "../../src/errors.ts";

/** A kind of machine that kbuild runs on. */
export interface DistPlatform {
  /** As npm's packages and the files of a release name it: `linux-x64`. */
  readonly name: string;
  /** As `deno compile --target` names it. */
  readonly target: string;
  /** As Go writes it. */
  readonly go: string;
  /** `os` of npm's package.json. */
  readonly os: "darwin" | "linux";
  /** `cpu` of npm's package.json. */
  readonly cpu: "arm64" | "x64";
  /** `libc` of npm's package.json: Deno's runtime needs glibc on Linux. */
  readonly libc?: "glibc";
}

/** Every platform, in the order of `deno compile --help`. */
export const PLATFORMS: readonly DistPlatform[] = Object.freeze<DistPlatform[]>([
  {
    name: "linux-x64",
    target: "x86_64-unknown-linux-gnu",
    go: "linux/amd64",
    os: "linux",
    cpu: "x64",
    libc: "glibc",
  },
  {
    name: "linux-arm64",
    target: "aarch64-unknown-linux-gnu",
    go: "linux/arm64",
    os: "linux",
    cpu: "arm64",
    libc: "glibc",
  },
  {
    name: "darwin-x64",
    target: "x86_64-apple-darwin",
    go: "darwin/amd64",
    os: "darwin",
    cpu: "x64",
  },
  {
    name: "darwin-arm64",
    target: "aarch64-apple-darwin",
    go: "darwin/arm64",
    os: "darwin",
    cpu: "arm64",
  },
]);

/**
 * The platform of that name, target or Go platform.
 *
 * @throws {KbuildError} There is none; names them all.
 */
export function platformNamed(word: string): DistPlatform {
  const found = PLATFORMS.find(({ name, target, go }) => [name, target, go].includes(word));
  if (found !== undefined) return found;
  throw new KbuildError(`Cannot make kbuild for "${word}"`, {
    notes: [`The platforms: ${PLATFORMS.map(({ name }) => name).join(", ")}`],
    exitCode: 2,
  });
}

/** The platform of this machine; undefined for one that kbuild is not made for. */
export function hostDistPlatform(
  build: { os: string; arch: string } = Deno.build,
): DistPlatform | undefined {
  const cpu = build.arch === "x86_64" ? "x64" : build.arch === "aarch64" ? "arm64" : build.arch;
  return PLATFORMS.find((platform) => platform.os === build.os && platform.cpu === cpu);
}
