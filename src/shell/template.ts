import type { CommandContext } from "dax";
import { KbuildError } from "../errors.ts";
import { commandLine } from "./command_line.ts";
import { programFailed } from "./failure.ts";
import { decodeAll, type GroupEnd, type StartOptions } from "./group.ts";
import { pipeReader, pipeWriter, readerOf } from "./pipe.ts";
import { createTail } from "./tail.ts";
import { CommandError } from "./types.ts";
import type { RunOptions, Template, TemplateResult, TemplateValue } from "./types.ts";

/** Lines of output that errors can show. */
const TAIL_LINES = 20;

/** The registered command of dax that every program of a template is given to. */
const RUNNER = "kbuild-run";

/** The shell whose templates are made. */
export interface TemplateContext {
  /** Working directory where a template names none. */
  readonly cwd: string;
  /** Environment where a template names none. */
  readonly env: Readonly<Record<string, string>>;
  /** Takes the output of templates with `output: "stream"`. */
  readonly write: (chunk: Uint8Array) => void | Promise<void>;
  /** Starts one program and waits for its end. */
  readonly start: (options: StartOptions) => Promise<GroupEnd>;
}

/** Makes a {@linkcode Template}, which starts when its result is asked for. */
export function makeTemplate(
  context: TemplateContext,
  strings: readonly string[],
  values: readonly TemplateValue[],
  options: RunOptions = {},
): Template {
  const line = commandLine(strings, values, RUNNER);
  let result: Promise<TemplateResult> | undefined;
  const run = () => result ??= runLine(context, line, options);
  const text = async () => (await run()).stdout.replace(/\r?\n$/, "");
  return Object.freeze<Template>({
    with: (more) => makeTemplate(context, strings, values, { ...options, ...more }),
    text,
    async lines() {
      const all = await text();
      return all === "" ? [] : all.split(/\r?\n/);
    },
    json: async <T>() => JSON.parse(await text()) as T,
    then: (fulfilled, rejected) => run().then(fulfilled, rejected),
  });
}

/** A program that did not end with 0. */
interface Failure {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly code: number;
  readonly signal: string | null;
  /** It could not be started. */
  readonly error?: CommandError;
}

async function runLine(
  { cwd: defaultCwd, env: defaultEnv, write, start }: TemplateContext,
  line: string,
  options: RunOptions,
): Promise<TemplateResult> {
  const { cwd = defaultCwd, env = defaultEnv, stdin, output = "capture", label } = options;
  const started = performance.now();
  // Late: loading it takes longer than `kbuild version` may.
  const { CommandBuilder } = await import("dax");

  const failures: Failure[] = [];
  const stop = new AbortController();
  /** What ends the command line, whatever its other programs do. */
  let problem: { readonly error: unknown } | undefined;
  const end = (error: unknown) => {
    problem ??= { error };
    stop.abort();
  };
  const runProgram = async (context: CommandContext): Promise<{ code: number }> => {
    const { args: argv, cwd, env } = context;
    const readerEnded = new AbortController();
    const stdin = pipeReader(context.stdin);
    try {
      const { code, signal } = await start({
        ...{ argv, cwd, env, label, stdin, onSpawn: options.onSpawn },
        onStdout: pipeWriter(context.stdout, () => readerEnded.abort()),
        onStderr: pipeWriter(context.stderr, () => {}),
        signals: [options.signal, stop.signal, readerEnded.signal],
      });
      if (code !== 0) failures.push({ argv, cwd, code, signal });
      return { code };
    } catch (error) {
      if (readerEnded.signal.aborted) return { code: 0 };
      if (error instanceof CommandError) {
        failures.push({ argv, cwd, code: 127, signal: null, error });
        return { code: 127 };
      }
      end(error);
      return { code: 1 };
    } finally {
      stdin?.end();
    }
  };

  const captured: Uint8Array[] = [];
  const tail = createTail(TAIL_LINES);
  const show = output === "stream" ? write : () => {};
  const capture = (chunk: Uint8Array) => void captured.push(chunk);
  const { onStdout = output === "stream" ? write : capture, onStderr = show } = options;
  const sink = (take: (chunk: Uint8Array) => void | Promise<void>) => {
    const decoder = new TextDecoder();
    return new WritableStream<Uint8Array>({
      async write(chunk) {
        if (problem !== undefined) return;
        tail.push(decoder.decode(chunk, { stream: true }));
        // dax would leave the programs of a pipe running.
        try {
          await take(chunk.slice());
        } catch (error) {
          end(error);
        }
      },
    });
  };
  const shown = line.replaceAll(`${RUNNER} `, "");
  const builder = new CommandBuilder().command(line).clearEnv().env({ ...env }).cwd(cwd)
    .registerCommand(RUNNER, runProgram).pipefail().noThrow()
    .stdout(sink(onStdout)).stderr(sink(onStderr));
  const source = typeof stdin === "object" ? readerOf(stdin) : undefined;
  const { code } =
    await (typeof stdin === "string" ? builder.stdinText(stdin) : builder.stdin(source ?? "null"))
      .spawn().catch((cause: unknown) => {
        stop.abort();
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new KbuildError(`Cannot run "${shown}": ${why}`, { cause });
      }).finally(() => source?.end());
  if (problem !== undefined) throw problem.error;

  const last = failures.findLast((failure) => failure.code === code);
  if (last?.error !== undefined) throw last.error;
  const { allowed = [0] } = options;
  const signal = last?.signal ?? null;
  if (signal !== null || (allowed !== "any" && !allowed.includes(code))) {
    const { argv, cwd: where } = last ?? { argv: [shown], cwd };
    const how = { code, signal, tail: tail.lines() };
    throw programFailed(how, { argv, cwd: where, label, isShown: output === "stream" });
  }
  const durationMs = performance.now() - started;
  return Object.freeze({ code, stdout: decodeAll(captured), tail: tail.lines(), durationMs });
}
