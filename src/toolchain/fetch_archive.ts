import { join } from "@std/path";
import { KbuildError } from "../errors.ts";
import {
  type Client,
  createClient,
  downloadBytes,
  downloadInto,
  MIRRORS,
  NetworkError,
  parseMirrors,
  type Patience,
  type Place,
  placesFor,
  tryPlaces,
  WrongContentError,
} from "../net/mod.ts";
import type { GoOrigin } from "./cache.ts";
import type { GoContext } from "./types.ts";
import { unpackGo } from "./unpack.ts";

/** Go's own download site: `go1.21.7.linux-amd64.tar.gz` and `….tar.gz.sha256` lie there. */
export const OFFICIAL_MIRROR = "https://dl.google.com/go";

/** What helps against every failed download of Go. */
const MIRROR_NOTE =
  "Name a mirror of Go's archives: KBUILD_GO_MIRROR=https://…; proxies: HTTPS_PROXY, NO_PROXY";

/** A digest file holds some hundred bytes; a web page in its place need not be read. */
const MAX_DIGEST = 1 << 16;

/**
 * Fetches Go's official archive: downloaded, checked against the SHA-256 that lies beside it
 * (`KBUILD_GO_SHA256` names another), unpacked. Mirrors apply to it.
 *
 * @param url Ends in `/go1.21.7.linux-amd64.tar.gz`.
 * @param work An empty folder; `go` appears in it. The caller removes it after an error.
 * @throws {KbuildError} The archive cannot be had, or is not what its digest says.
 */
export async function fetchArchive(
  context: GoContext,
  { url, work, patience }: {
    url: string;
    work: string;
    patience?: Partial<Patience> | undefined;
  },
): Promise<GoOrigin> {
  const { env, log, signal } = context;
  const places = placesFor(parseMirrors(env[MIRRORS] ?? ""), url);
  using client = await createClient(context, patience);
  const archive = join(work, "go.tar.gz");
  const fetch = (place: Place) => fetchFrom(client, env["KBUILD_GO_SHA256"], place.url, archive);
  const origin = await (places.length === 1 ? fetch(places[0]!) : tryPlaces(url, places, fetch, {
    log,
    signal,
  })).catch((error: unknown) => {
    throw error instanceof NetworkError ? cannotDownload(error) : error;
  });
  log.progress(`    unpacking ${url.slice(url.lastIndexOf("/") + 1)}`);
  try {
    const size = await unpackGo(archive, work, { label: origin.from, signal });
    return { ...origin, size };
  } finally {
    log.progress("");
    await Deno.remove(archive);
  }
}

async function fetchFrom(
  client: Client,
  given: string | undefined,
  url: string,
  archive: string,
): Promise<{ from: string; sha256: string }> {
  const wanted = given
    ? digestIn(given, "KBUILD_GO_SHA256")
    : digestIn(await downloadDigest(client, `${url}.sha256`), `${url}.sha256`);
  using file = await Deno.open(archive, { read: true, write: true, create: true, truncate: true });
  const sha256 = await downloadInto(client, url, { file, path: archive });
  if (sha256 !== wanted) {
    throw new WrongContentError(`Cannot use "${url}": its SHA-256 is ${sha256}, not ${wanted}`, {
      notes: ["Try again; if it stays so, the mirror serves something else than Go"],
    });
  }
  return { from: url, sha256 };
}

async function downloadDigest(client: Client, url: string): Promise<string> {
  const { bytes } = await downloadBytes(client, url, { most: MAX_DIGEST }).catch((error) => {
    if (!(error instanceof NetworkError) || !error.reason.startsWith("it is longer")) throw error;
    throw new NetworkError(url, "it is far longer than a digest");
  });
  return new TextDecoder().decode(bytes);
}

function cannotDownload(error: NetworkError): KbuildError {
  const missing = error.status === 404
    ? ["There may be no such release of Go, or not for this platform"]
    : [];
  return new KbuildError(error.message, {
    notes: [...missing, ...error.notes, MIRROR_NOTE],
    cause: error,
  });
}

/** The digest at the beginning of a text, as `sha256sum` writes it, or alone. */
function digestIn(text: string, where: string): string {
  const digest = /^([0-9a-f]{64})(?:\s|$)/i.exec(text.trim())?.[1];
  if (digest !== undefined) return digest.toLowerCase();
  const start = text.trim().slice(0, 40).replaceAll(/\s+/g, " ");
  throw new WrongContentError(`Cannot read a SHA-256 from "${where}": it begins with "${start}"`, {
    notes: [
      "A log-in page of a proxy may have come in its place",
      "Or give the digest yourself: KBUILD_GO_SHA256=…",
    ],
  });
}
