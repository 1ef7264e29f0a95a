import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { describeFiles, type StoredResult } from "../../src/store/mod.ts";

/** A key that stands for a text. */
export function keyOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Bytes that do not compress, the same for the same seed. */
export function bytesOf(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed * 2654435761 % 2 ** 32;
  for (let at = 0; at < size; at++) {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** Writes files and describes them as the result of a unit. Names that begin with `bin/` are programs. */
export async function unitOf(
  name: string,
  directory: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<StoredResult> {
  for (const [path, bytes] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(directory, path)), { recursive: true });
    await Deno.writeFile(join(directory, path), bytes);
    await Deno.chmod(join(directory, path), path.startsWith("bin/") ? 0o755 : 0o644);
  }
  return {
    key: keyOf(name),
    files: await describeFiles(directory, Object.keys(files)),
    seconds: 1.5,
    note: `unit ${name}`,
  };
}
