import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createDeflater, createHasher, readTar } from "../../src/archive/mod.ts";
import { readCheckout } from "../../src/checkout/mod.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { readReleaseLayout } from "../../src/release/mod.ts";
import { Identifier } from "../../src/release/identity.ts";
import { sourceJob } from "../../src/release/jobs.ts";
import { SOURCE_TARBALL } from "../../src/release/plan.ts";
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
  return await namesOf(path);
}

async function namesOf(path: string): Promise<readonly string[]> {
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
      const identity = async () => {
        const inputs = new Identifier();
        await identifySource(inputs, context, source);
        return inputs.done();
      };
      const before = [await membersOf(context, source), await identity()];
      for (const directory of ["made", "build/made here"]) {
        await Deno.mkdir(join(root, directory));
        await Deno.writeTextFile(join(root, directory, "output"), "");
      }
      assertEquals([await membersOf(context, source), await identity()], before);
      await Deno.writeTextFile(join(root, "build/made"), "");
      const names = await membersOf(context, source);
      assertEquals(names.filter((name) => name.endsWith("/made")), ["kubernetes/build/made"]);
    }),
});

Deno.test({
  name: `sourceJob() lists the files once for what it says of them and what it packs${because}`,
  ignore: because !== "",
  fn: () =>
    withSample("1.20", async ({ dir: root }) => {
      const { context, layout } = await opened(root);
      const source = await planSource(context, layout, { clean: false });
      const shared = { context, epoch: 0, level: 1, binPath: root, leftOut: new Set<string>() };
      const job = sourceJob(source, shared);
      const tars = join(root, "..");
      const make = async () => {
        const threads = { deflater: createDeflater({ level: 1 }), hasher: createHasher(1) };
        await job.make(
          { stage: tars, images: tars, tars },
          threads,
          new AbortController().signal,
        );
        return await namesOf(join(tars, SOURCE_TARBALL));
      };
      const before = await job.identify();
      await Deno.writeTextFile(join(root, "late.txt"), "");
      assertEquals((await make()).includes("kubernetes/late.txt"), false);
      // What came meanwhile is seen by what is asked behind it, and by the next run.
      const after = await job.identify();
      assertEquals(after.lenient === before.lenient, false);
      assertEquals((await make()).includes("kubernetes/late.txt"), true);
    }),
});
