import { createHash } from "node:crypto";
import {
  GzipWriter,
  listTree,
  packTarball,
  type Tarball,
  type TarEntry,
  writeAll,
  writeFileAtomic,
} from "../archive/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { ReleaseLayout } from "./layout.ts";

/** Options that every tarball of a release shares. */
export interface PackOptions {
  /** Time of every member, seconds since 1970. */
  readonly mtime: number;
  /** Compressing threads. */
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Entries of the root that a dirty tree's tarball leaves out: `_*`, `.git*`, `.config*`, `.gsutil*`. */
export function isLeftOut(name: string): boolean {
  return /^(_|\.git|\.config|\.gsutil)/.test(name);
}

/**
 * Port of `kube::release::package_src_tarball`: `git archive HEAD` for a clean tree (1.14 and later),
 * else every entry of the root but `_*`, `.git*`, `.config*` and `.gsutil*`. Unlike upstream's, the tarball
 * of a dirty tree leaves out `.make`, which holds the state of make and not sources.
 */
export async function packSource(
  context: KubeContext,
  layout: ReleaseLayout,
  outPath: string,
  options: PackOptions & { clean: boolean },
): Promise<Tarball> {
  const { mtime, jobs, signal, clean } = options;
  if (clean && layout.sourceArchive) return await packGitArchive(context, outPath, options);
  const entries = await listTree(context.root, {
    prefix: layout.sourcePrefix,
    mtime,
    exclude: (path) => !path.includes("/") && (isLeftOut(path) || path === ".make"),
  });
  // find prints the root's entries, not the root: tar has no member "kubernetes/".
  const members = entries.filter((entry: TarEntry) => entry.name !== layout.sourcePrefix);
  return await packTarball(members, outPath, { jobs, ...(signal === undefined ? {} : { signal }) });
}

/** The tar of `git archive HEAD` under our own compression; the user's git settings do not count. */
async function packGitArchive(
  context: KubeContext,
  outPath: string,
  options: PackOptions,
): Promise<Tarball> {
  const { jobs, signal } = options;
  const atomic = signal === undefined ? {} : { signal };
  return await writeFileAtomic(outPath, async (file) => {
    const [hash, tarHash] = [createHash("sha256"), createHash("sha256")];
    let size = 0;
    using writer = new GzipWriter(async (chunk) => {
      hash.update(chunk);
      size += chunk.length;
      await writeAll(outPath, file, chunk);
    }, { jobs });
    const settings = ["-c", "tar.umask=0022", "-c", "core.autocrlf=false"];
    await context.shell.run(["git", ...settings, "archive", "--format=tar", "HEAD"], {
      cwd: context.root,
      label: "Archiving the sources",
      onStdout: async (chunk) => {
        tarHash.update(chunk);
        await writer.write(chunk);
      },
    });
    await writer.close();
    const [sha256, tarSha256] = [hash.digest("hex"), tarHash.digest("hex")];
    return Object.freeze({ path: outPath, size, sha256, tarSha256 });
  }, atomic);
}
