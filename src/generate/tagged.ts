import { join } from "@std/path";
import { isPruned, readGoDirectories } from "./go_directories.ts";
import type { TagFiles } from "./sources.ts";
import { isDirectory, readText } from "../files/mod.ts";

/** A line that makes a file count in `ALL_K8S_TAG_FILES`. */
const ANY_TAG = /^\/\/ *\+k8s:/m;

/**
 * Finds the files with a `// +k8s:openapi-gen=` comment, as `ALL_K8S_TAG_FILES` and the
 * `*_OPENAPI_DIRS` of `Makefile.generated_files` do, in the directories that the checkout's
 * `cache_go_dirs.sh` names. From 1.9 on the staging modules count under their names in `vendor`.
 *
 * @param tag `openapi-gen`.
 * @returns Paths below the root: `vendor/k8s.io/api/core/v1/doc.go`.
 */
export async function findTagged(root: string, tag: string): Promise<readonly string[]> {
  const wanted = `+k8s:${tag}=`;
  const found = new Set<string>();
  const rules = await readGoDirectories(root);

  async function visit(directory: string): Promise<void> {
    const directories: string[] = [];
    const files: string[] = [];
    const path = (name: string) => directory === "" ? name : `${directory}/${name}`;
    for await (const { name, isDirectory, isFile } of Deno.readDir(join(root, directory))) {
      const go = isFile && name.endsWith(".go");
      if (!isDirectory && !go) continue;
      if (isPruned(rules, { path: `./${path(name)}`, name, directory: isDirectory })) continue;
      (go ? files : directories).push(path(name));
    }
    for (const file of files) {
      const text = await readText(join(root, file));
      if (!text.includes(wanted) || !ANY_TAG.test(text)) continue;
      found.add(rules.stagingAsVendor ? file.replace(/^staging\/src\//, "vendor/") : file);
    }
    await Promise.all(directories.map(visit));
  }
  for (const start of rules.starts) {
    // What one release lists and a fork has removed does not stop it; find also continues.
    if (await isDirectory(join(root, start))) await visit(start);
  }
  return Object.freeze([...found].sort());
}

/** The packages that one OpenAPI target covers: directories below the root, in the order of bytes. */
export function openapiPackages(rules: TagFiles, tagged: readonly string[]): readonly string[] {
  const counts = (file: string) =>
    rules.patterns.some((pattern) => matches(pattern, file)) === rules.keep;
  const directories = tagged.filter(counts).map((file) => file.slice(0, file.lastIndexOf("/")));
  return Object.freeze([...new Set(directories)].sort());
}

/** A pattern of make: one `%` stands for any text. */
function matches(pattern: string, file: string): boolean {
  const [before = "", after] = pattern.split("%");
  if (after === undefined) return file === pattern;
  return file.length >= before.length + after.length && file.startsWith(before) &&
    file.endsWith(after);
}
