import { join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { entriesOf, ifPresent, isDirectory } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import {
  cacheDirectory,
  type Candidate,
  candidatesFor,
  MIRRORS,
  parseMirrors,
} from "../net/mod.ts";

/** What finding and fetching etcd needs; outside of a checkout, too. */
export type EtcdContext = Pick<KubeContext, "env" | "host" | "log" | "shell" | "signal">;

/** A published release of etcd, and where kbuild keeps it. */
export interface EtcdRelease {
  /** `3.4.13`. */
  readonly version: string;
  /** kbuild's cache; absolute. */
  readonly cache: string;
  /** The directory in it that gets `etcd` and `etcdctl`; absolute. */
  readonly directory: string;
  /** etcd in that; absolute. */
  readonly program: string;
  /** Name of its archive: `etcd-v3.4.13-linux-amd64.tar.gz`. */
  readonly archive: string;
  /** Where its makers publish the archive, and the digests beside it: without a slash at the end. */
  readonly base: string;
}

/** Where etcd's makers publish (v1.20.2 hack/lib/etcd.sh: `kube::etcd::install`). */
const SITE = "https://github.com/etcd-io/etcd/releases/download";

/** Whether a text is a release's version, as `ETCD_VERSION` of a checkout has it: `3.4.13`, `3.6.0-rc.1`. */
export function isEtcdVersion(text: string): boolean {
  return /^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/.test(text);
}

/**
 * A release of etcd for this machine.
 *
 * @param version Without a `v`: `3.4.13`.
 * @param options.site Where releases are published; default: etcd's own site.
 * @returns undefined where kbuild has no cache.
 */
export function etcdRelease(
  { env, host }: Pick<EtcdContext, "env" | "host">,
  version: string,
  { site = SITE }: { site?: string | undefined } = {},
): EtcdRelease | undefined {
  const cache = cacheDirectory(env, host);
  if (cache === undefined) return undefined;
  const name = `etcd-v${version}-${host.replace("/", "-")}`;
  const directory = join(cache, "etcd", name);
  return Object.freeze({
    ...{ version, cache, directory },
    program: join(directory, "etcd"),
    archive: `${name}.${host.startsWith("linux/") ? "tar.gz" : "zip"}`,
    base: `${site}/v${version}`,
  });
}

/** Digests of a release's files, a line each, beside them. */
const SUMS = "SHA256SUMS";

/** Where the digests of a release are. */
export interface EtcdSums {
  /** etcd's own site. */
  readonly own: string;
  /** Mirrors of it; empty if there are none. */
  readonly mirrored: readonly Candidate[];
}

/**
 * Where the digests of a release are.
 *
 * @param candidates Those of its archive.
 */
export function etcdSums(
  { archive, base }: Pick<EtcdRelease, "archive" | "base">,
  candidates: readonly Candidate[],
): EtcdSums {
  const own = `${base}/${SUMS}`;
  const mirrored = candidates.map((each) =>
    Object.freeze({
      ...each,
      url: `${each.url.slice(0, -archive.length)}${SUMS}`,
    })
  );
  return Object.freeze({
    own,
    mirrored: Object.freeze(mirrored.filter(({ url }) => url !== own)),
  });
}

/** A URL that fetching etcd would ask for. */
export interface PlannedEtcdUrl {
  /** The URL. */
  readonly url: string;
  /** The mirror rule that leads there; undefined for the original. */
  readonly rule?: string | undefined;
  /** What it is asked for, and when. */
  readonly when: string;
}

/** The URLs that fetching a release would ask for, in order. */
export function plannedEtcdUrls(
  { env }: Pick<EtcdContext, "env">,
  { archive, base }: EtcdRelease,
): readonly PlannedEtcdUrl[] {
  const candidates = candidatesFor(parseMirrors(env[MIRRORS] ?? ""), `${base}/${archive}`);
  const { own, mirrored } = etcdSums({ archive, base }, candidates);
  const digests = env["KBUILD_ETCD_SHA256"] ? [] : [
    { url: own, when: "digest, first" },
    ...mirrored.map((each) => ({ ...each, when: "digest from the mirror itself, if that fails" })),
  ];
  return Object.freeze([
    ...digests,
    ...candidates.map(({ url, rule }, index) => (
      { url, rule, when: index === 0 ? "then" : "if the one before fails" }
    )),
  ]);
}

/** Whether a release is in the cache; its directory appears complete. */
export async function isCachedEtcd({ directory, program }: EtcdRelease): Promise<boolean> {
  return await isDirectory(directory) && (await ifPresent(Deno.stat(program)))?.isFile === true;
}

/** Every release of etcd in kbuild's cache, for this machine, oldest first. */
export async function listCachedEtcd(
  context: Pick<EtcdContext, "env" | "host">,
): Promise<readonly EtcdRelease[]> {
  const cache = cacheDirectory(context.env, context.host);
  const found: EtcdRelease[] = [];
  for (const { name } of cache === undefined ? [] : await entriesOf(join(cache, "etcd")) ?? []) {
    const [, version] = /^etcd-v(.+)-[a-z0-9]+-[a-z0-9]+$/.exec(name) ?? [];
    const release = version !== undefined && isEtcdVersion(version)
      ? etcdRelease(context, version)
      : undefined;
    // Of another platform: a cache that machines share.
    if (release === undefined || !release.directory.endsWith(`/${name}`)) continue;
    if (await isCachedEtcd(release)) found.push(release);
  }
  const byName = (a: EtcdRelease, b: EtcdRelease) =>
    a.version.localeCompare(b.version, "en", { numeric: true });
  return Object.freeze(found.sort(byName));
}

/** What is set for etcd on this machine: it refuses other architectures than amd64, and older releases arm64. */
export function etcdEnv({ host }: Pick<EtcdContext, "host">): Readonly<Record<string, string>> {
  const arch = host.split("/")[1]!;
  return Object.freeze(/^arm(64)?$/.test(arch) ? { ETCD_UNSUPPORTED_ARCH: arch } : {});
}

/**
 * Asks an etcd for its version.
 *
 * @returns `3.4.23`.
 * @throws {KbuildError} It does not run, or says none.
 */
export async function askEtcd(context: EtcdContext, program: string): Promise<string> {
  const { env, shell } = context;
  const { stdout } = await shell.run([program, "--version"], {
    env: { ...env, ...etcdEnv(context) },
    label: "Asking etcd's version",
  });
  const version = /etcd Version: (\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  if (version !== undefined) return version;
  throw new KbuildError(`Cannot use "${program}" as etcd: "--version" says no version`, {
    output: stdout.split("\n").slice(0, 5),
  });
}
