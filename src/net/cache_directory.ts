import { isAbsolute, join } from "@std/path";
import { UsageError } from "../errors.ts";

/**
 * kbuild's own directory for what checkouts share: `KBUILD_CACHE`, else `XDG_CACHE_HOME/kbuild`, else
 * `~/.cache/kbuild`, on macOS `~/Library/Caches/kbuild`. A relative `XDG_CACHE_HOME` counts as not
 * given, as the XDG specification wants.
 *
 * @param host The platform, as Go writes it.
 * @returns undefined where none of the variables leads anywhere.
 * @throws {UsageError} `KBUILD_CACHE` is relative.
 */
export function cacheDirectory(
  env: Readonly<Record<string, string>>,
  host: string,
): string | undefined {
  const absolute = (name: string) => {
    const value = env[name];
    return value !== undefined && isAbsolute(value) ? value : undefined;
  };
  const given = env["KBUILD_CACHE"];
  const own = absolute("KBUILD_CACHE");
  if (given && own === undefined) {
    throw new UsageError(`Cannot use KBUILD_CACHE="${given}": it must be an absolute path`);
  }
  if (own !== undefined) return own;
  const shared = absolute("XDG_CACHE_HOME");
  if (shared !== undefined) return join(shared, "kbuild");
  const home = absolute("HOME");
  if (home === undefined) return undefined;
  return host.startsWith("darwin/")
    ? join(home, "Library", "Caches", "kbuild")
    : join(home, ".cache", "kbuild");
}

/** Whether nothing may be fetched: `--offline`, `KBUILD_OFFLINE` but for `n`, `0` and `false`. */
export function isOffline(env: Readonly<Record<string, string>>): boolean {
  return !/^(|0|n|no|false)$/i.test(env["KBUILD_OFFLINE"] ?? "");
}
