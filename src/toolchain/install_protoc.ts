import { dirname, join } from "@std/path";
import { readZip } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { ownershipContext } from "../lib/ownership.ts";
import {
  claimCache,
  createClient,
  fetchFile,
  inCache,
  isOffline,
  type RetryPolicy,
} from "../net/mod.ts";
import { checkFetched, fetchError, installInCache } from "./install_in_cache.ts";
import {
  isCachedProtoc,
  protocCandidates,
  type ProtocDigest,
  protocDigest,
  type ProtocRelease,
} from "./protoc_release.ts";
import type { GoContext } from "./types.ts";

/** The one file that is kept; the definitions beside it are in the checkout. */
const MEMBER = "bin/protoc";
/** protoc has 10 MB; a hostile archive must not fill the disk. */
const MAX_BYTES = 2 ** 28;

/**
 * Fetches a release of protoc into the cache, through the mirrors. Its archive is checked against
 * {@linkcode protocDigest}. It appears complete or not at all; what an interrupted run left is resumed.
 *
 * @param options.retryPolicy How long servers are waited for.
 * @throws {KbuildError} It cannot be fetched, is not what its digest says, or does not run here.
 */
export async function installProtoc(
  context: GoContext,
  release: ProtocRelease,
  options: { readonly retryPolicy?: Partial<RetryPolicy> | undefined } = {},
): Promise<void> {
  if (await isCachedProtoc(release)) return;
  const { version, cache, directory, archive, url } = release;
  if (isOffline(context.env)) {
    throw new KbuildError(`Cannot fetch protoc ${version}: nothing may be fetched (--offline)`, {
      notes: [`Fetch it before, with a network: kbuild toolchain protoc ${version}`],
    });
  }
  const digest = protocDigest(context, release);
  await inCache(cache, async () => {
    await claimCache(cache, context.env, ownershipContext(context));
    await installInCache(context, release, {
      leftovers: /^protoc-.*\.zip$/,
      isThere: () => isCachedProtoc(release),
      async fill(work) {
        context.log.status(`Fetching protoc ${version}: ${url}`);
        const path = join(dirname(directory), archive);
        await fetchArchive(context, release, { path, digest, ...options });
        await unpack(path, work, url);
        await checkProgram(context, release, join(work, "protoc"));
        return { from: url, ...digest };
      },
    });
  });
}

async function fetchArchive(
  context: GoContext,
  release: ProtocRelease,
  { path, digest, retryPolicy }: {
    path: string;
    digest: ProtocDigest;
    retryPolicy?: Partial<RetryPolicy> | undefined;
  },
): Promise<void> {
  using client = await createClient(context, retryPolicy);
  try {
    await fetchFile(client, {
      what: `protoc ${release.version}`,
      candidates: protocCandidates(context, release),
      path,
      digest: { algorithm: "sha256", hex: digest.sha256 },
    });
  } catch (error) {
    throw fetchError(context, error, {
      missing: "There may be no such release of protoc, or not for this platform",
      ways: [
        "Name a mirror: --mirror github.com/protocolbuffers/protobuf=https://…; proxies: HTTPS_PROXY, NO_PROXY",
      ],
    });
  }
}

/** Takes the program out of a release's archive, into a directory. */
async function unpack(archive: string, work: string, label: string): Promise<void> {
  for await (const member of readZip(archive, { label, limits: { maxBytes: MAX_BYTES } })) {
    if (member.name !== MEMBER) continue;
    const path = join(work, "protoc");
    await Deno.writeFile(path, await member.bytes(), { mode: 0o755, createNew: true });
    return;
  }
  throw new KbuildError(`Cannot use "${label}": it has no "${MEMBER}"`);
}

async function checkProgram(
  context: GoContext,
  { url, version }: ProtocRelease,
  program: string,
): Promise<void> {
  const ask = async () => {
    const says = await askProtoc(context, program);
    // 3.0.2 says 3.0.0.
    const isIt = says === version || (says === "3.0.0" && version.startsWith("3.0."));
    return isIt ? undefined : says;
  };
  await checkFetched(context, ask, {
    ...{ what: `protoc ${version}`, from: url },
    notes: ["Nothing of it was kept"],
  });
}

/**
 * Asks a protoc for its version.
 *
 * @returns `23.4`.
 * @throws {KbuildError} It does not run, or says none.
 */
export async function askProtoc(
  { shell }: Pick<GoContext, "shell">,
  program: string,
): Promise<string> {
  const { stdout } = await shell.run([program, "--version"], { label: "Asking protoc's version" });
  const version = /^libprotoc (\S+)/.exec(stdout)?.[1];
  if (version !== undefined) return version;
  throw new KbuildError(`Cannot use "${program}" as protoc: "--version" says no version`, {
    output: stdout.split("\n").slice(0, 5),
  });
}
