import { join } from "@std/path";
import { concat, ifPresent, readFileChunks, removeTree, writeAll } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { cleanName, maybeGunzip, readTar } from "../archive/mod.ts";

/** JSON documents beyond this are refused: they are held in memory. */
const MAX_DOCUMENT = 8 << 20;

/** The files of an image, in a directory or in a tar: read by name. */
export interface ImageFiles extends AsyncDisposable {
  /** What the user knows it by. */
  readonly label: string;
  /** What it is, where that is known beforehand: the digest that its name stood for in a registry. */
  readonly digest?: string;
  /** Whether there is a file of this name. */
  has(name: string): Promise<boolean>;
  /** The content of a file, in chunks. */
  read(name: string): AsyncGenerator<Uint8Array, void>;
}

/**
 * The whole content of a document.
 *
 * @throws {KbuildError} It is missing, or larger than 8 MiB.
 */
export async function readDocument(files: ImageFiles, name: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of files.read(name)) {
    size += chunk.length;
    if (size > MAX_DOCUMENT) {
      throw new KbuildError(`Cannot read "${name}" in "${files.label}": it is over 8 MiB`);
    }
    parts.push(chunk);
  }
  return concat(parts);
}

/** The files of a directory; names in the image's documents that lead out of it are refused. */
export function directoryFiles(dir: string): ImageFiles {
  const place = (name: string): string => {
    if (!name.startsWith("/") && !name.split("/").includes("..")) return join(dir, name);
    throw new KbuildError(
      `Cannot read base image "${dir}": it names "${name}", which is outside of it`,
    );
  };
  return {
    label: dir,
    has: async (name) => {
      const info = await ifPresent(Deno.stat(place(name)));
      return info?.isFile ?? false;
    },
    async *read(name) {
      if (!await this.has(name)) throw missing(dir, name);
      yield* readFileChunks(place(name));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface Range {
  readonly offset: number;
  readonly size: number;
}

/**
 * The files of a tar. A compressed one is unpacked to a temporary directory until it is disposed of,
 * since its files are not read in their order in the archive.
 *
 * @param tempDir Where temporary directories are made; default: the system's place.
 * @throws {KbuildError} It is not a tar, or cannot be read.
 */
export async function archiveFiles(path: string, tempDir?: string): Promise<ImageFiles> {
  let tar = path;
  let temporary: string | undefined;
  const dispose = async () => {
    if (temporary !== undefined) await removeTree(temporary);
  };
  try {
    if (await isCompressed(path)) {
      const dir = tempDir === undefined ? {} : { dir: tempDir };
      temporary = await Deno.makeTempDir({ prefix: "kbuild-base-", ...dir });
      tar = join(temporary, "base.tar");
      using file = await Deno.open(tar, { write: true, createNew: true });
      for await (const chunk of maybeGunzip(readFileChunks(path), path)) {
        writeAll(tar, file, chunk);
      }
    }
    const ranges = await indexTar(tar, path);
    return {
      label: path,
      has: (name) => Promise.resolve(ranges.has(name)),
      async *read(name) {
        const range = ranges.get(name);
        if (range === undefined) throw missing(path, name);
        yield* readFileChunks(tar, range);
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Name → place, with the links resolved that older `docker save` writes for equal layers. */
async function indexTar(tar: string, label: string): Promise<ReadonlyMap<string, Range>> {
  const ranges = new Map<string, Range>();
  const links: [name: string, target: string][] = [];
  for await (const member of readTar(tar, { label })) {
    const name = cleanName(member.name);
    if (member.type === "file") ranges.set(name, { offset: member.offset, size: member.size });
    if (member.type === "hardlink") links.push([name, cleanName(member.linkName ?? "")]);
    if (member.type === "symlink") links.push([name, cleanName(`${name}/../${member.linkName}`)]);
  }
  for (const [name, target] of links) {
    const range = ranges.get(target);
    if (range !== undefined) ranges.set(name, range);
  }
  return ranges;
}

async function isCompressed(path: string): Promise<boolean> {
  for await (const chunk of readFileChunks(path, {})) {
    return chunk[0] === 0x1f && chunk[1] === 0x8b;
  }
  return false;
}

function missing(label: string, name: string): KbuildError {
  return new KbuildError(`Cannot use base image "${label}": it has no file "${name}"`, {
    notes: ["The image was not exported completely: export it again"],
  });
}
