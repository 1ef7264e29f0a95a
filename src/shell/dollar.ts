import type { CommandBuilder } from "dax";

import { runGroup } from "./group.ts";

/** The `$` of dax: a tagged template that makes a {@linkcode CommandBuilder}. */
export type Dollar = (strings: TemplateStringsArray, ...values: unknown[]) => CommandBuilder;

/** What a {@linkcode Dollar} starts with. */
export interface DollarOptions {
  /** Working directory; absolute. */
  cwd: string;
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string>>;
  /** Programs that run in a process group of their own. Default: git and go. */
  programs?: readonly string[];
  /** Milliseconds that a group has to end itself when it is killed. Default 5000. */
  graceMs?: number;
}

/**
 * Makes a dax `$` for scripts: quoting, pipes and captures of dax, but each of `programs` runs in
 * a process group of its own, so that killing it ends its children too.
 *
 * dax is loaded on the first call only: it costs more start-up time than `kbuild version` may take.
 *
 * @example
 * ```ts
 * import { shell } from "@k8s/kbuild";
 *
 * const $ = await shell.dollar({ cwd: Deno.cwd(), env: Deno.env.toObject() });
 * const head = await $`git rev-parse HEAD`.noThrow().text();
 * console.log(head);
 * ```
 */
export async function dollar(options: DollarOptions): Promise<Dollar> {
  const { cwd, env, programs = ["git", "go"], graceMs = 5000 } = options;
  const { build$, CommandBuilder } = await import("dax");
  let builder = new CommandBuilder().clearEnv().env({ ...env }).cwd(cwd);
  for (const program of programs) {
    builder = builder.registerCommand(program, async (context) => {
      const controller = new AbortController();
      const listener = () => controller.abort();
      context.signal.addListener(listener);
      try {
        const end = await runGroup({
          argv: [program, ...context.args],
          cwd: context.cwd,
          env: context.env,
          graceMs,
          signal: controller.signal,
          onStdout: async (chunk) => void await context.stdout.writeAll(chunk),
          onStderr: async (chunk) => void await context.stderr.writeAll(chunk),
        });
        return { code: end.aborted ? 130 : end.code };
      } catch (error) {
        return context.error(127, error instanceof Error ? error.message : String(error));
      } finally {
        context.signal.removeListener(listener);
      }
    });
  }
  return build$({ commandBuilder: builder }) as unknown as Dollar;
}
