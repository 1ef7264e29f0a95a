/** Starts both sides in one copy of a checkout and takes their time. */
import { join } from "@std/path";
import { createShell, type Shell } from "../../src/shell/mod.ts";
import { V8_FLAGS } from "../dist/compile.ts";
import type { Cost } from "./measure.ts";
import { processorTime } from "../../src/progress/mod.ts";

/** One way to do a thing. */
export interface Side {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** In place of what both sides see. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether a failure is a result: checks of a checkout with another Go than its own. */
  readonly mayFail?: boolean;
}

const clone = join(import.meta.dirname ?? ".", "../..");
const config = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json";

/** Measures one copy of a checkout. */
export class Bench {
  readonly #tree: string;
  readonly #shell: Shell;
  /** What both sides see. */
  readonly env: Readonly<Record<string, string>>;

  constructor(tree: string, env: Readonly<Record<string, string>>) {
    this.#tree = tree;
    this.#shell = createShell({ cwd: tree, env });
    this.env = env;
  }

  /** The copy of the checkout. */
  get tree(): string {
    return this.#tree;
  }

  make(...args: string[]): Side {
    return { argv: ["make", ...args], cwd: this.#tree };
  }

  kbuild(...args: string[]): Side {
    // As scripts/kbuild starts it.
    const deno = [
      Deno.execPath(),
      "run",
      "-A",
      "--no-prompt",
      `--v8-flags=${V8_FLAGS}`,
    ];
    return {
      argv: [...deno, "--config", join(clone, config), join(clone, "main.ts"), ...args],
      cwd: this.#tree,
    };
  }

  /** What one run costs. */
  async time({ argv, cwd, env = this.env, mayFail = false }: Side): Promise<Cost> {
    const before = processorTime("programs") ?? NaN;
    const options = mayFail ? { cwd, env, allowed: "any" as const } : { cwd, env };
    const { durationMs: ms } = await this.#shell.run(argv, options);
    return { ms, processorMs: (processorTime("programs") ?? NaN) - before };
  }

  /**
   * Runs the sides in turn, so that both meet the same machine. Before each measured run the side
   * runs once unmeasured: make links anew each time, and what it leaves is news to kbuild.
   */
  async alternate(runs: number, sides: readonly Side[]): Promise<Cost[][]> {
    const times: Cost[][] = sides.map(() => []);
    for (let run = 0; run < runs; run++) {
      for (const [index, side] of sides.entries()) {
        await this.time(side);
        times[index]?.push(await this.time(side));
      }
    }
    return times;
  }

  /** What a side prints. */
  async ask({ argv, cwd, env = this.env, mayFail = false }: Side): Promise<string> {
    const options = mayFail ? { cwd, env, allowed: "any" as const } : { cwd, env };
    return (await this.#shell.run(argv, options)).stdout;
  }

  /** The tree as git has it: no outputs, no state of make, no generated files. */
  async reset(): Promise<void> {
    await this.#shell.$`git reset --quiet --hard && git clean -xdfq`;
  }
}
