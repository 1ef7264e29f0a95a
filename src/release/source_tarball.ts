import { join, resolve } from "@std/path";
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

/** What the source tarball holds. */
export interface SourceTarball {
  /** What stands before names: `kubernetes/`, `./`; undefined for `git archive`, which adds none. */
  readonly prefix: string | undefined;
  /** Adds what decides over the content. */
  identify(inputs: Identifier): void;
}

/** Entries of the root that a dirty tree's tarball leaves out: `_*`, `.git*`, `.config*`, `.gsutil*`. */
export function isLeftOut(name: string): boolean {
  return /^(_|\.git|\.config|\.gsutil)/.test(name);
}

/** Unlike upstream's, the tarball leaves out `.make`, which holds the state of make and not sources. */
function isPacked(name: string): boolean {
  return !isLeftOut(name) && name !== ".make";
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
  const { root } = context;
  const commit = clean && layout.sourceArchive ? await askCommit(context) : undefined;
  if (commit === undefined) {
    return Object.freeze({
      prefix: layout.sourcePrefix,
      identify(inputs: Identifier) {
        const names = [...Deno.readDirSync(root)].map(({ name }) => name).filter(isPacked).sort();
        for (const name of names) inputs.tree(name, join(root, name));
      },
    });
  }
  return Object.freeze({
    prefix: undefined,
    identify(inputs: Identifier) {
      inputs.text(commit.names);
      inputs.file("info/attributes", commit.attributes);
    },
  });
}

/** What decides over `git archive HEAD`; undefined where there is no git to ask. */
async function askCommit(
  context: KubeContext,
): Promise<{ names: string; attributes: string } | undefined> {
  // Files with `export-subst` get the names of the commit as well: hack/lib/version.sh.
  const [names, attributes] = await Promise.all([
    askGit(context, ["rev-list", "-1", "--format=%H %D", "HEAD"]),
    askGit(context, ["rev-parse", "--git-path", "info/attributes"]),
  ]);
  if (names.text === undefined || attributes.text === undefined) return undefined;
  return { names: names.text, attributes: resolve(context.root, attributes.text.trim()) };
}

/** Port of `kube::release::package_src_tarball`. */
export async function packSource(
  context: KubeContext,
  { prefix }: SourceTarball,
  outPath: string,
  options: PackTarballOptions & { epoch: number },
): Promise<Tarball> {
  const { epoch, ...pack } = options;
  if (prefix === undefined) return await packGitArchive(context, outPath, pack);
  const { strictParity } = context;
  const entries = await listTree(context.root, {
    prefix,
    ...(strictParity ? { asOnDisk: true as const } : { mtime: epoch }),
    exclude: (path) => !path.includes("/") && !isPacked(path),
  });
  // find prints the root's entries, not the root: tar has no member "kubernetes/".
  const members = entries.filter(({ name }) => name !== prefix);
  return await packTarball(members, outPath, { ...pack, inOrder: strictParity });
}

/**
 * Settings and attributes of the user and the machine do not count: with them two people would make
 * two archives of one commit.
 */
const ARCHIVE_SETTINGS = [
  ...["-c", "tar.umask=0022", "-c", "core.autocrlf=false", "-c", "core.eol=lf"],
  ...["-c", "core.attributesFile=/dev/null"],
];

/** The tar of `git archive HEAD` under our own compression. */
async function packGitArchive(
  context: KubeContext,
  outPath: string,
  pack: PackTarballOptions,
): Promise<Tarball> {
  return await compressTar(
    async (sink) => {
      await runGit(context.shell, [...ARCHIVE_SETTINGS, "archive", "--format=tar", "HEAD"], {
        cwd: context.root,
        env: { ...context.env, GIT_ATTR_NOSYSTEM: "1" },
        label: "Archiving the sources",
        onStdout: sink,
      });
    },
    outPath,
    pack,
  );
}
