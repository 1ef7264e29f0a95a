import { join } from "@std/path";
import { readFileChunks, reasonOf } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { fileEntry, listTree, type TarEntry } from "../archive/mod.ts";
import type { ImageCopy } from "../dockerfile/mod.ts";

/** What a build context is: names at its root, and the time that its files get. */
export interface BuildContext {
  /** Name -> path of the file or directory. */
  readonly context: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly created: number;
}

/**
 * What a COPY takes out of the build context, with names relative to its source: "" for a file or
 * the directory itself. The context's root has no entry of its own.
 *
 * @param where What the user knows the instruction by.
 * @throws {KbuildError} The source is missing, or an archive that ADD would unpack.
 */
export async function contextEntries(
  { source, unpacks }: ImageCopy,
  { context, created }: BuildContext,
  where: string,
): Promise<readonly TarEntry[]> {
  const entriesOf = async (path: string, name: string): Promise<readonly TarEntry[]> => {
    const info = await Deno.stat(path).catch((cause: unknown) => {
      throw new KbuildError(
        `Cannot carry out ${where}: cannot read "${path}": ${reasonOf(cause)}`,
        {
          cause,
        },
      );
    });
    if (info.isDirectory) {
      // A directory's entry ends in "/", which a relative name does not need.
      const [root, ...below] = await listTree(path, { prefix: "x", mtime: created });
      return [root!, ...below].map((entry) => {
        const inner = entry.name.replace(/^x\/?/, "").replace(/\/$/, "");
        return { ...entry, name: [name, inner].filter((part) => part !== "").join("/") };
      });
    }
    if (unpacks) await refuseArchive(path, where);
    const mode = ((info.mode ?? 0) & 0o111) === 0 ? 0o644 : 0o755;
    return [{ ...await fileEntry("x", path, { mtime: created, mode }), name }];
  };
  if (source === ".") {
    const all = Object.entries(context).map(([name, path]) => entriesOf(path, name));
    return (await Promise.all(all)).flat();
  }
  const slash = source.indexOf("/");
  const root = slash < 0 ? source : source.slice(0, slash);
  const path = context[root];
  if (path === undefined) {
    throw new KbuildError(`Cannot carry out ${where}: the build context has no "${root}"`, {
      notes: [`It has: ${Object.keys(context).join(", ")}`],
    });
  }
  return await entriesOf(slash < 0 ? path : join(path, source.slice(slash + 1)), "");
}

const MAGIC: Readonly<Record<string, readonly number[]>> = {
  gzip: [0x1f, 0x8b],
  bzip2: [0x42, 0x5a, 0x68],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};
const USTAR = [0x75, 0x73, 0x74, 0x61, 0x72];

/** ADD unpacks what looks like an archive by its first bytes, whatever its name. */
async function refuseArchive(path: string, where: string): Promise<void> {
  for await (const start of readFileChunks(path)) {
    const begins = (magic: readonly number[], at = 0) =>
      magic.every((byte, index) => start[at + index] === byte);
    const kind = Object.keys(MAGIC).find((name) => begins(MAGIC[name]!)) ??
      (begins(USTAR, 257) ? "tar" : undefined);
    if (kind === undefined) return;
    throw new KbuildError(
      `Cannot carry out ${where}: ADD would unpack "${path}", which is ${kind}`,
      { notes: ["Use COPY where the archive itself is meant", "Or unpack it into the base image"] },
    );
  }
}
