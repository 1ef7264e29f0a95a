import { UsageError } from "../errors.ts";
import { parseReference, type Reference } from "./reference.ts";

/** Variable of what `[digests]` of `kbuild.toml` says: `NAME:TAG=sha256:…`, separated by white space. */
export const DIGESTS = "KBUILD_DIGESTS";

/** Digest by name and tag: "docker.io/library/busybox:1.36". */
export type LockedDigests = ReadonlyMap<string, string>;

/**
 * Reads the digests that tags must have, whoever serves them.
 *
 * @param text Words `NAME:TAG=sha256:…`, separated by white space or commas; the last of a name counts.
 * @throws {UsageError} A word is something else.
 */
export function parseDigests(text: string): LockedDigests {
  const digests = new Map<string, string>();
  for (const word of text.split(/[\s,]+/)) {
    if (word === "") continue;
    const [, name = "", digest = ""] = /^([^=]+)=(sha256:[0-9a-f]{64})$/.exec(word) ?? [];
    if (digest === "") {
      throw new UsageError(`Cannot use the digest "${word}": it must be NAME:TAG=sha256:<64 hex>`);
    }
    const reference = parseReference(name);
    if (reference.digest !== undefined) {
      throw new UsageError(`Cannot use the digest "${word}": the name has one already`);
    }
    digests.set(keyOf(reference), digest);
  }
  return digests;
}

/** The digest that a tag must have; undefined if none is given. */
export function lockedDigest(digests: LockedDigests, name: Reference): string | undefined {
  return digests.get(keyOf(name));
}

function keyOf({ name, tag }: Pick<Reference, "name" | "tag">): string {
  return `${name}:${tag}`;
}
