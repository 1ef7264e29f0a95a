import { goFileName } from "./cache.ts";

/** Go's own download site: it has `go1.21.7.linux-amd64.tar.gz` and `….tar.gz.sha256`. */
export const OFFICIAL_MIRROR = "https://dl.google.com/go";

/** Where the origin has the digest of an archive. */
export function digestUrl(origin: string, archive: string): string {
  return `${origin}/${archive.slice(archive.lastIndexOf("/") + 1)}.sha256`;
}

/** A module and its version. */
export interface ModuleVersion {
  /** "golang.org/toolchain". */
  readonly path: string;
  /** "v0.0.1-go1.24.3.linux-amd64". */
  readonly version: string;
}

/** The module that a release is published as; see https://go.dev/doc/toolchain. */
export function toolchainModule(version: string, host: string): ModuleVersion {
  return Object.freeze({
    path: "golang.org/toolchain",
    version: `v0.0.1-${goFileName(version, host)}`,
  });
}

/** Path of a module's zip below the URL of a module proxy. */
export function zipPath({ path, version }: ModuleVersion): string {
  return `${path}/@v/${version}.zip`;
}
