import { createHash } from "node:crypto";
import { dirname, join, resolve } from "@std/path";
import {
  changeTime,
  fingerprint,
  ifPossibleSync,
  ifPresentSync,
  isSettled,
  readTextSync,
} from "../files/mod.ts";
import { askGit } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { filesBelow } from "./files_below.ts";

/**
 * Everything that decides what a script finds that asks only for a checkout's files, for what git has of them, and for
 * Go and other programs, as a digest.
 *
 * @param options.env Environment of the scripts.
 * @returns undefined where it may change without a trace: a file has changed just now, may not be read, or is elsewhere.
 */
export async function checkoutState(
  { root, shell }: Pick<KubeContext, "root" | "shell">,
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  if (leadsElsewhere(root, env)) return undefined;
  const files = filesOf(root);
  if (files === undefined) return undefined;
  const asked = [["ls-files", "--stage", "-v", "-z"], ["config", "--list", "-z"]];
  const hash = createHash("sha256").update(files);
  for (const args of asked) {
    // Not the file of the index: git writes it again with the same entries.
    const answer = await askGit({ root, env, shell }, args);
    if (answer.failure !== undefined && answer.failure.kind !== "no repository") return undefined;
    hash.update(`${answer.text ?? "no repository"}\0\0`);
  }
  for (const directory of new Set((env["PATH"] ?? "").split(":"))) {
    // Programs are installed, updated and removed by renaming.
    const info = ifPossibleSync(() => Deno.statSync(resolve(root, directory)));
    hash.update(`${directory}\0${info === undefined ? "" : fingerprint(info)}\n`);
  }
  return hash.digest("hex");
}

/** What all files of a checkout are like, outputs left out; undefined if that may change without a trace. */
function filesOf(root: string): string | undefined {
  const started = Date.now();
  const hash = createHash("sha256");
  let isKnown = true;
  const takes = (path: string) => path !== ".git" && path !== "_output";
  const files = filesBelow(root, takes, () => void (isKnown = false));
  for (const { isLink, path } of [...files].sort((a, b) => a.path < b.path ? -1 : 1)) {
    const full = join(root, path);
    const info = ifPresentSync(() => Deno.lstatSync(full));
    if (info === undefined || !isSettled(changeTime(info), started)) return undefined;
    if (isLink && !isBelow(root, resolve(dirname(full), Deno.readLinkSync(full)))) return undefined;
    hash.update(`${path}\0${info.mode}\0${fingerprint(info)}\n`);
  }
  return isKnown ? hash.digest("hex") : undefined;
}

function isBelow(root: string, path: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

/** Whether Go takes files from outside of the checkout. */
function leadsElsewhere(root: string, env: Readonly<Record<string, string>>): boolean {
  const has = (name: string) => (env[name] ?? "") !== "";
  if (has("KUBE_EXTRA_GOPATH") || /-(modfile|overlay)\b/.test(env["GOFLAGS"] ?? "")) return true;
  if (has("GOWORK") && env["GOWORK"] !== "off") return true;
  for (let above = dirname(root);; above = dirname(above)) {
    if (ifPresentSync(() => Deno.statSync(join(above, "go.work"))) !== undefined) return true;
    if (above === dirname(above)) break;
  }
  return ["go.mod", "go.work"].some((name) =>
    /=>\s*"?(\.\.(\/|\s|$)|\/)|^\s*(use\s+)?\.\.\//m
      .test(ifPresentSync(() => readTextSync(join(root, name))) ?? "")
  );
}
