import { isDenied, systemCode } from "../errors.ts";
import { createTail } from "./tail.ts";

/** How a process group is started and watched. */
export interface GroupOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the program reads; undefined is an empty stdin. */
  readonly stdin?: string | AsyncIterable<Uint8Array> | undefined;
  /** Takes stdout as it comes; the promise it returns holds the program back. */
  readonly onStdout: (chunk: Uint8Array) => void | Promise<void>;
  /** Takes stderr as it comes. */
  readonly onStderr: (chunk: Uint8Array) => void | Promise<void>;
  /** Receives the leader of the group when it has started. */
  readonly onSpawn?: ((pid: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * The program has kbuild's own stdin, stdout and stderr: in a group of its own, or, in the
   * `foreground`, in kbuild's.
   */
  readonly inherit?: "foreground" | "group" | undefined;
  /** Milliseconds between the polite signal and SIGKILL. */
  readonly graceMs: number;
}

/** What the programs of `run` and of a template are started with. */
export interface StartOptions extends Omit<GroupOptions, "graceMs" | "signal"> {
  /** Any of them ends the group. */
  readonly signals: readonly (AbortSignal | undefined)[];
  /** What the user knows the step by. */
  readonly label: string | undefined;
  /** What the user waits for. */
  readonly doing?: string | undefined;
}

/** How a process group ended. */
export interface GroupEnd {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly tail: readonly string[];
  /** The first line that names an error, where it is above the tail. */
  readonly firstError?: string | undefined;
  /** True when the group was ended because `signal` was aborted. */
  readonly aborted: boolean;
}

/** Lines of output that errors can show. */
const TAIL_LINES = 20;

/** Leaders of the groups that run now, and programs in the foreground, for {@linkcode killGroups}. */
const running = new Map<number, "foreground" | "group">();

/**
 * Kills every process of every group that runs now, without waiting: for a program that is about
 * to exit at once.
 */
export function killGroups(): void {
  for (const [leader, kind] of running) signalGroup(leader, "SIGKILL", kind);
}

/**
 * Sends a signal to every member of a group; a group that is gone is not an error. A program in the
 * foreground alone receives it: its group is kbuild's.
 */
function signalGroup(
  leader: number,
  signal: Deno.Signal,
  kind: "foreground" | "group" = "group",
): void {
  try {
    Deno.kill(kind === "foreground" ? leader : -leader, signal);
  } catch (error) {
    // Every member has ended: ESRCH, which Deno reports as "not found", and EPERM on macOS.
    const code = systemCode(error);
    if (code !== "ESRCH" && code !== "ENOENT" && !isDenied(error)) throw error;
  }
}

async function drain(
  stream: ReadableStream<Uint8Array>,
  take: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  for await (const chunk of stream) await take(chunk);
}

/**
 * Starts a program as the leader of a new process group, and waits until it has ended and its
 * output is read. `child.kill` would leave grandchildren (go's compile and link) alive; a signal
 * to the group reaches all of them.
 *
 * On abort the group gets SIGINT, which lets `go` remove its work directory, and after `graceMs`
 * SIGKILL. Members that outlive their leader are killed at the end in every case.
 *
 * @throws {Deno.errors.NotFound} The program or the directory does not exist.
 */
export async function runGroup(options: GroupOptions): Promise<GroupEnd> {
  const { argv, cwd, env, stdin, onStdout, onStderr, onSpawn, signal, graceMs } = options;
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError("Cannot run an empty command");
  signal?.throwIfAborted();
  if (options.inherit !== undefined) return await runInheriting({ ...options, program, args });

  const child = await start(program, {
    args,
    cwd,
    env,
    detached: true,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }, signal);
  running.set(child.pid, "group");

  let aborted = false;
  let killer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = () => {
    aborted = true;
    signalGroup(child.pid, "SIGINT");
    killer = setTimeout(() => signalGroup(child.pid, "SIGKILL"), graceMs);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  onSpawn?.(child.pid);

  const tail = createTail(TAIL_LINES);
  const outText = new TextDecoder();
  const errText = new TextDecoder();
  try {
    const feeding = stdin === undefined ? undefined : feed(child.stdin, stdin);
    const reading = Promise.all([
      drain(child.stdout, (chunk) => {
        tail.push(outText.decode(chunk, { stream: true }));
        return onStdout(chunk);
      }),
      drain(child.stderr, (chunk) => {
        tail.push(errText.decode(chunk, { stream: true }));
        return onStderr(chunk);
      }),
    ]);
    // A consumer or source that fails must not leave the program blocked on a pipe.
    let failed: { readonly error: unknown } | undefined;
    const stop = (error: unknown) => {
      failed ??= { error };
      signalGroup(child.pid, "SIGKILL");
    };
    feeding?.catch(stop);
    reading.catch(stop);
    const status = await child.status;
    // A stray member would hold the pipes open and live on.
    signalGroup(child.pid, "SIGKILL");
    running.delete(child.pid);
    // Whoever writes into a pipe may do so for ever; nobody reads it any more.
    await Promise.all([typeof stdin === "string" ? feeding : undefined, reading]);
    if (failed !== undefined) throw failed.error;
    return Object.freeze({
      ...{ code: status.code, signal: status.signal, aborted },
      ...{ tail: tail.lines(), firstError: tail.firstError() },
    });
  } finally {
    running.delete(child.pid);
    signal?.removeEventListener("abort", onAbort);
    clearTimeout(killer);
  }
}

/** Milliseconds between two starts of a file that is open for writing, and how long to try. */
const BUSY = Object.freeze({ pauseMs: 10, giveUpMs: 2000 });

/**
 * Starts a program. One that was written just now can be busy for a moment, although its writer has closed
 * it: another process that was forked meanwhile holds it open until it executes its own program.
 */
async function start(
  program: string,
  options: Omit<Deno.CommandOptions, "env"> & { env: Readonly<Record<string, string>> },
  signal: AbortSignal | undefined,
): Promise<Deno.ChildProcess> {
  const command = new Deno.Command(program, {
    ...options,
    env: { ...options.env },
    clearEnv: true,
  });
  for (const from = performance.now();;) {
    try {
      return command.spawn();
    } catch (error) {
      if (systemCode(error) !== "ETXTBSY" || performance.now() - from > BUSY.giveUpMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY.pauseMs));
      signal?.throwIfAborted();
    }
  }
}

/** {@linkcode runGroup} for a program that has kbuild's own stdin, stdout and stderr. */
async function runInheriting(
  options: GroupOptions & { program: string; args: string[] },
): Promise<GroupEnd> {
  const { program, args, cwd, env, onSpawn, signal, graceMs, inherit: kind = "group" } = options;
  const child = await start(program, {
    args,
    cwd,
    env,
    detached: kind === "group",
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }, signal);
  running.set(child.pid, kind);
  let aborted = false;
  let killer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = () => {
    aborted = true;
    signalGroup(child.pid, "SIGINT", kind);
    killer = setTimeout(() => signalGroup(child.pid, "SIGKILL", kind), graceMs);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  onSpawn?.(child.pid);
  try {
    const { code, signal: endedBy } = await child.status;
    if (kind === "group") signalGroup(child.pid, "SIGKILL");
    return Object.freeze({ code, signal: endedBy, tail: Object.freeze([]), aborted });
  } finally {
    running.delete(child.pid);
    signal?.removeEventListener("abort", onAbort);
    clearTimeout(killer);
  }
}

async function feed(
  sink: WritableStream<Uint8Array>,
  source: string | AsyncIterable<Uint8Array>,
): Promise<void> {
  const writer = sink.getWriter();
  // The program may end without reading everything; its status tells the story.
  // deno-lint-ignore kbuild/no-swallow
  const isTaken = (writing: Promise<void>) => writing.then(() => true, () => false);
  const chunks = typeof source === "string" ? [new TextEncoder().encode(source)] : source;
  for await (const chunk of chunks) if (!await isTaken(writer.write(chunk))) return;
  await isTaken(writer.close());
}

/** Text of chunks that may end inside of a character. */
export function decodeAll(chunks: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
}
