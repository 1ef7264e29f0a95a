/** Runs of kbuild that are killed or interrupted while they generate. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { writeFiles } from "../generate/_codegen.ts";
import { randomNumbers } from "./_packaging.ts";
import { ended, kbuildArgv, kbuildOk, processesBelow, start } from "./_program.ts";

/** What {@linkcode killGenerators} does. */
export interface KillsOptions {
  /** Root of the checkout. */
  readonly root: string;
  /** Arguments of kbuild. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Files that are looked at; below the root. */
  readonly outputs: readonly string[];
  /** Sources of one of two sets of types. */
  types(which: number): Readonly<Record<string, string>>;
  readonly kills: number;
  readonly seed: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Changes types, ends kbuild at a random moment while it generates, and looks at the files; the next run has to make the rest. */
export async function killGenerators(options: KillsOptions): Promise<void> {
  const { root, args, env = {}, outputs, types, kills, seed } = options;
  console.log(`KBUILD_TEST_SEED=${seed}`);
  const random = randomNumbers(seed);
  const contents = () => outputs.map((path) => Deno.readTextFileSync(join(root, path)));
  const wanted: string[][] = [];
  let took = 0;
  for (const which of [0, 1, 0]) {
    await writeFiles(root, types(which));
    const started = performance.now();
    await kbuildOk(args, { cwd: root, env });
    took = performance.now() - started;
    wanted[which] = contents();
  }
  let killed = 0;
  for (let at = 0; at < kills; at++) {
    const which = 1 - at % 2;
    await writeFiles(root, types(which));
    const ms = took * (0.2 + 0.9 * random());
    const signal = random() < 0.5 ? "SIGKILL" : "SIGINT";
    const moment = `try ${at} of seed ${seed}, ${signal} after ${ms.toFixed(0)} ms`;
    const child = start(kbuildArgv(...args), { cwd: root, env });
    const whole = ended(child);
    await Promise.race([pause(ms), whole]);
    try {
      child.kill(signal);
    } catch {
      // It was faster.
    }
    const end = await whole;
    // 130: it has ended its programs itself.
    if (end.signal !== null || end.code === 130) killed++;
    else assertEquals(end.code, 0, `${moment}: ${end.stderr}`);
    for (let i = 0; i < 200 && processesBelow(root).length > 0; i++) await pause(50);
    for (const [index, text] of contents().entries()) {
      const isWhole = text === wanted[which]![index] || text === wanted[1 - which]![index];
      assert(isWhole, `${outputs[index]} is neither old nor new: ${moment}`);
    }
    await kbuildOk(args, { cwd: root, env });
    assertEquals(contents(), wanted[which], moment);
    const left = [...Deno.readDirSync(join(root, "_output/local"))].map(({ name }) => name);
    assertEquals(left.filter((name) => name.startsWith(".kbuild-tmp-")), [], moment);
  }
  console.log(`${killed} of ${kills} runs were ended`);
  assert(killed > 0, `seed ${seed}: every run was faster than its kill`);
}
