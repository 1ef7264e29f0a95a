import { join, relative, resolve } from "@std/path";
import {
  compressTar,
  listTree,
  packTarball,
  type PackTarballOptions,
  type Tarball,
} from "../archive/mod.ts";
import { askGit, runGit } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { Identifier } from "./identity.ts";
import type { ReleaseLayout } from "./layout.ts";
import { SOURCE_TARBALL } from "./plan.ts";

/** What the source tarball holds: a commit, or what is in the checkout. */
export type SourceTarball = SourceCommit | SourceTree;

/** A commit, as `git archive` packs it. */
export interface SourceCommit {
  /** Full hash: a later commit is not what was built. */
  readonly commit: string;
  /** What git says of it; files with `export-subst` get its names as well: hack/lib/version.sh. */
  readonly description: string;
  /** Arguments of the git that writes the tar. */
  readonly archive: readonly string[];
  /** Absolute path of the repository's own attributes, which may leave files out. */
  readonly attributes: string;
}

/** The entries of the checkout's root. */
export interface SourceTree {
  /** Tells it from a {@linkcode SourceCommit}. */
  readonly commit?: undefined;
  /** Prefix of names: `kubernetes/`, `./`. */
  readonly prefix: string | undefined;
  /** Why these and not the commit, where a user may expect that. */
  readonly note?: string;
}

/** Entries of the root that a dirty tree's tarball leaves out: `_*`, `.git*`, `.config*`, `.gsutil*`. */
export function isLeftOut(name: string): boolean {
  return /^(_|\.git|\.config|\.gsutil)/.test(name);
}

/**
 * Tells what of a dirty tree is packed. Unlike upstream's, the tarball leaves out `.make`, which holds the
 * state of make and not sources, and output directories that have another name than `_output`: what a run
 * makes would else be in the sources of the next one.
 *
 * @returns For a path below the root, whether it is left out; what is in a directory that is left out counts
 * as well, and is not asked for.
 */
function leavesOut({ root, output, outputRoot }: KubeContext): (path: string) => boolean {
  const outputs = [output, outputRoot].map((path) => relative(root, path));
  return (path) =>
    outputs.includes(path) || (!path.includes("/") && (isLeftOut(path) || path === ".make"));
}

/**
 * Decides over the source tarball as `kube::release::package_src_tarball` does: `git archive HEAD`
 * for a clean tree (1.14 and later), else every entry of the root but `_*`, `.git*`, `.config*` and
 * `.gsutil*`.
 */
export async function planSource(
  context: KubeContext,
  layout: ReleaseLayout,
  { clean }: { clean: boolean },
): Promise<SourceTarball> {
  const tree = { prefix: layout.sourcePrefix };
  if (!clean || !layout.sourceArchive) return Object.freeze(tree);
  const commit = await askCommit(context);
  if (commit !== undefined) return Object.freeze(commit);
  const note = `${SOURCE_TARBALL} holds the files of the checkout: git cannot archive the commit`;
  return Object.freeze({ ...tree, note });
}

/**
 * Settings and attributes of the user and the machine do not count: with them two people would make
 * two archives of one commit.
 */
const ARCHIVE_SETTINGS = [
  ...["-c", "tar.umask=0022", "-c", "core.autocrlf=false", "-c", "core.eol=lf"],
  ...["-c", "core.attributesFile=/dev/null"],
];

/** Attributes of the machine, the same way. */
export const ARCHIVE_ENV: Readonly<Record<string, string>> = { GIT_ATTR_NOSYSTEM: "1" };

/** The commit that is checked out; undefined where git cannot say. */
async function askCommit(context: KubeContext): Promise<SourceCommit | undefined> {
  const [described, attributes] = await Promise.all([
    askGit(context, ["rev-list", "-1", "--format=%H %D", "HEAD"]),
    askGit(context, ["rev-parse", "--git-path", "info/attributes"]),
  ]);
  const description = described.text ?? "";
  const commit = /^commit ([0-9a-f]+)$/m.exec(description)?.[1];
  if (commit === undefined || attributes.text === undefined) return undefined;
  const archive = [...ARCHIVE_SETTINGS, "archive", "--format=tar", commit];
  return {
    commit,
    description,
    archive,
    attributes: resolve(context.root, attributes.text.trim()),
  };
}

/** Adds what decides over the content. */
export function identifySource(
  inputs: Identifier,
  context: KubeContext,
  source: SourceTarball,
): void {
  if (source.commit !== undefined) {
    inputs.text(source.description);
    inputs.file("info/attributes", source.attributes);
    return;
  }
  const { root } = context;
  const isOut = leavesOut(context);
  for (const name of [...Deno.readDirSync(root)].map(({ name }) => name).sort()) {
    inputs.tree(name, join(root, name), (path) => isOut(relative(root, path)));
  }
}

/** Port of `kube::release::package_src_tarball`. */
export async function packSource(
  context: KubeContext,
  source: SourceTarball,
  outPath: string,
  options: PackTarballOptions & { epoch: number },
): Promise<Tarball> {
  const { epoch, ...pack } = options;
  if (source.commit !== undefined) {
    return await packGitArchive(context, source, outPath, pack);
  }
  const { prefix } = source;
  const { strictParity } = context;
  const entries = await listTree(context.root, {
    ...(prefix === undefined ? {} : { prefix }),
    ...(strictParity ? { asOnDisk: true as const } : { mtime: epoch }),
    exclude: leavesOut(context),
  });
  // find prints the root's entries, not the root: tar has no member "kubernetes/".
  const members = entries.filter(({ name }) => name !== prefix);
  return await packTarball(members, outPath, { ...pack, inOrder: strictParity });
}

/** The tar of `git archive` under our own compression. */
async function packGitArchive(
  context: KubeContext,
  { archive }: SourceCommit,
  outPath: string,
  pack: PackTarballOptions,
): Promise<Tarball> {
  return await compressTar(
    async (sink) => {
      await runGit(context.shell, archive, {
        cwd: context.root,
        env: { ...context.env, ...ARCHIVE_ENV },
        label: "Archiving the sources",
        onStdout: sink,
      });
    },
    outPath,
    pack,
  );
}
