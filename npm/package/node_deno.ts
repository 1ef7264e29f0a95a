/**
 * `Deno` under Node.js and Bun: `@deno/shim-deno`, and what kbuild's promised modules use beyond it.
 *
 * @module
 */
import { Deno as shim } from "@deno/shim-deno";
import { type ChildProcess as NodeChild, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import { Readable, Writable } from "node:stream";

/** Makes the namespace. */
export function nodeDeno(): typeof globalThis.Deno {
  const own = { Command, systemMemoryInfo };
  return Object.create(shim, Object.getOwnPropertyDescriptors(own)) as typeof globalThis.Deno;
}

function systemMemoryInfo(): Pick<Deno.SystemMemoryInfo, "available" | "free" | "total"> {
  return { available: freemem(), free: freemem(), total: totalmem() };
}

/** `Deno.Command`, as far as `src/shell` uses it: spawn with pipes. */
class Command {
  readonly #program: string;
  readonly #options: Deno.CommandOptions;

  constructor(program: string | URL, options: Deno.CommandOptions = {}) {
    this.#program = program.toString();
    this.#options = options;
  }

  spawn(): unknown {
    const { args = [], cwd, env = {}, clearEnv = false, detached = false } = this.#options;
    const { stdin = "null", stdout = "inherit", stderr = "inherit" } = this.#options;
    const mode = (word: string) => word === "null" ? "ignore" : word === "piped" ? "pipe" : word;
    const directory = cwd?.toString();
    if (directory !== undefined && !isDirectory(directory)) {
      throw new shim.errors.NotFound(
        `Failed to spawn '${this.#program}': No such cwd '${directory}'`,
      );
    }
    const child = spawn(this.#program, args, {
      cwd: directory,
      env: clearEnv ? env : { ...process.env, ...env },
      detached,
      stdio: [mode(stdin), mode(stdout), mode(stderr)] as ("ignore" | "pipe" | "inherit")[],
    });
    if (child.pid === undefined) {
      child.on("error", () => {});
      throw new shim.errors.NotFound(`Failed to spawn '${this.#program}': No such program`);
    }
    return Object.freeze({
      pid: child.pid,
      status: statusOf(child),
      stdin: child.stdin === null ? undefined : Writable.toWeb(child.stdin),
      stdout: child.stdout === null ? undefined : Readable.toWeb(child.stdout),
      stderr: child.stderr === null ? undefined : Readable.toWeb(child.stderr),
      kill: (signal: NodeJS.Signals = "SIGTERM") => void child.kill(signal),
    });
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function statusOf(child: NodeChild): Promise<Deno.CommandStatus> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      // As Deno has it: 128 and the number of the signal.
      const status = code ?? 128 + (signal === "SIGKILL" ? 9 : signal === "SIGINT" ? 2 : 15);
      resolve({ success: status === 0, code: status, signal: signal as Deno.Signal | null });
    });
  });
}
