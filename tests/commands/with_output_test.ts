import { assertEquals } from "@std/assert";
import { readCheckout } from "../../src/checkout/mod.ts";
import { readStamp } from "../../src/commands/build_run.ts";
import type { OpenCheckout } from "../../src/commands/context.ts";
import { withOutput } from "../../src/commands/with_output.ts";
import { ifPresent } from "../../src/files/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { lockFreeOutput, lockOutput, lockPath } from "../../src/lib/lock.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { ENV, have, output, shell, withSample } from "../sample/_sample.ts";

const because = have("git") ? "" : " (skipped: needs git)";

Deno.test({
  name: `withOutput() takes version and plan under the lock, again if fetching took long${because}`,
  ignore: because !== "",
  fn: () =>
    withSample("1.20", async ({ dir: root }) => {
      const log = createLogger({ write: () => waiting.resolve() });
      let waiting = Promise.withResolvers<void>();
      let read = 0;
      const reread = async (): Promise<OpenCheckout> => {
        read += 1;
        const context = createContext({ root, env: ENV, log, shell });
        const checkout = await readCheckout(root, { variables: ENV, hostArch: "amd64" });
        return { context, checkout, during: (_, work) => work(), reread };
      };
      const commit = async (tag: string) => {
        const git = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost"];
        await output([...git, "commit", "-q", "--allow-empty", "-m", tag], { cwd: root });
        await output(["git", "tag", tag], { cwd: root });
      };
      const open = await reread();
      let locked: boolean[] = [];
      const isLocked = async () => {
        using free = await lockFreeOutput(open.context, "a look");
        return free === undefined &&
          await ifPresent(Deno.stat(lockPath(open.context))) !== undefined;
      };
      const run = async (fetch = () => Promise.resolve()) => {
        locked = [];
        return await withOutput(open, {
          what: "test",
          check: () => {
            locked.push(false);
            return Promise.resolve({});
          },
          prepare: async (open) => {
            locked.push(await isLocked());
            return { version: (await readStamp(open)).vars.gitVersion };
          },
          needs: () => "a base",
          fetch,
          work: (_open, { version }) => Promise.resolve(version),
        });
      };
      // The first run refuses a wrong request before it makes the lock's file.
      assertEquals([await run(), read, locked], ["v1.20.2", 2, [false, true]]);
      assertEquals([await run(), read, locked], ["v1.20.2", 2, [true]]);

      const held = await lockOutput(open.context, "another");
      const behind = run();
      await waiting.promise;
      await commit("v1.20.3");
      held.release();
      assertEquals([await behind, read, locked], ["v1.20.3", 3, [false, true]]);

      waiting = Promise.withResolvers();
      let fetched = 0;
      const slow = run(async () => {
        fetched += 1;
        await commit("v1.20.4");
        await new Promise((resolve) => setTimeout(resolve, 1100));
      });
      // What is needed has not changed, so it is fetched once.
      assertEquals([await slow, read, fetched, locked], ["v1.20.4", 4, 1, [true, true]]);
    }),
});
