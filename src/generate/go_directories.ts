import { readCheckoutFile } from "../checkout/mod.ts";

/** How `hack/make-rules/helpers/cache_go_dirs.sh` finds directories with Go files. */
export interface GoDirectories {
  /** Directories to start from, below the root: "" and, up to 1.8, `vendor/k8s.io/apimachinery` … */
  readonly starts: readonly string[];
  /** What is passed over with all below it. */
  readonly pruned: readonly Pruned[];
  /** Whether `staging/src` counts as `vendor`. */
  readonly stagingAsVendor: boolean;
}

/** One `-path` or `-name` of find; `path` patterns begin with `./`. */
export interface Pruned {
  /** Whether the whole path or the last part of it is compared. */
  readonly test: "path" | "name";
  /** A pattern as `find` takes it. */
  readonly pattern: string;
  /** Whether files pass it unseen. */
  readonly directoriesOnly: boolean;
}

/** What v1.20.2 has (lines 31-46), for a checkout whose script says nothing. */
const DEFAULT: GoDirectories = Object.freeze({
  starts: [""],
  pruned: ["./_*", "./.*", "./vendor"].map((pattern) => ({
    test: "path" as const,
    pattern,
    directoriesOnly: false,
  })),
  stagingAsVendor: true,
});

/** Reads the `find` of `cache_go_dirs.sh`: where it starts, what it prunes, what it renames. */
export async function readGoDirectories(root: string): Promise<GoDirectories> {
  const path = "hack/make-rules/helpers/cache_go_dirs.sh";
  const { text = "" } = await readCheckoutFile(root, path);
  return parseGoDirectories(text) ?? DEFAULT;
}

/** The same for the text of the script; undefined where no find is in it. */
export function parseGoDirectories(script: string): GoDirectories | undefined {
  const plain = script.replace(/^\s*#.*$/gm, "").replace(/\\\n/g, " ");
  const command = /^\s*find\s+(.*)$/m.exec(plain)?.[1];
  if (command === undefined) return undefined;
  const words = (command.split(/\s\|\s/)[0] ?? "").trim().split(/\s+/)
    .map((word) => word.replace(/^(["'])(.*)\1$/, "$2").replace(/\\(.)/g, "$1"));
  const options = /^-[HLP]$/;
  const first = words.findIndex((word) => /^[-(!]/.test(word) && !options.test(word));
  const starts = words.slice(0, Math.max(first, 0)).filter((word) => !options.test(word));
  const end = words.indexOf("-prune");
  if (starts.length === 0 || end < 0) return undefined;
  const pruned: Pruned[] = [];
  for (let at = 0; at < end; at++) {
    const test = words[at]?.slice(1);
    const pattern = words[at + 1];
    if ((test !== "path" && test !== "name") || pattern === undefined) continue;
    const directoriesOnly = words[at + 2] === "-type" && words[at + 3] === "d";
    pruned.push(Object.freeze({ test, pattern, directoriesOnly }));
  }
  return Object.freeze({
    starts: Object.freeze(starts.map((start) => start.replace(/^\.\/?/, ""))),
    pruned: Object.freeze(pruned),
    stagingAsVendor: script.includes("s|^./staging/src"),
  });
}

/** Whether find passes over something: `path` begins with `./`. */
export function isPruned(
  { pruned }: GoDirectories,
  entry: { path: string; name: string; directory: boolean },
): boolean {
  return pruned.some(({ test, pattern, directoriesOnly }) =>
    (entry.directory || !directoriesOnly) && matches(pattern, entry[test])
  );
}

/** A pattern of find: `*` matches slashes, too. */
function matches(pattern: string, text: string): boolean {
  const source = pattern.replace(/[.+^${}()|\\]/g, "\\$&").replace(/\[\\\^/g, "[^")
    .replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}
