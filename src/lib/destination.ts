/**
 * Directories that a user names for results, beside the outputs of a checkout.
 *
 * @module
 */
import { dirname, join, SEPARATOR } from "@std/path";
import { UsageError } from "../errors.ts";
import { realPathOfNearest } from "../files/mod.ts";
import { askGit } from "../git/mod.ts";
import { quote, type Shell } from "../shell/mod.ts";

/** What decides whether something is among the sources of a checkout. */
export interface SourcesContext {
  /** The checkout. */
  readonly root: string;
  /** The user's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts git. */
  readonly shell: Shell;
}

/** Options of {@linkcode checkDestination}. */
export interface DestinationOptions {
  /** The beginning of the message: `Cannot use "DIR" as a store`. */
  readonly cannot: string;
  /** Name of a directory beside the checkout, as an example. */
  readonly example: string;
  /** Absolute paths of the checkout's outputs, which are not among its sources; default: what git ignores alone. */
  readonly outputs?: readonly string[];
}

/**
 * Checks that a directory for results is not among the sources of a checkout, where they would change its version and
 * its source tarball. What git ignores is not among them.
 *
 * @param path Absolute; it need not exist.
 * @throws {UsageError} It is, or git cannot tell.
 */
export async function checkDestination(
  context: SourcesContext,
  path: string,
  { cannot, example, outputs = [] }: DestinationOptions,
): Promise<void> {
  const reason = await whyAmongSources(context, path, { outputs });
  if (reason === undefined) return;
  throw new UsageError(`${cannot}: ${reason}`, [
    "Version and source tarball would be those of a modified checkout",
    `Name a directory beside it, such as ${quote(join(dirname(context.root), example))}`,
  ]);
}

/**
 * Why a directory is among the sources of a checkout, as {@linkcode checkDestination} says it.
 *
 * @param path Absolute; it need not exist.
 * @returns Undefined if it is not.
 */
export async function whyAmongSources(
  { root, env, shell }: SourcesContext,
  path: string,
  { outputs = [] }: Pick<DestinationOptions, "outputs"> = {},
): Promise<string | undefined> {
  const [checkout, real] = [realPathOfNearest(root), realPathOfNearest(path)];
  const isIn = (directory: string) => `${real}${SEPARATOR}`.startsWith(`${directory}${SEPARATOR}`);
  if (!isIn(checkout) || outputs.map(realPathOfNearest).some(isIn)) return undefined;
  // Of a file in it: patterns such as "/output*/" are for directories.
  const args = ["--no-literal-pathspecs", "check-ignore", "--", join(real, "file")];
  const { text, failure } = await askGit({ root, env, shell }, args);
  if (text !== undefined) return undefined;
  const isUnknown = ["no git", "no repository", "other owner"].includes(failure.kind);
  return `it is among the sources of the checkout, and git ${
    isUnknown ? "cannot say whether it ignores it" : "does not ignore it"
  }`;
}
