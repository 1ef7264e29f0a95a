import { join } from "@std/path";
import { isDiskFull, removeTree } from "../files/mod.ts";
import { KbuildError, type Subject } from "../errors.ts";
import type { RetryPolicy } from "../net/mod.ts";
import { askGo } from "./ask_go.ts";
import { type CachedGo, cachedGo, type GoOrigin, isCached } from "./cache.ts";
import type { GoChoice } from "./choose.ts";
import { fetchArchive } from "./fetch_archive.ts";
import { fetchModule } from "./fetch_module.ts";
import { goSettings } from "./go_settings.ts";
import { checkFetched, installInCache } from "./install_in_cache.ts";
import type { GoContext } from "./types.ts";

/** What {@linkcode installGo} is asked for. */
export interface InstallOptions {
  /** kbuild's cache directory. */
  readonly cache: string;
  /** From `chooseGo`, with the action `proxy` or `archive`. */
  readonly choice: GoChoice;
  /** How long servers are waited for. */
  readonly retryPolicy?: Partial<RetryPolicy> | undefined;
  /** Where digests of archives come from; default: Go's own site. */
  readonly origin?: string | undefined;
}

/**
 * Fetches a Go into the cache ({@linkcode installInCache}). It is asked for its version before it appears.
 *
 * @throws {KbuildError} It cannot be fetched, is not what it should be, or does not run here.
 */
export async function installGo(context: GoContext, options: InstallOptions): Promise<CachedGo> {
  const { cache, choice } = options;
  const { version = "" } = choice;
  const place = cachedGo(cache, version, context.host);
  await installInCache(context, { cache, directory: place.directory }, {
    isThere: () => isCached(place),
    async fill(work) {
      context.log.status(`Fetching Go ${version} (${choice.why}): ${choice.url}`);
      const origin = await fetchRelease(context, options, work);
      await checkRelease(context, join(work, "go", "bin", "go"), { version, from: origin.from });
      return origin;
    },
  });
  return place;
}

/** As a module, else as an archive; a failure of the first is logged before the second. */
async function fetchRelease(
  context: GoContext,
  { choice, origin, retryPolicy }: InstallOptions,
  work: string,
): Promise<GoOrigin> {
  const { action, archiveUrl, have, notes, url = "", version = "" } = choice;
  const fetchFrom = (archive: string) =>
    fetchArchive(context, { url: archive, work, retryPolicy, origin });
  if (action !== "proxy" || archiveUrl === undefined) {
    return await fetchFrom(url).catch((error: unknown) => {
      context.signal?.throwIfAborted();
      if (!(error instanceof KbuildError)) throw error;
      throw new KbuildError(error.message, {
        notes: [...error.notes, ...notes],
        subject: subjectOf(error),
        cause: error,
      });
    });
  }
  try {
    const settings = await goSettings(context, have);
    return await fetchModule(context, { version, settings, work, retryPolicy });
  } catch (first) {
    context.signal?.throwIfAborted();
    // Where the module finds no room, the archive finds none.
    if (!(first instanceof KbuildError) || isDiskFull(first)) throw first;
    // What is there of it must not be in the way of the archive.
    await removeTree(work);
    await Deno.mkdir(work);
    context.log.warn(`${first.message}; trying ${archiveUrl}`, first.notes);
    return await fetchFrom(archiveUrl).catch((second: unknown) => {
      if (!(second instanceof KbuildError)) throw second;
      context.signal?.throwIfAborted();
      const message = `Cannot get Go ${version}, neither as a module nor as an archive`;
      const reasons = [first, second].flatMap((error) => [error.message, ...error.notes]);
      throw new KbuildError(message, {
        notes: [...new Set([...reasons, ...notes])],
        subject: subjectOf(second),
        cause: second,
      });
    });
  }
}

/** A release that cannot be fetched is a matter of Go, unless there is no room for it. */
function subjectOf(error: KbuildError): Subject | undefined {
  return error.subject ?? (isDiskFull(error) ? undefined : "go");
}

async function checkRelease(
  context: GoContext,
  path: string,
  { version, from }: { version: string; from: string },
): Promise<void> {
  const { GOROOT: _ofAnother, ...env } = context.env;
  const ask = async () => {
    const go = await askGo({ ...context, env }, path);
    return go.version === version ? undefined : `it says "${go.description}"`;
  };
  await checkFetched(context, ask, {
    ...{ what: `Go ${version}`, from },
    notes: ["Nothing of it was kept; check KBUILD_GO_MIRROR, GOPROXY"],
  });
}
