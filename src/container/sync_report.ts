import { parentsOf } from "../archive/mod.ts";
import { isGenerated, type Manifest, type SyncPlan, type VolumeState } from "./sync.ts";

/**
 * Files that a command changed, made or removed in a volume, and that {@linkcode planSync} makes equal to the checkout again.
 * Not among them are generated files that have changed here, too: they have come back, or were named when they did not.
 *
 * @returns Paths in order; none if it is not known what was brought.
 */
export function undoneChanges(
  local: Manifest,
  { known, paths, touched, kept = new Set() }: VolumeState,
): readonly string[] {
  if (known === undefined) return [];
  const there = new Set(paths);
  // What a killed run was sending may be anything.
  const isKnown = (path: string) => known.get(path) !== "?";
  const changed = touched.filter((path) => known.get(path) !== "d" && isKnown(path));
  const made = paths.filter((path) => !known.has(path));
  const removed = [...known.keys()].filter((path) =>
    !there.has(path) && local.has(path) && isKnown(path)
  );
  const hasComeBack = (path: string) =>
    isGenerated(path) && local.has(path) && local.get(path) !== known.get(path);
  const found = new Set([...changed, ...made, ...removed].filter((path) => !hasComeBack(path)));
  // A directory that is kept, or whose contents are named, is nothing of its own.
  const above = new Set([...found].flatMap(parentsOf));
  return Object.freeze([...found].filter((path) => !kept.has(path) && !above.has(path)).sort());
}

/** Bytes of the files that a plan sends. */
export function sentBytes({ manifest, send }: Pick<SyncPlan, "manifest" | "send">): number {
  return send.reduce((sum, path) => {
    const [, size = "0"] = /^f (\d+) /.exec(manifest.get(path) ?? "") ?? [];
    return sum + Number(size);
  }, 0);
}
