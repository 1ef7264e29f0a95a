import type { Package, Relation } from "./types.ts";

/** Columns of a description. */
const WIDTH = 76;

/** Text in lines of at most {@linkcode WIDTH} characters; longer words stay whole. */
export function wrapText(text: string, width: number = WIDTH): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((each) => each !== "")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return Object.freeze(lines);
}

/** `iptables (>= 1.4.21), mount`, as Debian's policy has it (7.1). */
export function debRelations(relations: readonly Relation[]): string {
  return relations.map(({ name, minimum }) =>
    minimum === undefined ? name : `${name} (>= ${minimum})`
  ).join(", ");
}

/**
 * Kibibytes that a package takes on a disk, as `dpkg-gencontrol` estimates them: each file rounded up, 1 for
 * everything else.
 *
 * @param directories Number of all directories, those of the system included.
 */
export function installedSize({ files }: Pick<Package, "files">, directories: number): number {
  const sizes = files.filter(({ type }) => type === "file").map(({ size }) =>
    Math.ceil(size / 1024)
  );
  return sizes.reduce((sum, size) => sum + size, directories);
}

/** The control file of a deb (Debian's policy, 5.3). */
export function controlText(pkg: Package, directories: number): string {
  const fields: readonly (readonly [string, string])[] = [
    ["Package", pkg.name],
    ["Version", `${pkg.version}-${pkg.revision}`],
    ["Architecture", pkg.arch],
    ["Maintainer", pkg.maintainer],
    ["Installed-Size", `${installedSize(pkg, directories)}`],
    ["Depends", debRelations(pkg.depends)],
    ["Section", pkg.section],
    ["Priority", "optional"],
    ["Homepage", pkg.homepage],
    ["Description", [pkg.summary, ...wrapText(pkg.description)].join("\n ")],
  ];
  return fields.filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

/** Files that keep changes of the administrator, one a line; undefined if there are none. */
export function conffilesText({ files }: Pick<Package, "files">): string | undefined {
  const paths = files.filter(({ config }) => config === true).map(({ path }) => `${path}\n`);
  return paths.length === 0 ? undefined : paths.join("");
}

/**
 * Digests of the other files, as `md5sum` prints them, without the first slash.
 *
 * @param digests MD5 of each file, hexadecimal, by path.
 */
export function md5sumsText(
  { files }: Pick<Package, "files">,
  digests: ReadonlyMap<string, string>,
): string {
  return files.filter(({ type, config }) => type === "file" && config !== true)
    .map(({ path }) => `${digests.get(path)}  ${path.slice(1)}\n`).join("");
}
