import { isOffline, MIRRORS, type NetContext, parseMirrors } from "../net/mod.ts";
import type { WantedImage } from "./types.ts";
import { endpointsFor, parseReference, urlOf } from "./reference.ts";

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
  /** When it is asked for: "first", "if the one before fails", "what that names". */
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
  return Object.freeze(wanted.map(({ reference }) => {
    const name = parseReference(reference);
    const urls = endpointsFor(table, name).flatMap((endpoint, i): PlannedUrl[] => {
      const { rule } = endpoint;
      const first = i === 0 ? "first" : "if the one before fails";
      return [
        { url: urlOf(endpoint, `manifests/${name.digest ?? name.tag}`), rule, when: first },
        { url: urlOf(endpoint, "manifests/sha256:…"), rule, when: "what that names" },
        { url: urlOf(endpoint, "blobs/sha256:…"), rule, when: "what is not in the cache" },
      ];
    });
    return Object.freeze({ what: reference, urls: Object.freeze(urls) });
  }));
}
