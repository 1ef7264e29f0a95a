/** etcd gets another port where the planned one has been taken meanwhile. */
import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { type EtcdPlan, planEtcd, startEtcd } from "../../src/testing/mod.ts";
import { withFiles } from "../checkout/fixture.ts";
import { NO_ETCD } from "../e2e/_etcd.ts";
import { ENV, unless } from "../e2e/_program.ts";

const WANTED = { version: "3.0.0", isV2: false };

/** Takes the port of a URL. */
function take(url: string): Deno.Listener {
  return Deno.listen({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
}

Deno.test({
  ...unless(NO_ETCD, "startEtcd() takes another port where the planned one is in use"),
  fn: () =>
    withFiles({}, async (root) => {
      const shell = createShell({ cwd: root, env: ENV });
      const log = createLogger({ write: () => {} });
      const open = (env: Record<string, string>) =>
        createContext({ root, env: { ...ENV, ...env }, shell, log, host: "linux/amd64" });
      const context = open({});
      const plan = await planEtcd(context, WANTED);
      {
        using _taken = take(plan.url);
        await using etcd = await startEtcd(context, plan);
        assertNotEquals(etcd.plan.url, plan.url);
        assertEquals(etcd.plan.testEnv["KUBE_INTEGRATION_ETCD_URL"], etcd.plan.url);
        const response = await fetch(`${etcd.plan.url}/version`);
        assertStringIncludes(await response.text(), "etcdserver");
      }
      // A port that was named is not exchanged.
      using _taken = take(plan.url);
      const named = open({ ETCD_PORT: new URL(plan.url).port });
      const error = await assertRejects(
        async () => await startEtcd(named, await planEtcd(named, WANTED)),
        KbuildError,
      );
      assertEquals(error.message, `Cannot start etcd: something else uses ${plan.url}`);
    }),
});

Deno.test({
  ...unless(NO_ETCD, "startEtcd() does not take another etcd on its port for its own"),
  fn: () =>
    withFiles({ "other/x": "" }, async (root) => {
      const shell = createShell({ cwd: root, env: ENV });
      const log = createLogger({ write: () => {} });
      const open = (directory: string, env: Record<string, string> = {}) =>
        createContext({
          root: directory,
          env: { ...ENV, ...env },
          shell,
          log,
          host: "linux/amd64",
        });
      const mine = open(root);
      const plan = await planEtcd(mine, WANTED);
      const named = open(join(root, "other"), { ETCD_PORT: new URL(plan.url).port });
      const theirs = await planEtcd(named, WANTED);
      await using _other = await startEtcd(named, { ...theirs, ...renamed(theirs) });
      await using etcd = await startEtcd(mine, plan);
      assertNotEquals(etcd.plan.url, plan.url);
    }),
});

/** As of another process. */
function renamed({ name, argv }: EtcdPlan): Pick<EtcdPlan, "name" | "argv"> {
  return { name: `${name}-x`, argv: argv.map((each) => each.replace(name, `${name}-x`)) };
}
