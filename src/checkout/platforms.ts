import { UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { ofPlatformGroups } from "./groups.ts";
import type { Checkout, Platform, PlatformLists } from "./types.ts";

/** Options of {@linkcode setupPlatforms}. */
export interface SetupPlatformsOptions {
  /** `KUBE_BUILD_PLATFORMS`: platforms separated by spaces; "" is as if unset. */
  buildPlatforms?: string;
  /** `KUBE_FASTBUILD`: Linux on one architecture alone. */
  fastbuild?: boolean;
  /** `KUBE_BUILDER_OS`: with `darwin…` a fast build has Mac clients and tests as well. */
  builderOs?: string;
  /** The host's architecture as Go writes it. */
  hostArch: string;
  /** Drop unsupported platforms without a word, as the scripts do. */
  strictParity?: boolean;
}

/** What each group of targets is built for. */
export interface PlatformSet extends Readonly<Record<keyof PlatformLists, readonly Platform[]>> {
  /** `KUBE_TEST_SERVER_PLATFORMS`: the server's. */
  readonly testServer: readonly Platform[];
}

/**
 * Port of `kube::golang::setup_platforms` (v1.20.2 hack/lib/golang.sh:170-246): the checkout's
 * platforms, narrowed to those asked for (then sorted), or to a fast build's.
 *
 * v1.7.3 keeps its lists whatever `KUBE_BUILD_PLATFORMS` says, and 1.8-1.13 take it for each of their
 * lists; here they are narrowed as well, unless `strictParity`.
 *
 * @throws {UsageError} A platform is in none of the checkout's lists, unless `strictParity`.
 */
export function setupPlatforms(checkout: Checkout, options: SetupPlatformsOptions): PlatformSet {
  const { strictParity = false } = options;
  const { platforms } = checkout;
  const asked = (options.buildPlatforms ?? "").split(/ +/).filter((platform) => platform !== "");
  const use = strictParity ? checkout.useOfBuildPlatforms?.value ?? "narrows" : "narrows";
  if (options.buildPlatforms && use === "replaces") return platformSet(() => asked);
  if (options.buildPlatforms && use === "narrows") {
    if (!strictParity) checkSupported(checkout, asked, options.hostArch);
    return platformSet((group) => intersection(asked, platforms[group].value));
  }
  if (options.fastbuild) return fastbuild(checkout, options);
  return platformSet((group) => platforms[group].value);
}

function fastbuild(checkout: Checkout, options: SetupPlatformsOptions): PlatformSet {
  const known = checkout.fastbuildArchitectures.value;
  const arch = known.includes(options.hostArch) ? options.hostArch : known[0] ?? "amd64";
  const linux = [`linux/${arch}`];
  const clients = options.builderOs?.startsWith("darwin") ? [`darwin/${arch}`, ...linux] : linux;
  return platformSet((group) => group === "client" || group === "test" ? clients : linux);
}

/** As `dups` after `dedup`: sorted by bytes, each once. */
function intersection(asked: readonly string[], list: readonly string[]): string[] {
  return [...new Set(asked)].filter((platform) => list.includes(platform)).sort();
}

function platformSet(of: (group: keyof PlatformLists) => readonly Platform[]): PlatformSet {
  const lists = ofPlatformGroups((group) => Object.freeze([...of(group)]));
  return Object.freeze({ ...lists, testServer: lists.server });
}

/** The platforms of all groups, each once. */
function listed({ platforms }: Checkout): string[] {
  return [...new Set(Object.values(platforms).flatMap(({ value }) => value))];
}

/**
 * The platforms of a build of targets that are named, or of all of them: those asked for, whether
 * the checkout's lists have them or not (`kube::golang::build_binaries` takes any).
 *
 * @param hostArch Preferred by the suggestion for a platform that is only a system.
 * @returns Also those that no list of the checkout has.
 * @throws {UsageError} A platform is in none of the checkout's lists, and not one of Go's.
 */
export function checkBuildPlatforms(
  checkout: Checkout,
  asked: readonly Platform[],
  hostArch: string,
): { unlisted: readonly Platform[] } {
  const known = listed(checkout);
  const unlisted = asked.filter((platform) => !known.includes(platform));
  if (!unlisted.every(isGoPlatform)) checkSupported(checkout, asked, hostArch, OTHER_PLATFORMS);
  return { unlisted: Object.freeze(unlisted) };
}

/** What named targets may be built for. */
const OTHER_PLATFORMS = ['Go may support others for named targets: "go tool dist list"'];

/** What any Go since 1.8 builds for (`go tool dist list`), phones and browsers left out. */
const GO_PLATFORMS: Readonly<Record<string, string>> = {
  aix: "ppc64",
  darwin: "386 amd64 arm64",
  dragonfly: "amd64",
  freebsd: "386 amd64 arm arm64 riscv64",
  illumos: "amd64",
  linux: "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x",
  netbsd: "386 amd64 arm arm64",
  openbsd: "386 amd64 arm arm64 mips64 ppc64 riscv64",
  plan9: "386 amd64 arm",
  solaris: "amd64",
  windows: "386 amd64 arm arm64",
};

/** The operating systems among them: `linux`. */
export const GO_SYSTEMS: readonly string[] = Object.freeze(Object.keys(GO_PLATFORMS));

/** Whether Go builds for a platform, whatever the checkout says. */
export function isGoPlatform(platform: Platform): boolean {
  const [os = "", arch = "", more] = platform.split("/");
  return more === undefined && arch !== "" && GO_PLATFORMS[os]?.split(" ").includes(arch) === true;
}

function checkSupported(
  checkout: Checkout,
  asked: readonly string[],
  hostArch: string,
  notes: readonly string[] = [],
): void {
  const known = listed(checkout).sort();
  const unknown = asked.filter((platform) => !known.includes(platform));
  const [first] = unknown;
  if (first === undefined && asked.length > 0) return;
  const valid = `This checkout builds ${known.join(", ")} (${checkout.platforms.client.source})`;
  if (first === undefined) {
    throw new UsageError("Cannot build for no platform: KUBE_BUILD_PLATFORMS is blank", [valid]);
  }
  const quoted = unknown.map((platform) => `"${platform}"`).join(", ");
  const waysOut = unknown.every(isGoPlatform)
    ? [
      `To add it: [platforms] in kbuild.toml, such as client = { add = ["${first}"] }`,
      "To leave it out, as the scripts do: --strict-parity",
    ]
    : didYouMean(near(first, known, hostArch));
  throw new UsageError(`Cannot build for ${quoted}: the checkout does not support it`, [
    ...waysOut,
    valid,
    ...notes,
  ]);
}

/** The platforms that somebody may have meant; for a system alone the one with the host's architecture. */
function near(typed: string, known: readonly string[], hostArch: string): readonly string[] {
  const full = `${typed.replace(/\/$/, "")}/${hostArch}`;
  return known.includes(full) ? [full] : nearest(typed, known);
}
