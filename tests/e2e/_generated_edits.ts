/** Random edits of two copies of a checkout up to 1.25: one is made incrementally, the other from nothing. */
import { assertEquals } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import type { GeneratorSample } from "../generate/_generators.ts";
import { type Edit, randomOf, treeOf } from "./_edits.ts";

/** What {@linkcode compareEdits} does. */
export interface EditsOptions {
  /** Opens a copy; called twice, both have to be the same. */
  readonly open: () => Promise<GeneratorSample>;
  readonly edits: readonly Edit[];
  readonly count: number;
  readonly seed: number;
  /** After how many edits the copies are compared; default: after each. */
  readonly every?: number;
  /** Called after each edit that was compared. */
  readonly onEdit?: (what: string, made: number) => void;
}

/**
 * Edits, makes what is out of date in one copy and everything from nothing in the other, and compares. An edit after
 * which generators fail has to fail in both; it is undone.
 */
export async function compareEdits(
  { open, edits, count, seed, every = 1, onEdit = () => {} }: EditsOptions,
): Promise<void> {
  const [one, other] = [await open(), await open()];
  try {
    const trees = [one, other].map(({ root, context }) => {
      const identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
      return treeOf(root, async (args) => {
        await context.shell.run(["git", ...identity, ...args], { cwd: root });
      });
    });
    // Without edits nothing may fail.
    let made = (await generate(one)).length + (await generate(other)).length;
    for (let step = 0; step < count; step++) {
      const edit = edits[Math.floor(randomOf(seed + step * 7919)() * edits.length)]!;
      // Both trees see the same numbers; what is generated is the same in both, or the test has failed.
      const done: string[] = [];
      for (const tree of trees) done.push(await edit(tree, randomOf(seed + step)));
      const what = `seed ${seed}, edit ${step}: ${done[0]}`;
      const first = await attempt(() => generate(one));
      if (!(first instanceof Error) && (step + 1) % every !== 0 && step < count - 1) {
        // The next edit has to find the same.
        for (const path of first) trees[1]!.write(path, trees[0]!.read(path));
        made += first.length;
        onEdit(what, first.length);
        continue;
      }
      // What no generator makes any more stays in both: without its build constraint it is a source.
      const { stale, orphans } = await one.plan();
      const forgotten = await forget(other.root, other.context.output, orphans);
      const second = await attempt(() => generate(other));
      if (first instanceof Error || second instanceof Error) {
        const [a, b] = [first, second].map((result) =>
          result instanceof Error ? result.message : ""
        );
        if (a === "" || b === "") throw new Error(`${what}: "${a}", from nothing "${b}"`);
        for (const tree of trees) {
          await tree.git("checkout", "-q", "--", ".");
          await tree.git("clean", "-fdq");
        }
        onEdit(`${what}: fails in both, undone: ${a}`, 0);
        continue;
      }
      made += first.length;
      const outputs = Object.keys(await recorded(other.context.output)).sort();
      assertEquals(Object.keys(await recorded(one.context.output)).sort(), outputs, what);
      // What no generator makes any more is named.
      assertEquals(stale, [], what);
      for (const path of outputs.filter((path) => !orphans.includes(path))) {
        const [a, b] = trees.map((tree) => tree.read(path));
        assertEquals(a, b, `${what}: ${path} (${forgotten} were removed)`);
      }
      onEdit(what, first.length);
    }
    assertEquals(made > 0, true, `seed ${seed}: nothing was made`);
  } finally {
    await one.remove();
    await other.remove();
  }
}

async function attempt(
  run: () => Promise<readonly string[]>,
): Promise<readonly string[] | KbuildError> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof KbuildError)) throw error;
    return error;
  }
}

/** Generates; types that break the rules for APIs are accepted. Returns the files that were written. */
async function generate(sample: GeneratorSample): Promise<readonly string[]> {
  try {
    return await sample.run();
  } catch (error) {
    if (!(error instanceof KbuildError) || !error.message.includes("rule violations")) throw error;
    const accepted = await sample.run({}, { UPDATE_API_KNOWN_VIOLATIONS: "true" });
    return [...accepted, ...await sample.run()];
  }
}

/** Outputs that a run remembers, and that a generator makes. */
async function recorded(output: string): Promise<Record<string, unknown>> {
  const text = await Deno.readTextFile(`${output}/.kbuild/generators.json`);
  const items: Record<string, { isMade: boolean; isOrphan?: boolean }> =
    JSON.parse(text).state.items;
  return Object.fromEntries(
    Object.entries(items).filter(([, { isMade, isOrphan }]) => isMade && isOrphan !== true),
  );
}

/** Removes every generated file that some generator makes, and what is remembered of them. */
async function forget(root: string, output: string, orphans: readonly string[]): Promise<number> {
  const outputs = await recorded(output).catch(() => ({}));
  let removed = 0;
  for (const path of Object.keys(outputs).filter((path) => !orphans.includes(path))) {
    await Deno.remove(`${root}/${path}`).then(() => removed++, () => {});
  }
  for (const note of ["generators.json", "go_sources.json"]) {
    await Deno.remove(`${output}/.kbuild/${note}`).catch(() => {});
  }
  return removed;
}
