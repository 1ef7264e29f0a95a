import { join } from "@std/path";
import { type DigestFrom, isDigestFrom } from "../net/mod.ts";
import { compareGoVersions, isGoRelease } from "./go_tool.ts";
import { entriesOf, ifPresent, isDirectory, readNote } from "../files/mod.ts";

/** A Go that kbuild has provided. */
export interface CachedGo {
  /** Release: "1.24.3". */
  readonly version: string;
  /** The platform that it runs on: "linux/amd64". */
  readonly platform: string;
  /** Directory of the Go distribution. */
  readonly goroot: string;
  /** The directory that holds it and {@linkcode GoOrigin}; removing it removes all. */
  readonly directory: string;
}

/** Where a cached Go came from, as `origin.json` beside it says. */
export interface GoOrigin {
  /** The URL of an archive, or `golang.org/toolchain@… (GOPROXY)`. */
  readonly from: string;
  /** SHA-256 of an archive. */
  readonly sha256?: string;
  /** Go's hash of a module: "h1:…". */
  readonly sum?: string;
  /** Where the digest or hash came from; undefined for those that earlier kbuilds fetched. */
  readonly digestFrom?: DigestFrom;
  /** Bytes of all its files. */
  readonly size: number;
}

/** The file beside a cached Go that says where it came from. */
export const ORIGIN_FILE = "origin.json";

/** Where a Go is kept in the cache; `cache` is `cacheDirectory` of src/net. */
export function cachedGo(cache: string, version: string, platform: string): CachedGo {
  const directory = join(cache, "go", goFileName(version, platform));
  return Object.freeze({ version, platform, directory, goroot: join(directory, "go") });
}

/** `go1.21.7.linux-amd64`, as Go's archives are named. */
export function goFileName(version: string, platform: string): string {
  return `go${version}.${platform.replace("/", "-")}`;
}

/** Whether the program of a cached Go is there; directories appear complete, so the rest is, too. */
export async function isCached({ goroot }: CachedGo): Promise<boolean> {
  if (!await isDirectory(goroot)) return false;
  const info = await ifPresent(Deno.stat(join(goroot, "bin", "go")));
  return info?.isFile === true && info.size > 0;
}

/** Every Go in the cache, oldest release first. */
export async function listCached(cache: string): Promise<readonly CachedGo[]> {
  const found: CachedGo[] = [];
  for (const { name, isDirectory } of await entriesOf(join(cache, "go")) ?? []) {
    const [, version, os, arch] = /^go(.+)\.([a-z0-9]+)-([a-z0-9]+)$/.exec(name) ?? [];
    if (!isDirectory || version === undefined || !isGoRelease(version)) continue;
    const go = cachedGo(cache, version, `${os}/${arch}`);
    if (await isCached(go)) found.push(go);
  }
  return Object.freeze(found.sort((a, b) => compareGoVersions(a.version, b.version)));
}

/** What is known of a cached Go; undefined where nothing was written down. */
export async function originOf({ directory }: CachedGo): Promise<GoOrigin | undefined> {
  const { from, size, ...digest } = await readOrigin(directory);
  return from === undefined || size === undefined
    ? undefined
    : Object.freeze({ from, size, ...digest });
}

/** What was written down of a release in the cache: of Go, etcd or protoc. */
export async function readOrigin(directory: string): Promise<Partial<GoOrigin>> {
  const note = await readNote(join(directory, ORIGIN_FILE)) ?? {};
  const { from, size, sha256, sum, digestFrom } = note;
  return Object.freeze({
    ...(typeof from === "string" ? { from } : {}),
    ...(typeof size === "number" ? { size } : {}),
    ...(typeof sha256 === "string" ? { sha256 } : {}),
    ...(typeof sum === "string" ? { sum } : {}),
    ...(isDigestFrom(digestFrom) ? { digestFrom } : {}),
  });
}
