import { dirname, join } from "@std/path";
import type { CodegenFiles } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { ifPresentSync, readTextSync } from "../files/mod.ts";
import { askGit } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoGraph } from "./go_graph.ts";
import type { GoSources } from "./go_sources.ts";

/**
 * The files that `hack/update-codegen.sh` would find: those that git tracks, and others that it does not ignore.
 *
 * @throws {KbuildError} Git cannot list them.
 */
export async function listCodegenFiles(
  context: KubeContext,
  sources: GoSources,
  graph: GoGraph,
): Promise<CodegenFiles> {
  const { root } = context;
  const { text } = await askGit(context, [
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
    "-z",
  ]);
  if (text === undefined) {
    throw new KbuildError("Cannot list the files of the checkout: git does not answer", {
      notes: [
        "hack/update-codegen.sh finds packages with git: use a clone, or run git init && git add -A",
      ],
    });
  }
  const paths = [...new Set(text.split("\0").filter((path) => path !== ""))].sort();
  const fileOf = (path: string) =>
    sources.directory(dirname(path)).find(({ name }) => path.endsWith(`/${name}`));
  const read = (path: string) => ifPresentSync(() => readTextSync(join(root, path)));
  return Object.freeze<CodegenFiles>({
    paths: Object.freeze(paths),
    comments: (path) => fileOf(path)?.comments ?? [],
    lines: (path) => read(path)?.split("\n") ?? [],
    readText: read,
    has: (path) => ifPresentSync(() => Deno.statSync(join(root, path))) !== undefined,
    real: (path) => path === "" ? "" : sources.real(path),
    dependencies: (path) => graph.dependencies(fileOf(path)?.imports ?? []),
  });
}
