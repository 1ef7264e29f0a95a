import { writeAllSync } from "../cli/mod.ts";
import { ExitStatus, systemCode, UsageError } from "../errors.ts";
import { runTool, TOOL_NAMES } from "../gnu/mod.ts";
import { CommandError } from "../shell/mod.ts";
import type { CommandContext } from "./context.ts";
import { TOOLS_PATH } from "./make_shim.ts";

/** Status of a program that is ended because nobody reads what it writes. */
const BROKEN_PIPE = 141;

/** Runs a stand-in, and ends with its status. */
export async function runGnu(
  { cwd, env, globals, shell }: CommandContext,
  [name = "", ...args]: readonly string[],
): Promise<void> {
  const encoder = new TextEncoder();
  const write = (stream: typeof Deno.stdout | typeof Deno.stderr, bytes: Uint8Array) => {
    try {
      writeAllSync(stream, bytes, { lineBuffered: stream === Deno.stdout });
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new ExitStatus(BROKEN_PIPE);
      throw error;
    }
  };
  const { [TOOLS_PATH]: path, ...rest } = env;
  const code = await runTool(name, args, {
    cwd,
    env,
    readInput: async () => new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()),
    write: (bytes) => Promise.resolve(write(Deno.stdout, bytes)),
    warn: (line) => globals.stderr.write(`${line}\n`),
    async start(argv) {
      try {
        const { code } = await shell.run(argv, {
          ...{ cwd, output: "inherit", foreground: true, allowed: "any" },
          env: path === undefined ? rest : { ...rest, PATH: path },
        });
        return code;
      } catch (error) {
        if (!(error instanceof CommandError) || error.code !== undefined) throw error;
        if (error.signal !== undefined) return "killed";
        const isDenied = systemCode(error.cause) === "EACCES";
        const why = isDenied ? "Permission denied" : "No such file or directory";
        write(Deno.stderr, encoder.encode(`${name}: ${argv[0]}: ${why}\n`));
        return isDenied ? "denied" : "missing";
      }
    },
  });
  if (code === undefined) {
    throw new UsageError(`kbuild has no stand-in for "${name}"`, [
      `There are: ${TOOL_NAMES.join(", ")}`,
    ]);
  }
  if (code !== 0) throw new ExitStatus(code);
}
