import type { Input } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import type { CommandContext } from "./context.ts";
import { listImages } from "./images_list_run.ts";

/** Does one thing with the archives that `words` name. */
type Action = (command: CommandContext, input: Input, words: readonly string[]) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = {
  list: listImages,
  load: async (...args) => await (await import("./images_load_run.ts")).loadImages(...args),
  push: async (...args) => await (await import("./images_push_run.ts")).pushFound(...args),
  manifest: async (...args) => await (await import("./images_push_run.ts")).listFound(...args),
};

/** Does what `kbuild images ACTION IMAGE…` asks for. */
export async function runImages(
  command: CommandContext,
  input: Input,
  action: string,
  words: readonly string[],
): Promise<void> {
  const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (run === undefined) {
    const known = Object.keys(ACTIONS);
    throw new UsageError(`Cannot do "${action}" with images`, [
      ...didYouMean(nearest(action, known)),
      `What can be done: ${known.join(", ")}`,
    ]);
  }
  await run(command, input, words);
}
