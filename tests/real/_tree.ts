/** Finds a real Kubernetes 1.20.2 checkout, and makes copies of it. */
import { fromFileUrl, join } from "@std/path";

/** What a test of this directory says where there is no checkout. */
export const NEEDS_TREE =
  "needs a Kubernetes 1.20.2 checkout: name one with KBUILD_REAL_TREE=DIRECTORY";

/** A development tool that fetches the checkout, where somebody has put it beside the clone. */
const TOOL = fromFileUrl(new URL("../../../shared/tools/real-tree", import.meta.url));

/**
 * The directory of the checkout: `KBUILD_REAL_TREE`, else where the tool keeps its copy, else what the
 * tool fetches.
 *
 * @param options.fetch Whether the tool may fetch it, which takes minutes.
 * @returns undefined where there is none. Never to be written to: copy it.
 */
export function findRealTree(options: { fetch: boolean }): string | undefined {
  const named = Deno.env.get("KBUILD_REAL_TREE");
  if (named !== undefined && named !== "") {
    if (!isTree(named)) throw new Error(`KBUILD_REAL_TREE="${named}" is not a Kubernetes checkout`);
    return Deno.realPathSync(named);
  }
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/", ".cache");
  const kept = join(cache, "kbuild-real/kubernetes-1.20.2");
  if (isTree(kept)) return kept;
  if (!options.fetch || !isFile(TOOL)) return undefined;
  const made = new Deno.Command(TOOL, { stderr: "inherit" }).outputSync();
  return made.success ? new TextDecoder().decode(made.stdout).trim() : undefined;
}

function isTree(path: string): boolean {
  return isFile(join(path, "hack/lib/version.sh")) && exists(join(path, ".git"));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Whether a path exists. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The first directory of `PATH` that has a program. */
export function which(program: string): string | undefined {
  const directories = (Deno.env.get("PATH") ?? "").split(":");
  return directories.map((directory) => join(directory, program)).find(isFile);
}

/** The bin directory of the Go that builds 1.20.2: 1.19, where Debian puts it, else that of PATH. */
export function goBin(): string | undefined {
  const old = "/usr/lib/go-1.19/bin";
  if (isFile(join(old, "go"))) return old;
  const found = which("go");
  return found === undefined ? undefined : join(Deno.realPathSync(found), "..");
}
