import { join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { ifPresent, readText } from "../files/mod.ts";
import { isPackagePlatform } from "./architecture.ts";
import { BUILT_PACKAGES, describePackage, packageFileName } from "./describe.ts";
import { readDemandedPrograms } from "./preflight.ts";
import {
  matchTarball,
  type NamedTarballs,
  type ProgramTarball,
  readNamedTarballs,
  tarballName,
  tarballUrl,
  type WantedTarball,
} from "./tarballs.ts";
import {
  type BuiltPackageName,
  PACKAGE_NAMES,
  type PackageDescription,
  type PackageFormat,
  type PackageName,
  type TarballPackageName,
} from "./types.ts";
import { parseKubernetesVersion } from "./version.ts";

/** A request for packages of a checkout's programs. */
export interface PackagesRequest {
  /** In which formats. */
  readonly formats: readonly PackageFormat[];
  /** Which packages; undefined: all that the checkout builds for a platform. */
  readonly names?: readonly PackageName[] | undefined;
  /** Platforms in Go's spelling. */
  readonly platforms: readonly string[];
  /** Directory with `<os>/<arch>/<program>`. */
  readonly binPath: string;
  /** Published programs, for kubernetes-cni and cri-tools; default: none. */
  readonly tarballs?: readonly ProgramTarball[];
  /** Version, commit and time that the programs are stamped with. */
  readonly stamp: {
    readonly gitVersion: string;
    readonly commit: string | undefined;
    readonly epoch: number;
  };
  /** Revision of the packages; undefined: as the published ones of the version. */
  readonly revision?: string | undefined;
  /** `Name <address>`; undefined: as the published ones. */
  readonly maintainer?: string | undefined;
}

/** A package that is to be written. */
export interface PlannedPackage {
  /** What is in it. */
  readonly description: PackageDescription;
  /** In Go's spelling. */
  readonly platform: string;
  /** Path below the directory of packages: `deb/kubelet_1.20.2-00_amd64.deb`. */
  readonly path: string;
  /** Absolute path of each program, by name; of a tarball's programs none. */
  readonly programs: Readonly<Record<string, string>>;
  /** The tarball that has the programs. */
  readonly tarball?: ProgramTarball;
}

/** A package that is not made, although nobody said so. */
export interface LeftOutPackage {
  /** Undefined: no package of the platform. */
  readonly name?: PackageName | undefined;
  /** In Go's spelling. */
  readonly platform: string;
  /** Why, as the end of a sentence. */
  readonly reason: string;
}

/** Packages that are to be written, in the order of platforms, names and formats. */
export interface PackagesPlan {
  /** The packages. */
  readonly packages: readonly PlannedPackage[];
  /** Packages that are not made. */
  readonly leftOut: readonly LeftOutPackage[];
  /** What a user may not expect, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Plans packages of a checkout's programs. Nothing is written.
 *
 * @throws {KbuildError} There are no packages for a platform, or programs are missing.
 */
export async function preparePackages(
  checkout: Checkout,
  request: PackagesRequest,
): Promise<PackagesPlan> {
  const { formats, platforms, binPath, stamp, revision, maintainer, tarballs = [] } = request;
  checkTime(stamp.epoch, formats);
  const version = parseKubernetesVersion(stamp.gitVersion);
  const demanded = await readDemandedPrograms(checkout, version);
  const license = await ifPresent(readText(join(checkout.root, "LICENSE")));
  const packages: PlannedPackage[] = [];
  const leftOut: LeftOutPackage[] = [];
  const named = await readNamedTarballs(checkout);
  const notes = new Set(await checkTarballs(tarballs, named));
  for (const platform of platforms) {
    for (const name of namesFor(checkout, platform, request.names)) {
      const tarball = isBuilt(name) ? undefined : tarballFor(name, platform, tarballs);
      if (!isBuilt(name) && tarball === undefined) {
        if (request.names !== undefined) throw noTarball(name, platform, named);
        leftOut.push(withoutTarball(name, platform, named));
        continue;
      }
      for (const format of formats) {
        const { description, added } = describePackage(name, format, {
          ...{ platform, demanded, license, revision, maintainer },
          ...(tarball === undefined ? {} : { tarball }),
          ...{ gitVersion: stamp.gitVersion, commit: stamp.commit, epoch: stamp.epoch },
        });
        for (const { program, name: other } of added) {
          notes.add(
            `The ${format} of ${name} also depends on ${other}: this checkout's kubeadm demands ${program}`,
          );
        }
        const directory = format === "deb" ? "deb" : `rpm/${description.arch}`;
        packages.push(Object.freeze({
          ...{ description, platform },
          path: `${directory}/${packageFileName(description)}`,
          programs: Object.freeze(
            tarball === undefined ? { [name]: join(binPath, platform, name) } : {},
          ),
          ...(tarball === undefined ? {} : { tarball }),
        }));
      }
    }
  }
  await checkPrograms(checkout, packages);
  return Object.freeze({
    packages: Object.freeze(packages),
    leftOut: Object.freeze(leftOut),
    notes: Object.freeze([...notes]),
  });
}

/**
 * The last second that has room in a package: an rpm has 32 bits, also for noon of the day in its changelog; dpkg's tar
 * has eleven octal digits.
 */
const LATEST: Readonly<Record<PackageFormat, number>> = Object.freeze({
  deb: 8 ** 11 - 1,
  rpm: 4_294_943_999,
});

/** @throws {KbuildError} The time has no room in a package. */
function checkTime(epoch: number, formats: readonly PackageFormat[]): void {
  const format = formats.find((format) => epoch > LATEST[format]);
  if (format === undefined) return;
  const [time, latest] = [epoch, LATEST[format]].map((seconds) =>
    new Date(seconds * 1000).toISOString().replace(".000", "")
  );
  throw new KbuildError(
    `Cannot make a ${format} of ${time}: it has room for times up to ${latest}`,
    {
      notes: [
        `Set an earlier time: SOURCE_DATE_EPOCH=1700000000; now it is ${epoch}`,
        ...(format === "rpm" && epoch <= LATEST.deb && formats.includes("deb")
          ? ["Or make debs alone: kbuild packages deb"]
          : []),
      ],
      exitCode: 2,
    },
  );
}

/**
 * The packages of a platform: those that are asked for, else those whose program the checkout builds for it.
 *
 * @throws {KbuildError} There are none.
 */
function namesFor(
  { platforms, targets }: Checkout,
  platform: string,
  asked: readonly PackageName[] | undefined,
): readonly PackageName[] {
  if (asked !== undefined) return asked;
  if (!isPackagePlatform(platform)) return BUILT_PACKAGES; // describePackage() says what is wrong.
  const groups = (["server", "node", "client"] as const).filter((group) =>
    platforms[group].value.includes(platform)
  );
  const built = new Set(groups.flatMap((group) => targets[group].value));
  // Whoever has no kubelet needs none of its plugins.
  const names = PACKAGE_NAMES.filter((name) =>
    built.has(`cmd/${isBuilt(name) ? name : "kubelet"}`)
  );
  // A platform that no list has was asked for by name, as `kbuild all` builds it.
  return names.length === 0 && groups.length === 0 ? PACKAGE_NAMES : names;
}

function isBuilt(name: PackageName): name is BuiltPackageName {
  return BUILT_PACKAGES.some((each) => each === name);
}

function tarballFor(
  name: TarballPackageName,
  platform: string,
  tarballs: readonly ProgramTarball[],
): ProgramTarball | undefined {
  return tarballs.find((each) => each.name === name && each.platform === platform);
}

/**
 * The tarballs that packages need, in the versions that the checkout names, and that are not given.
 *
 * @throws {KbuildError} A file of the checkout cannot be read.
 */
export async function wantedTarballs(
  checkout: Checkout,
  { platforms, names, tarballs = [] }: Pick<PackagesRequest, "platforms" | "names" | "tarballs">,
): Promise<readonly WantedTarball[]> {
  const { versions, digests } = await readNamedTarballs(checkout);
  const wanted = platforms.filter(isPackagePlatform).flatMap((platform) =>
    namesFor(checkout, platform, names).flatMap((name): readonly WantedTarball[] => {
      if (isBuilt(name) || tarballFor(name, platform, tarballs) !== undefined) return [];
      const version = versions[name];
      if (version === undefined) return [];
      const url = tarballUrl(name, platform, version);
      return [Object.freeze({ name, version, platform, url, sha256: digests[name][platform] })];
    })
  );
  return Object.freeze(wanted);
}

function withoutTarball(
  name: TarballPackageName,
  platform: string,
  named: NamedTarballs,
): LeftOutPackage {
  const version = named.versions[name];
  const why = version === undefined
    ? "the checkout does not say which version"
    : "its programs are published elsewhere";
  const reason = `${why} (--tarball ${tarballName(name, platform, version)})`;
  return Object.freeze({ name, platform, reason });
}

function noTarball(
  name: TarballPackageName,
  platform: string,
  named: NamedTarballs,
): KbuildError {
  const file = tarballName(name, platform, named.versions[name]);
  return new KbuildError(
    `Cannot make ${name} for ${platform}: its programs are not part of Kubernetes`,
    {
      notes: [`Download its published tarball and name it: --tarball ${file}`],
    },
  );
}

/**
 * Compares tarballs with what the checkout says of them.
 *
 * @returns What a user may not expect, a sentence each.
 * @throws {KbuildError} One is not the tarball of which the checkout has the digest.
 */
async function checkTarballs(
  tarballs: readonly ProgramTarball[],
  named: NamedTarballs,
): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const tarball of tarballs) {
    const { name, version, platform, path } = tarball;
    if (tarball.isVerified === true) continue;
    const match = await matchTarball(tarball, named);
    if (match === "wrong") {
      throw new KbuildError(
        `Cannot make ${name} of "${path}": its digest is not the one in build/workspace.bzl`,
        { notes: [`Want sha256:${named.digests[name][platform]}; download it again`] },
      );
    }
    const wanted = named.versions[name];
    if (match === "other version" && wanted !== undefined) {
      notes.push(`${name} ${version} is not the version that this checkout names, ${wanted}`);
    }
    if (match !== "known") {
      notes.push(`Nothing vouches for "${path}": the checkout has no digest of it`);
    }
  }
  return notes;
}

/** @throws {KbuildError} Programs are missing; the error names them all. */
async function checkPrograms(
  { root }: Checkout,
  packages: readonly PlannedPackage[],
): Promise<void> {
  const missing: { path: string; name: string; platform: string }[] = [];
  const seen = new Set<string>();
  for (const { programs, platform } of packages) {
    for (const [name, path] of Object.entries(programs)) {
      if (seen.has(path)) continue;
      seen.add(path);
      const info = await ifPresent(Deno.stat(path));
      if (info === undefined) missing.push({ path, name, platform });
    }
  }
  if (missing.length === 0) return;
  const names = [...new Set(missing.map(({ name }) => name))];
  const platforms = [...new Set(missing.map(({ platform }) => platform))];
  const others = [...new Set(packages.map(({ description }) => description.name))]
    .filter((name) => !names.includes(name));
  const what = missing.length === 1
    ? "a program is missing"
    : `${missing.length} programs are missing`;
  throw new KbuildError(`Cannot make packages: ${what}`, {
    output: missing.map(({ path }) =>
      path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path
    ),
    notes: [
      `Build: kbuild all ${names.map((name) => `cmd/${name}`).join(" ")} --platform ${
        platforms.join(",")
      }; or everything: kbuild quick-release`,
      ...(others.length === 0
        ? []
        : [`Make the other packages alone: --packages ${others.join(",")}`]),
    ],
  });
}
