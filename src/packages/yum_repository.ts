import { createHash } from "node:crypto";
import { compareNames, gzip } from "../archive/mod.ts";
import { escapeMarkup } from "../lib/markup.ts";
import type { RepositoryFile, WrittenPackage } from "./package_archive.ts";
import { changelogOf, type Dependency, providesOf, requirementsOf, SENSE } from "./rpm_tags.ts";
import { BUILD_HOST, sourceRpm, summaryOf } from "./rpm_tags.ts";
import { wrapText } from "./control.ts";

/** Files that `primary.xml` names, so that packages can require them; `filelists.xml` has all. */
function isPrimary(path: string): boolean {
  return path.startsWith("/etc/") || path.includes("bin/") || path === "/usr/lib/sendmail";
}

const FLAGS: Readonly<Record<number, string>> = Object.freeze({
  [SENSE.equal]: "EQ",
  [SENSE.atLeast]: "GE",
  [SENSE.atMost]: "LE",
});

/** `<rpm:entry name="kubelet" flags="GE" epoch="0" ver="1.19.0"/>` */
function entryOf({ name, flags, version }: Dependency): string {
  const [ver, rel] = version.split("-");
  const comparison = FLAGS[flags & (2 | 4 | 8)];
  const versions = comparison === undefined || ver === undefined || ver === ""
    ? ""
    : ` flags="${comparison}" epoch="0" ver="${escapeMarkup(ver)}"` +
      (rel === undefined ? "" : ` rel="${escapeMarkup(rel)}"`);
  const pre = (flags & SENSE.post) !== 0 ? ' pre="1"' : "";
  return `      <rpm:entry name="${escapeMarkup(name)}"${versions}${pre}/>\n`;
}

function entries(what: string, list: readonly Dependency[]): string {
  if (list.length === 0) return "";
  return `    <rpm:${what}>\n${list.map(entryOf).join("")}    </rpm:${what}>\n`;
}

/** What packages need of others, and not of rpm itself. */
function publicRequirements({ pkg }: WrittenPackage): readonly Dependency[] {
  return requirementsOf(pkg).filter(({ flags }) => (flags & SENSE.rpmlib) === 0);
}

function versionOf({ pkg: { version, revision } }: WrittenPackage): string {
  return `  <version epoch="0" ver="${escapeMarkup(version)}" rel="${escapeMarkup(revision)}"/>\n`;
}

function fileLine({ path, type }: { path: string; type: string }, indent: string): string {
  const kind = type === "directory" ? ' type="dir"' : "";
  return `${indent}<file${kind}>${escapeMarkup(path)}</file>\n`;
}

function primaryPackage(written: WrittenPackage): string {
  const { pkg, archive } = written;
  const { header = { start: 0, end: 0 }, plainSize = 0 } = archive;
  const file = archive.path.slice(archive.path.lastIndexOf("/") + 1);
  const installed = pkg.files.reduce((sum, { size }) => sum + size, 0);
  return `<package type="rpm">
  <name>${pkg.name}</name>
  <arch>${pkg.arch}</arch>
${versionOf(written)}  <checksum type="sha256" pkgid="YES">${archive.sha256}</checksum>
  <summary>${escapeMarkup(summaryOf(pkg))}</summary>
  <description>${escapeMarkup(wrapText(pkg.description).join("\n"))}</description>
  <packager>${escapeMarkup(pkg.maintainer)}</packager>
  <url>${escapeMarkup(pkg.homepage)}</url>
  <time file="${pkg.epoch}" build="${pkg.epoch}"/>
  <size package="${archive.size}" installed="${installed}" archive="${plainSize}"/>
  <location href="${escapeMarkup(file)}"/>
  <format>
    <rpm:license>Apache-2.0</rpm:license>
    <rpm:vendor></rpm:vendor>
    <rpm:group>${escapeMarkup(pkg.section)}</rpm:group>
    <rpm:buildhost>${BUILD_HOST}</rpm:buildhost>
    <rpm:sourcerpm>${escapeMarkup(sourceRpm(pkg))}</rpm:sourcerpm>
    <rpm:header-range start="${header.start}" end="${header.end}"/>
${entries("provides", providesOf(pkg))}${entries("requires", publicRequirements(written))}${
    pkg.files.filter(({ path }) => isPrimary(path)).map((each) => fileLine(each, "    ")).join("")
  }  </format>
</package>
`;
}

/** A list that has little of each package: `filelists.xml`, `other.xml`. */
function listOf(
  element: string,
  name: string,
  rpms: readonly WrittenPackage[],
  content: (written: WrittenPackage) => string,
): string {
  const packages = rpms.map((written) => {
    const { pkg, archive } = written;
    return `<package pkgid="${archive.sha256}" name="${pkg.name}" arch="${pkg.arch}">\n` +
      `${versionOf(written)}${content(written)}</package>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<${element} xmlns="http://linux.duke.edu/metadata/${name}" packages="${rpms.length}">
${packages.join("")}</${element}>`;
}

/** The three lists of a yum repository, uncompressed, by name. */
export function yumLists(rpms: readonly WrittenPackage[]): Readonly<Record<string, string>> {
  const sorted = [...rpms].sort((a, b) => compareNames(a.archive.path, b.archive.path));
  return Object.freeze({
    primary: `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${sorted.length}">
${sorted.map(primaryPackage).join("")}</metadata>`,
    filelists: listOf(
      "filelists",
      "filelists",
      sorted,
      ({ pkg }) => pkg.files.map((each) => fileLine(each, "  ")).join(""),
    ),
    other: listOf("otherdata", "other", sorted, ({ pkg }) => {
      const { author, time, text } = changelogOf(pkg);
      return `  <changelog author="${escapeMarkup(author)}" date="${time}">${
        escapeMarkup(text)
      }</changelog>\n`;
    }),
  });
}

/**
 * The files of a yum repository over rpms in one directory, in the order in which to write them. Names do not
 * have digests in front, so a later run replaces them.
 */
export async function yumRepository(
  rpms: readonly WrittenPackage[],
): Promise<readonly RepositoryFile[]> {
  const encoder = new TextEncoder();
  const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const epoch = Math.max(...rpms.map(({ pkg }) => pkg.epoch));
  const files: RepositoryFile[] = [];
  let data = "";
  for (const [name, text] of Object.entries(yumLists(rpms))) {
    const plain = encoder.encode(text);
    const bytes = await gzip(plain, { level: 9 });
    const path = `repodata/${name}.xml.gz`;
    files.push({ name: path, bytes });
    data += `  <data type="${name}">
    <checksum type="sha256">${digest(bytes)}</checksum>
    <open-checksum type="sha256">${digest(plain)}</open-checksum>
    <location href="${path}"/>
    <timestamp>${epoch}</timestamp>
    <size>${bytes.length}</size>
    <open-size>${plain.length}</open-size>
  </data>
`;
  }
  const index = `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>${epoch}</revision>
${data}</repomd>
`;
  files.push({ name: "repodata/repomd.xml", bytes: encoder.encode(index) });
  return Object.freeze(files);
}
