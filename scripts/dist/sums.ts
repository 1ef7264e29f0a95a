import { join } from "@std/path";
import { createHash } from "node:crypto";
import { readFileChunks } from "../../src/archive/mod.ts";

/** SHA-256 of a file, as hexadecimal digits. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readFileChunks(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** Writes `SHA256SUMS` for files of a directory, as `sha256sum --check` reads it. */
export async function writeSums(directory: string, names: readonly string[]): Promise<void> {
  const lines: string[] = [];
  for (const name of [...names].sort()) {
    lines.push(`${await sha256Of(join(directory, name))}  ${name}\n`);
  }
  const work = await Deno.makeTempFile({ dir: directory, prefix: ".kbuild-tmp-" });
  await Deno.writeTextFile(work, lines.join(""));
  await Deno.chmod(work, 0o644);
  await Deno.rename(work, join(directory, "SHA256SUMS"));
}
