import { isOffline, MIRRORS, type NetContext, parseMirrors } from "../net/mod.ts";
import type { WantedImage } from "./types.ts";
import { DIGESTS, lockedDigest, parseDigests } from "./locked_digests.ts";
import { endpointsFor, isOrigin, originOf, parseReference, urlOf } from "./reference.ts";

/** What would be asked for to get one thing. */
export interface PlannedFetch {
  /** What it is: "registry.k8s.io/pause:3.9", "Go 1.24.3". */
  readonly what: string;
  /** In the order in which they are tried. */
  readonly urls: readonly PlannedUrl[];
}

/** One URL of a plan. */
export interface PlannedUrl {
  /** Part of it may be `…`, where only an answer says what follows. */
  readonly url: string;
  /** The mirror rule that leads there; undefined for the original. */
  readonly rule?: string | undefined;
  /** What it is asked for, and when: "digest, first", "if the one before fails". */
  readonly when: string;
}

/**
 * The URLs that fetching images would ask for. What a manifest will name only the registry knows, so
 * those end in `…`; where they redirect to, too. Nothing is asked.
 */
export function planFetch(
  { env }: Pick<NetContext, "env">,
  wanted: readonly WantedImage[],
): readonly PlannedFetch[] {
  if (isOffline(env)) return [];
  const table = parseMirrors(env[MIRRORS] ?? "");
  const digests = parseDigests(env[DIGESTS] ?? "");
  return Object.freeze(wanted.map(({ reference }) => {
    const name = parseReference(reference);
    const endpoints = endpointsFor(table, name);
    const locked = name.digest ?? lockedDigest(digests, name);
    const asksOrigin = locked === undefined &&
      !endpoints.every((endpoint) => isOrigin(endpoint, name));
    const first = asksOrigin ? "digest from the mirror itself, if that fails" : "first";
    const urls = endpoints.flatMap((endpoint, i): PlannedUrl[] => {
      const { rule } = endpoint;
      const when = i === 0 ? first : "if the one before fails";
      return [
        { url: urlOf(endpoint, `manifests/${locked ?? name.tag}`), rule, when },
        { url: urlOf(endpoint, "manifests/sha256:…"), rule, when: "what that names" },
        { url: urlOf(endpoint, "blobs/sha256:…"), rule, when: "what is not in the cache" },
      ];
    });
    const origin = urlOf(originOf(name), `manifests/${name.tag}`);
    const asked = asksOrigin ? [{ url: origin, when: "digest, first" }] : [];
    return Object.freeze({ what: reference, urls: Object.freeze([...asked, ...urls]) });
  }));
}
