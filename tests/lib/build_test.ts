import { assert, assertEquals } from "@std/assert";
import { buildBinaries, verifyGoVersion } from "../../src/lib/golang/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { findProgram } from "../../src/lib/util.ts";
import { getVersionVars } from "../../src/lib/version.ts";
import { createShell } from "../../src/shell/mod.ts";
import { openSample } from "./_open.ts";

const go = await findProgram("go", Deno.env.get("PATH"));

Deno.test({
  name: `buildBinaries() links only what has changed${go ? "" : " (skipped: needs go)"}`,
  ignore: go === undefined,
  fn: async (t) => {
    const sample = await openSample("1.20");
    const { context: plain, checkout } = sample;
    const starts: string[] = [];
    const context = createContext({
      root: plain.root,
      env: plain.env,
      log: createLogger({ write: () => {} }),
      shell: createShell({
        cwd: plain.root,
        env: plain.env,
        onStart: ({ argv }) => void starts.push(argv[1] ?? ""),
      }),
    });
    try {
      const vars = await getVersionVars(context);
      const tool = await verifyGoVersion(context, checkout);
      const matrix = [{ platform: tool.host, targets: ["cmd/kubectl"] }];
      /** Whether a build started `go install`. */
      const links = async (epoch = 0) => {
        starts.length = 0;
        await buildBinaries(context, checkout, { matrix, vars, epoch, go: tool });
        return starts.includes("install");
      };
      const built = `${context.gopath}/bin/kubectl`;
      const placed = `${context.binPath}/${tool.host}/kubectl`;

      await t.step("at first", async () => assert(await links()));
      await t.step("not again", async () => assertEquals(await links(), false));
      await t.step("not when only a time changed", async () => {
        await Deno.utime(built, 1, 1);
        assertEquals(await links(), false);
      });
      await t.step("when a source changed", async () => {
        const path = `${context.root}/staging/src/k8s.io/component-base/version/extra.go`;
        await Deno.writeTextFile(path, "package version\n\nvar extra = gitVersion\n");
        assert(await links());
        assertEquals(await links(), false);
      });
      await t.step("when the stamp changed", async () => {
        assert(await links(1));
        assertEquals(await links(1), false);
      });
      await t.step("when the binary is not what was built", async () => {
        await Deno.writeTextFile(built, "x".repeat((await Deno.stat(built)).size));
        assert(await links(1));
      });
      await t.step("and places the binary anew when it is gone", async () => {
        await Deno.remove(placed);
        assertEquals(await links(1), false);
        const { stdout } = await context.shell.run([placed, "--version"]);
        assert(stdout.includes("v1.20.2"), stdout);
        assertEquals(
          await Deno.readLink(context.thisPlatformBin),
          `${context.binPath}/${tool.host}`,
        );
      });
    } finally {
      await sample.remove();
    }
  },
});
