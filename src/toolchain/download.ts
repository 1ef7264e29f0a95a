import { format as formatBytes } from "@std/fmt/bytes";
import { createHash } from "node:crypto";
import { reasonOf, writeAll } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import type { Logger } from "../lib/logging.ts";

/** How a download is done. */
export interface DownloadOptions {
  /** Takes the progress. */
  readonly log: Logger;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which the server counts as gone; default 60 s. */
  readonly stallMs?: number | undefined;
}

/** What helps against every failed download of Go. */
const MIRROR_NOTE =
  "Name a mirror of Go's archives: KBUILD_GO_MIRROR=https://…; proxies: HTTPS_PROXY, NO_PROXY";

/** A digest file holds some hundred bytes; a web page in its place need not be read. */
const MAX_TEXT = 1 << 16;

/**
 * Downloads into a new file, chunk by chunk. Proxies of the environment apply (`HTTPS_PROXY`,
 * `NO_PROXY`).
 *
 * @param path Must not exist; the caller removes what is left after an error.
 * @returns SHA-256 in hex.
 * @throws {KbuildError} The server cannot be reached, refuses, falls silent or closes too early.
 */
export async function downloadFile(
  url: string,
  path: string,
  options: DownloadOptions,
): Promise<string> {
  const name = url.slice(url.lastIndexOf("/") + 1);
  const hash = createHash("sha256");
  let known = 0;
  let shown = 0;
  using file = await Deno.open(path, { write: true, createNew: true });
  try {
    await read(url, options, (chunk, total) => {
      hash.update(chunk);
      writeAll(path, file, chunk);
      known += chunk.length;
      if (performance.now() - shown < 200) return;
      shown = performance.now();
      const all = total === undefined ? "" : ` of ${formatBytes(total)}`;
      options.log.progress(`    ${name}: ${formatBytes(known)}${all}`);
    });
  } finally {
    options.log.progress("");
  }
  return hash.digest("hex");
}

/**
 * Downloads a short text: a digest.
 *
 * @throws {KbuildError} As {@linkcode downloadFile}, and when it is longer than 64 KiB.
 */
export async function downloadText(url: string, options: DownloadOptions): Promise<string> {
  const parts: Uint8Array[] = [];
  let known = 0;
  await read(url, options, (chunk) => {
    known += chunk.length;
    if (known > MAX_TEXT) throw cannotDownload(url, "it is far longer than a digest");
    parts.push(chunk);
  });
  return new TextDecoder().decode(await new Blob(parts as BlobPart[]).arrayBuffer());
}

async function read(
  url: string,
  { signal, stallMs = 60_000 }: DownloadOptions,
  take: (chunk: Uint8Array, total: number | undefined) => void | Promise<void>,
): Promise<void> {
  const stalled = new AbortController();
  const silence = cannotDownload(url, `no byte came for ${stallMs / 1000} s`);
  let timer = setTimeout(() => stalled.abort(silence), stallMs);
  const signals = [stalled.signal, ...(signal === undefined ? [] : [signal])];
  try {
    const response = await fetch(url, { signal: AbortSignal.any(signals) });
    if (!response.ok) {
      await response.body?.cancel();
      const where = response.url === url ? "" : ` (redirected to "${response.url}")`;
      throw cannotDownload(url, `the server said ${response.status}${where}`, {
        missing: response.status === 404,
      });
    }
    const length = Number(response.headers.get("content-length") ?? NaN);
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(silence), stallMs);
      await take(chunk, Number.isFinite(length) ? length : undefined);
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (stalled.signal.aborted) throw silence;
    if (error instanceof KbuildError) throw error;
    throw cannotDownload(url, networkReason(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Deno's words without its own preface, innermost cause last. */
function networkReason(error: unknown): string {
  const reason = reasonOf(error);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "";
  return cause === "" || reason.includes(cause) ? reason : `${reason}: ${cause}`;
}

function cannotDownload(
  url: string,
  why: string,
  { missing = false, cause }: { missing?: boolean; cause?: unknown } = {},
): KbuildError {
  return new KbuildError(`Cannot download "${url}": ${why}`, {
    notes: [
      ...(missing ? ["There may be no such release of Go, or not for this platform"] : []),
      MIRROR_NOTE,
    ],
    cause,
  });
}
