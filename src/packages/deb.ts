import { createHash } from "node:crypto";
import {
  bytesEntry,
  compareNames,
  compressTarTo,
  concat,
  directoryEntry,
  gzip,
  type GzipOptions,
  parentsOf,
  type TarEntry,
  writeTar,
} from "../archive/mod.ts";
import { writeAll, writeFileAtomic } from "../files/mod.ts";
import { AR_HEADER_BYTES, AR_MAGIC, arHeader } from "./ar.ts";
import { conffilesText, controlText, md5sumsText } from "./control.ts";
import { digestsOf, guardedContent } from "./digests.ts";
import { finishedFile, type PackageArchive } from "./package_archive.ts";
import type { Package } from "./types.ts";

/** Options of {@linkcode writeDeb} and {@linkcode writeRpm}. */
export interface WritePackageOptions extends GzipOptions {
  /** Stops the writing; no file is left. */
  readonly signal?: AbortSignal | undefined;
}

/** The version of deb's form. */
const DEBIAN_BINARY = new TextEncoder().encode("2.0\n");

/**
 * Writes a deb that depends on the package alone: an `ar` archive of `debian-binary`, `control.tar.gz` and
 * `data.tar.gz` (deb(5)). The tar inside has the bytes that `dpkg-deb --root-owner-group` gives it. The
 * file appears complete or not at all.
 *
 * @param pkg Described for debs ({@linkcode describePackage}).
 * @param path The file to write; its directory must exist.
 * @throws {KbuildError} A program cannot be read or changes meanwhile; the file cannot be written.
 */
export async function writeDeb(
  pkg: Package,
  path: string,
  options: WritePackageOptions = {},
): Promise<PackageArchive> {
  const { signal, ...gzipOptions } = options;
  const abort = signal === undefined ? {} : { signal };
  const digests = await digestsOf(pkg.files, "md5", signal);
  const files = pkg.files.map((file) => {
    const content = guardedContent(file, "md5", digests.get(file.path));
    return content === undefined ? file : { ...file, content };
  });
  const entries = dataEntries({ ...pkg, files });
  const control = await controlTar(pkg, entries, digests);
  const { epoch: mtime } = pkg;
  const front = concat([
    new TextEncoder().encode(AR_MAGIC),
    ...member("debian-binary", DEBIAN_BINARY, mtime),
    ...member("control.tar.gz", control, mtime),
  ]);
  return await writeFileAtomic(path, async (file, temporary) => {
    writeAll(path, file, front);
    writeAll(path, file, new Uint8Array(AR_HEADER_BYTES));
    let size = 0;
    const tarSha256 = await compressTarTo(
      async (sink) => void await writeTar(entries, sink, { format: "gnu", ...abort }),
      (chunk) => {
        size += chunk.length;
        writeAll(path, file, chunk);
      },
      { ...gzipOptions, signal },
    );
    writeAll(path, file, new Uint8Array(size % 2).fill(0x0a));
    await file.seek(front.length, Deno.SeekMode.Start);
    writeAll(path, file, arHeader("data.tar.gz", { mtime, size }));
    const contentDigest = createHash("sha256").update(control).update(tarSha256).digest("hex");
    return await finishedFile(temporary, path, contentDigest);
  }, abort);
}

/** A member of an `ar` archive, whole. */
function member(name: string, bytes: Uint8Array, mtime: number): readonly Uint8Array[] {
  const padding = new Uint8Array(bytes.length % 2).fill(0x0a);
  return [arHeader(name, { mtime, size: bytes.length }), bytes, padding];
}

/**
 * The members of `data.tar` in dpkg's order: every directory before what is in it, and the names of a
 * directory sorted by bytes.
 */
export function dataEntries({ files, epoch: mtime }: Package): readonly TarEntry[] {
  const paths = new Map<string, TarEntry>();
  for (const { path, mode, type, size, content } of files) {
    const name = path.slice(1);
    for (const parent of parentsOf(name)) {
      if (!paths.has(parent)) paths.set(parent, directoryEntry(`./${parent}`, { mtime }));
    }
    const entry: TarEntry = type === "directory"
      ? directoryEntry(`./${name}`, { mtime, mode })
      : { name: `./${name}`, type, mode, mtime, size, ...(content && { content }) };
    paths.set(name, Object.freeze(entry));
  }
  const sorted = [...paths].map(([path, entry]) => ({ parts: path.split("/"), entry }))
    .sort((a, b) => comparePaths(a.parts, b.parts));
  return Object.freeze([
    directoryEntry("./", { mtime }),
    ...sorted.map(({ entry }) => entry),
  ]);
}

function comparePaths(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((part, index) => part !== b[index]);
  if (at < 0) return a.length - b.length;
  return b[at] === undefined ? 1 : compareNames(a[at]!, b[at]);
}

/** The archive of what dpkg wants to know about a deb. */
async function controlTar(
  pkg: Package,
  entries: readonly TarEntry[],
  digests: ReadonlyMap<string, string>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { epoch: mtime } = pkg;
  const directories = entries.filter(({ type }) => type === "directory").length;
  const texts: Record<string, string | undefined> = {
    conffiles: conffilesText(pkg),
    control: controlText(pkg, directories),
    md5sums: md5sumsText(pkg, digests),
  };
  const scripts = pkg.scripts;
  const named = [
    ...Object.entries(texts).map(([name, text]) => ({ name, text, mode: 0o644 })),
    ...Object.entries(scripts).map(([name, text]) => ({ name, text, mode: 0o755 })),
  ].sort((a, b) => compareNames(a.name, b.name));
  const files = named.flatMap(({ name, text, mode }) =>
    text === undefined
      ? []
      : [bytesEntry(`./${name}`, new TextEncoder().encode(text), { mtime, mode })]
  );
  const parts: Uint8Array[] = [];
  const all = [directoryEntry("./", { mtime }), ...files];
  await writeTar(all, (chunk) => void parts.push(chunk.slice()), { format: "gnu" });
  // Level 9 is the one with the same bytes on x64 and arm64.
  return await gzip(concat(parts), { level: 9 });
}
