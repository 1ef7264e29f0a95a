import { join } from "@std/path";
import { KbuildError } from "../errors.ts";
import type { GoOrigin } from "./cache.ts";
import { downloadFile, downloadText } from "./download.ts";
import type { GoContext } from "./types.ts";
import { unpackGo } from "./unpack.ts";

/** Go's own download site: `go1.21.7.linux-amd64.tar.gz` and `….tar.gz.sha256` lie there. */
export const OFFICIAL_MIRROR = "https://dl.google.com/go";

/**
 * Fetches Go's official archive: downloaded, checked against the SHA-256 that lies beside it
 * (`KBUILD_GO_SHA256` names another), unpacked.
 *
 * @param url Ends in `/go1.21.7.linux-amd64.tar.gz`.
 * @param work An empty folder; `go` appears in it. The caller removes it after an error.
 * @throws {KbuildError} The archive cannot be had, or is not what its digest says.
 */
export async function fetchArchive(
  context: GoContext,
  { url, work, stallMs }: { url: string; work: string; stallMs?: number | undefined },
): Promise<GoOrigin> {
  const { env, log, signal } = context;
  const options = { log, signal, stallMs };
  const wanted = env["KBUILD_GO_SHA256"]
    ? digestIn(env["KBUILD_GO_SHA256"], "KBUILD_GO_SHA256")
    : digestIn(await downloadText(`${url}.sha256`, options), `${url}.sha256`);
  const archive = join(work, "go.tar.gz");
  const sha256 = await downloadFile(url, archive, options);
  if (sha256 !== wanted) {
    throw new KbuildError(`Cannot use "${url}": its SHA-256 is ${sha256}, not ${wanted}`, {
      notes: ["Try again; if it stays so, the mirror serves something else than Go"],
    });
  }
  log.progress(`    unpacking ${url.slice(url.lastIndexOf("/") + 1)}`);
  try {
    const size = await unpackGo(archive, work, { label: url, signal });
    return { from: url, sha256, size };
  } finally {
    log.progress("");
    await Deno.remove(archive);
  }
}

/** The digest at the beginning of a text, as `sha256sum` writes it, or alone. */
function digestIn(text: string, where: string): string {
  const digest = /^([0-9a-f]{64})(?:\s|$)/i.exec(text.trim())?.[1];
  if (digest !== undefined) return digest.toLowerCase();
  const start = text.trim().slice(0, 40).replaceAll(/\s+/g, " ");
  throw new KbuildError(`Cannot read a SHA-256 from "${where}": it begins with "${start}"`, {
    notes: [
      "A log-in page of a proxy may have come in its place",
      "Or give the digest yourself: KBUILD_GO_SHA256=…",
    ],
  });
}
