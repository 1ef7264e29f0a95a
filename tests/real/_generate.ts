/** Makes every generated file of a checkout, with the library. */
import { join } from "@std/path";
import { readCheckout } from "../../src/checkout/mod.ts";
import {
  ensureGeneratedFiles,
  missingFromGit,
  planGeneratedFiles,
} from "../../src/generate/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { getVersionVars } from "../../src/lib/version/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { EPOCH, type Workbench } from "./_workbench.ts";

/**
 * Makes all files that git lacks, whatever a build needs.
 *
 * @param env More variables that both sides see.
 * @returns Paths below the root, and their contents.
 */
export async function generateAll(
  bench: Workbench,
  env: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, string>> {
  const root = bench.tree;
  const all = { ...bench.env, ...env };
  const shell = createShell({ cwd: root, env: all, write: () => {} });
  const context = createContext({
    root,
    env: all,
    log: createLogger({ write: () => {} }),
    shell,
  });
  const checkout = await readCheckout(root, { variables: all, hostArch: "amd64" });
  const files = await missingFromGit(context);
  const vars = await getVersionVars(context);
  const plan = await planGeneratedFiles(context, checkout, {
    stamp: () => ({ vars, epoch: Number(EPOCH) }),
  });
  await ensureGeneratedFiles(context, checkout, plan);
  const made = new Map<string, string>();
  for (const { output } of files) made.set(output, await Deno.readTextFile(join(root, output)));
  return made;
}
