/** A check that passed runs again when anything has changed. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Check, openVerdicts, runCheck } from "../../src/checks/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { withFiles } from "../checkout/fixture.ts";
import { ENV } from "../e2e/_program.ts";

/** Counts its runs outside of the checkout, and fails where there is a file with that name. */
const SCRIPT = 'echo run >>"$COUNT"\n[ ! -e fail ]\n';

Deno.test("a check that passed is started again when a file, Go or the environment has changed", () =>
  withFiles({ "count": "" }, (outside) =>
    withFiles(
      { "hack/verify-pkg-names.sh": SCRIPT, "hack/verify-linkcheck.sh": SCRIPT, "a/b c.go": "" },
      async (root) => {
        const shell = createShell({ cwd: root, env: ENV });
        const log = createLogger({ write: () => {} });
        const context = createContext({ root, env: ENV, shell, log, host: "linux/amd64" });
        const count = join(outside, "count");
        const checkOf = (name: string): Check => {
          const file = `verify-${name}.sh`;
          const path = `hack/${file}`;
          return { ...{ name, file, path }, argv: ["bash", path], directory: "" };
        };
        const old = new Date(Date.now() - 3_600_000);
        /** Changes of a moment ago count as such: times of change cannot be set. */
        const settle = () => new Promise((resolve) => setTimeout(resolve, 3100));
        const run = async (
          { name = "pkg-names", go = "go1", env = {} }: {
            name?: string;
            go?: string;
            env?: Record<string, string>;
          } = {},
        ) => {
          const all = { ...ENV, COUNT: count, ...env };
          const before = (await Deno.readTextFile(count)).length;
          const { outcome, isReused = false } = await runCheck(context, checkOf(name), {
            env: all,
            logs: join(root, "_output/logs"),
            verdicts: await openVerdicts(context, { env: all, go }),
          });
          const isStarted = (await Deno.readTextFile(count)).length > before;
          assertEquals(isStarted, !isReused);
          return `${outcome}${isReused ? " before" : ""}`;
        };

        // Files that have just been written may change again without a trace.
        assertEquals([await run(), await run()], ["passed", "passed"]);
        await settle();
        assertEquals([await run(), await run()], ["passed", "passed before"]);
        assertEquals(await run({ env: { PWD: "/elsewhere", TERM: "dumb" } }), "passed before");
        assertEquals(await run({ go: "go2" }), "passed");
        assertEquals(await run({ env: { LC_ALL: "C" } }), "passed");
        // Whose verdict does not depend on files alone runs always.
        assertEquals([await run({ name: "linkcheck" }), await run({ name: "linkcheck" })], [
          "passed",
          "passed",
        ]);

        const changes: readonly (readonly [what: string, change: () => Promise<void>])[] = [
          ["a file is written again", () => Deno.writeTextFile(join(root, "a/b c.go"), "")],
          ["its time is set back", () => Deno.utime(join(root, "a/b c.go"), old, old)],
          ["a new file", () => Deno.writeTextFile(join(root, "a/new"), "")],
          ["it is removed", () => Deno.remove(join(root, "a/new"))],
          ["another mode", () => Deno.chmod(join(root, "a/b c.go"), 0o755)],
          ["another commit", async () => {
            await Deno.mkdir(join(root, ".git"), { recursive: true });
            await Deno.writeTextFile(join(root, ".git/HEAD"), "ref: refs/heads/x\n");
          }],
        ];
        await settle();
        await run();
        for (const [what, change] of changes) {
          assertEquals([what, await run()], [what, "passed before"]);
          await change();
          await settle();
          assertEquals([what, await run()], [what, "passed"]);
        }
        assertEquals(await run(), "passed before");

        // A failure is never taken from before.
        await Deno.writeTextFile(join(root, "fail"), "");
        await settle();
        assertEquals([await run(), await run()], ["failed", "failed"]);
        await Deno.remove(join(root, "fail"));
        assertEquals(await run(), "passed before");
      },
    )));
