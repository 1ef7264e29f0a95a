import { join } from "@std/path";
import { removeTree } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  type Candidate,
  candidatesFor,
  type Client,
  createClient,
  type DigestFrom,
  downloadBytes,
  downloadInto,
  MIRRORS,
  NetworkError,
  parseMirrors,
  type RetryPolicy,
  tryCandidates,
  WrongContentError,
} from "../net/mod.ts";
import type { GoOrigin } from "./cache.ts";
import type { GoContext } from "./types.ts";
import { unpackGo } from "./unpack.ts";
import { digestUrl, OFFICIAL_MIRROR } from "./urls.ts";

/** What helps against every failed download of Go. */
const MIRROR_NOTE =
  "Name a mirror of Go's archives: KBUILD_GO_MIRROR=https://…; proxies: HTTPS_PROXY, NO_PROXY";

/** A digest file holds some hundred bytes; a web page in its place need not be read. */
const MAX_DIGEST = 1 << 16;

/** Inputs of {@linkcode fetchArchive}. */
export interface ArchiveRequest {
  /** Ends in `/go1.21.7.linux-amd64.tar.gz`. */
  readonly url: string;
  /** A directory in which `go` appears. The caller removes it after an error. */
  readonly work: string;
  /** How long servers are waited for. */
  readonly retryPolicy?: Partial<RetryPolicy> | undefined;
  /** Where digests come from if they can be fetched there; default: Go's own site. */
  readonly origin?: string | undefined;
}

/**
 * Fetches Go's official archive: downloaded, checked by SHA-256, unpacked. Mirrors apply to it. The
 * digest is that of `KBUILD_GO_SHA256`, else it comes from Go's own site, wherever the archive comes
 * from. Where that site cannot be reached, the mirror's own digest counts, and a warning says so.
 *
 * @throws {KbuildError} The archive cannot be fetched, or is not what its digest says.
 */
export async function fetchArchive(
  context: GoContext,
  request: ArchiveRequest,
): Promise<GoOrigin> {
  const { env, log, signal } = context;
  const { url, work, retryPolicy, origin = OFFICIAL_MIRROR } = request;
  const candidates = candidatesFor(parseMirrors(env[MIRRORS] ?? ""), url);
  using client = await createClient(context, retryPolicy);
  const archive = join(work, "go.tar.gz");
  const digest = await knownDigest(context, { ...request, origin }, candidates);
  const fetch = (candidate: Candidate) => fetchFrom(client, digest, { candidate, origin, archive });
  const fetched =
    await (candidates.length === 1 ? fetch(candidates[0]!) : tryCandidates(url, candidates, fetch, {
      log,
      signal,
    })).catch((error: unknown) => {
      throw error instanceof NetworkError ? cannotDownload(error) : error;
    });
  const unit = log.events.unit({ kind: "unpack", name: url.slice(url.lastIndexOf("/") + 1) });
  try {
    const size = await unit.run(() => unpackGo(archive, work, { label: fetched.from, signal }));
    return { ...fetched, size };
  } finally {
    await removeTree(archive);
  }
}

/** SHA-256, and who says so. */
interface KnownDigest {
  readonly sha256: string;
  readonly digestFrom: DigestFrom;
}

/**
 * A digest that no mirror has a hand in; undefined if the archive comes from the origin anyway, or the
 * origin cannot be reached.
 */
async function knownDigest(
  context: GoContext,
  { url, retryPolicy, origin }: ArchiveRequest & { origin: string },
  candidates: readonly Candidate[],
): Promise<KnownDigest | undefined> {
  const { env, log, signal } = context;
  const given = env["KBUILD_GO_SHA256"];
  if (given) return { sha256: digestIn(given, "KBUILD_GO_SHA256"), digestFrom: "lock" };
  if (candidates.every((candidate) => isBelow(candidate, origin))) return undefined;
  const from = digestUrl(origin, url);
  // Whoever names a mirror may have no way to the origin: it must not cost minutes to find out.
  using client = await createClient(context, { ...retryPolicy, attempts: 1, headersMs: 5000 });
  try {
    return { sha256: await downloadDigest(client, from), digestFrom: "origin" };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof NetworkError || error instanceof WrongContentError)) throw error;
    log.warn(`The digest of Go will come from the same mirror as Go itself: ${error.message}`, [
      "Give it yourself: KBUILD_GO_SHA256=…, or let kbuild fetch Go through GOPROXY, which Go's " +
      "checksum database vouches for: without KBUILD_GO_MIRROR",
    ]);
    return undefined;
  }
}

function isBelow({ url }: Candidate, origin: string): boolean {
  return url.startsWith(`${origin}/`);
}

async function fetchFrom(
  client: Client,
  known: KnownDigest | undefined,
  { candidate, origin, archive }: { candidate: Candidate; origin: string; archive: string },
): Promise<{ from: string } & KnownDigest> {
  const { url } = candidate;
  const wanted = known ?? {
    sha256: await downloadDigest(client, `${url}.sha256`),
    digestFrom: isBelow(candidate, origin) ? "origin" as const : "mirror" as const,
  };
  using file = await Deno.open(archive, { read: true, write: true, create: true, truncate: true });
  const sha256 = await downloadInto(client, url, { file, path: archive });
  if (sha256 !== wanted.sha256) {
    throw new WrongContentError(
      `Cannot use "${url}": its SHA-256 is ${sha256}, not ${wanted.sha256}`,
      { notes: ["Try again; if it stays so, the mirror serves something else than Go"] },
    );
  }
  return { from: url, ...wanted };
}

async function downloadDigest(client: Client, url: string): Promise<string> {
  const { bytes } = await downloadBytes(client, url, { most: MAX_DIGEST }).catch((error) => {
    if (!(error instanceof NetworkError) || error.code !== "too-long") throw error;
    throw new NetworkError(url, "it is far longer than a digest", { code: "too-long" });
  });
  return digestIn(new TextDecoder().decode(bytes), url);
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
