import { assertEquals } from "@std/assert";
import { readCheckout } from "../../src/checkout/mod.ts";
import { readStamp } from "../../src/commands/build_run.ts";
import type { OpenCheckout } from "../../src/commands/context.ts";
import { withOutput } from "../../src/commands/with_output.ts";
import { createContext } from "../../src/lib/init.ts";
import { lockOutput } from "../../src/lib/lock.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { ENV, have, output, shell, withSample } from "../sample/_sample.ts";

const because = have("git") ? "" : " (skipped: needs git)";

Deno.test({
  name: `withOutput() reads the checkout again when it had to wait${because}`,
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
        return { context, checkout, reread };
      };
      const commit = async (tag: string) => {
        const git = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost"];
        await output([...git, "commit", "-q", "--allow-empty", "-m", tag], { cwd: root });
        await output(["git", "tag", tag], { cwd: root });
      };
      const open = await reread();
      const run = (fetch = () => Promise.resolve()) =>
        withOutput(open, {
          what: "test",
          prepare: async (open) => (await readStamp(open)).vars.gitVersion,
          fetch,
          work: (_open, version) => Promise.resolve(version),
        });
      assertEquals([await run(), read], ["v1.20.2", 1]);

      const held = await lockOutput(open.context, "another");
      const behind = run();
      await waiting.promise;
      await commit("v1.20.3");
      held.release();
      assertEquals([await behind, read], ["v1.20.3", 2]);

      waiting = Promise.withResolvers();
      let fetched = 0;
      const slow = run(async () => {
        fetched += 1;
        if (fetched > 1) return;
        await commit("v1.20.4");
        await new Promise((resolve) => setTimeout(resolve, 1100));
      });
      assertEquals([await slow, read, fetched], ["v1.20.4", 3, 2]);
    }),
});
