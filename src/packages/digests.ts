import { createHash } from "node:crypto";
import { sinkOf, type TarContent } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { readFileChunks } from "../files/mod.ts";
import type { PackageFile } from "./types.ts";

/** The digest that a format has of each file. */
export type FileDigest = "md5" | "sha256";

const AGAIN = "Run again when no other program writes to it";

/**
 * Digests of files' contents, hexadecimal, by path; directories have none.
 *
 * @throws {KbuildError} A file cannot be read, or has another size than when it was listed.
 */
export async function digestsOf(
  files: readonly PackageFile[],
  algorithm: FileDigest,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const { path, content, size } of files) {
    if (content === undefined) continue;
    signal?.throwIfAborted();
    const hash = createHash(algorithm);
    let found = 0;
    await eachChunk(content, (chunk) => {
      hash.update(chunk);
      found += chunk.length;
    });
    if (found !== size) {
      throw new KbuildError(
        `Cannot package "${path}": it had ${size} bytes when listed and ${found} when read`,
        { notes: [AGAIN] },
      );
    }
    digests.set(path, hash.digest("hex"));
  }
  return digests;
}

/**
 * The content of a file, which must be what its digest was made of: packages have digests in front of
 * contents, so a file is read twice.
 *
 * @param digest Hexadecimal.
 * @returns Content that fails at its end if the file is another one now.
 */
export function guardedContent(
  { path, content }: Pick<PackageFile, "path" | "content">,
  algorithm: FileDigest,
  digest: string | undefined,
): TarContent | undefined {
  if (content === undefined || !("path" in content)) return content;
  return Object.freeze(
    {
      label: path,
      async write(sink) {
        const hash = createHash(algorithm);
        await eachChunk(content, async (chunk) => {
          hash.update(chunk);
          await sink(chunk);
        });
        if (hash.digest("hex") === digest) return;
        throw new KbuildError(`Cannot package "${path}": it changed while it was read`, {
          notes: [AGAIN],
        });
      },
    } satisfies TarContent,
  );
}

/** Hands a file's content on, chunk by chunk. */
export async function eachChunk(
  content: TarContent,
  take: (chunk: Uint8Array) => Promise<void> | void,
): Promise<void> {
  if ("bytes" in content) return await take(content.bytes);
  if ("write" in content) return await content.write(sinkOf(take, undefined));
  const { path, offset } = content;
  for await (const chunk of readFileChunks(path, offset === undefined ? {} : { offset })) {
    await take(chunk);
  }
}
