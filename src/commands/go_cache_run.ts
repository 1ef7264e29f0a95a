import { createHash } from "node:crypto";
import { isAbsolute, join } from "@std/path";
import { UsageError } from "../errors.ts";
import { filesBelow, ifPossible, ifPossibleSync } from "../files/mod.ts";
import { serveGoCache } from "../lib/golang/mod.ts";
import type { Environment } from "../lib/init.ts";
import type { CommandContext } from "./context.ts";
import { GO_CACHE, STORE } from "./flags.ts";
import { openStoreOf } from "./open_store.ts";

/** Serves Go's compile cache from standard input: `kbuild store go-cache`. */
export async function runGoCache(command: CommandContext): Promise<void> {
  const { env } = command;
  // A build that was started with --go-cache has its store there.
  const name = env[STORE.variable] || env[GO_CACHE.variable] || "";
  using store = await openStoreOf({ ...command, env: { ...env, [STORE.variable]: name } });
  await serveGoCache({
    input: Deno.stdin.readable,
    answer: command.print,
    directory: goCacheDirectory(env),
    store,
    machine: await machineText(env),
  });
}

/** Go's own cache, as Go finds it (`go help cache`, os.UserCacheDir). */
function goCacheDirectory({ GOCACHE, XDG_CACHE_HOME, HOME }: Environment): string {
  const caches = Deno.build.os === "darwin"
    ? HOME && join(HOME, "Library", "Caches")
    : XDG_CACHE_HOME || HOME && join(HOME, ".cache");
  const found = GOCACHE || caches && join(caches, "go-build");
  if (found && isAbsolute(found)) return found;
  throw new UsageError("Cannot find Go's cache: GOCACHE is missing, or not an absolute path");
}

/** Where the headers are that a C compiler finds by itself. */
const HEADERS = ["/usr/include", "/usr/local/include"] as const;

/**
 * What outputs depend on and Go does not count: the C library's headers, by names, sizes and times, and variables of the
 * C compiler. Go itself counts its own version and the compiler's.
 */
async function machineText(env: Environment): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "SDKROOT"]) {
    hash.update(`${name}=${env[name] ?? ""}\0`);
  }
  for (const directory of HEADERS) {
    for (const path of (await ifPossible(filesBelow(directory)) ?? []).toSorted()) {
      const info = ifPossibleSync(() => Deno.statSync(join(directory, path)));
      hash.update(`${directory}/${path} ${info?.size} ${info?.mtime?.getTime()}\0`);
    }
  }
  return hash.digest("hex");
}
