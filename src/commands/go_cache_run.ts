import { isAbsolute, join } from "@std/path";
import { UsageError } from "../errors.ts";
import { reasonOf } from "../files/mod.ts";
import { goCacheMachine, serveGoCache } from "../lib/golang/mod.ts";
import type { Environment } from "../lib/init.ts";
import type { CommandContext } from "./context.ts";
import { GO_CACHE, STORE } from "./flags.ts";
import { openStoreOf } from "./open_store.ts";

/**
 * Serves Go's compile cache from standard input: `kbuild store go-cache`.
 *
 * @param flag The value of `--store`.
 */
export async function runGoCache(command: CommandContext, flag: string | undefined): Promise<void> {
  const { env, log } = command;
  // A build with --go-cache hands its own environment on: the store of its units is in that, too.
  const name = flag || env[GO_CACHE.variable] || env[STORE.variable] || "";
  using store = await openStoreOf({ ...command, env: { ...env, [STORE.variable]: name } });
  await serveGoCache({
    input: Deno.stdin.readable,
    answer: command.print,
    directory: goCacheDirectory(env),
    store,
    machine: () =>
      goCacheMachine(env).catch((error: unknown) => {
        log.warn(`Cannot share Go's compile cache: ${reasonOf(error)}`);
        throw error;
      }),
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
