import { basename, join } from "@std/path";
import { compareNames, digestOfFile, readTar, unpackTar } from "../archive/mod.ts";
import type { Checkout } from "../checkout/mod.ts";
import { UsageError } from "../errors.ts";
import { ifPresent, readText } from "../files/mod.ts";
import type { TarballPackageName } from "./types.ts";

/** Programs that somebody else published, as a package is made of them. */
export interface ProgramTarball {
  /** The package that it is for. */
  readonly name: TarballPackageName;
  /** Version of the programs: `0.8.7`. */
  readonly version: string;
  /** In Go's spelling. */
  readonly platform: string;
  /** Absolute path of the tarball. */
  readonly path: string;
  /** Names of the programs in it, sorted; `./` in front is left out. */
  readonly programs: readonly string[];
  /** Whether it has the digest that its project published; default false. */
  readonly isVerified?: boolean;
}

/**
 * Names of published tarballs: `cni-plugins-linux-amd64-v0.8.7.tgz`, before 0.8 without `linux-`
 * (containernetworking/plugins), and `crictl-v1.19.0-linux-amd64.tar.gz` (kubernetes-sigs/cri-tools).
 */
const NAMES: readonly (readonly [TarballPackageName, RegExp])[] = Object.freeze([
  [
    "kubernetes-cni",
    /^cni-plugins-(?:linux-)?(?<arch>[a-z0-9]+)-v(?<version>\d+\.\d+\.\d+)\.(?:tgz|tar\.gz)$/,
  ],
  ["cri-tools", /^crictl-v(?<version>\d+\.\d+\.\d+)-linux-(?<arch>[a-z0-9]+)\.tar\.gz$/],
]);

/** What the name of a published tarball tells; undefined if it is another file's. */
export function parseTarballName(
  path: string,
): Omit<ProgramTarball, "path" | "programs"> | undefined {
  for (const [name, pattern] of NAMES) {
    const { arch, version } = pattern.exec(basename(path))?.groups ?? {};
    if (arch === undefined || version === undefined) continue;
    return Object.freeze({ name, version, platform: `linux/${arch}` });
  }
  return undefined;
}

/** Whether a member is a program; licences and documents are beside them. */
function isProgram({ type, mode }: { type: string; mode: number }): boolean {
  return type === "file" && (mode & 0o111) !== 0;
}

/**
 * Looks into a published tarball of CNI plugins or crictl.
 *
 * @param path Absolute; the name must be the published one.
 * @throws {UsageError} It has another name, or no programs.
 * @throws {KbuildError} It cannot be read.
 */
export async function readProgramTarball(path: string): Promise<ProgramTarball> {
  const about = parseTarballName(path);
  if (about === undefined) {
    throw new UsageError(`Cannot tell what is in "${basename(path)}" by its name`, [
      "Keep the names of publication: cni-plugins-linux-amd64-v0.8.7.tgz, " +
      "crictl-v1.19.0-linux-amd64.tar.gz",
    ]);
  }
  if (await ifPresent(Deno.stat(path)) === undefined) {
    throw new UsageError(`Cannot find the tarball "${path}"`);
  }
  const programs: string[] = [];
  for await (const member of readTar(path)) {
    const name = member.name.replace(/^\.\//, "");
    if (isProgram(member) && /^[\w.-]+$/.test(name)) programs.push(name);
  }
  const isRight = about.name === "cri-tools" ? programs.includes("crictl") : programs.length > 0;
  if (!isRight) throw new UsageError(`Cannot find programs in "${path}"`);
  programs.sort(compareNames);
  return Object.freeze({ ...about, path, programs: Object.freeze(programs) });
}

/**
 * Unpacks a tarball's programs.
 *
 * @param directory A directory to make.
 * @returns Absolute path of each program, by name.
 * @throws {KbuildError} The tarball cannot be read, or is not to be trusted.
 */
export async function unpackPrograms(
  { path, programs }: ProgramTarball,
  directory: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Readonly<Record<string, string>>> {
  const { signal } = options;
  await unpackTar(path, directory, signal === undefined ? {} : { signal });
  return Object.freeze(Object.fromEntries(programs.map((name) => [name, join(directory, name)])));
}

/** Files of a checkout that name versions, and up to 1.20 digests, of what it is tested with. */
const WORKSPACE = "build/workspace.bzl";
const DEPENDENCIES = "build/dependencies.yaml";

/** What a checkout says of CNI plugins and crictl. */
export interface NamedTarballs {
  /** Versions that it names. */
  readonly versions: Readonly<Partial<Record<TarballPackageName, string>>>;
  /** SHA-256 of the tarballs of these versions by platform, hexadecimal; none from 1.21 on. */
  readonly digests: Readonly<Record<TarballPackageName, Readonly<Record<string, string>>>>;
}

/**
 * Reads the versions of CNI plugins and crictl that a checkout is tested with: `build/workspace.bzl` (1.11 to
 * 1.20), `build/dependencies.yaml` (1.17 and later; without crictl).
 *
 * @throws {KbuildError} One of the files cannot be read.
 */
export async function readNamedTarballs(
  { root }: Pick<Checkout, "root">,
): Promise<NamedTarballs> {
  const read = async (path: string) => await ifPresent(readText(join(root, path))) ?? "";
  return parseNamedTarballs(await read(WORKSPACE), await read(DEPENDENCIES));
}

/** {@linkcode readNamedTarballs} of the texts of the two files. */
export function parseNamedTarballs(workspace: string, dependencies: string): NamedTarballs {
  const variable = (name: string) =>
    new RegExp(`^${name}\\s*=\\s*"([\\d.]+)"`, "m").exec(workspace)?.[1];
  const listed = (name: string) =>
    new RegExp(`^\\s*- name: "?${name}"?\\s*\\n\\s*version: "?v?([\\d.]+)"?\\s*$`, "m")
      .exec(dependencies)?.[1];
  const cni = variable("CNI_VERSION") ?? listed("cni");
  const crictl = variable("CRI_TOOLS_VERSION") ?? listed("cri-tools") ?? listed("crictl");
  return Object.freeze({
    versions: Object.freeze({
      ...(cni === undefined ? {} : { "kubernetes-cni": cni }),
      ...(crictl === undefined ? {} : { "cri-tools": crictl }),
    }),
    digests: Object.freeze({
      "kubernetes-cni": digestsIn(workspace, "CNI"),
      "cri-tools": digestsIn(workspace, "CRI"),
    }),
  });
}

/** `_CNI_TARBALL_ARCH_SHA256 = { "amd64": "97…", … }` by platform; keys of crictl's begin with `linux-`. */
function digestsIn(workspace: string, what: string): Readonly<Record<string, string>> {
  const table = new RegExp(`\\b_?${what}_TARBALL_ARCH_SHA256\\s*=\\s*\\{([^}]*)\\}`).exec(
    workspace,
  );
  const pairs = (table?.[1] ?? "").matchAll(/"(?:linux-)?([a-z0-9]+)":\s*"([0-9a-f]{64})"/g);
  return Object.freeze(
    Object.fromEntries(Array.from(pairs, ([, arch, digest]) => [`linux/${arch}`, digest!])),
  );
}

/** A tarball that a package needs and that nobody gave. */
export interface WantedTarball {
  /** The package that it is for. */
  readonly name: TarballPackageName;
  /** The version that the checkout names. */
  readonly version: string;
  /** In Go's spelling. */
  readonly platform: string;
  /** Where its project publishes it; `.sha512` or `.sha256` is beside it. */
  readonly url: string;
  /** SHA-256 that the checkout has of it, hexadecimal. */
  readonly sha256: string | undefined;
}

/** The published name of a tarball; in place of an unknown version, `VERSION`. */
export function tarballName(
  name: TarballPackageName,
  platform: string,
  version: string | undefined,
): string {
  const arch = platform.slice(platform.indexOf("/") + 1);
  const text = version === undefined ? "VERSION" : `v${version}`;
  if (name === "cri-tools") return `crictl-${text}-linux-${arch}.tar.gz`;
  const isOld = version !== undefined && /^0\.[0-7]\./.test(version);
  return `cni-plugins-${isOld ? "" : "linux-"}${arch}-${text}.tgz`;
}

/** Releases of both projects, which keep all of their versions; the buckets of old checkouts do not. */
const PROJECTS: Readonly<Record<TarballPackageName, string>> = Object.freeze({
  "kubernetes-cni": "https://github.com/containernetworking/plugins/releases/download",
  "cri-tools": "https://github.com/kubernetes-sigs/cri-tools/releases/download",
});

/** Where a tarball is published. */
export function tarballUrl(name: TarballPackageName, platform: string, version: string): string {
  return `${PROJECTS[name]}/v${version}/${tarballName(name, platform, version)}`;
}

/** How a tarball fits to what a checkout names. */
export type TarballMatch =
  /** The checkout has its digest. */
  | "known"
  /** The checkout names another version, or none. */
  | "other version"
  /** The version is the checkout's, which has no digest for the platform. */
  | "no digest"
  /** The version is the checkout's, and its digest is another one. */
  | "wrong";

/**
 * Compares a tarball with what a checkout says of it.
 *
 * @throws {KbuildError} It cannot be read.
 */
export async function matchTarball(
  { name, version, platform, path }: Omit<ProgramTarball, "programs">,
  { versions, digests }: NamedTarballs,
): Promise<TarballMatch> {
  if (versions[name] !== version) return "other version";
  const digest = digests[name][platform];
  if (digest === undefined) return "no digest";
  return await digestOfFile(path, "sha256") === digest ? "known" : "wrong";
}
