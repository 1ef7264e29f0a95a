import { isAbsolute, join } from "@std/path";

/**
 * kbuild's own folder for what checkouts share: `KBUILD_CACHE`, else `XDG_CACHE_HOME/kbuild`, else
 * `~/.cache/kbuild`, on macOS `~/Library/Caches/kbuild`. Paths that are not absolute count as not
 * given, as the XDG specification wants.
 *
 * @param host The platform, as Go writes it.
 * @returns undefined where none of the variables leads anywhere.
 */
export function cacheFolder(
  env: Readonly<Record<string, string>>,
  host: string,
): string | undefined {
  const absolute = (name: string) => {
    const value = env[name];
    return value !== undefined && isAbsolute(value) ? value : undefined;
  };
  const own = absolute("KBUILD_CACHE");
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
