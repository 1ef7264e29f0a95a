/** A check that kbuild does itself and that fails does not end the others. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type Check, runChecks } from "../../src/checks/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell, InterruptedError } from "../../src/shell/mod.ts";
import { withFiles } from "../checkout/fixture.ts";
import { ENV } from "../e2e/_program.ts";

Deno.test("runChecks() goes on where a check of kbuild's own has an error", () =>
  withFiles({}, async (root) => {
    const shell = createShell({ cwd: root, env: ENV });
    const log = createLogger({ write: () => {} });
    const context = createContext({ root, env: ENV, shell, log, host: "linux/amd64" });
    const checks = ["gofmt", "boilerplate", "generated"].map((name): Check => {
      const path = `hack/verify-${name}.sh`;
      return { ...{ name, path, file: `verify-${name}.sh` }, argv: ["false"], directory: "" };
    });
    const errors = [
      new KbuildError("Cannot generate", { notes: ["Install Go"] }),
      new Deno.errors.PermissionDenied("(os error 13)"),
      undefined,
    ];
    const run = (thrown: readonly (Error | undefined)[]) =>
      runChecks(context, checks, {
        env: ENV,
        logs: join(root, "logs"),
        natives: new Map(checks.map(({ path }, at) => [path, {
          summary: "",
          run: () => thrown[at] === undefined ? Promise.resolve(true) : Promise.reject(thrown[at]),
        }])),
      }, { jobs: 1, onEnd() {} });
    const results = await run(errors);
    assertEquals(results.map(({ outcome }) => outcome), ["failed", "failed", "passed"]);
    assertEquals(results.map(({ tail }) => tail), [
      ["Cannot generate", "Install Go"],
      ["permission denied"],
      [],
    ]);
    await assertRejects(() => run([new InterruptedError("x")]), InterruptedError);
  }));
