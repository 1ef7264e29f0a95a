import { createHash } from "node:crypto";
import { sinkOf, type TarContent } from "../archive/mod.ts";
import { readFileChunks } from "../files/mod.ts";
import type { PackageFile } from "./types.ts";

/** Digests of files' contents, hexadecimal, by path; directories have none. */
export async function digestsOf(
  files: readonly PackageFile[],
  algorithm: "md5" | "sha256",
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const { path, content } of files) {
    if (content === undefined) continue;
    signal?.throwIfAborted();
    const hash = createHash(algorithm);
    await eachChunk(content, (chunk) => void hash.update(chunk));
    digests.set(path, hash.digest("hex"));
  }
  return digests;
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
