import { basename, dirname, join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { ifPresent, readText } from "../files/mod.ts";
import { type GitTree, openTree, statusEntries } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { VersionVars } from "../lib/version/mod.ts";

/** Every package with generated code has this file: its types are copied, if nothing else. */
const GENERATED = "zz_generated.deepcopy.go";

/**
 * Sources whose committed generated code is older than they are: make renews it in a build up to 1.25,
 * kbuild does not touch what git has.
 *
 * Only files that differ from the commit are looked at: the times of a clone say nothing.
 *
 * @param tree What git says of the checkout, if the caller asks more of it.
 * @returns Paths below the root.
 */
export async function findOutdated(
  context: KubeContext,
  checkout: Checkout,
  vars: VersionVars,
  tree: GitTree = openTree(context),
): Promise<readonly string[]> {
  if (checkout.generated.value !== "makefile") return [];
  const sources = (await changedPaths(vars, tree)).filter(isSource);
  const found = await Promise.all(sources.map((path) => isOutdated(context.root, path)));
  return Object.freeze(sources.filter((_, index) => found[index]));
}

/** Warns of what {@linkcode findOutdated} found. */
export function warnAboutOutdated({ log }: KubeContext, outdated: readonly string[]): void {
  if (outdated.length === 0) return;
  log.warn("Generated code of changed types is used as it is, and may be out of date:", [
    ...outdated.map((path) => `${path} is newer than the ${GENERATED} beside it`),
    "Renew it: kbuild generated_files",
  ]);
}

/** Paths that differ from the commit; a version that is not from git comes without them. */
async function changedPaths(
  { dirtyPaths, from = "git" }: VersionVars,
  tree: GitTree,
): Promise<readonly string[]> {
  if (dirtyPaths.length > 0 || from === "git") return dirtyPaths;
  const { text = "" } = await tree.everything();
  return statusEntries(text).filter(({ code }) => code !== "??").map(({ path }) => path);
}

function isSource(path: string): boolean {
  const name = basename(path);
  return name.endsWith(".go") && !name.endsWith("_test.go") && !name.startsWith("zz_generated.") &&
    !path.startsWith("vendor/");
}

/** make sets the time of what it has looked at, also where the content stays. */
async function isOutdated(root: string, path: string): Promise<boolean> {
  const [source, generated] = await Promise.all(
    [path, join(dirname(path), GENERATED)].map((name) => ifPresent(Deno.stat(join(root, name)))),
  );
  const [changed, made] = [source?.mtime?.getTime(), generated?.mtime?.getTime()];
  if (changed === undefined || made === undefined || changed <= made) return false;
  return /^(type )?\s*\w+ struct \{/m.test(await readText(join(root, path)));
}
