import {
  bytesEntry,
  compareNames,
  digestOfFile,
  directoryEntry,
  fileEntry,
  hex,
  packTarball,
  type PackTarballOptions,
  type Tarball,
  type TarEntry,
} from "../archive/mod.ts";
import { INSTALL_SCRIPT } from "./install_script.ts";
import {
  bundleName,
  MANIFEST_FILE,
  manifestText,
  SCRIPT_FILE,
  SUMS_FILE,
  sumsText,
} from "./manifest.ts";
import type { BundledFile, BundledImage, BundleManifest } from "./types.ts";

/** A file that goes into a bundle. */
export interface BundleSource {
  /** Path in the bundle: `bin/kubelet`. */
  readonly path: string;
  /** Absolute path of the file. */
  readonly file: string;
  /** Digest that it must have, hexadecimal; undefined: the one that it has. */
  readonly sha256?: string | undefined;
}

/** Contents of a bundle. */
export interface BundleContents
  extends Pick<BundleManifest, "version" | "platform" | "kbuild" | "leftOut"> {
  /** In the order of parts. */
  readonly images: readonly BundledImage[];
  /** In any order; `install.sh`, `bundle.json` and `SHA256SUMS` are added. */
  readonly sources: readonly BundleSource[];
  /** Time of everything in it, in seconds since 1970. */
  readonly mtime: number;
}

/** A finished bundle. */
export interface WrittenBundle extends Tarball {
  /** What is in it. */
  readonly manifest: BundleManifest;
}

/**
 * Writes a bundle: a `.tar.gz` with one directory. `bundle.json` and `SHA256SUMS` come first in it. The same contents
 * give the same bytes. The file appears complete or not at all.
 *
 * @param out The file to write; its directory must exist.
 * @throws {KbuildError} A file cannot be read, or the bundle not written.
 */
export async function writeBundle(
  out: string,
  { sources, images, mtime, ...about }: BundleContents,
  options: PackTarballOptions = {},
): Promise<WrittenBundle> {
  const { signal } = options;
  const name = bundleName(about);
  const script = new TextEncoder().encode(INSTALL_SCRIPT);
  const contents: { readonly file: BundledFile; readonly entry: TarEntry }[] = [
    await inMemory(name, SCRIPT_FILE, script, { mtime, mode: 0o755 }),
  ];
  for (const { path, file, sha256 } of sources) {
    const mode = path.startsWith("bin/") ? 0o755 : 0o644;
    const entry = await fileEntry(`${name}/${path}`, file, { mtime, mode });
    const digest = sha256 ?? await digestOfFile(file, "sha256", { signal });
    contents.push({ file: Object.freeze({ path, size: entry.size, sha256: digest }), entry });
  }
  contents.sort((a, b) => compareNames(a.file.path, b.file.path));
  const manifest: BundleManifest = Object.freeze({
    ...about,
    images,
    files: Object.freeze(contents.map(({ file }) => file)),
  });
  const encode = (text: string) => new TextEncoder().encode(text);
  const list = await inMemory(name, MANIFEST_FILE, encode(manifestText(manifest)), { mtime });
  const sums = encode(sumsText([list.file, ...manifest.files]));
  const entries: readonly TarEntry[] = [
    directoryEntry(name, { mtime }),
    list.entry,
    bytesEntry(`${name}/${SUMS_FILE}`, sums, { mtime }),
    ...withDirectories(name, contents.map(({ entry }) => entry), mtime),
  ];
  const tarball = await packTarball(entries, out, { ...options, inOrder: true });
  return Object.freeze({ ...tarball, manifest });
}

async function inMemory(
  name: string,
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  options: { mtime: number; mode?: number },
): Promise<{ readonly file: BundledFile; readonly entry: TarEntry }> {
  const sha256 = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  return {
    file: Object.freeze({ path, size: bytes.length, sha256 }),
    entry: bytesEntry(`${name}/${path}`, bytes, options),
  };
}

/** Each directory in front of the first entry in it. */
function* withDirectories(
  name: string,
  entries: readonly TarEntry[],
  mtime: number,
): Generator<TarEntry, void> {
  const seen = new Set([`${name}/`]);
  for (const entry of entries) {
    for (let at = entry.name.indexOf("/"); at >= 0; at = entry.name.indexOf("/", at + 1)) {
      const directory = entry.name.slice(0, at + 1);
      if (seen.has(directory)) continue;
      seen.add(directory);
      yield directoryEntry(directory, { mtime });
    }
    yield entry;
  }
}
