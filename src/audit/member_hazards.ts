import { cleanName, hasPlainName, linkLeadsOut, parentsOf, quoteName } from "../archive/mod.ts";
import type { Finding, Member } from "./types.ts";

/** Permission bits that no member of a release has. */
const BITS: readonly (readonly [bit: number, why: string])[] = [
  [0o4000, "it would run as its owner (setuid)"],
  [0o2000, "it would run as its group (setgid)"],
  [0o002, "everybody could write to it"],
];

/** How {@linkcode memberHazards} looks at an archive. */
export interface HazardOptions {
  /** The directory that every member must be in; undefined: any. */
  readonly tree?: string | undefined;
  /**
   * Whether it is an archive of images, which nobody unpacks as it is: hard links and permission bits do no harm in it.
   */
  readonly isImages?: boolean;
}

/**
 * What whoever unpacks an archive should not meet: members that leave the tree or are links out of it, hard links,
 * devices and pipes, permission bits that a release never has, two members of one name, names that are not text. Pure.
 */
export function* memberHazards(
  members: readonly Member[],
  { tree, isImages = false }: HazardOptions = {},
): Generator<Finding, void> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const member of members) {
    const { name } = member;
    const place = cleanName(name);
    for (const text of hazardsOf(member, place, { tree, isImages })) yield { path: [name], text };
    if (seen.has(place) && !twice.has(place)) {
      twice.add(place);
      yield { path: [name], text: "is in the archive more than once" };
    }
    seen.add(place);
  }
}

function* hazardsOf(
  { name, type, mode, linkName = "", xattrs }: Member,
  place: string,
  { tree, isImages }: { tree: string | undefined; isImages: boolean },
): Generator<string, void> {
  if (!hasPlainName(name)) yield "has a name with control characters, or one that is not UTF-8";
  const isOutside = name.startsWith("/") || name.split("/").includes("..");
  // "./" is the directory around the tree.
  const isInTree = tree === undefined || place === tree || place.startsWith(`${tree}/`) ||
    (place === "" && type === "directory");
  if (isOutside) yield "is outside of the archive's tree";
  else if (!isInTree) yield `is outside of "${tree}"`;
  if (type === "character" || type === "block") yield `is a ${type} device`;
  if (type === "fifo") yield "is a named pipe";
  if (type === "symlink") {
    const depth = parentsOf(place).length - (isInTree && tree !== undefined ? 1 : 0);
    if (linkName === "" || linkLeadsOut(linkName, Math.max(depth, 0))) {
      yield `is a link to ${quoteName(linkName)}, which may lead out of the archive's tree`;
    }
    return;
  }
  if (isImages) return;
  if (type === "hardlink") yield `is a hard link to ${quoteName(linkName)}`;
  for (const [bit, why] of BITS) {
    if ((mode & bit) !== 0) yield `has mode ${mode.toString(8).padStart(4, "0")}: ${why}`;
  }
  if (Object.keys(xattrs ?? {}).includes("security.capability")) {
    yield "has capabilities, with which it could do more than whoever starts it";
  }
}
