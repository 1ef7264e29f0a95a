import { join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { entriesOf, ifPresent, isDirectory } from "../files/mod.ts";
import {
  cacheDirectory,
  type Candidate,
  candidatesFor,
  type DigestFrom,
  MIRRORS,
  parseMirrors,
} from "../net/mod.ts";
import type { GoContext } from "./types.ts";

/** A published release of protoc, and where kbuild keeps it. */
export interface ProtocRelease {
  /** As the program says it: `23.4`, `3.21.12`. */
  readonly version: string;
  /** kbuild's cache; absolute. */
  readonly cache: string;
  /** The directory in it that gets `protoc`; absolute. */
  readonly directory: string;
  /** protoc in that; absolute. */
  readonly program: string;
  /** Name of its archive: `protoc-23.4-linux-x86_64.zip`. */
  readonly archive: string;
  /** Where its makers publish the archive. */
  readonly url: string;
}

/** SHA-256 of an archive, and who says so. */
export interface ProtocDigest {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** `lock` if the user says so. */
  readonly digestFrom: DigestFrom & ("built-in" | "lock");
}

/** Where protoc's makers publish (v1.28.7 hack/lib/protoc.sh: `kube::protoc::install`). */
const SITE = "https://github.com/protocolbuffers/protobuf/releases/download";

/** Platforms of protoc, in its makers' spelling. */
const PLATFORMS: Readonly<Record<string, string>> = {
  "linux/amd64": "linux-x86_64",
  "linux/arm64": "linux-aarch_64",
  "linux/ppc64le": "linux-ppcle_64",
  "linux/s390x": "linux-s390_64",
  "darwin/amd64": "osx-x86_64",
  "darwin/arm64": "osx-aarch_64",
};

/**
 * SHA-256 of the archives of the release that checkouts pin (1.28 and later). protoc's makers publish no digests; these
 * are the same in several independent lists of others.
 */
const BUILT_IN: Readonly<Record<string, string>> = {
  "protoc-23.4-linux-x86_64.zip":
    "0502f286ac9ed860b629a7965a14527b1f2dd131e4283fa23c2d7f184672aa9a",
  "protoc-23.4-linux-aarch_64.zip":
    "1c7750b6e038305b5a7fc3d0cda1ebefdf106a4f30a787bf826ed2fc47c3967d",
  "protoc-23.4-osx-x86_64.zip": "07e5fdcf1b0708d3367dc5e6eb8d135de7e407d75316c93155cfd8ab362eec80",
  "protoc-23.4-osx-aarch_64.zip":
    "8c7afae8626b6811e7b5897d16d940c2dbf50b1e135ed958a01db6566bdda726",
};

/** Whether a text is a release's version: `23.4`, `3.21.12`. */
export function isProtocVersion(text: string): boolean {
  return /^(3\.\d+\.\d+|(?:2[1-9]|[3-9]\d)\.\d+)$/.test(text);
}

/**
 * A release of protoc for this machine.
 *
 * @param version `23.4`; `21.12` and `3.21.12` are the same.
 * @param options.site Where releases are published; default: protoc's own site.
 * @returns undefined where kbuild has no cache.
 * @throws {KbuildError} There is none for this machine.
 */
export function protocRelease(
  { env, host }: Pick<GoContext, "env" | "host">,
  version: string,
  { site = SITE }: { site?: string | undefined } = {},
): ProtocRelease | undefined {
  const platform = PLATFORMS[host];
  if (platform === undefined) {
    throw new KbuildError(`Cannot fetch protoc ${version}: there is none for ${host}`, {
      notes: ["Build it from its sources, and put it into PATH"],
    });
  }
  const cache = cacheDirectory(env, host);
  if (cache === undefined) return undefined;
  // Since 21 a tag has no 3 in front; since 22 neither has what the program says.
  const tag = version.replace(/^3\.(2[1-9]\.)/, "$1");
  const said = tag.replace(/^21\./, "3.21.");
  const directory = join(cache, "protoc", `protoc-${said}-${host.replace("/", "-")}`);
  const archive = `protoc-${tag}-${platform}.zip`;
  return Object.freeze({
    ...{ version: said, cache, directory, archive },
    program: join(directory, "protoc"),
    url: `${site}/v${tag}/${archive}`,
  });
}

/** Where an archive may come from, in order. */
export function protocCandidates(
  { env }: Pick<GoContext, "env">,
  { url }: ProtocRelease,
): readonly Candidate[] {
  return candidatesFor(parseMirrors(env[MIRRORS] ?? ""), url);
}

/**
 * The digest that an archive is checked against: `KBUILD_PROTOC_SHA256`, or the built-in one.
 *
 * @throws {KbuildError} There is none.
 */
export function protocDigest(
  { env }: Pick<GoContext, "env">,
  { archive, url, version }: ProtocRelease,
): ProtocDigest {
  const given = env["KBUILD_PROTOC_SHA256"];
  if (given) {
    if (/^[0-9a-f]{64}$/i.test(given)) {
      return Object.freeze({ sha256: given.toLowerCase(), digestFrom: "lock" });
    }
    throw new KbuildError(`Cannot use KBUILD_PROTOC_SHA256="${given}": it is not a SHA-256`);
  }
  const sha256 = BUILT_IN[archive];
  if (sha256 !== undefined) return Object.freeze({ sha256, digestFrom: "built-in" });
  throw new KbuildError(`Cannot fetch protoc ${version}: its digest is not known`, {
    notes: [
      `Its makers publish none. Give that of ${url} yourself: KBUILD_PROTOC_SHA256=…`,
      "Or put that protoc into PATH",
    ],
  });
}

/** Whether a release is in the cache; its directory appears complete. */
export async function isCachedProtoc({ directory, program }: ProtocRelease): Promise<boolean> {
  return await isDirectory(directory) && (await ifPresent(Deno.stat(program)))?.isFile === true;
}

/** Every release of protoc in kbuild's cache, for this machine, newest first. */
export async function listCachedProtoc(
  context: Pick<GoContext, "env" | "host">,
): Promise<readonly ProtocRelease[]> {
  const { env, host } = context;
  const cache = cacheDirectory(env, host);
  const found: ProtocRelease[] = [];
  if (cache === undefined || PLATFORMS[host] === undefined) return found;
  for (const { name } of await entriesOf(join(cache, "protoc")) ?? []) {
    const [, version = ""] = /^protoc-([\d.]+)-[a-z0-9]+-[a-z0-9]+$/.exec(name) ?? [];
    const release = isProtocVersion(version) ? protocRelease(context, version) : undefined;
    // Of another platform: a cache that machines share.
    if (release === undefined || !release.directory.endsWith(`/${name}`)) continue;
    if (await isCachedProtoc(release)) found.push(release);
  }
  const byName = (a: ProtocRelease, b: ProtocRelease) =>
    b.version.localeCompare(a.version, "en", { numeric: true });
  return Object.freeze(found.sort(byName));
}
