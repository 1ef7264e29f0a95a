import type { Input } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import type { CommandContext, CommandPlan } from "./context.ts";
import { listImages } from "./images_list_run.ts";

/** Does what `kbuild images ACTION IMAGE…` asks for. */
export async function runImages(command: CommandContext, input: Input): Promise<void> {
  switch (input.action) {
    case "load":
      return await (await import("./images_load_run.ts")).loadImages(command, input);
    case "push":
      return await (await import("./images_push_run.ts")).pushFound(command, input);
    case "manifest":
      return await (await import("./images_push_run.ts")).listFound(command, input);
    default:
      return await listImages(command, input);
  }
}

/** What it would do: programs that would be started, names that would be pushed. */
export async function planImages(
  command: CommandContext,
  input: Input,
): Promise<CommandPlan> {
  switch (input.action) {
    case "load":
      return await (await import("./images_load_run.ts")).planLoad(command, input);
    case "push":
      return await (await import("./images_push_run.ts")).planPushes(command, input);
    case "manifest":
      return await (await import("./images_push_run.ts")).planListPushes(command, input);
    default:
      throw new UsageError('Cannot plan "kbuild images list": it only looks', [
        "load, push and manifest can be planned",
      ]);
  }
}
