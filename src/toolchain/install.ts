import { dirname, join } from "@std/path";
import { ifPossible, removeTree, TEMPORARY_PREFIX, temporaryName } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { ownershipContext } from "../lib/ownership.ts";
import { checkInCache, type Patience, withLock } from "../net/mod.ts";
import { askGo } from "./ask_go.ts";
import { type CachedGo, cachedGo, isCached, ORIGIN_FILE } from "./cache.ts";
import type { GoChoice } from "./choose.ts";
import { fetchArchive } from "./fetch_archive.ts";
import { fetchModule } from "./fetch_module.ts";
import type { GoContext } from "./types.ts";

/** What {@linkcode installGo} is asked for. */
export interface InstallOptions {
  /** kbuild's cache folder. */
  readonly cache: string;
  /** From `chooseGo`, with the action `proxy` or `archive`. */
  readonly choice: GoChoice;
  /** How long servers are waited for. */
  readonly patience?: Partial<Patience> | undefined;
}

/**
 * Fetches a Go into the cache. It is made in a temporary folder, asked for its version there, and
 * appears by rename: complete or not at all. Two kbuilds wait for each other; what a killed one
 * left is removed by the next.
 *
 * @throws {KbuildError} It cannot be had, is not what it should be, or does not run here.
 */
export async function installGo(context: GoContext, options: InstallOptions): Promise<CachedGo> {
  const { cache, choice, patience } = options;
  const { version = "", have, action, url = "" } = choice;
  const place = cachedGo(cache, version, context.host);
  const folder = dirname(place.folder);
  await withLock(folder, context, async () => {
    await clearLeftovers(folder);
    if (await isCached(place)) return;
    const work = temporaryName(place.folder);
    await Deno.mkdir(work);
    try {
      context.log.status(`Fetching Go ${version} (${choice.why}): ${url}`);
      const origin = action === "proxy" && have !== undefined
        ? await fetchModule(context, { go: have, version, work })
        : await fetchArchive(context, { url, work, patience });
      await checkRelease(context, join(work, "go", "bin", "go"), { version, from: origin.from });
      const made = join(work, "made");
      await Deno.mkdir(made);
      await Deno.rename(join(work, "go"), join(made, "go"));
      await Deno.writeTextFile(join(made, ORIGIN_FILE), `${JSON.stringify(origin, null, 2)}\n`);
      context.signal?.throwIfAborted();
      await checkInCache(place.folder, cache, ownershipContext(context));
      await removeTree(place.folder);
      await Deno.rename(made, place.folder);
    } finally {
      await clearLeftovers(folder);
    }
  });
  return place;
}

/** Removes what this run and killed ones left; only the holder of the lock may call this. */
async function clearLeftovers(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.startsWith(TEMPORARY_PREFIX)) continue;
    // A go that outlived its kbuild may still write there; then the next run removes it.
    await ifPossible(removeTree(join(folder, name)));
  }
}

async function checkRelease(
  context: GoContext,
  path: string,
  { version, from }: { version: string; from: string },
): Promise<void> {
  const why = await askGo(context, path).then(
    (go) => go.version === version ? undefined : `it says "${go.description}"`,
    (error: unknown) => error instanceof KbuildError ? error.message : Promise.reject(error),
  );
  if (why === undefined) return;
  context.signal?.throwIfAborted();
  throw new KbuildError(`Cannot use "${from}" as Go ${version} on ${context.host}: ${why}`, {
    notes: ["Nothing of it was kept; check KBUILD_GO_MIRROR, GOPROXY"],
  });
}
