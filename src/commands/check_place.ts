import { basename, dirname, join, resolve } from "@std/path";
import { searchRoot } from "../checkout/mod.ts";
import { isDirectory } from "../files/mod.ts";
import { checkDestination, whyAmongSources } from "../lib/destination.ts";
import { DOWNLOADS_DIRECTORY } from "../lib/outputs.ts";
import type { CommandContext } from "./context.ts";

/**
 * Checks where a command puts files that needs no checkout: a checkout that is there stays as it is.
 *
 * @param path Absolute; it need not exist.
 * @param action What is done, for the message: `download to`.
 * @throws {UsageError} It is among the sources of a checkout.
 */
export async function checkPlace(
  { env, shell }: Pick<CommandContext, "env" | "shell">,
  path: string,
  action: string,
): Promise<void> {
  let there = path;
  while (!await isDirectory(there) && dirname(there) !== there) there = dirname(there);
  const { root } = await searchRoot(there);
  if (root === undefined) return;
  await checkDestination({ root, env, shell }, path, {
    cannot: `Cannot ${action} "${path}"`,
    example: basename(path) === basename(root) ? "release" : basename(path),
    outputs: outputsOf(root, env),
  });
}

/**
 * Where downloads go that no flag sends elsewhere: the current directory, or the outputs of a checkout whose sources
 * it is among. Absolute.
 */
export async function downloadPlace(
  { cwd, env, shell }: Pick<CommandContext, "cwd" | "env" | "shell">,
): Promise<string> {
  const { root } = await searchRoot(cwd);
  if (root === undefined) return cwd;
  const outputs = outputsOf(root, env);
  const reason = await whyAmongSources({ root, env, shell }, cwd, { outputs });
  return reason === undefined ? cwd : join(root, "_output", DOWNLOADS_DIRECTORY);
}

/** Absolute paths of the output directories of a checkout that is not read. */
function outputsOf(root: string, env: CommandContext["env"]): readonly string[] {
  const named = ["OUT_DIR", "KUBE_OUTPUT_SUBPATH"].flatMap((name) => env[name] || []);
  return ["_output", ...named].map((name) => resolve(root, name));
}
