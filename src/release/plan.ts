import { join } from "@std/path";
import type { Checkout, Platform, PlatformSet } from "../checkout/mod.ts";
import { binaryName } from "../lib/golang/mod.ts";
import type { StageCopies, StageCopy } from "./follow.ts";
import type { AddonDirectory, ReleaseLayout } from "./layout.ts";

/** Which files of a directory: `internal-*`, or addons, whose names (or paths) hold no "demo". */
export type Selection = "internal" | "addons" | "addons, no demo in the path";

/** What goes to one path of a stage directory. */
export type StageSource =
  /** A built binary: `<bin>/<platform>/<name>`. */
  | { readonly binary: { readonly platform: Platform; readonly name: string } }
  /** A file of the checkout, path below the root; links are followed. */
  | { readonly file: string; readonly optional?: boolean }
  /** A file or directory of the checkout and all below it, but for paths below it. */
  | { readonly tree: string; readonly without?: readonly string[] }
  /** Files below a directory of the checkout whose names match. */
  | { readonly select: string; readonly which: Selection }
  /** Text made here. */
  | { readonly text: string }
  /** The MD5 of a built binary, hexadecimal, and a line break; text when it is known. */
  | { readonly md5Of: { readonly platform: Platform; readonly name: string } }
  /** A tarball that was made before. */
  | { readonly tarball: string }
  /** An image archive or its tag file of one architecture. */
  | { readonly image: { readonly arch: string; readonly name: string } }
  | { readonly emptyDirectory: true };

/** One entry of a stage directory; `to` is relative to the stage directory. */
export interface StageEntry {
  /** Path in the stage. */
  readonly to: string;
  /** Where its content comes from. */
  readonly source: StageSource;
}

/** One tarball: what is staged where, and the archive that comes out. */
export interface TarballPlan {
  /** `kubernetes-server-linux-amd64.tar.gz`. */
  readonly name: string;
  /** Directory below `release-stage`: `server/linux-amd64`; undefined for the source tarball. */
  readonly stage: string | undefined;
  /** For the log: "server linux-amd64". */
  readonly title: string;
  /** Undefined: the tarball is for every platform. */
  readonly platform: Platform | undefined;
  /** What is in it. */
  readonly entries: readonly StageEntry[];
}

/** What a release is made of. */
export interface ReleaseInputs {
  /** The platforms of each group. */
  readonly platforms: PlatformSet;
  /** `KUBE_GIT_VERSION`. */
  readonly version: string;
  /** Names of the binaries that are asked for; undefined means all. */
  readonly only: ReadonlySet<string> | undefined;
  /** The environment: `KUBE_BUILD_MONDO_TEST_TARBALL`. Default: empty. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** The source tarball's name; node and server tarballs hold it. */
export const SOURCE_TARBALL = "kubernetes-src.tar.gz";

/**
 * Port of `kube::release::package_tarballs` as a plan: every tarball of the checkout's era in an
 * order in which each comes after those it holds. Pure.
 */
export function planRelease(
  checkout: Checkout,
  layout: ReleaseLayout,
  inputs: ReleaseInputs,
): readonly TarballPlan[] {
  const { platforms } = inputs;
  return Object.freeze([
    tarball({ name: SOURCE_TARBALL, stage: undefined, title: "src" }, []),
    ...saltTarball(layout),
    manifestsTarball(layout),
    ...platforms.client.flatMap((platform) => clientTarball(checkout, inputs, platform)),
    ...platforms.node.flatMap((platform) => nodeTarball(checkout, layout, inputs, platform)),
    ...platforms.server.flatMap((platform) => serverTarball(checkout, layout, inputs, platform)),
    ...(layout.splitTests ? splitTests(checkout, inputs) : []),
    ...allTestsTarball(checkout, layout, inputs),
    finalTarball(layout, inputs),
  ]);
}

/**
 * The tarballs that are packed from the stage of another one, before its own files are added: the
 * portable test tarball of 1.14-1.16, which shares a stage with the one for all platforms.
 */
export function sharedStage(tarballs: readonly TarballPlan[], of: TarballPlan): readonly string[] {
  return tarballs.slice(0, tarballs.indexOf(of))
    .filter(({ stage }) => stage !== undefined && stage === of.stage)
    .map(({ name }) => `release-tars/${name}`);
}

function tarball(
  about: { name: string; stage: string | undefined; title: string; platform?: Platform },
  entries: readonly StageEntry[],
): TarballPlan {
  return Object.freeze({ platform: undefined, ...about, entries: Object.freeze([...entries]) });
}

/** The tarball of one part of a release ("client", "node", "server") for one platform. */
function platformTarball(
  part: string,
  platform: Platform,
  entries: readonly StageEntry[],
): TarballPlan {
  const tag = tagOf(platform);
  const name = `kubernetes-${part}-${tag}.tar.gz`;
  return tarball({ name, stage: `${part}/${tag}`, title: `${part} ${tag}`, platform }, entries);
}

/** Base names of targets on a platform; on Windows with `.exe`. */
function binaries(
  targets: readonly string[],
  platform: Platform,
  inputs: ReleaseInputs,
  directory: string,
): StageEntry[] {
  const suffix = platform.startsWith("windows/") ? ".exe" : "";
  const names = [...new Set(targets.map(binaryName))];
  return names.filter((name) => inputs.only === undefined || inputs.only.has(name))
    .map((name) => ({
      to: `${directory}/${name}${suffix}`,
      source: { binary: { platform, name: `${name}${suffix}` } },
    }));
}

function tagOf(platform: Platform): string {
  return platform.replace("/", "-");
}

function clientTarball(
  checkout: Checkout,
  inputs: ReleaseInputs,
  platform: Platform,
): TarballPlan[] {
  const directory = "kubernetes/client/bin";
  const programs = binaries(checkout.targets.client.value, platform, inputs, directory);
  if (programs.length === 0) return [];
  return [platformTarball("client", platform, programs)];
}

/** What node and server tarballs hold apart from programs. */
function otherEntries(
  copies: readonly StageCopy[],
  layout: ReleaseLayout,
  inputs: ReleaseInputs,
): StageEntry[] {
  const entries: StageEntry[] = [
    ...copies.map((copied) => copyEntry(copied)),
    { to: `kubernetes/${SOURCE_TARBALL}`, source: { tarball: SOURCE_TARBALL } },
  ];
  if (layout.versionInBinaries) {
    entries.push({ to: "kubernetes/version", source: { text: `${inputs.version}\n` } });
  }
  return entries;
}

/** A copy that release.sh makes; `removed` are paths below `kubernetes/` that it takes out again. */
function copyEntry(copied: StageCopy, removed: readonly string[] = []): StageEntry {
  const { from, kind, optional } = copied;
  const to = `kubernetes/${copied.to}`;
  if (kind === "tarball") return { to, source: { tarball: from } };
  if (kind === "file") return { to, source: { file: from, ...(optional ? { optional } : {}) } };
  const without = removed.filter((path) => path.startsWith(`${copied.to}/`))
    .map((path) => path.slice(copied.to.length + 1));
  return { to, source: { tree: from, ...(without.length === 0 ? {} : { without }) } };
}

function copyEntries({ copies, removed }: StageCopies): StageEntry[] {
  return copies.map((copied) => copyEntry(copied, removed));
}

function addonEntries(directories: readonly AddonDirectory[]): StageEntry[] {
  return directories.map(({ from, to, demo }) => ({
    to: `kubernetes/${to}`,
    source: { select: from, which: demo === "name" ? "addons" : "addons, no demo in the path" },
  }));
}

function nodeTarball(
  checkout: Checkout,
  layout: ReleaseLayout,
  inputs: ReleaseInputs,
  platform: Platform,
): TarballPlan[] {
  const targets = [...checkout.targets.node.value, ...checkout.targets.client.value];
  const programs = binaries(targets, platform, inputs, "kubernetes/node/bin");
  if (programs.length === 0) return [];
  const others = otherEntries(layout.nodeCopies, layout, inputs);
  return [platformTarball("node", platform, [...programs, ...others])];
}

function serverTarball(
  checkout: Checkout,
  layout: ReleaseLayout,
  inputs: ReleaseInputs,
  platform: Platform,
): TarballPlan[] {
  const arch = platform.slice(platform.lastIndexOf("/") + 1);
  const directory = "kubernetes/server/bin";
  const targets = [...checkout.targets.server.value, ...checkout.targets.client.value];
  const programs = binaries(targets, platform, inputs, directory);
  if (programs.length === 0) return [];
  const images = imageNames(checkout, inputs).flatMap((name) => [
    { to: `${directory}/${name}.tar`, source: { image: { arch, name } } },
    {
      to: `${directory}/${name}.docker_tag`,
      source: layout.md5Tags
        ? { md5Of: { platform, name } }
        : { text: `${dockerTag(inputs.version)}\n` },
    },
  ]);
  return [platformTarball("server", platform, [
    ...programs,
    ...images,
    { to: "kubernetes/addons", source: { emptyDirectory: true } },
    ...otherEntries(layout.serverCopies, layout, inputs),
  ])];
}

/** The server images whose binaries are asked for. */
export function imageNames(checkout: Checkout, inputs: ReleaseInputs): readonly string[] {
  return checkout.wrappedBinaries.value.map(({ binary }) => binary)
    .filter((name) => inputs.only === undefined || inputs.only.has(name));
}

/** Image tags cannot contain "+": `${KUBE_GIT_VERSION/+/_}`. */
export function dockerTag(version: string): string {
  return version.replace("+", "_");
}

/** Test programs of a platform, and there those that run in a cluster. */
function testBinaries(
  checkout: Checkout,
  inputs: ReleaseInputs,
  platform: Platform,
  directory: string,
): StageEntry[] {
  const { test, testServer } = inputs.platforms;
  const { targets } = checkout;
  return binaries(
    [
      ...(test.includes(platform) ? targets.test.value : []),
      ...(testServer.includes(platform) ? targets.serverTest.value : []),
    ],
    platform,
    inputs,
    directory,
  );
}

function splitTests(checkout: Checkout, inputs: ReleaseInputs): TarballPlan[] {
  const byPlatform = inputs.platforms.test.flatMap((platform) => {
    const tag = tagOf(platform);
    const programs = testBinaries(checkout, inputs, platform, "kubernetes/test/bin");
    if (programs.length === 0) return [];
    const about = { name: `kubernetes-test-${tag}.tar.gz`, stage: `test/${tag}`, platform };
    return [tarball({ ...about, title: `test ${tag}` }, programs)];
  });
  const portable = tarball({
    name: "kubernetes-test-portable.tar.gz",
    stage: "test",
    title: "test portable",
  }, portableEntries(checkout));
  return [...byPlatform, portable];
}

function portableEntries(checkout: Checkout): StageEntry[] {
  return ["test/images", ...checkout.testPortable.value].map((path) => ({
    to: `kubernetes/${path}`,
    source: { tree: path },
  }));
}

/** One test tarball for all platforms: the only one of 1.7; 1.14-1.16 also make the others. */
function allTestsTarball(
  checkout: Checkout,
  layout: ReleaseLayout,
  inputs: ReleaseInputs,
): TarballPlan[] {
  const { allTests, allTestsNotice } = layout;
  const asked = inputs.variables?.["KUBE_BUILD_MONDO_TEST_TARBALL"] ||
    (allTests === "default" ? "y" : "n");
  if (allTests === "never" || (allTests !== "always" && !/[yY]/.test(asked))) return [];
  const { test, testServer } = inputs.platforms;
  const programs = [...new Set([...test, ...testServer])].flatMap((platform) =>
    testBinaries(checkout, inputs, platform, `kubernetes/platforms/${platform}`)
  );
  const notice = allTestsNotice === undefined
    ? []
    : [{ to: "kubernetes/DEPRECATION_NOTICE", source: { text: allTestsNotice } }];
  return [tarball({ name: "kubernetes-test.tar.gz", stage: "test", title: "test" }, [
    ...programs,
    ...portableEntries(checkout),
    ...notice,
  ])];
}

function saltTarball({ salt }: ReleaseLayout): TarballPlan[] {
  if (salt === undefined) return [];
  return [tarball({ name: "kubernetes-salt.tar.gz", stage: "salt", title: "salt" }, [
    ...copyEntries(salt),
    ...addonEntries(salt.addons),
  ])];
}

function manifestsTarball(layout: ReleaseLayout): TarballPlan {
  const { manifests, internalManifests, addons } = layout;
  const internal: StageEntry[] = internalManifests === undefined ? [] : [
    { to: "kubernetes/gci-trusty", source: { select: internalManifests, which: "internal" } },
  ];
  const name = "kubernetes-manifests.tar.gz";
  return tarball({ name, stage: "manifests", title: "manifests" }, [
    ...manifests.map((copied) => copyEntry(copied)),
    ...internal,
    ...addonEntries(addons),
  ]);
}

function finalTarball(layout: ReleaseLayout, inputs: ReleaseInputs): TarballPlan {
  return tarball({ name: "kubernetes.tar.gz", stage: "full", title: "final" }, [
    { to: "kubernetes/client/README", source: { text: layout.clientReadme } },
    { to: "kubernetes/server/README", source: { text: layout.serverReadme } },
    ...copyEntries(layout.final),
    { to: "kubernetes/version", source: { text: `${inputs.version}\n` } },
  ]);
}

/** The path below the root that an entry must have; undefined for what is made or may lack. */
export function requiredInput({ source }: StageEntry): string | undefined {
  if ("file" in source) return source.optional === true ? undefined : source.file;
  if ("tree" in source) return source.tree;
  return "select" in source ? source.select : undefined;
}

/** Binaries that a plan needs, as paths below `binPath`. */
export function requiredBinaries(
  binPath: string,
  plans: readonly TarballPlan[],
): readonly string[] {
  const paths = plans.flatMap((plan) =>
    plan.entries.flatMap(({ source }) =>
      "binary" in source ? [join(binPath, source.binary.platform, source.binary.name)] : []
    )
  );
  return Object.freeze([...new Set(paths)].sort());
}
