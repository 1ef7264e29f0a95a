import { join, resolve } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPresent } from "../files/mod.ts";
import {
  candidatesFor,
  type Client,
  createClient,
  downloadBytes,
  isOffline,
  MIRRORS,
  type MirrorTable,
  type NetContext,
  NetworkError,
  parseMirrors,
  type RetryPolicy,
  tryCandidates,
  WrongContentError,
} from "../net/mod.ts";
import { chooseFiles, releaseTarball } from "./choose.ts";
import { askOrigin, otherWays } from "./origin.ts";
import { findDigests, isMissing, MISSING } from "./digests.ts";
import { lockedDigest, type LockedFiles } from "./lock_file.ts";
import { isSigned, planSignatures } from "./signatures.ts";
import { fastSite, markerUrl, releaseSite, siteNotes, versionUrl } from "./site.ts";
import type {
  DownloadPlan,
  KnownDigest,
  PlannedDownload,
  ReleaseFile,
  ReleaseSite,
  RequestedVersion,
  SignatureMode,
} from "./types.ts";
import { isPublishedVersion, parseRequested, partsOf } from "./version.ts";

/** What is asked for. */
export interface DownloadRequest {
  /** `v1.30.2`, `stable`, …; undefined: what `KUBERNETES_RELEASE` says, else `stable`. */
  readonly version?: string | undefined;
  /** Parts of the release; undefined: what `get-kube.sh` takes. */
  readonly what?: readonly string[] | undefined;
  /** Tarballs by name, in place of `what`; those that are not published are left out. */
  readonly tarballs?: readonly string[] | undefined;
  /** In Go's spelling; undefined: each group's own. */
  readonly platforms?: readonly string[] | undefined;
  /** Directory to download into, from `cwd`; default: `kubernetes-<version>`. */
  readonly to?: string | undefined;
  /** Absolute. */
  readonly cwd: string;
  /** Whether signatures are checked; default: `auto`. */
  readonly signatures?: SignatureMode | undefined;
  /** Digests that are known before anybody is asked. */
  readonly locked?: { readonly path: string; readonly files: LockedFiles } | undefined;
  /** How long servers are waited for. */
  readonly retryPolicy?: Partial<RetryPolicy> | undefined;
}

/** A version, and the files of it that are asked for; nothing is known of their digests. */
interface ChosenRelease {
  readonly site: ReleaseSite;
  readonly version: string;
  readonly marker: string | undefined;
  readonly files: readonly ReleaseFile[];
}

/** Versions before the one that a marker names, which may be complete. */
const MAX_EARLIER = 3;

/**
 * Plans a download: looks up the version and the digest of each file. Nothing is written.
 *
 * @throws {KbuildError} There is no such version, a file of it is not published, or has no digest.
 */
export async function prepareDownload(
  context: NetContext,
  request: DownloadRequest,
): Promise<DownloadPlan> {
  const { env } = context;
  const table = parseMirrors(env[MIRRORS] ?? "");
  using client = await createClient(context, request.retryPolicy);
  const chosen = await choose(context, client, table, request);
  const { site, version, marker } = chosen;
  const signatures = await planSignatures(context, version, request.signatures ?? "auto");
  const base = versionUrl(site, version);
  const digests = await digestsOf(context, table, chosen, request);
  const missing = await missingFiles(client, table, chosen, digests);
  const mayLack = request.tarballs !== undefined && missing.length < chosen.files.length;
  if (missing.length > 0 && !mayLack) throw await incomplete(client, table, chosen, missing);
  const directory = resolve(request.cwd, request.to ?? `kubernetes-${version}`);
  const files: PlannedDownload[] = [];
  for (const { name, place, isProgram } of chosen.files) {
    if (missing.includes(name)) continue;
    const url = `${base}/${name}`;
    const path = join(directory, place);
    files.push(Object.freeze({
      ...{ name, url, candidates: candidatesFor(table, url), path },
      mode: isProgram ? 0o755 : 0o644,
      digest: digests.get(name)!,
      // What is there was checked when it came.
      isSignatureChecked: signatures.by === "cosign" && isSigned(name) &&
        await ifPresent(Deno.lstat(path)) === undefined,
    }));
  }
  const isAsked = files.some(({ digest }) => digest.digestFrom !== "lock");
  return Object.freeze({
    ...{ version, marker, directory, signatures },
    files: Object.freeze(files),
    missing: Object.freeze(missing),
    notes: Object.freeze([...siteNotes(site, { isAsked }), ...digestNotes(files)]),
  });
}

/**
 * The addresses of the files that are asked for, mirrors applied; no digest is looked up.
 *
 * @throws {KbuildError} There is no such version.
 */
export async function downloadUrls(
  context: NetContext,
  request: DownloadRequest,
): Promise<readonly string[]> {
  const table = parseMirrors(context.env[MIRRORS] ?? "");
  using client = await createClient(context, request.retryPolicy);
  const { site, version, files } = await choose(context, client, table, request);
  const base = versionUrl(site, version);
  return Object.freeze(files.map(({ name }) => candidatesFor(table, `${base}/${name}`)[0]!.url));
}

async function choose(
  context: NetContext,
  client: Client,
  table: MirrorTable,
  { version: word, what, platforms, tarballs }: DownloadRequest,
): Promise<ChosenRelease> {
  const { env, host } = context;
  const site = releaseSite(env);
  const validate = !env["KUBERNETES_SKIP_RELEASE_VALIDATION"];
  const requested = parseRequested(word ?? (env["KUBERNETES_RELEASE"] || "stable"), { validate });
  // Words are checked before anybody is asked.
  const filesOf = (version: string) =>
    tarballs?.map(releaseTarball) ?? chooseFiles({ what, platforms, version, env, host });
  filesOf(requested.kind === "version" ? requested.version : "v1.99.0");
  const version = requested.kind === "version"
    ? requested.version
    : await lookUp(context, client, table, site, requested);
  return Object.freeze({
    site: requested.isFast === true ? fastSite(site) : site,
    version,
    marker: requested.kind === "marker" ? requested.marker : undefined,
    files: filesOf(version),
  });
}

/** The version that a marker names. */
async function lookUp(
  context: NetContext,
  client: Client,
  table: MirrorTable,
  site: ReleaseSite,
  { marker }: RequestedVersion & { kind: "marker" },
): Promise<string> {
  if (isOffline(context.env)) {
    throw new KbuildError(`Cannot look up "${marker}": nothing may be fetched (--offline)`, {
      notes: ["Name the version: kbuild download v1.30.2"],
    });
  }
  const url = markerUrl(site, marker);
  const version = await tryCandidates(marker, candidatesFor(table, url), async (candidate) => {
    const { bytes } = await downloadBytes(client, candidate.url, { most: 1 << 16 })
      .catch((error) => {
        throw isMissing(error) ? error.with({ notes: [MARKER_NOTE] }) : error;
      });
    const text = new TextDecoder().decode(bytes).trim();
    if (isPublishedVersion(text)) return text;
    const start = text.slice(0, 40).replaceAll(/[\s\p{Cc}]+/gu, " ");
    throw new WrongContentError(`Cannot read a version from "${candidate.url}": it has "${start}"`);
  }, { ...client, notes: [otherWays(url)] });
  client.log.status(`${marker} is ${version}`);
  return version;
}

const MARKER_NOTE = "Markers: stable, stable-1, stable-1.30, latest, latest-1.31, ci/latest";

/** Digests of all files that have one, by name: of the lock file, else of the origin. */
async function digestsOf(
  context: NetContext,
  table: MirrorTable,
  { site, version, files }: ChosenRelease,
  { locked, retryPolicy }: DownloadRequest,
): Promise<ReadonlyMap<string, KnownDigest>> {
  const base = versionUrl(site, version);
  const digests = new Map<string, KnownDigest>();
  for (const { name } of files) {
    const digest = locked === undefined ? undefined : lockedDigest(locked, `${base}/${name}`);
    if (digest !== undefined) digests.set(name, digest);
  }
  const names = files.map(({ name }) => name).filter((name) => !digests.has(name));
  if (names.length === 0) return digests;
  if (isOffline(context.env)) throw offline(version, names);
  const found = await askOrigin(
    context,
    { table, url: base, what: version, retryPolicy },
    (client) => findDigests(client, base, { version, names }),
  );
  return new Map([...digests, ...found]);
}

function offline(version: string, names: readonly string[]): KbuildError {
  return new KbuildError(`Cannot verify ${version} without a network: no digest is known`, {
    output: names,
    notes: ["Make a lock file where there is a network: kbuild download VERSION --lock"],
  });
}

/** Files without a digest; if a marker named the version, those that are not there yet, too. */
async function missingFiles(
  client: Client,
  table: MirrorTable,
  { site, version, marker, files }: ChosenRelease,
  digests: ReadonlyMap<string, KnownDigest>,
): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const { name } of files) {
    const isThere = digests.has(name) &&
      (marker === undefined ||
        await isPublished(client, table, `${versionUrl(site, version)}/${name}`));
    if (!isThere) missing.push(name);
  }
  return missing;
}

/** Whether one of the candidates has a file. Servers that do not answer such questions may have it. */
async function isPublished(client: Client, table: MirrorTable, url: string): Promise<boolean> {
  for (const candidate of candidatesFor(table, url)) {
    try {
      const response = await client.send(candidate.url, { method: "HEAD" });
      await response.body?.cancel();
      if (!MISSING.has(response.status)) return true;
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      return true;
    }
  }
  return false;
}

/** The error of a release that lacks files. */
async function incomplete(
  client: Client,
  table: MirrorTable,
  chosen: ChosenRelease,
  missing: readonly string[],
): Promise<KbuildError> {
  const { site, version, marker, files } = chosen;
  const where = versionUrl(site, version);
  if (marker === undefined) {
    return new KbuildError(
      `Cannot download ${version}: no digest of it is published at "${where}"`,
      {
        output: missing,
        notes: [
          missing.length < files.length
            ? "It may not be published for this platform, or not yet"
            : "There may be no such release, or not for this platform",
          "Nothing is downloaded that cannot be verified",
        ],
      },
    );
  }
  const earlier = await lastComplete(client, table, chosen);
  return new KbuildError(
    `Cannot download ${version}: ${marker} names it, but not all of its files are there yet`,
    {
      output: missing,
      notes: [
        ...(earlier === undefined ? [] : [`The last complete one: kbuild download ${earlier}`]),
        "Releases appear file by file: try again later",
      ],
    },
  );
}

/** The newest version before that one of which all files are there, as far as a few questions tell. */
async function lastComplete(
  client: Client,
  table: MirrorTable,
  { site, version, files }: ChosenRelease,
): Promise<string | undefined> {
  const names = files.map(({ name }) => name);
  for await (const earlier of versionsBefore(client, site, version)) {
    const base = versionUrl(site, earlier);
    try {
      const digests = await findDigests(client, base, { version: earlier, names });
      const missing = await missingFiles(client, table, {
        ...{ site, version: earlier, marker: "", files },
      }, digests);
      if (missing.length === 0) return earlier;
    } catch (error) {
      // The error that is reported says more than that of the search for advice.
      if (!(error instanceof NetworkError || error instanceof WrongContentError)) throw error;
    }
  }
  return undefined;
}

/** A few versions that may have come before: earlier patches, else the stable one of the minor before. */
async function* versionsBefore(
  client: Client,
  site: ReleaseSite,
  version: string,
): AsyncGenerator<string, void> {
  const parts = partsOf(version);
  if (parts === undefined) return;
  const { major, minor, patch, rest } = parts;
  if (rest === "" && patch > 0) {
    for (let i = patch - 1; i >= 0 && i >= patch - MAX_EARLIER; i--) {
      yield `v${major}.${minor}.${i}`;
    }
    return;
  }
  const url = markerUrl(site, `release/stable-${major}.${minor - 1}`);
  try {
    const { bytes } = await downloadBytes(client, url, { most: 1 << 16 });
    const text = new TextDecoder().decode(bytes).trim();
    if (isPublishedVersion(text)) yield text;
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
  }
}

/** What to say of digests, a sentence each. */
function digestNotes(files: readonly PlannedDownload[]): readonly string[] {
  const weak = files.filter(({ digest }) => digest.algorithm === "sha1");
  if (weak.length === 0) return [];
  const names = weak.map(({ name }) => name).join(", ");
  const isLocked = weak.every(({ digest }) => digest.digestFrom === "lock");
  return [
    `${isLocked ? "The lock file has only SHA-1" : "Only SHA-1 is published"} of ${names}: ` +
    "it finds damage, but somebody could make another file with the same SHA-1",
  ];
}
