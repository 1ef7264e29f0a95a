import { removeTree } from "../files/mod.ts";
import { findGenerated, type GeneratedRemoval, removeGenerated } from "../generate/mod.ts";
import { planMetaDisposal } from "../lib/outputs.ts";
import { join } from "@std/path";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";

/** What {@linkcode cleanGeneratedFiles} would remove. */
export async function planCleanGenerated(
  command: CommandContext,
  options: { all: boolean },
): Promise<CommandPlan> {
  const { context } = await command.open();
  const found = await findGenerated(context, options);
  sayKept(command, found);
  return {
    steps: found.remove.map((path) => (
      { group: "", kind: "remove", path: join(context.root, path) }
    )),
  };
}

/** Removes generated files, and prints their paths. */
export async function cleanGeneratedFiles(
  command: CommandContext,
  options: { all: boolean },
): Promise<void> {
  const { context } = await command.open();
  const found = await removeGenerated(context, options);
  sayKept(command, found);
  if (command.globals.json) {
    command.printJson({ removed: found.remove, kept: found.kept });
    return;
  }
  for (const path of found.remove) command.print(path);
  if (found.remove.length === 0) command.log.status("There are no generated files to remove");
}

function sayKept(command: CommandContext, { kept }: GeneratedRemoval): void {
  if (kept.length === 0) return;
  command.log.warn(
    "Left in place, because kbuild did not make it:",
    kept.map(({ path, why }) => `${path}: ${why}`),
  );
}

/** What {@linkcode removeMeta} would remove. */
export async function planCleanMeta({ context }: OpenCheckout): Promise<CommandPlan> {
  const meta = await planMetaDisposal(context);
  return { steps: meta === undefined ? [] : [{ group: "", kind: "remove", path: meta }] };
}

/**
 * Removes `.make`.
 *
 * @returns The absolute path of what was removed.
 * @throws {KbuildError} Something in it must stay.
 */
export async function removeMeta({ context }: OpenCheckout): Promise<readonly string[]> {
  const meta = await planMetaDisposal(context);
  if (meta === undefined) return [];
  context.log.status(`Removing ${meta}`);
  await removeTree(meta);
  return [meta];
}
