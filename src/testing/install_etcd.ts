import { dirname, join } from "@std/path";
import { readTar, readZip } from "../archive/mod.ts";
import { parseList } from "../download/mod.ts";
import { KbuildError } from "../errors.ts";
import { ownershipContext } from "../lib/ownership.ts";
import { checkFetched, fetchError, installInCache } from "../toolchain/mod.ts";
import {
  type Candidate,
  candidatesFor,
  claimCache,
  type Client,
  createClient,
  type DigestFrom,
  downloadBytes,
  fetchFile,
  inCache,
  isOffline,
  MIRRORS,
  NetworkError,
  parseMirrors,
  type RetryPolicy,
  tryCandidates,
  WrongContentError,
} from "../net/mod.ts";
import {
  askEtcd,
  type EtcdContext,
  type EtcdRelease,
  etcdSums,
  isCachedEtcd,
} from "./etcd_release.ts";

/** Options of {@linkcode installEtcd}. */
export interface InstallEtcdOptions {
  /** How long servers are waited for. */
  readonly retryPolicy?: Partial<RetryPolicy> | undefined;
}

/** SHA-256, and who says so. */
interface EtcdDigest {
  readonly sha256: string;
  readonly digestFrom: DigestFrom;
}

/** Programs that are kept of a release. */
const PROGRAMS: ReadonlySet<string> = new Set(["etcd", "etcdctl"]);
/** The list of a release has some thirty lines. */
const MAX_SUMS = 1 << 16;
/** etcd has 24 MB; a hostile archive must not fill the disk. */
const MAX_BYTES = 2 ** 30;
const MAX_PROGRAM = 2 ** 28;

/**
 * Fetches a release of etcd into the cache, through the mirrors. Its archive is checked: by `KBUILD_ETCD_SHA256`, else by
 * the list of digests of etcd's own site, or if that cannot be reached, by the mirror's, which a warning says. It
 * appears complete or not at all; what an interrupted run left is resumed.
 *
 * @throws {KbuildError} It cannot be fetched, is not what its digest says, or does not run here.
 */
export async function installEtcd(
  context: EtcdContext,
  release: EtcdRelease,
  options: InstallEtcdOptions = {},
): Promise<void> {
  if (await isCachedEtcd(release)) return;
  const { version, cache, directory, archive, base } = release;
  if (isOffline(context.env)) {
    throw new KbuildError(`Cannot fetch etcd ${version}: nothing may be fetched (--offline)`, {
      notes: [`Fetch it before, with a network: kbuild toolchain etcd ${version}`],
    });
  }
  await inCache(cache, async () => {
    await claimCache(cache, context.env, ownershipContext(context));
    await installInCache(context, release, {
      leftovers: /^etcd-v.*\.(tar\.gz|zip)$/,
      isThere: () => isCachedEtcd(release),
      async fill(work) {
        context.log.status(`Fetching etcd ${version}: ${base}/${archive}`);
        const path = join(dirname(directory), archive);
        const origin = await fetchArchive(context, release, path, options);
        await unpack(path, work, origin.from);
        await checkProgram(context, release, join(work, "etcd"), origin.from);
        return origin;
      },
    });
  });
}

async function fetchArchive(
  context: EtcdContext,
  { version, archive, base }: EtcdRelease,
  path: string,
  { retryPolicy }: InstallEtcdOptions,
): Promise<{ from: string } & EtcdDigest> {
  const { env } = context;
  const url = `${base}/${archive}`;
  const candidates = candidatesFor(parseMirrors(env[MIRRORS] ?? ""), url);
  using client = await createClient(context, retryPolicy);
  try {
    const found = await findDigest(context, client, { archive, base, candidates, retryPolicy });
    await fetchFile(client, {
      what: `etcd ${version}`,
      candidates,
      path,
      digest: { algorithm: "sha256", hex: found.sha256 },
    });
    return { from: url, ...found };
  } catch (error) {
    throw fetchError(context, error, {
      missing:
        "There may be no such release of etcd, or not for this platform, or none with digests",
      ways: [
        "Give the digest yourself: KBUILD_ETCD_SHA256=…",
        "Or a mirror: --mirror github.com/etcd-io/etcd=https://…; proxies: HTTPS_PROXY, NO_PROXY",
      ],
    });
  }
}

/** The digest of an archive. A mirror's own counts only where etcd's own site cannot be reached. */
async function findDigest(
  context: EtcdContext,
  client: Client,
  { archive, base, candidates, retryPolicy }: {
    archive: string;
    base: string;
    candidates: readonly Candidate[];
    retryPolicy: Partial<RetryPolicy> | undefined;
  },
): Promise<EtcdDigest> {
  const { env, log, signal } = context;
  const given = env["KBUILD_ETCD_SHA256"];
  if (given) {
    if (/^[0-9a-f]{64}$/i.test(given)) {
      return { sha256: given.toLowerCase(), digestFrom: "lock" };
    }
    throw new KbuildError(`Cannot use KBUILD_ETCD_SHA256="${given}": it is not a SHA-256`);
  }
  const { own, mirrored } = etcdSums({ archive, base }, candidates);
  if (mirrored.length === 0) {
    return { sha256: await digestAt(client, own, archive), digestFrom: "origin" };
  }
  try {
    // Whoever names a mirror may have no way to the origin: it must not cost minutes to find out.
    using once = await createClient(context, { ...retryPolicy, attempts: 1, headersMs: 5000 });
    return { sha256: await digestAt(once, own, archive), digestFrom: "origin" };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof NetworkError || error instanceof WrongContentError)) throw error;
    log.warn(`The digest of etcd will come from the same mirror as etcd itself: ${error.message}`, [
      "Give it yourself: KBUILD_ETCD_SHA256=…",
    ]);
  }
  const ask = ({ url }: Candidate) => digestAt(client, url, archive);
  const sha256 =
    await (mirrored.length === 1
      ? ask(mirrored[0]!)
      : tryCandidates(`the digest of ${archive}`, mirrored, ask, { log, signal }));
  return { sha256, digestFrom: "mirror" };
}

async function digestAt(client: Client, url: string, archive: string): Promise<string> {
  const { bytes } = await downloadBytes(client, url, { most: MAX_SUMS });
  const sha256 = parseList(new TextDecoder().decode(bytes), "sha256", url).get(archive);
  if (sha256 !== undefined) return sha256;
  throw new WrongContentError(`Cannot use "${url}": it has no digest of "${archive}"`);
}

/** Takes the programs out of a release's archive, into a directory. */
async function unpack(archive: string, work: string, label: string): Promise<void> {
  const limits = { maxBytes: MAX_BYTES };
  const take = async (name: string, bytes: () => Promise<Uint8Array>) => {
    // etcd-v3.4.13-linux-amd64/etcd
    const [, program, ...below] = name.replace(/^\.\//, "").split("/");
    if (program === undefined || below.length > 0 || !PROGRAMS.has(program)) return;
    await Deno.writeFile(join(work, program), await bytes(), { mode: 0o755, createNew: true });
  };
  if (archive.endsWith(".zip")) {
    for await (const member of readZip(archive, { label, limits })) {
      await take(member.name, () => member.bytes());
    }
    return;
  }
  for await (const member of readTar(archive, { label, limits })) {
    if (member.type === "file") await take(member.name, () => member.bytes(MAX_PROGRAM));
  }
}

async function checkProgram(
  context: EtcdContext,
  { version }: EtcdRelease,
  program: string,
  from: string,
): Promise<void> {
  const ask = async () => {
    const says = await askEtcd(context, program);
    return says === version ? undefined : says;
  };
  await checkFetched(context, ask, {
    ...{ what: `etcd ${version}`, from },
    notes: ["Nothing of it was kept; etcd may not exist for this platform"],
  });
}
