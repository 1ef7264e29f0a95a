import type { CommandBuilder, CommandContext } from "dax";

import { runGroup } from "./group.ts";
import { templateWords } from "./template_words.ts";

/** The `$` of dax: a tagged template that makes a {@linkcode CommandBuilder}. */
export type Dollar = (strings: TemplateStringsArray, ...values: unknown[]) => CommandBuilder;

/** What a {@linkcode Dollar} starts with. */
export interface DollarOptions {
  /** Working directory; absolute. */
  cwd: string;
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string>>;
  /** Milliseconds that a group has to end itself when it is killed. Default 5000. */
  graceMs?: number;
}

/** Commands that dax has itself; they start no program, and change the state of its shell. */
const DAX_COMMANDS: ReadonlySet<string> = new Set([
  ...[":", "cat", "cd", "cp", "echo", "exit", "export", "false", "mkdir", "mv", "printenv", "pwd"],
  ...["rm", "set", "shopt", "sleep", "test", "touch", "true", "unset", "which"],
]);

/**
 * Makes a dax `$` for scripts: quoting, pipes and captures of dax, but each program that a template
 * names runs in a process group of its own, so that killing it ends its children too, and one that
 * dies by a signal has failed (128 and the signal's number, where dax itself counts it as success).
 * Programs read what is piped into them, never the terminal.
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
  const { cwd, env, graceMs = 5000 } = options;
  const { build$, CommandBuilder } = await import("dax");
  const commandBuilder = new CommandBuilder().clearEnv().env({ ...env }).cwd(cwd);
  const $ = build$({ commandBuilder }) as unknown as Dollar;
  const run = (program: string, args: readonly string[], context: CommandContext) =>
    runProgram([program, ...args], context, graceMs);
  return (strings, ...values) => {
    const { strings: guarded, names } = guard(strings, values);
    let builder = $(guarded as unknown as TemplateStringsArray, ...values)
      .registerCommand(
        RUN,
        (context) => run(context.args[0] ?? "", context.args.slice(1), context),
      );
    for (const name of names) {
      builder = builder.registerCommand(name, (context) => run(name, context.args, context));
    }
    return builder;
  };
}

/** The command that runs the program that its first argument names. */
const RUN = "kbuild-run";

/** Names that dax lets be registered; others are given to {@linkcode RUN}. */
const REGISTRABLE = /^[\w-]+$/;

/**
 * Sees to it that dax starts no program itself: each name is to be registered, and a path, or a name
 * that the shell makes, gets {@linkcode RUN} in front. Names that are arguments do not matter.
 */
function guard(
  strings: readonly string[],
  values: readonly unknown[],
): { strings: readonly string[]; names: ReadonlySet<string> } {
  const guarded = [...strings];
  const names = new Set<string>();
  // From the end, so that offsets stay true.
  const words = templateWords(strings, values).toSorted((a, b) =>
    b.start.index - a.start.index || b.start.offset - a.start.offset
  );
  for (const { text, isExpanded, isCommand, start: { index, offset } } of words) {
    if (REGISTRABLE.test(text) && !isExpanded) {
      if (!DAX_COMMANDS.has(text)) names.add(text);
    } else if (isCommand && text !== ":") {
      const part = guarded[index] ?? "";
      guarded[index] = `${part.slice(0, offset)}${RUN} ${part.slice(offset)}`;
    }
  }
  return { strings: guarded, names };
}

async function runProgram(
  argv: readonly string[],
  context: CommandContext,
  graceMs: number,
): Promise<{ code: number }> {
  const controller = new AbortController();
  const listener = () => controller.abort();
  context.signal.addListener(listener);
  try {
    const end = await runGroup({
      argv,
      cwd: context.cwd,
      env: context.env,
      stdin: typeof context.stdin === "string" ? undefined : chunksOf(context.stdin),
      graceMs,
      signal: controller.signal,
      onStdout: async (chunk) => void await context.stdout.writeAll(chunk),
      onStderr: async (chunk) => void await context.stderr.writeAll(chunk),
    });
    return { code: end.aborted ? 130 : end.code };
  } catch (error) {
    return await context.error(127, error instanceof Error ? error.message : String(error));
  } finally {
    context.signal.removeListener(listener);
  }
}

/** Bytes of a pipe until its end. */
async function* chunksOf(
  reader: Exclude<CommandContext["stdin"], string>,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(64 * 1024);
    const size = await reader.read(buffer);
    if (size === null || size === 0) return;
    yield buffer.subarray(0, size);
  }
}
