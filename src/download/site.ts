import { UsageError } from "../errors.ts";
import type { ReleaseSite } from "./types.ts";
import { isCiVersion } from "./version.ts";

/** Kubernetes' own site; without `/release` it redirects there. */
const OFFICIAL = "https://dl.k8s.io";

/** What the variables may name without naming another site. */
const OFFICIAL_RELEASES: readonly string[] = [OFFICIAL, `${OFFICIAL}/release`];

/** The bucket that the site was before. No release after 1.31.0 is in it. */
const FROZEN = /^https:\/\/storage\.googleapis\.com\/kubernetes-release\b/;

/**
 * The site that the variables of `cluster/get-kube.sh` name, else Kubernetes' own. As there, the site of CI's
 * builds is that of releases if only this one is given. Markers are asked for at the same site.
 *
 * @throws {UsageError} A variable is not an address.
 */
export function releaseSite(env: Readonly<Record<string, string>>): ReleaseSite {
  const releases = addressIn(env, "KUBERNETES_RELEASE_URL");
  const ci = addressIn(env, "KUBERNETES_CI_RELEASE_URL");
  const isOfficial = releases === undefined || OFFICIAL_RELEASES.includes(releases);
  return Object.freeze({
    releases: isOfficial ? `${OFFICIAL}/release` : releases,
    ci: ci ?? (isOfficial ? `${OFFICIAL}/ci` : releases),
    isGiven: !isOfficial || (ci !== undefined && ci !== `${OFFICIAL}/ci`),
  });
}

function addressIn(env: Readonly<Record<string, string>>, name: string): string | undefined {
  const text = env[name];
  if (!text) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAddress = url !== undefined && /^https?:$/.test(url.protocol) && url.search === "" &&
    url.hash === "";
  if (isAddress) return text.replace(/\/+$/, "");
  throw new UsageError(`Cannot use ${name}="${text}": it is not an address of the web`, [
    `Write it so: ${name}=https://mirror.example/kubernetes/release`,
  ]);
}

/**
 * What to know of a site before it is used, a sentence each.
 *
 * @param isAsked Whether digests come from it; if not, a lock file has them all.
 */
export function siteNotes(
  { releases, isGiven }: ReleaseSite,
  { isAsked }: { isAsked: boolean },
): readonly string[] {
  if (FROZEN.test(releases)) {
    return [`No release after v1.31.0 is at ${releases}, whatever its markers say`];
  }
  if (!isGiven || !isAsked) return [];
  return [`Digests come from the site that is given, as the files do: ${releases}`];
}

/** The site with CI's fast builds in place of the others: they have a directory beside the marker. */
export function fastSite(site: ReleaseSite): ReleaseSite {
  return Object.freeze({ ...site, ci: `${site.ci}/fast` });
}

/** Where the files of a version are, without a slash at its end. */
export function versionUrl({ releases, ci }: ReleaseSite, version: string): string {
  return `${isCiVersion(version) ? ci : releases}/${version}`;
}

/** Where a marker is: `release/stable` is `stable.txt` beside the releases. */
export function markerUrl({ releases, ci }: ReleaseSite, marker: string): string {
  const slash = marker.indexOf("/");
  const base = marker.startsWith("ci/") ? ci : releases;
  return `${base}/${marker.slice(slash + 1)}.txt`;
}
