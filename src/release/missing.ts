import { walk } from "@std/fs";
import { join, relative } from "@std/path";
import { KbuildError } from "../errors.ts";
import { isLfsPointerFile } from "../checkout/mod.ts";
import { requiredInput, type TarballPlan } from "./plan.ts";
import { ifPresent, ifPresentSync } from "../files/mod.ts";
import { quoteCommand } from "../shell/mod.ts";

/** Something that a release needs and the checkout lacks. */
export interface MissingInput {
  /** Path below the root: `LICENSES`. */
  readonly path: string;
  /** What is the matter with it. */
  readonly problem: "missing" | "Git LFS pointer" | "not built";
  /** Titles of the tarballs that hold it: `final`, `node linux-amd64`. */
  readonly neededFor: readonly string[];
}

/** The build's own files; as Git LFS pointers they say nothing, and tables are used instead. */
const OWN_FILES: Readonly<Record<string, string>> = {
  "build/common.sh": "base images",
  "build/lib/release.sh": "layout",
  "build/server-image/Dockerfile": "images",
  "build/server-image/kube-apiserver/Dockerfile": "images",
  "build/server-image/kubectl/Dockerfile": "images",
  "hack/lib/golang.sh": "targets",
  "hack/lib/version.sh": "version",
};

/**
 * Finds all files and directories of the checkout that the tarballs need and that are not there, and the
 * files that Git LFS has not fetched.
 */
export async function findMissing(
  root: string,
  plan: { readonly tarballs: readonly TarballPlan[] },
): Promise<readonly MissingInput[]> {
  const uses = new Map<string, string[]>();
  for (const tarball of plan.tarballs) {
    for (const entry of tarball.entries) {
      const path = requiredInput(entry);
      if (path === undefined) continue;
      uses.set(path, [...uses.get(path) ?? [], tarball.title]);
    }
  }
  const found: MissingInput[] = [];
  for (const [path, titles] of [...uses].sort(([a], [b]) => a < b ? -1 : 1)) {
    const neededFor = Object.freeze([...new Set(titles)]);
    const problem = (name: string, text: MissingInput["problem"]) =>
      found.push(Object.freeze({ path: name, problem: text, neededFor }));
    const info = await ifPresent(Deno.stat(join(root, path)));
    if (info === undefined) problem(path, "missing");
    else for (const name of await pointersBelow(root, path, info)) problem(name, "Git LFS pointer");
  }
  for (const [path, use] of Object.entries(OWN_FILES)) {
    if (ifPresentSync(() => isLfsPointerFile(join(root, path))) !== true) continue;
    const neededFor = Object.freeze([use]);
    found.push(Object.freeze({ path, problem: "Git LFS pointer", neededFor }));
  }
  return Object.freeze(unique(found));
}

/** Files that Git LFS has not fetched: the path itself, or files below a directory. */
async function pointersBelow(root: string, path: string, info: Deno.FileInfo): Promise<string[]> {
  const full = join(root, path);
  if (!info.isDirectory) return isLfsPointerFile(full) ? [path] : [];
  const found: string[] = [];
  for await (const entry of walk(full, { includeDirs: false, includeSymlinks: false })) {
    if (isLfsPointerFile(entry.path)) found.push(relative(root, entry.path));
  }
  return found.sort();
}

/** A directory and a directory in it may both be packed: each path once, with all uses. */
function unique(inputs: readonly MissingInput[]): MissingInput[] {
  const byPath = new Map<string, MissingInput>();
  for (const input of inputs) {
    const before = byPath.get(input.path)?.neededFor ?? [];
    const neededFor = Object.freeze([...new Set([...before, ...input.neededFor])]);
    byPath.set(input.path, Object.freeze({ ...input, neededFor }));
  }
  return [...byPath.values()];
}

const SHOWN = 20;

/** One line for each: `LICENSES (node, server, final)`; many pointers are counted by directory. */
export function describeMissing(missing: readonly MissingInput[]): readonly string[] {
  const pointers = missing.filter(({ problem }) => problem === "Git LFS pointer");
  const others = missing.filter(({ problem }) => problem !== "Git LFS pointer");
  const lines = others.map(({ path, neededFor }) =>
    neededFor.length === 0 ? path : `${path} (${kinds(neededFor)})`
  );
  const shown = lines.length > SHOWN
    ? [...lines.slice(0, SHOWN), `and ${lines.length - SHOWN} more`]
    : lines;
  return Object.freeze([...shown, ...describePointers(pointers)]);
}

function describePointers(pointers: readonly MissingInput[]): string[] {
  const groups = Map.groupBy(
    pointers,
    ({ path }) => path in OWN_FILES ? path : path.split("/")[0] ?? path,
  );
  return [...groups].map(([directory, files]) => {
    const count = files.length === 1 ? "a Git LFS pointer" : `${files.length} Git LFS pointers`;
    const path = files.length === 1 ? files[0]!.path : `${directory}/`;
    return `${path}: ${count} (${kinds(files.flatMap(({ neededFor }) => neededFor))})`;
  });
}

/** "node linux-amd64", "node linux-arm" … as "node". */
function kinds(titles: readonly string[]): string {
  return [...new Set(titles.map((title) => title.replace(/ [a-z0-9]+-[a-z0-9]+$/, "")))].join(", ");
}

/** How to get missing files back. */
function restore(missing: readonly MissingInput[]): string {
  const paths = missing.filter(({ problem }) => problem === "missing").map(({ path }) => path);
  const command = paths.length > SHOWN ? "git restore ." : `git restore ${quoteCommand(paths)}`;
  return `Restore them, from the Kubernetes that this is of or from git: ${command}`;
}

/** The error that names all of it and the ways out. */
export function missingError(
  missing: readonly MissingInput[],
  { allowed }: { allowed: boolean },
): KbuildError {
  const count = missing.length === 1 ? "1 input is" : `${missing.length} inputs are`;
  const has = (problem: MissingInput["problem"]) =>
    missing.some((input) => input.problem === problem);
  return new KbuildError(`Cannot package this checkout: ${count} missing`, {
    output: describeMissing(missing),
    notes: [
      ...(has("not built") ? ["Build what is missing: `kbuild quick-release`"] : []),
      ...(has("Git LFS pointer") ? ["Fetch the files behind the pointers: `git lfs pull`"] : []),
      ...(has("missing") ? [restore(missing)] : []),
      ...(allowed || (!has("missing") && !has("Git LFS pointer"))
        ? []
        : ["Leave out what the checkout lacks: --allow-missing"]),
    ],
  });
}
