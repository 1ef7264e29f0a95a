import { goSettings } from "./go_settings.ts";
import { candidatesFor, MIRRORS, parseMirrors } from "../net/mod.ts";
import { databaseEndpoints, lookupPath, parseDatabase } from "./checksum_database.ts";
import type { GoChoice } from "./choose.ts";
import { moduleProxies } from "./module_proxy.ts";
import type { GoContext } from "./types.ts";
import { digestUrl, OFFICIAL_MIRROR, toolchainModule, zipPath } from "./urls.ts";

/** A URL that fetching a Go would ask for. */
export interface PlannedGoUrl {
  /** The URL; `…` stands for what only an answer says. */
  readonly url: string;
  /** The mirror rule that leads there; undefined for the original. */
  readonly rule?: string | undefined;
  /** What it is asked for, and when. */
  readonly when: string;
}

/**
 * The URLs that fetching a Go would ask for; empty if none is fetched. Starts `go env` at most.
 */
export async function plannedGoUrls(
  context: GoContext,
  choice: GoChoice,
): Promise<readonly PlannedGoUrl[]> {
  const { action, archiveUrl = "", url = "" } = choice;
  if (action === "archive") return Object.freeze(archiveUrls(context, url, "first"));
  if (action !== "proxy") return [];
  return Object.freeze([
    ...await moduleUrls(context, choice),
    ...archiveUrls(context, archiveUrl, "if the module cannot be fetched"),
  ]);
}

async function moduleUrls(context: GoContext, choice: GoChoice): Promise<PlannedGoUrl[]> {
  const settings = await goSettings(context, choice.have);
  const database = parseDatabase(settings.sumdb);
  if (database === undefined) return [];
  const module = toolchainModule(choice.version ?? "", context.host);
  const proxies = await moduleProxies(context.env, settings);
  const sums = databaseEndpoints(database, proxies).flatMap(({ url, rule }, i) => [
    { url: `${url}/${lookupPath(module)}`, rule, when: i === 0 ? "checksum, first" : NEXT },
    { url: `${url}/tile/8/…`, rule, when: "proof that it is in the checksum database" },
  ]);
  const zips = proxies.map(({ url, rule }, i) => ({
    url: `${url}/${zipPath(module)}`,
    rule,
    when: i === 0 ? "then" : NEXT,
  }));
  return [...sums, ...zips];
}

const NEXT = "if the one before fails";

function archiveUrls({ env }: GoContext, archive: string, first: string): PlannedGoUrl[] {
  const candidates = candidatesFor(parseMirrors(env[MIRRORS] ?? ""), archive);
  const origin = digestUrl(OFFICIAL_MIRROR, archive);
  const own = candidates.map(({ url, rule }) => ({ url: `${url}.sha256`, rule }))
    .filter(({ url }) => url !== origin);
  const digests = env["KBUILD_GO_SHA256"] ? [] : [
    { url: origin, when: `digest, ${first}` },
    ...own.map((each) => ({ ...each, when: "digest from the mirror itself, if that fails" })),
  ];
  return [
    ...digests,
    ...candidates.map(({ url, rule }, i) => ({ url, rule, when: i === 0 ? "then" : NEXT })),
  ];
}
