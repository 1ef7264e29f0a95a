import { askGit, runGit } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { getVersionVars, requireVersion } from "../lib/version/mod.ts";
import { CommandError, type Shell } from "../shell/mod.ts";
import type { Check, Found } from "./types.ts";

const GROUP = "git";
/** How many of the paths that make a tree dirty are named. */
const DIRTY_PATHS_SHOWN = 3;

/** Whether there is a git. */
export function checkGit(
  shell: Shell,
  env: Readonly<Record<string, string>>,
): Check {
  return {
    group: GROUP,
    name: "program",
    async examine() {
      try {
        const { stdout } = await runGit(shell, ["--version"], { cwd: "/", env });
        return { state: "ok", says: stdout.trim() };
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        const fixes = ["On Debian: apt-get install git", "On macOS: xcode-select --install"];
        return { state: "failure", says: error.message, fixes };
      }
    },
  };
}

/** Whether git answers about a checkout, and which version that makes. */
export function checkRepository(context: KubeContext): readonly Check[] {
  return [
    { group: GROUP, name: "version", examine: () => examineVersion(context) },
    { group: GROUP, name: "history", examine: () => examineHistory(context) },
  ];
}

async function examineVersion(context: KubeContext): Promise<Found> {
  const vars = requireVersion(await getVersionVars(context));
  const { dirtyPaths = [], from = "git", gitTreeState, gitVersion } = vars;
  if (gitTreeState !== "dirty" || dirtyPaths.length === 0) {
    return { state: "ok", says: `${gitVersion} (${from})` };
  }
  const shown = dirtyPaths.slice(0, DIRTY_PATHS_SHOWN).join(", ");
  const more = dirtyPaths.length > DIRTY_PATHS_SHOWN ? ", …" : "";
  return {
    state: "warning",
    says: `${gitVersion}: uncommitted changes (${shown}${more})`,
    fixes: ["To build the commit alone: git stash --include-untracked"],
  };
}

async function examineHistory(context: KubeContext): Promise<Found | undefined> {
  const { text } = await askGit(context, ["rev-parse", "--is-shallow-repository"]);
  if (text?.trim() !== "true") return undefined;
  return {
    state: "warning",
    says: "The clone is shallow: tags, and so the version, may be missing",
    fixes: ["git fetch --unshallow --tags"],
  };
}
