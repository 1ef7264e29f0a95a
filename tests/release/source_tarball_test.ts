import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createDeflater, readTar } from "../../src/archive/mod.ts";
import { readCheckout } from "../../src/checkout/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { readReleaseLayout } from "../../src/release/mod.ts";
import { packSource, planSource } from "../../src/release/source_tarball.ts";
import { ENV, have, output, shell, withSample } from "../sample/_sample.ts";

const because = have("git") ? "" : " (skipped: needs git)";

Deno.test({
  name: `packSource() packs the commit that was planned, whatever was committed since${because}`,
  ignore: because !== "",
  fn: () =>
    withSample("1.20", async ({ dir: root }) => {
      const context = createContext({
        root,
        env: ENV,
        log: createLogger({ write: () => {} }),
        shell,
      });
      const checkout = await readCheckout(root, { variables: ENV, hostArch: "amd64" });
      const source = await planSource(context, await readReleaseLayout(checkout), { clean: true });
      await Deno.writeTextFile(join(root, "late.txt"), "");
      const git = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost"];
      await output(["git", "add", "late.txt"], { cwd: root });
      await output([...git, "commit", "-q", "-m", "late"], { cwd: root });

      const path = join(root, "..", "src.tar.gz");
      const deflater = createDeflater({ level: 1, jobs: 1 });
      try {
        await packSource(context, source, path, { epoch: 0, deflater });
      } finally {
        deflater.close();
      }
      const names: string[] = [];
      for await (const member of readTar(path)) names.push(member.name);
      assertEquals([names.includes("README.md"), names.includes("late.txt")], [true, false]);
    }),
});
