import { basename, dirname, resolve } from "@std/path";
import { searchRoot } from "../checkout/mod.ts";
import { isDirectory } from "../files/mod.ts";
import { checkDestination } from "../lib/destination.ts";
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
  const named = ["OUT_DIR", "KUBE_OUTPUT_SUBPATH"].flatMap((name) => env[name] || []);
  await checkDestination({ root, env, shell }, path, {
    cannot: `Cannot ${action} "${path}"`,
    example: basename(path) === basename(root) ? "release" : basename(path),
    outputs: ["_output", ...named].map((name) => resolve(root, name)),
  });
}
