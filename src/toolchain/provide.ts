import { dirname } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPresent } from "../files/mod.ts";
import { ownershipContext } from "../lib/ownership.ts";
import { findProgram } from "../lib/util.ts";
import { askGo, goAt, inFront, neededRoot, ownDirectory } from "./ask_go.ts";
import { cacheDirectory, claimCache, inCache, isOffline, type RetryPolicy } from "../net/mod.ts";
import { cachedGo, isCached } from "./cache.ts";
import { chooseGo, type GoChoice } from "./choose.ts";
import type { GoTool } from "./go_tool.ts";
import { removeFromCache } from "./install_in_cache.ts";
import type { GoContext } from "./types.ts";
import { OFFICIAL_MIRROR } from "./urls.ts";
import { type GoNeeds, type RequestedGo, requestedGo } from "./requested_go.ts";

/** Which Go a checkout will be built with. */
export interface GoDescription extends GoChoice {
  /** What a plan may name, also where the Go is still to be fetched; undefined with `problem`. */
  readonly tool: GoTool | undefined;
}

/**
 * Which Go a checkout will be built with, and where it will come from. Fetches nothing, and starts
 * one `go version` at most.
 *
 * @param needs A checkout; undefined outside of one.
 * @returns With `problem` where there is none to build with.
 * @throws {KbuildError} What `PATH` or `--go` leads to is not a Go, unless another one is requested.
 * @throws {UsageError} A variable has a value that names no Go.
 */
export async function describeGo(
  context: GoContext,
  needs: GoNeeds | undefined,
): Promise<GoDescription> {
  const choice = await decideGo(context, requestedGo(needs, context.env), needs);
  return Object.freeze({ ...choice, tool: toolOf(context, choice) });
}

/** A Go that can be started, and why it is that one. */
export interface ChosenGo {
  /** The Go. */
  readonly go: GoTool;
  /** How it was chosen. */
  readonly choice: GoChoice;
}

/**
 * Chooses the Go that a checkout is built with: the one in `PATH` where it fits, else one from kbuild's
 * cache. Logs nothing.
 *
 * @param options.fetch Whether a Go that is in neither is fetched; without, the plan of it is returned.
 * @throws {KbuildError} There is none, none can be fetched, or none fits: names both, and the alternatives.
 */
export async function takeGo(
  context: GoContext,
  needs: GoNeeds,
  { fetch }: { fetch: boolean },
): Promise<ChosenGo> {
  const choice = await decideGo(context, requestedGo(needs, context.env), needs);
  const isThere = choice.action === "host" || choice.action === "cached";
  const planned = fetch || isThere ? undefined : toolOf(context, choice);
  return Object.freeze({ go: planned ?? await ensureChosen(context, choice), choice });
}

/** Says which Go is used, and what a user may not expect of it. */
export function sayGo({ log }: Pick<GoContext, "log">, { go, choice }: ChosenGo): void {
  if (go.foreignRoot !== undefined) {
    log.warn(`GOROOT "${go.foreignRoot}" is not that of "${go.path}", which is used without it`);
  }
  if (go.devel) log.warn(`Building with a development version of Go: ${go.description}`);
  const line = `Go ${go.version || "devel"} (${choice.why}) from ${dirname(dirname(go.path))}`;
  log.status(line, [], { v: choice.action === "host" ? 2 : 1 });
}

/**
 * Provides the Go that a checkout is built with: the one in `PATH` where it fits, else one from
 * kbuild's cache, fetched when it is not there yet. Says where from, unless it was there anyway.
 *
 * @throws {KbuildError} There is none, none can be fetched, or none fits: the existing, the
 * requested, the alternatives.
 */
export async function provideGo(context: GoContext, needs: GoNeeds): Promise<GoTool> {
  const chosen = await takeGo(context, needs, { fetch: true });
  sayGo(context, chosen);
  return chosen.go;
}

/** Puts one release into the cache, whatever is in `PATH`; returns it when it is there already. */
export async function installRelease(
  context: GoContext,
  version: string,
  options: { retryPolicy?: Partial<RetryPolicy>; origin?: string; why?: string } = {},
): Promise<GoTool> {
  const { why = "kbuild toolchain install" } = options;
  const requested: RequestedGo = { kind: "exact", version, why, stay: false };
  const choice = await decideGo(context, requested, undefined, { cacheOnly: true });
  return await ensureChosen(context, choice, options);
}

/**
 * Removes a release from the cache.
 *
 * @returns False when it was not there.
 * @throws {KbuildError} It cannot be removed.
 */
export async function removeRelease(context: GoContext, version: string): Promise<boolean> {
  const cache = cacheDirectory(context.env, context.host);
  if (cache === undefined) return false;
  const { directory } = cachedGo(cache, version, context.host);
  return await removeFromCache(context, { cache, directory });
}

/** Finds out what there is, and chooses. */
async function decideGo(
  context: GoContext,
  requested: RequestedGo,
  needs: GoNeeds | undefined,
  { cacheOnly = false }: { cacheOnly?: boolean } = {},
): Promise<GoChoice> {
  const { env, host } = context;
  const path = requested.kind === "path"
    ? await goAt(requested.path)
    : await findProgram("go", env["PATH"]);
  const cache = cacheDirectory(env, host);
  const version = requested.kind === "exact" || requested.kind === "least"
    ? requested.version
    : undefined;
  const [have, cached] = await Promise.all([
    path === undefined ? undefined : askGo(context, path).catch((error: unknown) => {
      // Where one release is wanted, what else is in PATH need not even run.
      if (requested.kind !== "exact" || !(error instanceof KbuildError)) throw error;
      context.signal?.throwIfAborted();
      return undefined;
    }),
    cache !== undefined && version !== undefined && isCached(cachedGo(cache, version, host)),
  ]);
  const mirror = env["KBUILD_GO_MIRROR"] ?? "";
  return chooseGo(requested, needs, {
    have,
    noneThere: requested.kind === "path" && path === undefined
      ? await reasonAt(requested.path)
      : undefined,
    host,
    cache,
    cached,
    offline: isOffline(env),
    mirror: (mirror === "" ? OFFICIAL_MIRROR : mirror).replace(/\/+$/, ""),
    archivesOnly: mirror !== "" || Boolean(env["KBUILD_GO_SHA256"]) || env["GOPROXY"] === "off",
    cacheOnly,
  });
}

/** Why there is no Go at a path. */
async function reasonAt(path: string): Promise<string> {
  const info = await ifPresent(Deno.stat(path));
  if (info === undefined) return "no such file or directory";
  return info.isDirectory ? 'it has neither "go" nor "bin/go"' : "it is not an executable program";
}

/** What a plan may name; the version of a Go that is still to be fetched is known, too. */
function toolOf({ host }: GoContext, choice: GoChoice): GoTool | undefined {
  const { action, have, path, version } = choice;
  if (action === "host") return have;
  if (path === undefined || version === undefined) return undefined;
  const description = `go version go${version} ${host}`;
  const root = neededRoot(version, dirname(dirname(path)));
  return inFront({ path, description, version, devel: false, host, ...root });
}

async function ensureChosen(
  context: GoContext,
  choice: GoChoice,
  options: { retryPolicy?: Partial<RetryPolicy>; origin?: string } = {},
): Promise<GoTool> {
  const { action, have, notes, problem, path, version = "" } = choice;
  if (problem !== undefined || path === undefined) {
    throw new KbuildError(problem ?? "Cannot find a Go", { notes, subject: "go" });
  }
  if (action === "host" && have !== undefined) {
    if (await findProgram("go", context.env["PATH"]) === have.path) return have;
    const { foreignRoot: _ofTheOneInPath, ...go } = await ownDirectory(context, have);
    return Object.freeze(go);
  }
  const cache = cacheDirectory(context.env, context.host);
  if (action !== "cached" && cache !== undefined) {
    await inCache(cache, async () => {
      await claimCache(cache, context.env, ownershipContext(context));
      const { installGo } = await import("./install.ts");
      await installGo(context, { ...options, cache, choice });
    });
  }
  const { GOROOT: _ofTheOneInPath, ...env } = context.env;
  const go = await askGo({ ...context, env }, path);
  if (go.version !== version) {
    throw new KbuildError(`Cannot use Go ${version} in "${path}": it says "${go.description}"`, {
      notes: [`Remove it, then run again: kbuild toolchain remove ${version}`],
      subject: "go",
    });
  }
  return inFront(go);
}
