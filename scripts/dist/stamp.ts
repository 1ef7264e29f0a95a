import denoConfig from "../../deno.json" with { type: "json" };
import { askGit } from "../../src/git/mod.ts";
import type { Shell } from "../../src/shell/mod.ts";

/** The version that a binary reports, and the time of everything made for a release. */
export interface Stamp {
  /** `version` of deno.json, the only place that has it. */
  readonly version: string;
  /** Twelve digits, `-dirty` behind them when files of git are changed; undefined outside of git. */
  readonly commit: string | undefined;
  /** Seconds: `SOURCE_DATE_EPOCH`, else the commit's time, else 0. */
  readonly epoch: number;
}

/** What `kbuild --version` prints behind the name: `0.1.0 (1234567890ab)`. */
export function versionText({ version, commit }: Pick<Stamp, "version" | "commit">): string {
  return commit === undefined ? version : `${version} (${commit})`;
}

/** Reads the {@linkcode Stamp} of a clone; without git, or outside of a repository, less is known. */
export async function readStamp(
  shell: Shell,
  root: string,
  env: Readonly<Record<string, string>>,
): Promise<Stamp> {
  const git = async (...args: string[]) => (await askGit({ root, env, shell }, args)).text?.trim();
  const commit = await git("rev-parse", "--short=12", "HEAD");
  const changed = await git("status", "--porcelain", "--untracked-files=no");
  const epoch = env["SOURCE_DATE_EPOCH"] ||
    (await git("rev-list", "-1", "--timestamp", "HEAD"))?.split(" ")[0];
  return Object.freeze({
    version: denoConfig.version,
    commit: commit === undefined || changed === "" ? commit : `${commit}-dirty`,
    epoch: Number(epoch ?? 0),
  });
}
