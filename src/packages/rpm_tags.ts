import { compareNames } from "../archive/mod.ts";
import { wrapText } from "./control.ts";
import { int32, type RpmTags, type RpmValue, text } from "./rpm_header.ts";
import type { Package, PackageFile } from "./types.ts";

/** Suffix of names in dependencies on a package of the same architecture: `kubelet(x86-64)`. */
const ISA: Readonly<Record<string, string>> = Object.freeze({
  aarch64: "aarch-64",
  armv7hl: "armv7hl-32",
  i386: "x86-32",
  loongarch64: "loongarch-64",
  ppc64le: "ppc-64",
  riscv64: "riscv-64",
  s390x: "s390-64",
  x86_64: "x86-64",
});

/** Flags of dependencies: rpm's include/rpm/rpmds.h. */
export const SENSE = Object.freeze({
  any: 0,
  equal: 8,
  atLeast: 4 | 8,
  atMost: 2 | 8,
  interpreter: 1 << 8,
  post: 1 << 10,
  preun: 1 << 11,
  rpmlib: 1 << 24,
});

/** Flags of files: rpm's include/rpm/rpmfiles.h. A changed configuration is kept (`noreplace`). */
const FILE_FLAGS = Object.freeze({ config: 1 | 16, doc: 2, license: 128 });

/** SHA-256 among OpenPGP's algorithms. */
const SHA256 = 8;

/** A script's text, its interpreter, and what it asks for, by its name in {@linkcode Package.scripts}. */
const SCRIPTS: Readonly<Record<string, readonly [tag: number, program: number, sense: number]>> =
  Object.freeze({
    post: [1024, 1086, SENSE.post],
    preun: [1025, 1087, SENSE.preun],
  });

/** Who "built" the package: the same on every machine. */
export const BUILD_HOST = "localhost";

/** What a package needs or provides, as rpm has it. */
export interface Dependency {
  /** A package, a file or a feature. */
  readonly name: string;
  /** {@linkcode SENSE}, added up. */
  readonly flags: number;
  /** `1.20.2-0`; empty for any. */
  readonly version: string;
}

/** Version and release: `1.20.2-0`. */
export function versionRelease({ version, revision }: Pick<Package, "version" | "revision">) {
  return `${version}-${revision}`;
}

/** What a package needs, what its scripts need, and what of rpm, sorted by name. */
export function requirementsOf({ depends, scripts, version }: Package): readonly Dependency[] {
  const rpmlib = (name: string, since: string) => ({
    name: `rpmlib(${name})`,
    flags: SENSE.rpmlib | SENSE.atMost,
    version: since,
  });
  const all = [
    ...depends.map(({ name, minimum }) => (
      { name, flags: minimum === undefined ? SENSE.any : SENSE.atLeast, version: minimum ?? "" }
    )),
    ...Object.keys(scripts).map((name) => (
      { name: "/bin/sh", flags: SENSE.interpreter | scriptTags(name)[2], version: "" }
    )),
    rpmlib("CompressedFileNames", "3.0.4-1"),
    rpmlib("FileDigests", "4.6.0-1"),
    rpmlib("PayloadFilesHavePrefix", "4.0-1"),
    ...(version.includes("~") ? [rpmlib("TildeInVersions", "4.10.0-1")] : []),
  ];
  return all.sort((a, b) => compareNames(a.name, b.name) || a.flags - b.flags);
}

function scriptTags(name: string): readonly [tag: number, program: number, sense: number] {
  const tags = SCRIPTS[name];
  if (tags === undefined) throw new TypeError(`Cannot write a script "${name}" into an rpm`);
  return tags;
}

/** Type and permissions of a file, as stat(2) has them. */
export function modeOf({ type, mode }: Pick<PackageFile, "type" | "mode">): number {
  return (type === "directory" ? 0o040000 : 0o100000) | mode;
}

/** What is known of a payload once it is written. */
export interface PayloadDigests {
  /** SHA-256 of the compressed payload, hexadecimal. */
  readonly compressed: string;
  /** SHA-256 of the cpio archive in it, hexadecimal. */
  readonly plain: string;
}

/**
 * The header of an rpm as values. Numbers of tags are those of rpm's include/rpm/rpmtag.h.
 *
 * @param digests SHA-256 of each file, hexadecimal, by path.
 * @param payload Digests of the payload, all of the same length whatever it holds.
 */
export function headerTags(
  pkg: Package,
  digests: ReadonlyMap<string, string>,
  payload: PayloadDigests,
): RpmTags {
  const { name, arch, epoch, files } = pkg;
  const strings = (values: readonly string[]): RpmValue => ({ type: "strings", values });
  const translated = (value: string): RpmValue => ({ type: "translated", values: [value] });
  const each = (value: (file: PackageFile, index: number) => number) => int32(...files.map(value));
  const eachText = (value: (file: PackageFile) => string) => strings(files.map(value));
  const parts = files.map(({ path }) => {
    const at = path.lastIndexOf("/") + 1;
    return { directory: path.slice(0, at), base: path.slice(at) };
  });
  const directories = [...new Set(parts.map(({ directory }) => directory))];
  const requires = requirementsOf(pkg);
  const provides = providesOf(pkg);
  const changelog = changelogOf(pkg);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return new Map<number, RpmValue>([
    [100, strings(["C"])], // HEADERI18NTABLE
    [1000, text(name)],
    [1001, text(pkg.version)],
    [1002, text(pkg.revision)],
    [1004, translated(summaryOf(pkg))],
    [1005, translated(wrapText(pkg.description).join("\n"))],
    [1006, int32(epoch)], // BUILDTIME
    [1007, text(BUILD_HOST)],
    [1009, int32(size)], // SIZE
    [1014, text("Apache-2.0")], // LICENSE
    [1015, text(pkg.maintainer)], // PACKAGER
    [1016, translated(pkg.section)], // GROUP
    [1020, text(pkg.homepage)],
    [1021, text("linux")], // OS
    [1022, text(arch)],
    ...Object.entries(pkg.scripts).flatMap(([name, script]): [number, RpmValue][] => {
      const [tag, program] = scriptTags(name);
      return [[tag, text(script)], [program, text("/bin/sh")]];
    }),
    [1028, each(({ size }) => size)], // FILESIZES
    [1030, { type: "int16", values: files.map(modeOf) }], // FILEMODES
    [1033, { type: "int16", values: files.map(() => 0) }], // FILERDEVS
    [1034, each(() => epoch)], // FILEMTIMES
    [1035, eachText(({ path }) => digests.get(path) ?? "")], // FILEDIGESTS
    [1036, eachText(() => "")], // FILELINKTOS
    [1037, each(flagsOf)], // FILEFLAGS
    [1039, eachText(() => "root")], // FILEUSERNAME
    [1040, eachText(() => "root")], // FILEGROUPNAME
    [1044, text(sourceRpm(pkg))], // SOURCERPM
    [1045, each(() => -1)], // FILEVERIFYFLAGS
    [1047, strings(provides.map(({ name }) => name))],
    [1048, int32(...requires.map(({ flags }) => flags))],
    [1049, strings(requires.map(({ name }) => name))],
    [1050, strings(requires.map(({ version }) => version))],
    [1064, text("4.14.0")], // RPMVERSION: the first that writes such packages.
    [1080, int32(changelog.time)],
    [1081, strings([changelog.author])],
    [1082, strings([changelog.text])],
    [1095, each(() => 1)], // FILEDEVICES
    [1096, each((_file, index) => index + 1)], // FILEINODES
    [1097, eachText(() => "")], // FILELANGS
    [1112, int32(...provides.map(({ flags }) => flags))],
    [1113, strings(provides.map(({ version }) => version))],
    [1116, int32(...parts.map(({ directory }) => directories.indexOf(directory)))],
    [1117, strings(parts.map(({ base }) => base))],
    [1118, strings(directories)],
    [1124, text("cpio")],
    [1125, text("gzip")],
    [1126, text("9")],
    [1132, text(`${arch}-linux`)], // PLATFORM
    [5011, int32(SHA256)], // FILEDIGESTALGO
    [5062, text("utf-8")],
    [5092, strings([payload.compressed])],
    [5093, int32(SHA256)],
    [5097, strings([payload.plain])],
  ]);
}

/** What a package provides: itself, also by its architecture. */
export function providesOf(pkg: Package): readonly Dependency[] {
  const { name, arch } = pkg;
  return [name, `${name}(${ISA[arch] ?? arch})`]
    .map((name) => ({ name, flags: SENSE.equal, version: versionRelease(pkg) }));
}

/** The summary, which begins with a capital letter in rpms. */
export function summaryOf({ summary }: Pick<Package, "summary">): string {
  return `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}`;
}

/** The name of the source package that every rpm has, here of none that exists. */
export function sourceRpm(pkg: Package): string {
  return `${pkg.name}-${versionRelease(pkg)}.src.rpm`;
}

/** The one entry of the changelog. Changelogs have days, which rpm writes as noon. */
export function changelogOf(
  pkg: Package,
): { readonly time: number; readonly author: string; readonly text: string } {
  const day = 24 * 60 * 60;
  return Object.freeze({
    time: Math.floor(pkg.epoch / day) * day + day / 2,
    author: `${pkg.maintainer} - ${versionRelease(pkg)}`,
    text: `- ${pkg.name} ${pkg.version}`,
  });
}

function flagsOf({ config, kind }: PackageFile): number {
  return (config === true ? FILE_FLAGS.config : 0) | (kind === undefined ? 0 : FILE_FLAGS[kind]);
}
