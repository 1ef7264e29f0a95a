import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createDeflater, readTar } from "../../src/archive/mod.ts";
import { readCheckout } from "../../src/checkout/mod.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { readReleaseLayout } from "../../src/release/mod.ts";
import { Identifier } from "../../src/release/identity.ts";
import {
  identifySource,
  packSource,
  planSource,
  type SourceTarball,
} from "../../src/release/source_tarball.ts";
import { ENV, have, output, shell, withSample } from "../sample/_sample.ts";

const because = have("git") ? "" : " (skipped: needs git)";

/** Members of the source tarball that is packed as planned. */
async function membersOf(context: KubeContext, source: SourceTarball): Promise<readonly string[]> {
  const path = join(context.root, "..", "src.tar.gz");
  const deflater = createDeflater({ level: 1, jobs: 1 });
  try {
    await packSource(context, source, path, { epoch: 0, deflater });
  } finally {
    deflater.close();
  }
  const names: string[] = [];
  for await (const member of readTar(path)) names.push(member.name);
  return names;
}

async function opened(root: string, more: Record<string, string> = {}) {
  const env = { ...ENV, ...more };
  const context = createContext({ root, env, log: createLogger({ write: () => {} }), shell });
  const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
  return { context, layout: await readReleaseLayout(checkout) };
}

Deno.test({
  name: `packSource() packs the commit that was planned, whatever was committed since${because}`,
  ignore: because !== "",
  fn: () =>
    withSample("1.20", async ({ dir: root }) => {
      const { context, layout } = await opened(root);
      const source = await planSource(context, layout, { clean: true });
      await Deno.writeTextFile(join(root, "late.txt"), "");
      const git = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost"];
      await output(["git", "add", "late.txt"], { cwd: root });
      await output([...git, "commit", "-q", "-m", "late"], { cwd: root });

      const names = await membersOf(context, source);
      assertEquals([names.includes("README.md"), names.includes("late.txt")], [true, false]);
    }),
});

Deno.test({
  name: `packSource() and identifySource() leave the outputs out, whatever their name${because}`,
  ignore: because !== "",
  fn: () =>
    withSample("1.20", async ({ dir: root }) => {
      const { context, layout } = await opened(root, {
        OUT_DIR: "made",
        KUBE_OUTPUT_SUBPATH: "build/made here",
      });
      const source = await planSource(context, layout, { clean: false });
      const identity = () => {
        const inputs = new Identifier();
        identifySource(inputs, context, source);
        return inputs.done();
      };
      const before = [await membersOf(context, source), identity()];
      for (const directory of ["made", "build/made here"]) {
        await Deno.mkdir(join(root, directory));
        await Deno.writeTextFile(join(root, directory, "output"), "");
      }
      assertEquals([await membersOf(context, source), identity()], before);
      await Deno.writeTextFile(join(root, "build/made"), "");
      const names = await membersOf(context, source);
      assertEquals(names.filter((name) => name.endsWith("/made")), ["kubernetes/build/made"]);
    }),
});
