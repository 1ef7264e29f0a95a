import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { removeOutput } from "../../src/commands/clean_run.ts";
import type { OpenCheckout } from "../../src/commands/context.ts";
import { createContext } from "../../src/lib/init.ts";
import { lockOutput } from "../../src/lib/lock.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell, quote } from "../../src/shell/mod.ts";
import { inScratch, kbuildOk, makeSample, output, unless, which } from "../e2e/_program.ts";

Deno.test("removeOutput() removes nothing of a run that waited for it", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-clean-" });
  try {
    const begun = Promise.withResolvers<void>();
    const context = createContext({
      root,
      env: {},
      log: createLogger({ write: () => begun.resolve() }),
      shell: createShell({ cwd: root, env: {} }),
    });
    // Enough that removing takes longer than a waiting run asks for the lock again.
    for (let directory = 0; directory < 40; directory++) {
      const path = join(context.output, `old-${directory}`);
      await Deno.mkdir(path, { recursive: true });
      for (let file = 0; file < 150; file++) Deno.writeTextFileSync(join(path, `${file}`), "");
    }
    const run = async (name: string) => {
      using _lock = await lockOutput(context, name);
      const file = join(context.outputRoot, name, "file");
      await Deno.mkdir(join(context.outputRoot, name), { recursive: true });
      await Deno.writeTextFile(file, "");
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert((await Deno.stat(file)).isFile, name);
    };
    const cleaning = removeOutput({ context } as OpenCheckout);
    await begun.promise;
    await Promise.all([cleaning, run("dockerized"), run("images")]);
    const names = [...Deno.readDirSync(context.outputRoot)].map(({ name }) => name);
    assertEquals(names.sort(), [".kbuild.lock", "dockerized", "images"]);
    await removeOutput({ context } as OpenCheckout);
    assertEquals([...Deno.readDirSync(root)], []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test({
  ...unless(which("git") === undefined && "needs git", "kbuild clean --dry-run prints commands"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "a b"));
      await Deno.mkdir(join(root, "_output/local"), { recursive: true });
      const script = await kbuildOk(["clean", "--dry-run"], { cwd: root });
      assertEquals(script, `rm -rf -- ${quote(join(root, "_output"))}\n`);
      await output(["sh", "-eu", "-c", script], { cwd: dir });
      assertEquals(await kbuildOk(["clean", "--dry-run"], { cwd: root }), "");
    }),
});
