/** `watchBuild()` with directories that go, come back, and never rest. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { watchBuild } from "../../src/commands/watch_run.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { inScratch } from "../e2e/_program.ts";

/** A build that only counts, of one directory. */
function counting(root: string, directory: string) {
  const controller = new AbortController();
  let builds = 0;
  let changed = "";
  const log = createLogger({ write: (text) => void (changed += text) });
  const isThere = () => Deno.stat(directory).then(() => true, () => false);
  const watching = watchBuild(
    { log, signal: controller.signal, reportError: () => Promise.resolve() },
    root,
    {
      async build() {
        builds++;
        if (!await isThere()) throw new Error("no such package");
      },
      directories: async () => await isThere() ? [directory] : [],
    },
  );
  // It is waited for at the end.
  watching.catch(() => {});
  const until = async (wanted: () => boolean) => {
    for (let i = 0; i < 400 && !wanted(); i++) await new Promise((done) => setTimeout(done, 25));
    assert(wanted(), `builds: ${builds}\n${changed}`);
  };
  const watched = (times: number) => until(() => changed.split("Watching ").length > times);
  return { controller, watching, watched, builds: () => builds, until, said: () => changed };
}

Deno.test("watchBuild() notices a directory that was removed and is there again", () =>
  inScratch(async (root) => {
    const directory = join(root, "pkg", "a");
    await Deno.mkdir(directory, { recursive: true });
    const { builds, controller, until, watched, watching } = counting(root, directory);
    await watched(1);
    await Deno.remove(join(root, "pkg"), { recursive: true });
    await watched(2);
    const before = builds();
    await Deno.mkdir(directory, { recursive: true });
    await until(() => builds() > before);
    await watched(builds());
    const again = builds();
    await Deno.writeTextFile(join(directory, "a.go"), "package a\n");
    await until(() => builds() > again);
    controller.abort(new Error("stopped"));
    await assertRejects(() => watching, Error, "stopped");
  }));

Deno.test("watchBuild() ends when the checkout is removed", () =>
  inScratch(async (dir) => {
    const root = join(dir, "checkout");
    await Deno.mkdir(join(root, "a"), { recursive: true });
    const { watched, watching } = counting(root, join(root, "a"));
    await watched(1);
    await Deno.remove(root, { recursive: true });
    await assertRejects(() => watching, Error, "no such package");
  }));

Deno.test("watchBuild() builds although a file never rests", () =>
  inScratch(async (root) => {
    const { builds, controller, until, watched, watching } = counting(root, root);
    await watched(1);
    const timer = setInterval(() => Deno.writeTextFileSync(join(root, "log.txt"), "x\n"), 50);
    try {
      await until(() => builds() > 1);
    } finally {
      clearInterval(timer);
    }
    assertEquals(builds(), 2);
    controller.abort(new Error("stopped"));
    await assertRejects(() => watching, Error, "stopped");
  }));
