import { join } from "@std/path";
import type { Checkout, Platform, PlatformSet } from "../checkout/mod.ts";
import { binaryName } from "../lib/golang/mod.ts";
import type { ReleaseLayout } from "./layout.ts";

/** What goes to one path of a stage folder. */
export type StageSource =
  /** A built binary: `<bin>/<platform>/<name>`. */
  | { readonly binary: { readonly platform: Platform; readonly name: string } }
  /** A file of the checkout, path below the root. */
  | { readonly file: string; readonly optional?: boolean }
  /** A folder of the checkout and all below it. */
  | { readonly tree: string }
  /** Files below a folder of the checkout whose names match. */
  | { readonly select: string; readonly which: "addons" | "internal" }
  /** Text made here. */
  | { readonly text: string }
  /** A tarball that was made before. */
  | { readonly tarball: string }
  /** An image archive or its tag file of one architecture. */
  | { readonly image: { readonly arch: string; readonly name: string } }
  | { readonly emptyFolder: true };

/** One entry of a stage folder; `to` is relative to the stage folder. */
export interface StageEntry {
  readonly to: string;
  readonly source: StageSource;
}

/** One tarball: what is staged where, and the archive that comes out. */
export interface TarballPlan {
  /** `kubernetes-server-linux-amd64.tar.gz`. */
  readonly name: string;
  /** Folder below `release-stage`: `server/linux-amd64`; undefined for the source tarball. */
  readonly stage: string | undefined;
  /** For the log: "server linux-amd64". */
  readonly title: string;
  readonly platform: Platform | undefined;
  readonly entries: readonly StageEntry[];
}

/** What a release is made of. */
export interface ReleaseInputs {
  /** The platforms of each group. */
  readonly platforms: PlatformSet;
  /** `KUBE_GIT_VERSION`. */
  readonly version: string;
  /** Names of the binaries that exist; undefined means all. */
  readonly only: ReadonlySet<string> | undefined;
}

/** The source tarball's name; node and server tarballs hold it. */
export const SOURCE_TARBALL = "kubernetes-src.tar.gz";
const MANIFESTS_TARBALL = "kubernetes-manifests.tar.gz";

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
    manifestsTarball(layout),
    ...platforms.client.flatMap((platform) => clientTarball(checkout, inputs, platform)),
    ...platforms.node.flatMap((platform) => nodeTarball(checkout, layout, inputs, platform)),
    ...platforms.server.flatMap((platform) => serverTarball(checkout, layout, inputs, platform)),
    ...platforms.test.flatMap((platform) => testTarball(checkout, inputs, platform)),
    portableTarball(checkout),
    finalTarball(layout, inputs),
  ]);
}

function tarball(
  about: { name: string; stage: string | undefined; title: string; platform?: Platform },
  entries: readonly StageEntry[],
): TarballPlan {
  return Object.freeze({ platform: undefined, ...about, entries: Object.freeze([...entries]) });
}

/** Base names of targets on a platform; on Windows with `.exe`. */
function binaries(
  targets: readonly string[],
  platform: Platform,
  inputs: ReleaseInputs,
  folder: string,
): StageEntry[] {
  const suffix = platform.startsWith("windows/") ? ".exe" : "";
  const names = [...new Set(targets.map(binaryName))];
  return names.filter((name) => inputs.only === undefined || inputs.only.has(name))
    .map((name) => ({
      to: `${folder}/${name}${suffix}`,
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
  const tag = tagOf(platform);
  const folder = "kubernetes/client/bin";
  const programs = binaries(checkout.targets.client.value, platform, inputs, folder);
  if (programs.length === 0) return [];
  return [tarball({
    name: `kubernetes-client-${tag}.tar.gz`,
    stage: `client/${tag}`,
    title: `client ${tag}`,
    platform,
  }, programs)];
}

/** What node and server tarballs hold besides programs. */
function legal(layout: ReleaseLayout, inputs: ReleaseInputs): StageEntry[] {
  const entries: StageEntry[] = [
    { to: "kubernetes/LICENSES", source: { tree: "LICENSES" } },
    { to: `kubernetes/${SOURCE_TARBALL}`, source: { tarball: SOURCE_TARBALL } },
  ];
  if (layout.versionInBinaries) {
    entries.push({ to: "kubernetes/version", source: { text: `${inputs.version}\n` } });
  }
  return entries;
}

function nodeTarball(
  checkout: Checkout,
  layout: ReleaseLayout,
  inputs: ReleaseInputs,
  platform: Platform,
): TarballPlan[] {
  const tag = tagOf(platform);
  const targets = [...checkout.targets.node.value, ...checkout.targets.client.value];
  const programs = binaries(targets, platform, inputs, "kubernetes/node/bin");
  if (programs.length === 0) return [];
  return [tarball({
    name: `kubernetes-node-${tag}.tar.gz`,
    stage: `node/${tag}`,
    title: `node ${tag}`,
    platform,
  }, [...programs, ...legal(layout, inputs)])];
}

function serverTarball(
  checkout: Checkout,
  layout: ReleaseLayout,
  inputs: ReleaseInputs,
  platform: Platform,
): TarballPlan[] {
  const tag = tagOf(platform);
  const arch = platform.slice(platform.lastIndexOf("/") + 1);
  const folder = "kubernetes/server/bin";
  const targets = [...checkout.targets.server.value, ...checkout.targets.client.value];
  const programs = binaries(targets, platform, inputs, folder);
  if (programs.length === 0) return [];
  const images = imageNames(checkout, inputs).flatMap((name) => [
    { to: `${folder}/${name}.tar`, source: { image: { arch, name } } },
    { to: `${folder}/${name}.docker_tag`, source: { text: `${dockerTag(inputs.version)}\n` } },
  ]);
  return [tarball({
    name: `kubernetes-server-${tag}.tar.gz`,
    stage: `server/${tag}`,
    title: `server ${tag}`,
    platform,
  }, [
    ...programs,
    ...images,
    { to: "kubernetes/addons", source: { emptyFolder: true } },
    ...legal(layout, inputs),
  ])];
}

/** The server images whose binaries exist. */
export function imageNames(checkout: Checkout, inputs: ReleaseInputs): readonly string[] {
  return checkout.wrappedBinaries.value.map(({ binary }) => binary)
    .filter((name) => inputs.only === undefined || inputs.only.has(name));
}

/** Image tags cannot contain "+": `${KUBE_GIT_VERSION/+/_}`. */
export function dockerTag(version: string): string {
  return version.replace("+", "_");
}

function testTarball(
  checkout: Checkout,
  inputs: ReleaseInputs,
  platform: Platform,
): TarballPlan[] {
  const tag = tagOf(platform);
  const targets = [
    ...checkout.targets.test.value,
    ...(inputs.platforms.testServer.includes(platform) ? checkout.targets.serverTest.value : []),
  ];
  const programs = binaries(targets, platform, inputs, "kubernetes/test/bin");
  if (programs.length === 0) return [];
  return [tarball({
    name: `kubernetes-test-${tag}.tar.gz`,
    stage: `test/${tag}`,
    title: `test ${tag}`,
    platform,
  }, programs)];
}

function portableTarball(checkout: Checkout): TarballPlan {
  return tarball({
    name: "kubernetes-test-portable.tar.gz",
    stage: "test",
    title: "test portable",
  }, [
    { to: "kubernetes/test/images", source: { tree: "test/images" } },
    ...checkout.testPortable.value.map((path) => ({
      to: `kubernetes/${path}`,
      source: { tree: path },
    })),
  ]);
}

function manifestsTarball(layout: ReleaseLayout): TarballPlan {
  const folder = "kubernetes/gci-trusty";
  return tarball({ name: MANIFESTS_TARBALL, stage: "manifests", title: "manifests" }, [
    ...layout.manifests.map(({ from, to, optional }) => ({
      to: `${folder}/${to}`,
      source: { file: from, optional },
    })),
    { to: folder, source: { select: layout.internalManifests, which: "internal" as const } },
    ...layout.addons.map((path) => ({
      to: folder,
      source: { select: path, which: "addons" as const },
    })),
  ]);
}

function finalTarball(layout: ReleaseLayout, inputs: ReleaseInputs): TarballPlan {
  return tarball({ name: "kubernetes.tar.gz", stage: "full", title: "final" }, [
    { to: "kubernetes/client/README", source: { text: layout.clientReadme } },
    { to: "kubernetes/cluster", source: { tree: "cluster" } },
    {
      to: `kubernetes/server/${MANIFESTS_TARBALL}`,
      source: { tarball: MANIFESTS_TARBALL },
    },
    { to: "kubernetes/server/README", source: { text: layout.serverReadme } },
    { to: "kubernetes/hack/lib", source: { tree: "hack/lib" } },
    { to: "kubernetes/docs", source: { tree: "docs" } },
    { to: "kubernetes/README.md", source: { file: "README.md" } },
    { to: "kubernetes/LICENSES", source: { tree: "LICENSES" } },
    { to: "kubernetes/version", source: { text: `${inputs.version}\n` } },
  ]);
}

/** Inputs from the checkout that a plan needs, each once: files and folders below the root. */
export function requiredInputs(plans: readonly TarballPlan[]): readonly string[] {
  const paths = plans.flatMap((plan) =>
    plan.entries.flatMap(({ source }) => {
      if ("file" in source) return source.optional === true ? [] : [source.file];
      if ("tree" in source) return [source.tree];
      return "select" in source ? [source.select] : [];
    })
  );
  return Object.freeze([...new Set(paths)].sort());
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
